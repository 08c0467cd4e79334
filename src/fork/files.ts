/**
 * The files of a job as they were at a checkpoint, in a new folder.
 *
 * Invariants
 * 1. A file that the record knows has the recorded bytes: they are hashed while, or after, they are copied. What can't
 *    be had any more is named, and nothing is made of the fork.
 * 2. What no record speaks of is copied as it is now, and counted apart.
 * 3. Nothing in the copy shares an inode with the workspace.
 */
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { copyTree } from '../effects/files/tree-copy.ts';
import { HoldfastError } from '../model/failure.ts';
import { firstStates } from '../model/record/net-changes.ts';
import type { FileState, ResourceState } from '../model/record/world.ts';
import { Cloner } from '../store/blobs/clone.ts';
import { syncDirectory } from '../store/durable-file.ts';
import { besideEachOther } from './beside-each-other.ts';
import { isCopied } from './file-copy.ts';
import type { Moment } from './moment.ts';
import type { ForkSource } from './source.ts';

const SCHEME = 'file:';
const MAX_NAMED = 20;

/** What is in the folder of a fork. */
export interface MadeFiles {
  /** Files, links and folders that the record knows. */
  readonly recorded: number;
  /** What no record speaks of, copied as it is now. */
  readonly others: number;
  /** Paths of which no record tells how they were, or no store has the bytes: they are not in the copy. */
  readonly unknown: readonly string[];
}

type Present = Exclude<FileState, { kind: 'absent' }>;

/** @param to is not there yet. @throws HoldfastError `not-found`: contents that are nowhere any more, named */
export async function makeFiles(
  source: ForkSource,
  moment: Moment,
  to: string,
  options: { readonly leaveOthers: boolean; readonly leaveLost?: boolean },
): Promise<MadeFiles> {
  const { states, unknown } = filesAt(moment);
  const others = await copyOthers(source, to, {
    isRecorded: (path) => states.has(path) || unknown.includes(path),
    isWanted: !options.leaveOthers,
  });
  const present = [...states].filter((entry): entry is [string, Present] => entry[1].kind !== 'absent');
  present.sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [path, state] of present) if (state.kind === 'directory') makeFolder(join(to, path));
  const lost = await copyRecorded(source, present, to);
  if (lost.length > 0 && options.leaveLost !== true) throw lostContents(source, moment, lost);
  // Last, and from within: making what is in a folder may need a mode that it has not.
  for (const [path, state] of present.toReversed())
    if (state.kind === 'directory') chmodSync(join(to, path), state.mode);
  return { recorded: present.length - lost.length, others, unknown: [...unknown, ...lost] };
}

interface FilesAt {
  readonly states: ReadonlyMap<string, FileState>;
  readonly unknown: readonly string[];
}

/** What the record has of files then, and what was there of those that it came to know later. */
function filesAt({ manifest, later }: Moment): FilesAt {
  const states = new Map<string, FileState>();
  const unknown: string[] = [];
  for (const [resource, { state }] of manifest)
    if (resource.startsWith(SCHEME)) states.set(pathIn(resource), asFile(state));
  for (const [resource, state] of firstStates(later)) {
    const path = pathIn(resource);
    if (!resource.startsWith(SCHEME) || states.has(path)) continue;
    if (state === undefined) unknown.push(path);
    else states.set(path, asFile(state));
  }
  return { states, unknown };
}

function pathIn(resource: string): string {
  return resource.slice(SCHEME.length);
}

function asFile(state: ResourceState): FileState {
  return state as FileState;
}

interface Others {
  readonly isRecorded: (path: string) => boolean;
  readonly isWanted: boolean;
}

async function copyOthers(source: ForkSource, to: string, { isRecorded, isWanted }: Others): Promise<number> {
  const tree = await source.workspace.files.scan();
  let count = 0;
  const isSelected = (path: string): boolean => {
    if (!isWanted || isRecorded(path)) return false;
    count += 1;
    return true;
  };
  await copyTree(source.root, tree, to, isSelected, new AbortController().signal);
  return count;
}

/** @returns the paths of which the content is nowhere */
async function copyRecorded(
  source: ForkSource,
  present: readonly (readonly [string, Present])[],
  to: string,
): Promise<readonly string[]> {
  const lost: string[] = [];
  const folders = new Set(
    present.flatMap(([path, { kind }]) => (kind === 'directory' ? [] : [dirname(join(to, path))])),
  );
  for (const folder of folders) makeFolder(folder);
  const waiting = present.filter(([, { kind }]) => kind !== 'directory');
  const cloner = new Cloner();
  await besideEachOther(waiting, async ([path, state], buffers) => {
    const target = join(to, path);
    if (state.kind === 'symlink') symlinkSync(state.target, target);
    else if (state.kind !== 'file' || !(await isCopied({ source, path, state, target, buffers, cloner })))
      lost.push(path);
  });
  for (const folder of folders) syncDirectory(folder);
  return lost.sort();
}

function makeFolder(path: string): void {
  mkdirSync(path, { recursive: true });
}

function lostContents({ root }: ForkSource, { checkpoint }: Moment, lost: readonly string[]): HoldfastError {
  const named = lost.slice(0, MAX_NAMED).join(', ');
  const more = lost.length > MAX_NAMED ? ` and ${lost.length - MAX_NAMED} more` : '';
  return new HoldfastError(
    'not-found',
    `There are no more the bytes that these files had at checkpoint ${checkpoint.seq}: ${named}${more}. The job had ` +
      `only read them, and in ${root} they are others now. Nothing was made.`,
    {
      files: lost,
      nextStep: 'Put these files back as they were, or fork at a checkpoint after which they are as now.',
    },
  );
}

/**
 * The files of a job as they were at a checkpoint, in a new folder.
 *
 * Invariants
 * 1. A file that the record knows has the recorded bytes: they are hashed while, or after, they are copied. What can't
 *    be had any more is named, and nothing is made of the fork.
 * 2. What no record speaks of is copied as it is now, and counted apart.
 * 3. Nothing in the copy shares an inode with the workspace.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  createReadStream,
  lstatSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { copyTree } from '../effects/files/tree-copy.ts';
import { HoldfastError } from '../model/failure.ts';
import { firstStates } from '../model/record/net-changes.ts';
import type { FileState, ResourceState } from '../model/record/world.ts';
import { Cloner } from '../store/blobs/clone.ts';
import { storageError } from '../store/durable-file.ts';
import type { Moment } from './moment.ts';
import type { ForkSource } from './source.ts';

const SCHEME = 'file:';
const MAX_NAMED = 20;
/** So many fsyncs run beside each other. */
const FILES_AT_ONCE = 64;
/** A smaller file is copied and hashed in less time than a clone and its reading take. */
const CLONED_BYTES = 1024 * 1024;

export interface MadeFiles {
  /** Files, links and folders that the record knows. */
  readonly recorded: number;
  /** What no record speaks of, copied as it is now. */
  readonly others: number;
  /** Paths of which no record tells how they were: they are not in the copy. */
  readonly unknown: readonly string[];
}

type Present = Exclude<FileState, { kind: 'absent' }>;

/** @param to is not there yet. @throws HoldfastError `not-found`: contents that are nowhere any more, named */
export async function makeFiles(
  source: ForkSource,
  moment: Moment,
  to: string,
  options: { readonly leaveOthers: boolean },
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
  if (lost.length > 0) throw lostContents(source, moment, lost);
  // Last, and from within: making what is in a folder may need a mode that it has not.
  for (const [path, state] of present.toReversed())
    if (state.kind === 'directory') chmodSync(join(to, path), state.mode);
  return { recorded: present.length, others, unknown };
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
  let durable: Promise<void>[] = [];
  const files = present.filter(([, { kind }]) => kind !== 'directory');
  for (const [index, [path, state]] of files.entries()) {
    const target = join(to, path);
    makeFolder(dirname(target));
    if (state.kind === 'symlink') symlinkSync(state.target, target);
    else if (state.kind !== 'file') lost.push(path);
    else durable.push(...((await copyContent(source, path, state, target)) ?? noting(lost, path)));
    if (durable.length < FILES_AT_ONCE && index < files.length - 1) continue;
    await Promise.all(durable);
    durable = [];
  }
  return lost;
}

function noting(lost: string[], path: string): [] {
  lost.push(path);
  return [];
}

/** Undefined: it is nowhere. */
async function copyContent(
  source: ForkSource,
  path: string,
  { content, mode, sizeBytes }: Extract<FileState, { kind: 'file' }>,
  target: string,
): Promise<readonly Promise<void>[] | undefined> {
  const { blobs } = source.workspace;
  if (blobs.has(content)) {
    if (sizeBytes >= CLONED_BYTES && (await isCloned(blobs.pathOf(content), target, content))) {
      chmodSync(target, mode);
      return [];
    }
    return [(await blobs.copyTo(content, target, mode)).durable];
  }
  // What the job only read it has no copy of: the file itself may be as it was.
  const file = join(source.root, path);
  if (lstatSync(file, { throwIfNoEntry: false })?.isFile() !== true) return undefined;
  try {
    copyFileSync(file, target, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  } catch (error) {
    throw storageError('copy', file, error);
  }
  if ((await digestOfFile(target)) !== content) {
    rmSync(target);
    return undefined;
  }
  chmodSync(target, mode);
  return [];
}

/** False: it can't be cloned, or is not what its name says; nothing is there. */
async function isCloned(blob: string, target: string, content: string): Promise<boolean> {
  if (lstatSync(blob, { throwIfNoEntry: false }) === undefined) return false;
  const file = openSync(blob, constants.O_RDONLY);
  try {
    if (!new Cloner().clone(file, blob, target)) return false;
  } finally {
    closeSync(file);
  }
  if ((await digestOfFile(target)) === content) return true;
  rmSync(target);
  return false;
}

async function digestOfFile(path: string): Promise<string> {
  const digester = createHash('sha256');
  for await (const chunk of createReadStream(path)) digester.update(chunk as Buffer);
  return digester.digest('hex');
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

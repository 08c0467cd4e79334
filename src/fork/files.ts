/**
 * The files of a job as they were at a checkpoint, in a new folder.
 *
 * Invariants
 * 1. A file that the record knows has the recorded bytes: they are hashed while, or after, they are copied. What can't
 *    be had any more is named, and nothing is made of the fork.
 * 2. What no record speaks of is copied as it is now, and counted apart.
 * 3. Nothing in the copy shares an inode with the workspace.
 */
import { createHash, hash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  createReadStream,
  fchmodSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { copyTree } from '../effects/files/tree-copy.ts';
import { HoldfastError } from '../model/failure.ts';
import { firstStates } from '../model/record/net-changes.ts';
import type { FileState, ResourceState } from '../model/record/world.ts';
import { storageError, syncDirectory, syncFileSlowly } from '../store/durable-file.ts';
import type { Moment } from './moment.ts';
import type { ForkSource } from './source.ts';

const SCHEME = 'file:';
const MAX_NAMED = 20;
/** So many are copied beside each other. */
const FILES_AT_ONCE = 16;

/** What is in the folder of a fork. */
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
  const copied: CopiedFile[] = [];
  const waiting = present.filter(([, { kind }]) => kind !== 'directory').values();
  const folders = new Set<string>();
  const copyNext = async (): Promise<void> => {
    for (const [path, state] of waiting) {
      const target = join(to, path);
      const folder = dirname(target);
      if (!folders.has(folder)) makeFolder(folder);
      folders.add(folder);
      if (state.kind === 'symlink') symlinkSync(state.target, target);
      else if (state.kind !== 'file' || !(await isCopied(source, path, { state, target, copied }))) lost.push(path);
    }
  };
  await besideEachOther(copyNext);
  // All of it once all is there: an fsync between two copies would make each wait for the disk.
  const files = copied.values();
  if (lost.length === 0)
    await besideEachOther(async () => {
      for (const file of files) await makeLast(file);
    });
  for (const folder of folders) syncDirectory(folder);
  return lost.sort();
}

async function besideEachOther(act: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: FILES_AT_ONCE }, act));
}

async function makeLast({ path, mode }: CopiedFile): Promise<void> {
  const file = openSync(path, constants.O_RDONLY);
  try {
    fchmodSync(file, mode);
    await syncFileSlowly(file, path);
  } finally {
    closeSync(file);
  }
}

type RegularFile = Extract<FileState, { kind: 'file' }>;

/** One that is to be made to last, with its mode. */
interface CopiedFile {
  readonly path: string;
  readonly mode: number;
}

interface FileCopy {
  readonly state: RegularFile;
  readonly target: string;
  readonly copied: CopiedFile[];
}

/** False: its content is nowhere any more. What the job only read it has no copy of: the file may be as it was. */
async function isCopied({ workspace, root }: ForkSource, path: string, copy: FileCopy): Promise<boolean> {
  const { blobs } = workspace;
  const { content, mode } = copy.state;
  const blob = blobs.pathOf(content);
  if (isFile(blob) && (await isCopyOf(blob, copy))) return true;
  // A small content, or a damaged one, which is named by this.
  if (blobs.has(content)) {
    await (
      await blobs.copyTo(content, copy.target, mode)
    ).durable;
    return true;
  }
  const file = join(root, path);
  return isFile(file) && (await isCopyOf(file, copy));
}

/** By a clone where the file system can. False: it has another content; nothing is there. */
async function isCopyOf(from: string, { state, target, copied }: FileCopy): Promise<boolean> {
  try {
    await copyFile(from, target, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
    chmodSync(target, OWNER);
    if ((await digestOf(target)) === state.content) {
      copied.push({ path: target, mode: state.mode });
      return true;
    }
  } catch (error) {
    throw storageError('copy', from, error);
  }
  rmSync(target);
  return false;
}

/** A larger file is read in pieces. */
const WHOLE_BYTES = 1024 * 1024;
/** While it is looked at. */
const OWNER = 0o600;

async function digestOf(path: string): Promise<string> {
  if (statSync(path).size <= WHOLE_BYTES) return hash('sha256', readFileSync(path));
  const digester = createHash('sha256');
  for await (const chunk of createReadStream(path)) digester.update(chunk as Buffer);
  return digester.digest('hex');
}

function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
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

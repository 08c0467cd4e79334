/**
 * A tree of files as stat shows it: what lies below a folder, and what differs between two moments.
 *
 * Invariants
 * 1. An entry that stat shows unchanged (inode, size, mode, modification and change time) is unchanged: the change time
 *    can't be set, so a modification time that was put back hides nothing. What was changed in the same tick of the
 *    clock as the earlier look can't be told so: the first look notes that the entry is young.
 * 2. Nothing is opened, no symbolic link is followed. Holdfast's own files and declared databases are omitted.
 * 3. A name that is not Unicode can't be named by a record. It is never omitted: as long as nobody touches it, it
 *    stands in the tree under a path that no file can have, as what is neither copied nor read (`UNNAMED`); where all
 *    names count, it is an error.
 */
import { lstatSync, readdirSync, readlinkSync, type BigIntStats } from 'node:fs';
import { HoldfastError } from '../../model/failure.ts';
import { storageError, systemCode } from '../../store/durable-file.ts';
import { isReservedName } from './path.ts';
import { inodeKey, kindOf, modeOf, statOf, type EntryKind } from './stat.ts';
import type { ReservedInodes } from './workspace.ts';
import { Turns } from '../turns.ts';

export interface TreeEntry {
  readonly kind: EntryKind;
  readonly mode: number;
  readonly sizeBytes: number;
  readonly inode: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  /** How many names it has. */
  readonly links: number;
  /** When it was made: an inode's number alone is used again. */
  readonly bornNs: bigint;
  /** Of a symbolic link. */
  readonly target?: string;
}

/** How the last part of a path begins whose name is not Unicode: no file can have such a path. */
export const UNNAMED = '\0';

/** Relative path → entry; a folder comes before what is in it. */
export type Tree = ReadonlyMap<string, TreeEntry>;

/**
 * Looks at everything below a folder. About 15 µs an entry.
 * @param reserved never part of the tree
 * @param names `all`: also Holdfast's own names, so that a command that made one is told
 * @throws HoldfastError `permission-denied`, `storage-failed`; `bad-input` for a name that is not Unicode
 */
export async function scanTree(
  root: string,
  reserved: ReservedInodes = new Set(),
  names: 'all' | 'unreserved' = 'unreserved',
): Promise<Tree> {
  const tree = new Map<string, TreeEntry>();
  const pending = [''];
  const turns = new Turns();
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    for (const bytes of namesIn(root, folder)) {
      const name = textOf(bytes) ?? unnamed(bytes, folder, names);
      if (names === 'unreserved' && isReservedName(name)) continue;
      const path = folder === '' ? name : `${folder}/${name}`;
      const entry = name.startsWith(UNNAMED) ? unnamedEntry(root, folder, bytes) : entryAt(`${root}/${path}`, reserved);
      if (entry === undefined) continue;
      tree.set(path, entry);
      if (entry.kind === 'directory') pending.push(path);
      // One folder may hold hundreds of thousands.
      await turns.take();
    }
  }
  return tree;
}

/** Undefined: nothing is there, or it is reserved. */
export function entryAt(absolute: string, reserved: ReservedInodes = new Set()): TreeEntry | undefined {
  const stat = statOf(absolute);
  if (stat === undefined || (stat.isFile() && reserved.size > 0 && reserved.has(inodeKey(stat)))) return undefined;
  const kind = kindOf(stat);
  const entry = entryOf(stat, kind);
  if (kind !== 'symlink') return entry;
  try {
    return { ...entry, target: readlinkSync(absolute) };
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'EINVAL') return undefined;
    throw storageError('read', absolute, error);
  }
}

function entryOf(stat: BigIntStats, kind: EntryKind): TreeEntry {
  return {
    kind,
    mode: modeOf(stat),
    sizeBytes: Number(stat.size),
    inode: stat.ino,
    mtimeNs: stat.mtimeNs,
    ctimeNs: stat.ctimeNs,
    links: Number(stat.nlink),
    bornNs: stat.birthtimeNs,
  };
}

/** Does stat say that it is unchanged? Of a folder only its mode counts: its times change with what is in it. */
export function isSameEntry(a: TreeEntry, b: TreeEntry): boolean {
  if (a.kind !== b.kind) return false;
  switch (a.kind) {
    case 'directory':
      return a.mode === b.mode;
    case 'symlink':
      return a.target === b.target;
    default:
      return (
        a.inode === b.inode &&
        a.sizeBytes === b.sizeBytes &&
        a.mode === b.mode &&
        a.mtimeNs === b.mtimeNs &&
        a.ctimeNs === b.ctimeNs
      );
  }
}

/** Paths at which two trees differ, in the order of `after`, then the paths that only `before` has. */
export function differingPaths(before: Tree, after: Tree): readonly string[] {
  const changed = [...after].flatMap(([path, entry]) => {
    const earlier = before.get(path);
    return earlier !== undefined && isSameEntry(earlier, entry) ? [] : [path];
  });
  return [...changed, ...[...before.keys()].filter((path) => !after.has(path))];
}

function namesIn(root: string, folder: string): readonly Buffer[] {
  const absolute = folder === '' ? root : `${root}/${folder}`;
  try {
    return readdirSync(absolute, { encoding: 'buffer' });
  } catch (error) {
    // Removed since it was listed: then nothing is in it.
    if (systemCode(error) === 'ENOENT' && folder !== '') return [];
    throw storageError('list', absolute, error);
  }
}

/** Undefined: it is not Unicode. */
function textOf(bytes: Buffer): string | undefined {
  const name = bytes.toString();
  return !name.includes('\ufffd') || Buffer.from(name).equals(bytes) ? name : undefined;
}

function unnamed(bytes: Buffer, folder: string, names: 'all' | 'unreserved'): string {
  if (names === 'unreserved') return `${UNNAMED}${bytes.toString('latin1')}`;
  const shown = JSON.stringify(bytes.toString('latin1'));
  throw new HoldfastError(
    'bad-input',
    `The folder "${folder === '' ? '.' : folder}" holds a file whose name is not Unicode: ${shown}. ` +
      'Rename it; a record could not name it.',
    { path: folder },
  );
}

/** Not entered, also where it is a folder. */
function unnamedEntry(root: string, folder: string, name: Buffer): TreeEntry | undefined {
  const stat = lstatSync(Buffer.concat([Buffer.from(`${root}/${folder}/`), name]), {
    bigint: true,
    throwIfNoEntry: false,
  });
  return stat && entryOf(stat, 'other');
}

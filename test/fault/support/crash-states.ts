/**
 * What a power loss may leave, made from the notes of recording-io.c. The file system is taken for this:
 *
 * 1. A file's data that was not fsynced is lost or kept by blocks of 4 KiB, in any combination and without regard to
 *    any order; where a later block or the file's new size is kept, a lost one reads as it was before, or as zeros.
 * 2. What an fsync of a file has returned for is kept: its data, not its name.
 * 3. A name (create, link, rename, unlink, mkdir, rmdir, symlink) is kept once an fsync of its folder has returned. A
 *    rename is there as a whole or not at all; one between two folders is kept by an fsync of either.
 * 4. Until then the changes of one folder are kept in their order, up to any one of them (`ordered`, as with the
 *    journals of ext4 and XFS), whatever was kept of other folders and of data. In the weaker model (`any`) each of
 *    them is kept or lost by itself, and of a rename between two folders the old name may stay beside the new one until
 *    an fsync of its own folder.
 *
 * That is weaker than ext4 with data=ordered: there an fsync also keeps names of earlier changes, and data reaches the
 * disk before a name that was given to it later.
 */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const BLOCK_BYTES = 4096;

export type Ordering = 'ordered' | 'any';
/** How much of what was not fsynced is kept. */
export type Fate = 'none' | 'all' | 'some';

export interface NotedAct {
  readonly act: string;
  readonly fields: readonly string[];
  readonly bytes: Buffer;
}

/** The notes, in order. */
export function readNotes(log: Buffer): readonly NotedAct[] {
  const notes: NotedAct[] = [];
  for (let at = 0; at < log.length;) {
    const end = log.indexOf('\n', at);
    const [act, ...fields] = log.toString('utf8', at, end).split('\t');
    const size = Number(fields.pop());
    notes.push({ act: act!, fields, bytes: log.subarray(end + 1, end + 1 + size) });
    at = end + 1 + size;
  }
  return notes;
}

type Change = { readonly at: number; readonly bytes: Buffer } | { readonly size: number };

interface MadeFile {
  readonly kind: 'file';
  synced: Buffer;
  /** Since then. */
  changes: Change[];
  readonly mode: number;
}

interface Link {
  readonly kind: 'link';
  readonly target: string;
}

type Node = MadeFile | Link | 'folder';

/** A change of names. */
interface Naming {
  readonly act: string;
  readonly from: string;
  readonly to: string;
  /** What gets the name: it is there with it, even where the name that it had before was lost. */
  readonly node: Node | undefined;
  readonly folders: readonly string[];
  readonly keptBy: Set<string>;
}

export interface BaseFile {
  readonly path: string;
  readonly inode: string;
  readonly content: Buffer;
  readonly mode: number;
}

export interface Chosen {
  readonly ordering: Ordering;
  readonly fate: Fate;
  /** From 0 to below 1. */
  readonly random: () => number;
}

/** What was changed up to a moment, and what is known to be kept of it. */
export class CrashWorld {
  readonly #base: readonly BaseFile[];
  /** Paths below one of these have other disks, which lose nothing. */
  readonly #elsewhere: string;
  readonly #files = new Map<string, MadeFile>();
  readonly #namings: Naming[] = [];
  readonly #baseFiles = new Map<string, MadeFile>();
  /** With everything that has happened. */
  readonly #live: Map<string, Node>;

  constructor(base: readonly BaseFile[], elsewhere: string) {
    this.#base = base;
    this.#elsewhere = elsewhere;
    for (const { path, inode, content, mode } of base) {
      const file: MadeFile = { kind: 'file', synced: content, changes: [], mode };
      this.#files.set(inode, file);
      this.#baseFiles.set(path, file);
    }
    this.#live = this.#begin();
  }

  #begin(): Map<string, Node> {
    const tree = new Map<string, Node>([
      ['', 'folder'],
      [this.#elsewhere, 'folder'],
    ]);
    for (const { path } of this.#base) {
      for (let folder = folderOf(path); folder !== ''; folder = folderOf(folder)) tree.set(folder, 'folder');
      tree.set(path, this.#baseFiles.get(path)!);
    }
    return tree;
  }

  /** The next note. */
  add({ act, fields, bytes }: NotedAct): void {
    const [first = '', second = ''] = fields;
    switch (act) {
      case 'write':
        return void this.#files.get(first)?.changes.push({ at: Number(second), bytes });
      case 'truncate':
        return void this.#files.get(first)?.changes.push({ size: Number(second) });
      case 'sync': {
        const file = this.#files.get(first);
        if (file === undefined) return;
        file.synced = second === 'whole' ? bytes : applied(file, () => true);
        file.changes = [];
        return;
      }
      case 'sync-folder':
        for (const { folders, keptBy } of this.#namings) if (folders.includes(first)) keptBy.add(first);
        return;
      case 'create': {
        const file: MadeFile = { kind: 'file', synced: Buffer.alloc(0), changes: [], mode: 0o644 };
        this.#files.set(second, file);
        return this.#name(act, '', first, file);
      }
      case 'symlink':
        return this.#name(act, '', first, { kind: 'link', target: second });
      case 'mkdir':
      case 'rmdir':
      case 'unlink':
        return this.#name(act, '', first, undefined);
      case 'link':
      case 'rename':
        return this.#name(act, first, second, this.#live.get(first));
      default:
        throw new Error(`a note of another kind: ${act}`);
    }
  }

  #name(act: string, from: string, to: string, node: Node | undefined): void {
    // A link leaves the name that it is made from as it was.
    const folders = [folderOf(to), ...(act === 'rename' ? [folderOf(from)] : [])];
    const naming: Naming = { act, from, to, node, folders: [...new Set(folders)], keptBy: new Set() };
    this.#namings.push(naming);
    change(this.#live, naming);
  }

  /** Makes it, in a folder that is there and empty. */
  write(target: string, chosen: Chosen): void {
    const tree = this.#begin();
    const lost = this.#lost(chosen);
    for (const naming of this.#namings) {
      if (lost.has(naming)) continue;
      const isHalf = chosen.ordering === 'any' && isHalfKept(naming) && !keeping(chosen)();
      change(tree, isHalf ? { ...naming, act: 'link' } : naming);
    }
    for (const [path, node] of [...tree].toSorted(([one], [other]) => (one < other ? -1 : 1))) {
      const at = join(target, path);
      if (node === 'folder') mkdirSync(at, { recursive: true });
      else if (path.endsWith('-shm')) continue;
      else if (node.kind === 'link') symlinkSync(node.target, at);
      else {
        const isKept = this.#isElsewhere(path) ? () => true : keeping(chosen);
        writeFileSync(at, applied(node, isKept));
        chmodSync(at, node.mode);
      }
    }
  }

  #lost({ ordering, fate, random }: Chosen): ReadonlySet<Naming> {
    const lost = new Set<Naming>();
    const open = this.#namings.filter(({ to, keptBy }) => !this.#isElsewhere(to) && keptBy.size === 0);
    if (fate === 'all') return lost;
    if (fate === 'none') return new Set(open);
    if (ordering === 'any') return new Set(open.filter(() => random() < 0.5));
    const folders = [...new Set(open.flatMap((naming) => naming.folders))];
    const cuts = new Map(
      folders.map((folder) => {
        const own = open.filter((naming) => naming.folders.includes(folder));
        return [folder, own[Math.floor(random() * (own.length + 1))]] as const;
      }),
    );
    // What is lost in one folder takes along what came after it there, and so do renames in the other.
    const cut = new Set<string>();
    for (const naming of open) {
      if (naming.folders.some((folder) => cut.has(folder) || cuts.get(folder) === naming)) {
        lost.add(naming);
        naming.folders.forEach((folder) => cut.add(folder));
      }
    }
    return lost;
  }

  #isElsewhere(path: string): boolean {
    return path === this.#elsewhere || path.startsWith(`${this.#elsewhere}/`);
  }
}

/** What can't be, as the folder was lost, is lost with it. */
function change(tree: Map<string, Node>, { act, from, to, node }: Naming): void {
  if (act === 'unlink') return void tree.delete(to);
  if (act === 'rmdir') {
    for (const path of tree.keys()) if (path === to || path.startsWith(`${to}/`)) tree.delete(path);
    return;
  }
  if (!tree.has(folderOf(to))) return;
  switch (act) {
    case 'create':
    case 'symlink':
      return void tree.set(to, node!);
    case 'mkdir':
      if (!tree.has(to)) tree.set(to, 'folder');
      return;
    case 'link':
      if (node !== undefined && node !== 'folder') tree.set(to, node);
      return;
    case 'rename': {
      const moved = [...tree].filter(([path]) => path.startsWith(`${from}/`));
      if (node !== undefined) tree.set(to, node);
      for (const [path, inside] of moved) tree.set(to + path.slice(from.length), inside);
      for (const path of [from, ...moved.map(([path]) => path)]) tree.delete(path);
    }
  }
}

/** The new name is, the old one's end is not. */
function isHalfKept({ act, from, to, keptBy }: Naming): boolean {
  return act === 'rename' && keptBy.has(folderOf(to)) && !keptBy.has(folderOf(from));
}

function keeping({ fate, random }: Pick<Chosen, 'fate' | 'random'>): () => boolean {
  if (fate === 'some') return () => random() < 0.5;
  return () => fate === 'all';
}

/** The content with those of its later changes that are kept, block by block. */
function applied({ synced, changes }: MadeFile, isKept: () => boolean): Buffer {
  if (changes.length === 0) return synced;
  let content: Buffer = Buffer.from(synced);
  for (const one of changes) {
    if ('size' in one) {
      if (isKept()) content = resized(content, one.size);
      continue;
    }
    const end = one.at + one.bytes.length;
    // A file may have its new size while what is in it is lost.
    if (end > content.length && isKept()) content = resized(content, end);
    for (let from = one.at; from < end;) {
      const to = Math.min(end, (Math.floor(from / BLOCK_BYTES) + 1) * BLOCK_BYTES);
      if (isKept()) {
        if (to > content.length) content = resized(content, to);
        one.bytes.copy(content, from, from - one.at, to - one.at);
      }
      from = to;
    }
  }
  return content;
}

function resized(content: Buffer, size: number): Buffer {
  const resized = Buffer.alloc(size);
  content.copy(resized, 0, 0, Math.min(size, content.length));
  return resized;
}

function folderOf(path: string): string {
  const folder = dirname(path);
  return folder === '.' || folder === '/' ? '' : folder;
}

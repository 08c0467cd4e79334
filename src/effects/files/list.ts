/**
 * Lists folders of the workspace.
 *
 * Invariants
 * 1. Sorted by path (UTF-16 code units), so that a listing's digest doesn't depend on the filesystem.
 * 2. `.holdfast`, Holdfast's temporary files and declared databases are omitted; symbolic links are listed, never
 *    followed.
 * 3. A folder that may not be read is an error, never an empty folder.
 */
import { lstatSync, readdirSync, type Dirent } from 'node:fs';
import { defined } from '../../model/defined.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { FileInfo } from '../../model/step/step-files.ts';
import { storageError, systemCode } from '../../store/durable-file.ts';
import { isReservedName, normaliseFolder } from './path.ts';
import { OpenFolder } from './open-folder.ts';
import { reservedInodes } from './reserved.ts';
import { inodeKey, kindOf } from './stat.ts';
import { Turns } from '../turns.ts';
import type { FileWorkspace, ReservedInodes } from './workspace.ts';

/**
 * What lies below a folder; nothing where there is no such folder.
 * @param options.recursive also what lies in its folders. Default true
 * @throws HoldfastError `outside-workspace`, `reserved-path`, `permission-denied`, `not-found` where a file stands in
 *   its place
 */
export async function listFolder(
  workspace: FileWorkspace,
  folder = '',
  options: { readonly recursive?: boolean } = {},
): Promise<FileInfo[]> {
  const start = normaliseFolder(folder);
  const open = OpenFolder.open(workspace, start);
  if (open === undefined) return refuseFile(workspace, start);
  const listing: Listing = {
    reserved: reservedInodes(workspace),
    infos: [],
    recursive: options.recursive ?? true,
    pending: [{ place: start, path: open.at('.') }],
    turns: new Turns(),
  };
  try {
    for (let next = listing.pending.pop(); next !== undefined; next = listing.pending.pop())
      await listOne(listing, next);
  } finally {
    open.close();
  }
  return listing.infos.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

interface Listing {
  readonly reserved: ReservedInodes;
  readonly infos: FileInfo[];
  readonly recursive: boolean;
  readonly pending: ListedFolder[];
  readonly turns: Turns;
}

interface ListedFolder {
  readonly place: string;
  /** For system calls. */
  readonly path: string;
}

async function listOne(listing: Listing, { place, path }: ListedFolder): Promise<void> {
  let entries: Dirent<Buffer>[];
  try {
    entries = readdirSync(path, { withFileTypes: true, encoding: 'buffer' });
  } catch (error) {
    // Removed since its parent was listed: then it is not there.
    if (systemCode(error) === 'ENOENT') return;
    throw storageError('list', place === '' ? '.' : place, error);
  }
  for (const { name: bytes } of entries) {
    const name = bytes.toString();
    // One folder may hold hundreds of thousands.
    await listing.turns.take();
    if (isReservedName(name)) continue;
    const isUnnameable = name.includes('\ufffd') && !Buffer.from(name).equals(bytes);
    const childPath = isUnnameable ? Buffer.concat([Buffer.from(`${path}/`), bytes]) : `${path}/${name}`;
    const childPlace = place === '' ? name : `${place}/${name}`;
    const stat = lstatSync(childPath, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined || (stat.isFile() && listing.reserved.has(inodeKey(stat)))) continue;
    const kind = kindOf(stat);
    listing.infos.push({
      path: childPlace,
      kind,
      sizeBytes: kind === 'file' ? Number(stat.size) : 0,
      ...defined({ isUnnameable: isUnnameable ? (true as const) : undefined }),
    });
    if (kind === 'directory' && listing.recursive && typeof childPath === 'string')
      listing.pending.push({ place: childPlace, path: childPath });
  }
}

function refuseFile(workspace: FileWorkspace, folder: string): FileInfo[] {
  const stat = lstatSync(`${workspace.root}/${folder}`, { throwIfNoEntry: false });
  if (stat !== undefined && !stat.isDirectory())
    throw new HoldfastError('not-found', `"${folder}" is not a folder.`, { path: folder });
  return [];
}

/**
 * A fresh world for each run (folder, workspace, databases), and what a run left of it.
 *
 * Layout of a run's folder: `world/` is the user's, and is compared; `own/` is the test's.
 */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { HoldfastError } from '../model/failure.ts';
import { copyDatabase, lookAtDatabase, type CopiedDatabase, type Tables } from './databases.ts';
import type { PostgresCopy } from './postgres-copy.ts';

export interface WorldSource {
  /** A folder that the workspace starts as a copy of. Undefined: it starts empty. */
  readonly folder: string | undefined;
  /** Relative to the run's `world/`; empty: `world/` itself. */
  readonly workspace: string;
  /** Variable → URL of a database that each run gets a copy of. */
  readonly databases: Readonly<Record<string, string>>;
}

export interface FreshWorld {
  readonly root: string;
  /** `world/` below it. */
  readonly folder: string;
  readonly workspace: string;
  readonly own: string;
  readonly databases: readonly CopiedDatabase[];
  readonly env: Readonly<Record<string, string>>;
}

/** @param keep is told of each copy of a database that is not in the run's folder, before it is made */
export async function freshWorld(
  root: string,
  source: WorldSource,
  keep: (copy: PostgresCopy) => () => void,
): Promise<FreshWorld> {
  const folder = path.join(root, 'world');
  const workspace = path.join(folder, source.workspace);
  const own = path.join(root, 'own');
  mkdirSync(own, { recursive: true });
  mkdirSync(workspace, { recursive: true });
  if (source.folder !== undefined) cpSync(source.folder, workspace, { recursive: true, filter: isUsers });
  const databases: CopiedDatabase[] = [];
  try {
    for (const [name, url] of Object.entries(source.databases))
      databases.push(await copyDatabase({ name, url, folder, keep }));
  } catch (error) {
    for (const { remove } of databases) await remove();
    throw error;
  }
  return {
    root,
    folder,
    workspace,
    own,
    databases,
    env: Object.fromEntries(databases.map(({ name, url }) => [name, url])),
  };
}

/** The record of an earlier job is not the user's. */
function isUsers(file: string): boolean {
  return path.basename(file) !== '.holdfast';
}

/** What a run left. */
export interface LeftWorld {
  /** Path → what is there. */
  readonly files: Readonly<Record<string, LeftFile>>;
  /** Database/table → its rows as text, sorted. */
  readonly tables: Tables;
}

export interface LeftFile {
  readonly kind: 'file' | 'folder' | 'link';
  /** Octal; of a link where it points to. */
  readonly mode: string;
  readonly sizeBytes: number;
  readonly digest: string;
  readonly lines: number;
  /** Of a small text. */
  readonly text?: string;
}

const MAX_TEXT_BYTES = 64 * 1024;
const SQLITE = 'SQLite format 3\0';

/** @param rename takes what names the run out of a text */
export async function lookAt(world: FreshWorld, rename: (text: string) => string): Promise<LeftWorld> {
  const files: Record<string, LeftFile> = {};
  const found: string[] = [];
  for (const entry of readdirSync(world.folder, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    const relative = path.relative(world.folder, file);
    if (relative.split(path.sep).includes('.holdfast')) continue;
    if (isSqlite(file)) found.push(file);
    else if (!/-(wal|shm|journal)$/.test(file)) files[rename(relative)] = leftFile(file, rename);
  }
  const tables: Record<string, Tables[string]> = {};
  const looked = [
    ...world.databases.map(({ name, url }) => ({ name, url })),
    ...found
      .filter((file) => !world.databases.some(({ url }) => url === `sqlite:${file}`))
      .map((file) => ({ name: path.relative(world.folder, file), url: `sqlite:${file}` })),
  ];
  for (const { name, url } of looked)
    for (const [table, rows] of Object.entries(await lookAtDatabase(url)))
      tables[`${name}/${table}`] = rows.map(rename).toSorted();
  return { files, tables };
}

function leftFile(file: string, rename: (text: string) => string): LeftFile {
  const stat = lstatSync(file);
  const mode = (stat.mode & 0o7777).toString(8);
  if (stat.isSymbolicLink())
    return { kind: 'link', mode: rename(readlinkSync(file)), sizeBytes: 0, digest: '', lines: 0 };
  if (!stat.isFile()) return { kind: 'folder', mode, sizeBytes: 0, digest: '', lines: 0 };
  const bytes = readFileSync(file);
  const isText = bytes.length <= MAX_TEXT_BYTES && !bytes.includes(0);
  const text = isText ? rename(bytes.toString()) : undefined;
  const digest = createHash('sha256')
    .update(text ?? bytes)
    .digest('hex');
  const lines = bytes.reduce((count, byte) => count + (byte === 10 ? 1 : 0), 0);
  return {
    kind: 'file',
    mode,
    sizeBytes: text?.length ?? bytes.length,
    digest,
    lines,
    ...(text === undefined ? {} : { text }),
  };
}

function isSqlite(file: string): boolean {
  const stat = lstatSync(file);
  if (!stat.isFile() || stat.size < SQLITE.length) return false;
  return readFileSync(file).subarray(0, SQLITE.length).toString('latin1') === SQLITE;
}

/** @throws HoldfastError `not-found` */
export function mustBeFolder(folder: string, option: string): string {
  if (existsSync(folder) && lstatSync(folder).isDirectory()) return folder;
  throw new HoldfastError('not-found', `There is no folder ${folder}, which ${option} names.`, { folder });
}

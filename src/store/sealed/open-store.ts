/**
 * Opens a store by where it is.
 *
 * Invariant: no message carries a password, whatever is wrong with the location.
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { HoldfastError } from '../../model/failure.ts';
import { isThere } from '../durable-file.ts';
import { redactUrl } from '../../model/shown-url.ts';
import { DirectoryStore } from './directory/store.ts';
import { PostgresStore } from './postgres/store.ts';
import type { SealedStore } from './store.ts';

const DEFAULT_SCHEMA = 'holdfast_checkpoint';
const SCHEMA_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
const EXPECTED = 'Expected /absolute/path, ./relative/path, file:path or postgres://user:password@host:port/database';

/** How a location is read. */
export interface OpenStoreOptions {
  /** Absolute; a relative path is below it. Default: the process's working directory. */
  readonly base?: string;
  /** May what is not there be made when something is stored? Default true; false to look without touching. */
  readonly create?: boolean;
}

/**
 * A store of sealed documents: a folder (`/path`, `./path`, `../path`, `file:path`), or a PostgreSQL schema
 * (`postgres://…`, `?schema=NAME`, by default `holdfast_checkpoint`). Connects to nothing yet, and creates nothing
 * before something is stored; close it when it is no longer used.
 * @throws HoldfastError `bad-input`; `not-found` where nothing is to be made
 */
export function openStore(
  location: string,
  { base = process.cwd(), create = true }: OpenStoreOptions = {},
): SealedStore {
  if (/^postgres(ql)?:\/\//.test(location)) return openPostgres(location, create);
  const folder = folderOf(location, base);
  if (!create && !isThere(folder))
    throw new HoldfastError('not-found', `There is no folder "${folder}". Expected a store of checkpoints.`, {
      path: folder,
    });
  return new DirectoryStore(folder);
}

function folderOf(location: string, base: string): string {
  if (location.includes('\0')) throw badLocation(location, EXPECTED);
  if (location.startsWith('file://')) return pathOfUrl(location);
  if (location.startsWith('file:') && location !== 'file:') return path.resolve(base, location.slice(5));
  if (/^(\/|\.\.?(\/|$))/.test(location)) return path.resolve(base, location);
  throw badLocation(location, EXPECTED);
}

function openPostgres(location: string, mayCreate: boolean): SealedStore {
  let url: URL;
  try {
    url = new URL(location);
    // The driver decodes these later, where a stray '%' would look like a server that is away.
    for (const part of [url.username, url.password, url.pathname]) decodeURIComponent(part);
  } catch {
    throw badLocation(location, `${EXPECTED}; special characters in the password as %XX`);
  }
  if (url.pathname.length <= 1 && !url.searchParams.has('host')) throw badLocation(location, EXPECTED);
  const schema = url.searchParams.get('schema') ?? DEFAULT_SCHEMA;
  if (!SCHEMA_NAME.test(schema) || /^pg_/i.test(schema))
    throw badLocation(location, 'Expected a schema of letters, digits and _, at most 63, that does not begin with pg_');
  url.searchParams.delete('schema');
  return new PostgresStore({ url: url.href, location: redactUrl(location), schema, mayCreate });
}

function pathOfUrl(location: string): string {
  try {
    return fileURLToPath(location);
  } catch {
    throw badLocation(location, EXPECTED);
  }
}

function badLocation(location: string, expected: string): HoldfastError {
  // What is no URL at all may be anything, a password alone included: only what looks like a scheme or a path is shown.
  const isShowable = /^(postgres(ql)?:\/\/|file:|\.?\.?\/)/.test(location);
  const shown = isShowable ? redactUrl(location) : `${/^[A-Za-z][A-Za-z+.-]{0,20}:/.exec(location)?.[0] ?? ''}…`;
  return new HoldfastError('bad-input', `"${shown}" is no store of checkpoints. ${expected}.`, { store: shown });
}

/**
 * Opens a declared database by its URL.
 *
 * Invariant: no message carries a password, whatever is wrong with the URL.
 */
import path from 'node:path';
import { defined } from '../../model/defined.ts';
import { referenceTo } from '../../model/env-reference.ts';
import { HoldfastError } from '../../model/failure.ts';
import { redactUrl } from '../../model/shown-url.ts';
import type { Database, DatabaseDeclaration } from './database.ts';
import { openPostgres } from './postgres/database.ts';
import { openSqlite } from './sqlite/database.ts';

export interface OpenOptions {
  /** Absolute; `sqlite:path` is relative to it. */
  readonly workspaceRoot: string;
  /** For `${VARIABLE}` in a URL, so that a plan need not hold a password. Default: none is set. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /**
   * Whether what is not there may be created: a SQLite file; Holdfast's tables where they are in another schema.
   * Default true; false from when the job's record knows the database.
   */
  readonly create?: boolean | (() => boolean);
  /** Shown in PostgreSQL's pg_stat_activity. Default `holdfast`. */
  readonly applicationName?: string;
}

/**
 * Connects to nothing yet; safe to repeat.
 * @throws HoldfastError `bad-input` for a URL that cannot be used, `missing-variable` for an unset variable in it.
 */
export async function openDatabase(declaration: DatabaseDeclaration, options: OpenOptions): Promise<Database> {
  const { name } = declaration;
  const url = fillVariables(declaration, options.env ?? {});
  if (url.startsWith('sqlite:')) {
    const filePath = path.resolve(options.workspaceRoot, sqlitePath(name, url));
    return openSqlite({ name, filePath, ...defined({ create: options.create }) });
  }
  if (/^postgres(ql)?:\/\//.test(url)) {
    assertPostgresUrl(name, url);
    const { applicationName = 'holdfast', create } = options;
    return openPostgres({ name, url, applicationName, ...defined({ create }) });
  }
  // What is no URL at all may be anything, a password alone included: only what looks like a scheme is shown.
  const scheme = /^[A-Za-z][A-Za-z+.-]{0,20}:/.exec(url)?.[0] ?? '';
  throw badUrl(name, `${scheme}…`, 'Expected postgres://…, postgresql://… or sqlite:path');
}

function sqlitePath(name: string, url: string): string {
  const rest = url.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, '');
  if (rest === '' || rest.startsWith('//') || rest.includes('\0') || rest === ':memory:')
    throw badUrl(
      name,
      url,
      'Expected sqlite:path/to/file.db or sqlite:/absolute/path; a database in memory would not outlive the worker',
    );
  return rest;
}

function assertPostgresUrl(name: string, url: string): void {
  let isValid: boolean;
  try {
    const { username, password, pathname, searchParams } = new URL(url);
    // The driver decodes these later, where a stray '%' would look like a server that is away.
    for (const part of [username, password, pathname]) decodeURIComponent(part);
    isValid = pathname.length > 1 || searchParams.has('host');
  } catch {
    isValid = false;
  }
  if (!isValid)
    throw badUrl(
      name,
      url,
      'Expected postgres://user:password@host:port/database; special characters in the password as %XX',
    );
}

function fillVariables({ name, url }: DatabaseDeclaration, env: NonNullable<OpenOptions['env']>): string {
  return url.replace(/\$\{([^}]*)\}/g, (_whole, variable: string) => {
    const value = env[variable];
    if (value !== undefined && value !== '') return value;
    throw new HoldfastError(
      'missing-variable',
      `Database ${name}: its URL names \${${variable}}, for which there is no value here: the worker's environment ` +
        `is not looked into for it. Expected a whole URL, or ${referenceTo(variable)} for a variable of the ` +
        'worker that holds the whole URL.',
      { database: name, variable },
    );
  });
}

function badUrl(name: string, url: string, expected: string): HoldfastError {
  const shown = redactUrl(url);
  return new HoldfastError('bad-input', `Database ${name}: "${shown}" cannot be opened. ${expected}.`, {
    database: name,
    url: shown,
  });
}

/**
 * Where the databases of a fork are to be.
 *
 * Invariants
 * 1. No database of the fork is one of the other job.
 * 2. What is handed to the fork's Workflow has no password: its history would show it.
 */
import { existsSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { referencedVariable } from '../model/env-reference.ts';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
import type { JobSettings } from '../model/job/settings.ts';
import { baseProblem } from '../model/plan/database-base.ts';
import { redactUrl } from '../model/shown-url.ts';
import { isSqliteUrl, resolveUrl } from '../protocol/workspace/database-url.ts';
import type { ForkOptions } from './options.ts';
import type { Env } from './source.ts';

export interface Destination {
  readonly name: string;
  readonly dialect: 'sqlite' | 'postgres';
  /** Of the other job: a URL; of SQLite the file. */
  readonly from: string;
  /** Of the fork: the URL; of SQLite the file, in the end. */
  readonly to: string;
  /** As the fork's settings name it; undefined: as the other job's do. */
  readonly reference: string | undefined;
  /** SQL that makes what was in it before the job, in an empty database. Undefined: it is copied. */
  readonly base?: string;
  /** Likewise, of the job's own: for a database that is there, where no other is given. */
  readonly ownBase?: string;
}

export interface Places {
  /** The other job's workspace. */
  readonly from: string;
  /** The fork's, in the end. */
  readonly to: string;
  readonly env: Env;
}

/** @param given name → where it is to be. @throws HoldfastError `bad-input`, `missing-variable` */
export function destinationsOf(
  { databases, bases: own = {} }: Pick<JobSettings, 'databases' | 'bases'>,
  { databases: given = {}, bases = {} }: Pick<ForkOptions, 'databases' | 'bases'>,
  places: Places,
): readonly Destination[] {
  const unknown = Object.keys({ ...given, ...bases }).find((name) => !Object.hasOwn(databases, name));
  if (unknown !== undefined) {
    const declared = Object.keys(databases).join(', ') || 'none';
    throw new HoldfastError('bad-input', `The job has no database "${unknown}"; it declares ${declared}.`);
  }
  return Object.entries(databases).map(([name, reference]) => {
    const url = resolveUrl(name, reference, places.env);
    const base = bases[name];
    if (base !== undefined) refuseBase(name, base);
    if (!isSqliteUrl(url))
      return { ...postgresDestination(name, url, given[name], places), ...defined({ base, ownBase: own[name] }) };
    if (base === undefined) return sqliteDestination(name, url, given[name], places);
    throw new HoldfastError('bad-input', `Database "${name}" is a SQLite file, which is copied: it takes no base.`);
  });
}

/** @throws HoldfastError `bad-input` */
function refuseBase(name: string, base: string): void {
  const problem = baseProblem(base);
  if (problem === undefined) return;
  const { message, expected = 'SQL', found, hint } = problem;
  throw new HoldfastError(
    'bad-input',
    `The base of database "${name}" ${message}. Expected ${expected}${found === undefined ? '' : `; found ${found}`}.`,
    { name, ...defined({ nextStep: hint && `${hint[0]!.toUpperCase()}${hint.slice(1)}.` }) },
  );
}

function sqliteDestination(name: string, url: string, given: string | undefined, places: Places): Destination {
  const from = sqliteFile(url, places.from);
  if (given === undefined) {
    const within = relative(places.from, from);
    if (within.startsWith('..') || url.slice('sqlite:'.length).startsWith('/'))
      throw unnamed(name, `${from} lies outside of the workspace, or is named by its whole path`, 'sqlite:PATH');
    return { name, dialect: 'sqlite', from, to: resolve(places.to, within), reference: undefined };
  }
  const target = resolveUrl(name, given, places.env);
  if (!isSqliteUrl(target)) throw otherKind(name, 'a SQLite file', 'sqlite:PATH');
  const to = sqliteFile(target, places.to);
  if (to === from) throw same(name, from);
  if (existsSync(to))
    throw new HoldfastError(
      'bad-input',
      `Database "${name}": ${to} is there already. Expected a file that is to be made.`,
      { name, nextStep: 'Name another; or, where a fork that was cut short has left it, remove it.' },
    );
  return { name, dialect: 'sqlite', from, to, reference: given };
}

function postgresDestination(name: string, from: string, given: string | undefined, { env }: Places): Destination {
  if (given === undefined)
    throw unnamed(name, 'it is on a server, where the copy needs a name of its own', "'${{ env.NAME }}'");
  const to = resolveUrl(name, given, env);
  if (isSqliteUrl(to)) throw otherKind(name, 'a PostgreSQL database', "'${{ env.NAME }}'");
  if (referencedVariable(given) === undefined && hasPassword(given))
    throw new HoldfastError(
      'bad-input',
      `Database "${name}": the history of the fork would show the password in ${redactUrl(given)}.`,
      {
        nextStep: `Put the URL into a variable of the worker, here too: --database ${name}='\${{ env.NAME }}'`,
      },
    );
  if (whereOf(to) === whereOf(from)) throw same(name, redactUrl(from));
  return { name, dialect: 'postgres', from, to, reference: given };
}

function sqliteFile(url: string, root: string): string {
  return resolve(root, url.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, ''));
}

function hasPassword(url: string): boolean {
  return redactUrl(url) !== url;
}

/** Server and database, without who connects and how. */
function whereOf(url: string): string {
  try {
    const { hostname, port, pathname, searchParams } = new URL(url);
    return `${searchParams.get('host') ?? hostname}:${port || '5432'}${pathname}`;
  } catch (error) {
    throw new HoldfastError('bad-input', `"${redactUrl(url)}" is no URL of a database.`, {}, { cause: error });
  }
}

function unnamed(name: string, why: string, form: string): HoldfastError {
  return new HoldfastError('bad-input', `It has to be said where the fork's database "${name}" is to be: ${why}.`, {
    name,
    nextStep: `Say it: --database ${name}=${form}`,
  });
}

function otherKind(name: string, is: string, form: string): HoldfastError {
  return new HoldfastError('bad-input', `Database "${name}" is ${is}; the fork's must be of its kind: ${form}.`, {
    name,
  });
}

function same(name: string, where: string): HoldfastError {
  return new HoldfastError(
    'bad-input',
    `Database "${name}": ${where} is the other job's own. A fork has a database of its own.`,
    { name },
  );
}

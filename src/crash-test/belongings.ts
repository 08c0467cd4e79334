/**
 * What a crash test has outside of its process while it runs: a folder, worker processes, copies of databases.
 *
 * Invariants
 * 1. When its process ends, by itself or by a second Ctrl-C, its workers are ended and its folder is removed; copies of
 *    databases, for which there is no time then, are named.
 * 2. What a process left that could do nothing any more (SIGKILL, power) is removed by the next test on this machine.
 */
import {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type * as z from 'zod';
import { isAlive, isGone, ProcessIdentitySchema, thisProcess } from '../store/life/process-identity.ts';
import { dropPostgres, PostgresCopySchema, type PostgresCopy } from './postgres-copy.ts';

const PREFIX = 'holdfast-crash-';
const OWNER = 'owner.json';
const COPIES = 'databases';
/** Within the test's own part of a run's folder: a line for each process. */
export const PROCESSES = 'processes';
const REMOVING = { recursive: true, force: true, maxRetries: 5 } as const;

export class Belongings {
  /** Gets a folder for each run. */
  readonly root: string;
  readonly #workers = new Set<() => void>();
  readonly #copies = new Map<string, PostgresCopy>();
  readonly #endAtOnce = (): void => {
    for (const end of this.#workers) end();
    this.#removeFolder();
    for (const { database, server } of this.#copies.values())
      process.stderr.write(
        `Left behind: database ${database} on ${server}; the next crash test with that server drops it.\n`,
      );
  };

  constructor() {
    this.root = realpathSync(mkdtempSync(path.join(tmpdir(), PREFIX)));
    writeFileSync(path.join(this.root, OWNER), JSON.stringify(thisProcess()));
    process.on('exit', this.#endAtOnce);
  }

  /** @param end by SIGKILL, at once @returns forgets it: it has ended */
  worker(end: () => void): () => void {
    this.#workers.add(end);
    return () => void this.#workers.delete(end);
  }

  /** Before the copy is made. @returns forgets it: it has been dropped */
  copy(copy: PostgresCopy): () => void {
    this.#copies.set(copy.database, copy);
    appendFileSync(path.join(this.root, COPIES), `${JSON.stringify(copy)}\n`);
    return () => void this.#copies.delete(copy.database);
  }

  /** Safe to repeat. */
  close(): void {
    process.off('exit', this.#endAtOnce);
    this.#removeFolder();
  }

  /** What tells of databases that are left stays. */
  #removeFolder(): void {
    if (this.#copies.size === 0) return rmSync(this.root, REMOVING);
    removeAllBut(this.root, [OWNER, COPIES]);
  }
}

function removeAllBut(folder: string, kept: readonly string[]): void {
  for (const name of readdirSync(folder)) if (!kept.includes(name)) rmSync(path.join(folder, name), REMOVING);
}

/**
 * Removes what tests left that have ended otherwise than by themselves. What can't be removed now is left to the next
 * test. Safe to run several times at once.
 * @param urls of the PostgreSQL databases that this test copies: their servers can be asked
 */
export async function removeLeftBehind(urls: readonly string[]): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    const folder = path.join(tmpdir(), name);
    if (name.startsWith(PREFIX) && isLeftBehind(folder)) await removeOne(folder, urls).catch(() => undefined);
  }
}

/** Of this user, made by a crash test, whose process has ended for certain. */
function isLeftBehind(folder: string): boolean {
  try {
    const stat = lstatSync(folder);
    if (!stat.isDirectory() || stat.uid !== process.getuid?.()) return false;
    return isGone(ProcessIdentitySchema.parse(JSON.parse(readFileSync(path.join(folder, OWNER), 'utf8'))));
  } catch {
    return false;
  }
}

async function removeOne(folder: string, urls: readonly string[]): Promise<void> {
  for (const run of readdirSync(folder)) endWorkers(path.join(folder, run, 'own', PROCESSES));
  removeAllBut(folder, [OWNER, COPIES]);
  const left: PostgresCopy[] = [];
  for (const copy of linesOf(path.join(folder, COPIES), PostgresCopySchema))
    if (!(await dropPostgres(copy, urls))) left.push(copy);
  if (left.length === 0) rmSync(folder, REMOVING);
  else writeFileSync(path.join(folder, COPIES), left.map((copy) => `${JSON.stringify(copy)}\n`).join(''));
}

/** One that stands still has not noticed that its test has ended. */
function endWorkers(file: string): void {
  for (const worker of linesOf(file, ProcessIdentitySchema)) if (isAlive(worker)) process.kill(worker.pid, 'SIGKILL');
}

/** Those that are whole: the last one may have been cut off. */
function linesOf<T>(file: string, schema: z.ZodType<T>): readonly T[] {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  return lines.flatMap((line) => {
    try {
      return [schema.parse(JSON.parse(line))];
    } catch {
      return [];
    }
  });
}

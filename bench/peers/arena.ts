/**
 * Where they meet: one PostgreSQL for all, started for the purpose, with fsync and synchronous_commit on as by default,
 * and one folder. A contender that can't be opened is left out, and why is kept.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { cachedPackages } from '../../scripts/cached-packages.ts';
import { startPostgres, type PostgresCluster } from '../../test/support/postgres.ts';
import { makeTemporaryDirectory, removeDirectory } from '../temporary-directory.ts';
import type { ContenderKind, Place } from './contender.ts';
import { RunningContender } from './running-contender.ts';
import { NOTE_TABLE } from './work.ts';

export class Arena {
  readonly folder: string;
  readonly contenders: RunningContender[] = [];
  /** Contender → why it is not measured. */
  readonly absent = new Map<string, string>();
  readonly #postgres: PostgresCluster;
  readonly #say: (line: string) => void;

  static async open(kinds: readonly ContenderKind[], say: (line: string) => void): Promise<Arena> {
    say('starting PostgreSQL …');
    const arena = new Arena(await startPostgres(), say);
    for (const kind of kinds) await arena.#admit(kind);
    return arena;
  }

  private constructor(postgres: PostgresCluster, say: (line: string) => void) {
    this.folder = makeTemporaryDirectory();
    this.#postgres = postgres;
    this.#say = say;
  }

  /** Of PostgreSQL's first process. */
  get postgresPid(): number {
    return Number(readFileSync(join(this.#postgres.dataDirectory, 'postmaster.pid'), 'utf8').split('\n')[0]);
  }

  async postgresSettings(): Promise<Readonly<Record<string, string>>> {
    const settings = ['server_version', 'fsync', 'synchronous_commit'];
    const values = `SELECT ${settings.map((name) => `current_setting('${name}') AS ${name}`).join()}`;
    return (await this.#query(values))[0]!;
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.contenders.map(async (contender) => await contender.close()));
    await this.#postgres.stop();
    removeDirectory(this.folder);
  }

  /** Leaves one out that was there. */
  async dismiss(contender: RunningContender, why: string): Promise<void> {
    this.#leaveOut(contender.kind, why);
    this.contenders.splice(this.contenders.indexOf(contender), 1);
    await contender.close();
  }

  async #admit(kind: ContenderKind): Promise<void> {
    try {
      const packages = await this.#packagesOf(kind);
      this.#say(`${kind.name}: starting …`);
      this.contenders.push(await RunningContender.open(kind, await this.#placeOf(kind, packages)));
    } catch (error) {
      this.#leaveOut(kind, error instanceof Error ? error.message : String(error));
    }
  }

  async #packagesOf({ name, packages }: ContenderKind): Promise<string> {
    if (packages === undefined) return '';
    const wanted = join(import.meta.dirname, packages);
    const fetched = await cachedPackages(wanted, () => this.#say(`${name}: fetching its packages through npm, once …`));
    if ('packages' in fetched) return fetched.packages;
    const remedy = 'The npm registry must be reachable once (`npm ping` tells). Then run the same again.';
    throw new Error(`npm ci in a copy of bench/peers/${packages} failed. ${remedy}\n${fetched.problem}`);
  }

  async #placeOf({ name }: ContenderKind, packages: string): Promise<Place> {
    const folder = join(this.folder, name);
    mkdirSync(folder);
    const databaseUrl = await this.#database(`${name}_notes`);
    await this.#query(NOTE_TABLE, databaseUrl);
    return {
      folder,
      databaseUrl,
      stateUrl: await this.#database(`${name}_state`),
      postgresPid: this.postgresPid,
      packages,
    };
  }

  async #database(name: string): Promise<string> {
    await this.#query(`CREATE DATABASE "${name}"`);
    const url = new URL(this.#postgres.url);
    url.pathname = `/${name}`;
    return url.href;
  }

  async #query(text: string, connectionString = this.#postgres.url): Promise<Record<string, string>[]> {
    const client = new pg.Client({ connectionString });
    await client.connect();
    try {
      return (await client.query<Record<string, string>>(text)).rows;
    } finally {
      await client.end();
    }
  }

  #leaveOut({ name }: ContenderKind, why: string): void {
    const short = withoutStack(why);
    this.absent.set(name, short);
    this.#say(`${name}: not measured. ${short}`);
  }
}

const MOST_LINES = 8;

function withoutStack(why: string): string {
  const isPlace = /^(npm error)?\s+(at .*|\w+: .*,?|})$/;
  return why
    .split('\n')
    .filter((line) => !isPlace.test(line))
    .slice(0, MOST_LINES)
    .join('\n');
}

/** Runs every case of every peer, some peers at a time, then measures all undisturbed: a job of each in turn. */
import { mkdirSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { cachedPackages } from '../../../scripts/cached-packages.ts';
import { freePort } from '../../../src/dev-server/ports.ts';
import { startPostgres, type PostgresCluster } from '../../../test/support/postgres.ts';
import { makeTemporaryDirectory, removeDirectory } from '../../temporary-directory.ts';
import { changed, killed, measured, type CaseWorld, type InTurn } from './cases.ts';
import type { KillPlace, PeerKind, Preparation } from './peer.ts';
import type { Comparison, Measured, NotRun } from './result.ts';
import { Servers } from './servers.ts';
import { TABLES } from './work.ts';

/** Most of a case is waiting. */
const PEERS_AT_ONCE = 3;
const MEASURED_JOBS = 10;

type Say = (line: string) => void;
type Cases = Omit<Measured, 'stepMs'>;

export async function compareByKills(kinds: readonly PeerKind[], say: Say): Promise<Comparison> {
  const startedMs = performance.now();
  const load = os.loadavg()[0]!;
  const folder = makeTemporaryDirectory();
  const postgres = await startPostgres();
  try {
    await using servers = new Servers(folder, say);
    const field = new Field({ folder, postgres, servers, say });
    const cases = await inTurns(kinds, async (kind) => await field.casesOf(kind));
    const inTurn = turns();
    const peers = await Promise.all(
      cases.map(async (found, index) =>
        'notRun' in found ? found : await field.measure(kinds[index]!, found, inTurn),
      ),
    );
    return {
      schemaVersion: 1,
      date: new Date().toISOString().slice(0, 10),
      seconds: Math.round((performance.now() - startedMs) / 1_000),
      node: process.versions.node,
      postgres: await field.postgresVersion(),
      cores: os.availableParallelism(),
      load: Number(load.toFixed(1)),
      peers,
    };
  } finally {
    await postgres.stop();
    removeDirectory(folder);
  }
}

interface FieldParts {
  readonly folder: string;
  readonly postgres: PostgresCluster;
  readonly servers: Servers;
  readonly say: Say;
}

class Field {
  readonly #parts: FieldParts;
  readonly #worlds = new Map<PeerKind, Promise<CaseWorld>>();
  readonly #prepared = new Map<string, Promise<string>>();
  readonly #versions = new Map<PeerKind, Readonly<Record<string, string>>>();
  #places = 0;
  #databases = 0;

  constructor(parts: FieldParts) {
    this.#parts = parts;
  }

  async casesOf(kind: PeerKind): Promise<Cases | NotRun> {
    const { say } = this.#parts;
    const { name, what, docs, advice = '' } = kind;
    try {
      const world = await this.#worldOf(kind);
      const tell = async <T>(label: string, act: () => Promise<T>): Promise<T> => {
        const startedMs = performance.now();
        const found = await act();
        say(`${name}: ${label}, ${((performance.now() - startedMs) / 1_000).toFixed(1)} s`);
        return found;
      };
      const kills = [];
      for (const point of kind.kills)
        kills.push(await tell(`killed ${point.what}`, async () => await killed(world, point)));
      return {
        name,
        what,
        docs,
        advice,
        versions: this.#versions.get(kind) ?? {},
        kills,
        edited: await tell('a file edited', async () => await changed(world, 'edited')),
        added: await tell('a column added', async () => await changed(world, 'added')),
        renamed: await tell('a column renamed', async () => await changed(world, 'renamed')),
      };
    } catch (error) {
      return this.#notRun(kind, error);
    }
  }

  async measure(kind: PeerKind, cases: Cases, inTurn: InTurn): Promise<Measured | NotRun> {
    try {
      const stepMs = await measured(await this.#worldOf(kind), MEASURED_JOBS, inTurn);
      this.#parts.say(`${kind.name}: ${stepMs.fastest.toFixed(1)} ms a step, the fastest of ${MEASURED_JOBS} jobs`);
      const rounded = (ms: number): number => Number(ms.toFixed(2));
      return { ...cases, stepMs: { fastest: rounded(stepMs.fastest), median: rounded(stepMs.median) } };
    } catch (error) {
      return this.#notRun(kind, error);
    }
  }

  async postgresVersion(): Promise<string> {
    const [row] = await this.#query<{ server_version: string }>('SHOW server_version');
    return row!.server_version;
  }

  #notRun({ name, what, docs }: PeerKind, error: unknown): NotRun {
    const why = error instanceof Error ? error.message : String(error);
    this.#parts.say(`${name}: not run: ${why}`);
    return { name, what, docs, notRun: withoutPlaces(why) };
  }

  async #worldOf(kind: PeerKind): Promise<CaseWorld> {
    const known = this.#worlds.get(kind) ?? this.#makeWorld(kind);
    this.#worlds.set(kind, known);
    return await known;
  }

  async #makeWorld(kind: PeerKind): Promise<CaseWorld> {
    const { folder, servers } = this.#parts;
    const packages = await this.#packagesOf(kind);
    const server = await servers.addressOf(kind.server, packages);
    const prepared = await this.#prepare(kind, packages);
    return {
      kind,
      opened: (versions) => void this.#versions.set(kind, versions),
      makePlace: async (name): Promise<Omit<KillPlace, 'serviceUrl' | 'kill'>> => {
        const place = join(folder, kind.name, `${name}-${++this.#places}`);
        mkdirSync(place, { recursive: true });
        const [databaseUrl, stateUrl] = [await this.#database(), await this.#database()];
        await this.#query(TABLES, databaseUrl);
        const port = await freePort();
        const { variant = '' } = kind;
        return { folder: place, databaseUrl, stateUrl, packages, prepared, server, port, variant };
      },
    };
  }

  async #packagesOf({ name, packages }: PeerKind): Promise<string> {
    if (packages === undefined) return '';
    const wanted = join(import.meta.dirname, '..', packages);
    const say = (): void => this.#parts.say(`${name}: fetching its packages through npm, once …`);
    const fetched = await cachedPackages(wanted, say);
    if ('packages' in fetched) return fetched.packages;
    throw new Error(`npm ci in a copy of bench/peers/${packages} failed:\n${fetched.problem}`);
  }

  /** Once, though it serves several rows. */
  async #prepare({ preparation }: PeerKind, packages: string): Promise<string> {
    if (preparation === undefined) return '';
    const made = async (): Promise<string> => {
      const { prepare } = (await import(new URL(`../${preparation}`, import.meta.url).href)) as Preparation;
      return await prepare(packages, this.#parts.folder);
    };
    const known = this.#prepared.get(preparation) ?? made();
    this.#prepared.set(preparation, known);
    return await known;
  }

  async #database(): Promise<string> {
    const name = `case_${++this.#databases}`;
    await this.#query(`CREATE DATABASE ${name}`);
    const url = new URL(this.#parts.postgres.url);
    url.pathname = `/${name}`;
    return url.href;
  }

  async #query<T extends pg.QueryResultRow>(text: string, connectionString = this.#parts.postgres.url): Promise<T[]> {
    const client = new pg.Client({ connectionString });
    await client.connect();
    try {
      return (await client.query<T>(text)).rows;
    } finally {
      await client.end();
    }
  }
}

/** So that what else the machine does meets all of them alike. */
function turns(): InTurn {
  let last: Promise<unknown> = Promise.resolve();
  return async <T>(act: () => Promise<T>): Promise<T> => {
    const mine = last.then(act);
    last = mine.catch(() => undefined);
    return await mine;
  };
}

/** In order, so many at once. */
async function inTurns<T, R>(items: readonly T[], act: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const left = [...items.entries()];
  const take = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) results[next[0]] = await act(next[1]);
  };
  await Promise.all(Array.from({ length: PEERS_AT_ONCE }, take));
  return results;
}

/** Paths and places in code say nothing on another machine. */
function withoutPlaces(why: string): string {
  const lines = why.split('\n').filter((line) => !/^\s+at /.test(line));
  return lines
    .join(' ')
    .replaceAll(/(file:\/\/)?\/(tmp|root|home|Users)\/\S+/g, '…')
    .slice(0, 600);
}

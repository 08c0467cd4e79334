/**
 * The databases of a fork: copies, each taken back to the checkpoint.
 *
 * Invariant: a copy counts only once all that it has of the job is in the record: a step that was being applied when
 * it was made makes it one of no moment, and it is made again.
 */
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '../effects/database/database.ts';
import { openDatabase } from '../effects/database/open.ts';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
import { counted } from '../model/counted.ts';
import type { Change, ChainRecord } from '../model/record/record.ts';
import { formatResource } from '../model/record/resource.ts';
import { sameState } from '../model/record/world.ts';
import { redactUrl } from '../model/shown-url.ts';
import type { Destination } from './destinations.ts';
import { FilledDatabase } from './filled-database.ts';
import { momentOf, type Moment } from './moment.ts';
import { copyPostgres, dropPostgres, tablesIn } from './postgres.ts';
import { rollBack, tokenIn } from './roll-back.ts';
import type { ForkSource } from './source.ts';
import { copySqlite, removeSqlite } from './sqlite.ts';

const MAX_COPIES = 20;
const PAUSE_MS = 250;

export interface DatabaseWork {
  readonly source: ForkSource;
  readonly moment: Moment;
  readonly keeps: ReadonlySet<string>;
  /** Where a SQLite file of the fork is, while the fork is made. */
  readonly placeOf: (path: string) => string;
}

export interface MadeDatabases {
  readonly made: Destination[];
  readonly filled: FilledDatabase[];
}

/**
 * Those that are there before are refused, but for what is empty and has a base.
 * @returns each with the base that it is made from, if it is
 * @throws HoldfastError `bad-input`, `busy`, …
 */
export async function settled(destinations: readonly Destination[]): Promise<readonly Destination[]> {
  const made: Destination[] = [];
  for (const destination of destinations) {
    const { name, dialect, to } = destination;
    const tables = dialect === 'postgres' ? await tablesIn(name, to) : undefined;
    const base = destination.base ?? (tables === undefined ? undefined : destination.ownBase);
    made.push({ ...destination, ...defined({ base }) });
    if (base !== undefined && tables === undefined)
      throw new HoldfastError(
        'bad-input',
        `Database "${name}": there is no database ${redactUrl(to)}. A base is for one that is there and empty.`,
        {
          name,
          nextStep: 'Make it (createdb); or, where the other one is there, leave --base out: it is then copied.',
        },
      );
    if (base === undefined && tables === 0)
      throw new HoldfastError(
        'bad-input',
        `Database "${name}": the database is there already, and empty. Expected SQL that makes what was in it before ` +
          'the job, or the name of a database that is to be made.',
        { name, nextStep: `Give it: --base ${name}=@tables.sql; or name another.` },
      );
    if (tables !== undefined && tables > 0)
      throw new HoldfastError(
        'bad-input',
        `Database "${name}": the database is there already, with ${counted(tables, 'table')}. Expected one ` +
          `that is ${base === undefined ? 'to be made' : 'empty'}.`,
        { name, nextStep: 'Name another; or, where a fork that was cut short has left it, drop it.' },
      );
  }
  return made;
}

/**
 * @param made each is added once it is there, for whoever has to remove it
 * @param filled likewise, those that were there: whoever has made the rest commits them
 * @returns what the record of the fork has otherwise
 */
export async function makeDatabases(
  destinations: readonly Destination[],
  work: DatabaseWork,
  { made, filled }: MadeDatabases,
): Promise<readonly Change[]> {
  const changes: Change[] = [];
  for (const destination of destinations) {
    if (destination.base !== undefined) {
      const one = await FilledDatabase.open(destination);
      filled.push(one);
      changes.push(...(await one.fill(work.moment)), ...(await identityChange(one.database, work.moment)));
      continue;
    }
    if (destination.dialect === 'sqlite' && !existsSync(destination.from)) continue;
    changes.push(...(await makeDatabase(destination, work, made)));
  }
  return changes;
}

/** What `makeDatabases` has made outside of the folder. */
export async function removeDatabases(made: readonly Destination[], placeOf: (path: string) => string): Promise<void> {
  for (const { name, dialect, to } of made)
    if (dialect === 'sqlite') removeSqlite(placeOf(to));
    else await dropPostgres(name, to);
}

async function makeDatabase(
  destination: Destination,
  { source, moment, keeps, placeOf }: DatabaseWork,
  made: Destination[],
): Promise<readonly Change[]> {
  const { name, dialect, from, to } = destination;
  const url = dialect === 'sqlite' ? `sqlite:${placeOf(to)}` : to;
  for (let copy = 1; ; copy++) {
    if (dialect === 'sqlite') await copySqlite(name, from, placeOf(to));
    else await copyPostgres(name, from, to);
    if (copy === 1) made.push(destination);
    await source.renew();
    const records = source.records();
    const now = momentOf(moment, records, moment.checkpoint.seq);
    const database = await openDatabase(
      { name, url },
      { workspaceRoot: '/', create: false, applicationName: 'holdfast fork' },
    );
    try {
      if (
        await isOfOneMoment(
          database,
          source.jobId,
          records.map(({ record }) => record),
        )
      ) {
        await rollBack(database, { moment: now, inForce: await source.inForce(), keeps });
        return await identityChange(database, now);
      }
    } finally {
      await database.close();
    }
    await removeDatabases([destination], placeOf);
    if (copy === MAX_COPIES)
      throw new HoldfastError(
        'busy',
        `Database "${name}": the job applies a step all the time; no copy could be taken.`,
        {
          name,
          nextStep: 'Fork again when the job waits, or has ended.',
        },
      );
    await delay(PAUSE_MS);
  }
}

/** Is every token row of the job one of a record? */
async function isOfOneMoment(database: Database, jobId: string, records: readonly ChainRecord[]): Promise<boolean> {
  const recorded = new Set(records.flatMap((record) => tokenIn(record, database.name) ?? []));
  return (await database.tokensOfJob(jobId)).every((token) => recorded.has(token));
}

/** Its name is another's, and so may be what tells it from others. */
async function identityChange(database: Database, { manifest }: Moment): Promise<readonly Change[]> {
  const resource = formatResource({ kind: 'database', database: database.name });
  const known = manifest.get(resource);
  if (known === undefined) return [];
  const state = await database.identity();
  return sameState(known.state, state) ? [] : [{ resource, role: 'watched', state }];
}

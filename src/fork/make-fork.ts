/**
 * Makes a fork: a folder with the files, rows and record of a job at one of its checkpoints, for a job of its own.
 *
 * Invariants
 * 1. The other job's workspace, record and databases are read, never written.
 * 2. The folder gets its name once all of it is there and is as the record has it: a kill leaves no half fork that
 *    could start. What a killed maker has left is removed by the next, or named.
 * 3. The same command again finds the whole fork that has not begun, and makes no second one.
 */
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import type { Json } from '../model/canonical-json.ts';
import { digestOf } from '../model/digest.ts';
import { HoldfastError, isFailure } from '../model/failure.ts';
import type { PendingFork } from '../model/job/fork.ts';
import { syncDirectory } from '../store/durable-file.ts';
import { atPoints } from '../store/fault-point.ts';
import { Life } from '../store/life/life.ts';
import { makeDatabases, removeDatabases, settled, type MadeDatabases } from './databases.ts';
import type { FilledDatabase } from './filled-database.ts';
import { destinationsOf, type Destination } from './destinations.ts';
import { editOf, refuseUnfitEdit } from './edit.ts';
import { makeFiles } from './files.ts';
import { buildingFor, isWithin, lockFor, refuseWorkspace } from './folders.ts';
import { pendingForkIn, notEmpty } from './found-fork.ts';
import { makeForkLedger } from './ledger.ts';
import { momentOf, type Moment } from './moment.ts';
import { keptStatements, refuseOptions, type ForkOptions } from './options.ts';
import { pendingFork, preparedOf, type PreparedFork } from './prepared.ts';
import { ForkSource, type Env } from './source.ts';
import { unlikeRecord } from './verified.ts';

const MAX_NAMED = 20;

/** @throws HoldfastError `bad-input`, `not-found`, `busy`, `ledger-damaged`, …: then nothing is left of it */
export async function makeFork(
  folder: string,
  options: ForkOptions,
  env: Env,
  how: HowMade = {},
): Promise<PreparedFork> {
  refuseOptions(options);
  const edit = editOf(options);
  await using source = await ForkSource.open(folder, options.job, env);
  const into = resolve(options.workspace);
  const moment = momentOf(source.job, source.records(), options.at);
  refuseUnfitEdit(edit, moment);
  refuseWorkspace(source.root, into);
  const found = await pendingForkIn(into);
  // Its maker was killed between the folder's name and its own end.
  if (found !== undefined) Life.ofDead(lockFor(into))?.end();
  if (found !== undefined) return refuseAnother(preparedOf(found, moment, { isFound: true }), moment, options);
  const places = { from: source.root, to: into, env };
  const destinations = await settled(destinationsOf(source.job.settings, options, places));
  mkdirSync(dirname(into), { recursive: true });
  const life = Life.tryTake(lockFor(into));
  if (life === undefined)
    throw new HoldfastError('busy', `Another process makes a fork in ${into} at this moment.`, { folder: into });
  try {
    return await makeIn(into, { source, moment, options, destinations, how });
  } finally {
    life.end();
  }
}

interface HowMade {
  /** What the job only read, and is not there any more, it is asked about. Default: then nothing is made. */
  readonly leaveLost?: boolean;
}

interface Making {
  readonly how: HowMade;
  readonly source: ForkSource;
  readonly moment: Moment;
  readonly options: ForkOptions;
  readonly destinations: readonly Destination[];
}

async function makeIn(into: string, making: Making): Promise<PreparedFork> {
  const building = buildingFor(into);
  rmSync(building, { recursive: true, force: true });
  const databases: MadeDatabases = { made: [], filled: [] };
  try {
    const prepared = await build({ building, into, databases }, making);
    for (const one of databases.filled) await one.commit();
    atPoints('rename', () => renameSync(building, into));
    syncDirectory(dirname(into));
    return prepared;
  } catch (error) {
    for (const one of databases.filled) await one.giveUp().catch(() => undefined);
    const outside = databases.made.filter(({ dialect, to }) => dialect === 'postgres' || !isWithin(into, to));
    await removeDatabases(outside, (path) => path).catch(() => undefined);
    rmSync(building, { recursive: true, force: true });
    throw withFilled(error, databases.filled);
  }
}

/** The last of all has failed: what is committed stays. */
function withFilled(error: unknown, filled: readonly FilledDatabase[]): unknown {
  const names = filled.flatMap(({ isCommitted, destination }) => (isCommitted ? [destination.name] : []));
  if (names.length === 0 || !isFailure(error)) return error;
  return new HoldfastError(
    error.type,
    `${error.message} Filled for the fork, and of no use now: database ${names.join(', ')}.`,
    { ...error.details, nextStep: 'Empty it, and fork again.' },
    { cause: error },
  );
}

interface Place {
  /** The folder while it is made. */
  readonly building: string;
  readonly into: string;
  readonly databases: MadeDatabases;
}

async function build(
  { building, into, databases }: Place,
  { source, moment, options, destinations, how }: Making,
): Promise<PreparedFork> {
  const placeOf = (path: string): string => (isWithin(into, path) ? join(building, relative(into, path)) : path);
  const files = await makeFiles(source, moment, building, {
    ...how,
    leaveOthers: options.others === 'leave',
  });
  const keeps = keptStatements(options.items ?? {});
  const changes = await makeDatabases(destinations, { source, moment, keeps, placeOf }, databases);
  const pending = pendingFork(into, { moment, options, destinations, changes });
  const { settings } = source.job;
  const own = { ...settings, databases: { ...settings.databases, ...pending.fork.databases } };
  await makeForkLedger(source, moment, building, { pending, settings: own });
  // What is filled has been compared in its transaction.
  const copied = destinations.filter(({ base }) => base === undefined);
  await mustBeAsRecorded(
    building,
    { moment, pending, env: source.env },
    {
      ...settings,
      databases: Object.fromEntries(
        copied.map(({ name, dialect, to }) => [name, dialect === 'sqlite' ? `sqlite:${placeOf(to)}` : to]),
      ),
    },
  );
  return preparedOf(pending, moment, { files, isFound: false });
}

async function mustBeAsRecorded(
  root: string,
  { moment, pending, env }: { readonly moment: Moment; readonly pending: PendingFork; readonly env: Env },
  settings: ForkSource['job']['settings'],
): Promise<void> {
  const own = pending.changes.map(({ resource, state }) => [resource, { state }] as const);
  const manifest = new Map<string, { readonly state: (typeof own)[number][1]['state'] }>([...moment.manifest, ...own]);
  const differs = await unlikeRecord(root, { settings, env, manifest });
  if (differs.length === 0) return;
  const named = differs.slice(0, MAX_NAMED).join(', ');
  throw new HoldfastError(
    'bad-input',
    `What was made is not as checkpoint ${moment.checkpoint.seq} has it: ${named}` +
      `${differs.length > MAX_NAMED ? ` and ${differs.length - MAX_NAMED} more` : ''}. Nothing is left of it.`,
    {
      resources: differs,
      nextStep: 'Let the job compare the world and answer what it asks (holdfast verify), then fork again.',
    },
  );
}

/** @throws HoldfastError `bad-input`: what stands there is another fork */
function refuseAnother(found: PreparedFork, { jobId, checkpoint }: Moment, options: ForkOptions): PreparedFork {
  const { from, workspace, workflowId, edit } = found.fork;
  const isSame =
    from.jobId === jobId &&
    from.seq === checkpoint.seq &&
    digestOf((edit ?? null) as Json) === digestOf((editOf(options) ?? null) as Json) &&
    (options.workflowId === undefined || options.workflowId === workflowId);
  if (isSame) return found;
  throw notEmpty(workspace);
}

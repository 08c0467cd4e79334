/**
 * The record damaged: each page of a ledger zeroed, cut off, with a bit turned, at moments of a whole job. Whoever goes
 * on from it names it, or ends as a job whose record is sound; never otherwise.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { after, test, type TestContext } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { HoldfastError } from '../../src/model/failure.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { QuestionAsked } from '../../src/testing.ts';
import {
  driveDiskJob,
  endOf,
  fresh,
  prepareDisk,
  type DiskPlaces,
  type Kept,
  type StageName,
} from './support/disk-job.ts';
import { sqliteScript } from '../support/sqlite.ts';
import { seededRandom, theSeed } from './support/seed.ts';

const PAGE_BYTES = 4096;
const FLIPS_PER_PAGE = 3;
/** Of each kind and moment, chosen anew each time; HOLDFAST_EVERY=1 leaves none out. */
const CASES =
  process.env['HOLDFAST_EVERY'] === '1' ? Number.POSITIVE_INFINITY : Number(process.env['HOLDFAST_CASES'] ?? 40);
const seed = theSeed();
const random = seededRandom(seed);
const root = mkdtempSync(join(tmpdir(), 'holdfast-damaged-'));
after(() => rmSync(root, { recursive: true, force: true }));

/** A job that waits, its ledger closed: all of it is in one file. */
interface Waiting {
  readonly places: DiskPlaces;
  readonly kept: Kept;
  readonly ledger: Buffer;
}

const ledgerOf = ({ workspace }: DiskPlaces): string => join(workspace, '.holdfast/ledger.sqlite');

/** @param dies a point, and at which hit of it the last stage is cut off */
async function waiting(name: string, upTo: StageName, dies?: readonly [string, number]): Promise<Waiting> {
  const places = prepareDisk(join(root, name));
  let kept = fresh();
  let hits = 0;
  let isCut = false;
  const before = dies === undefined ? undefined : (STAGE_BEFORE[upTo] as StageName);
  if (before !== undefined) kept = await driveDiskJob(places, kept, { upTo: before });
  // A worker that died does nothing more: what it would still write is refused as well.
  setFaultHook((point) => {
    if (isCut || (point === dies?.[0] && ++hits === dies[1])) {
      isCut = true;
      throw new Error('cut off');
    }
  });
  try {
    kept = await driveDiskJob(places, kept, { upTo, isAlone: true, keep: (one) => void (kept = one) });
    assert.equal(dies, undefined, 'it was not cut off');
  } catch (error) {
    if (!(error instanceof QuestionAsked) && !isCut) throw error;
  } finally {
    setFaultHook(undefined);
  }
  assert.deepEqual(
    readdirSync(join(places.workspace, '.holdfast')).filter((file) => file.endsWith('-wal')),
    [],
  );
  return { places, kept, ledger: readFileSync(ledgerOf(places)) };
}

const STAGE_BEFORE: Partial<Record<StageName, StageName>> = { gather: 'table', report: 'asked', undo: 'look' };

type Outcome = 'as a sound one' | 'named' | 'asked about' | { readonly wrong: string };

let copies = 0;

/** Goes on in a copy with another ledger. */
async function goOn(
  { places, kept }: Waiting,
  damage: (ledger: string) => void,
  wanted: unknown,
  isAlone = kept.stages > LAST_ASKING,
): Promise<Outcome> {
  const folder = join(root, `copy-${copies++}`);
  mkdirSync(folder);
  const copy = { workspace: join(folder, 'workspace'), outside: join(folder, 'outside') };
  for (const one of ['workspace', 'outside'] as const) cpSync(places[one], copy[one], { recursive: true });
  damage(ledgerOf(copy));
  try {
    const over = await driveDiskJob(copy, kept, { workerId: 'the next worker', isAlone });
    const end = await endOf(copy, over);
    return isDeepStrictEqual(end, wanted) ? 'as a sound one' : { wrong: JSON.stringify(end) };
  } catch (error) {
    return outcomeOf(error);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Behind the stage `asked` nobody is asked. */
const LAST_ASKING = 5;

function outcomeOf(error: unknown): Outcome {
  if (error instanceof Error && error.message.includes('did not end')) return outcomeOf(error.cause);
  if (error instanceof QuestionAsked)
    return error.question.findings.some((one) => one.class === 'damaged') ? 'named' : 'asked about';
  // Where a comparison finds nothing wrong the step that met it is tried again: it never goes on with it.
  const met = error instanceof HoldfastError && error.type === 'storage-failed' ? error.cause : error;
  if (met instanceof HoldfastError && met.type === 'ledger-damaged') return 'named';
  // Of a database whose name has a bit turned it is said that it is gone.
  if (error instanceof HoldfastError && error.retryable) return 'named';
  return { wrong: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

const MOMENTS: readonly [string, () => Promise<Waiting>][] = [
  ['between two steps', async () => await waiting('between', 'build')],
  ['in the middle of applying', async () => await waiting('applying', 'gather', ['applying.after', 1])],
  ['in the middle of a step', async () => await waiting('running', 'gather', ['once.after', 1])],
  ['while a person is asked', async () => await waiting('asked', 'asked')],
];

async function sweep(t: TestContext, moment: Waiting, damages: Iterable<readonly [string, Buffer]>): Promise<void> {
  const wanted = await soundEnd(moment);
  const counts = new Map<string, number>();
  const wrong: string[] = [];
  for (const [name, bytes] of chosen([...damages])) {
    const outcome = await goOn(moment, (ledger) => writeFileSync(ledger, bytes), wanted);
    const kind = typeof outcome === 'string' ? outcome : 'wrong';
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    if (typeof outcome !== 'string') wrong.push(`${name}: ${outcome.wrong}`);
  }
  t.diagnostic([...counts].map(([kind, count]) => `${count} ${kind}`).join(', ') + ` (HOLDFAST_SEED=${seed})`);
  assert.deepEqual(wrong, []);
  assert.ok((counts.get('named') ?? 0) > 0, 'nothing was named');
}

function chosen<T>(all: T[]): readonly T[] {
  while (all.length > CASES) all.splice(Math.floor(random() * all.length), 1);
  return all;
}

async function soundEnd(moment: Waiting): Promise<unknown> {
  const outcome = await goOn(moment, () => undefined, undefined);
  assert.ok(typeof outcome !== 'string', 'nothing is as undefined');
  return JSON.parse(outcome.wrong) as unknown;
}

function* zeroed(ledger: Buffer): Generator<readonly [string, Buffer]> {
  for (let at = 0; at < ledger.length; at += PAGE_BYTES)
    yield [`page ${at / PAGE_BYTES + 1} zeroed`, Buffer.from(ledger).fill(0, at, at + PAGE_BYTES)];
}

function* cutOff(ledger: Buffer): Generator<readonly [string, Buffer]> {
  for (let at = 0; at < ledger.length; at += PAGE_BYTES)
    for (const to of [at, at + Math.floor(random() * PAGE_BYTES)])
      yield [`cut off at byte ${to}`, ledger.subarray(0, to)];
}

function* turned(ledger: Buffer): Generator<readonly [string, Buffer]> {
  for (let at = 0; at < ledger.length; at += PAGE_BYTES)
    for (let count = 0; count < FLIPS_PER_PAGE; count++) {
      const [byte, bit] = [usedByte(ledger, at), Math.floor(random() * 8)];
      const bytes = Buffer.from(ledger);
      bytes[byte]! ^= 1 << bit;
      const around = ledger.toString('latin1', Math.max(0, byte - 40), byte + 20).replaceAll(/[^ -~]/g, '.');
      yield [`bit ${bit} of byte ${byte} (page ${at / PAGE_BYTES + 1}) turned in “${around}”`, bytes];
    }
}

/** Much of a page may be free: what nobody reads is of little interest. */
function usedByte(ledger: Buffer, page: number): number {
  for (let tries = 0; ; tries++) {
    const byte = page + Math.floor(random() * PAGE_BYTES);
    if (ledger[byte] !== 0 || tries > 100) return byte;
  }
}

/** A bit of one cell after the other, in the middle of a page whose structure stays sound: SQLite sees nothing. */
function* cells(ledger: Buffer, isWanted: (cell: Cell) => boolean = () => true): Generator<readonly [string, Buffer]> {
  const file = join(root, 'cells.sqlite');
  const inLedger = <T>(act: (database: DatabaseSync) => T): T => {
    writeFileSync(file, ledger);
    const database = new DatabaseSync(file);
    try {
      return act(database);
    } finally {
      database.close();
    }
  };
  const places = inLedger((database) =>
    database
      .prepare("SELECT name FROM sqlite_master WHERE type = 'table'")
      .all()
      .flatMap(({ name }) => placesIn(database, String(name))),
  );
  for (const { table, column, row, value } of places.filter(isWanted)) {
    const at = Math.floor(random() * value.length);
    const turned = value.slice(0, at) + String.fromCharCode(value.charCodeAt(at) ^ 1) + value.slice(at + 1);
    inLedger((database) => {
      const keys = Object.keys(row);
      const where = keys.map((key) => `${key} IS ?`).join(' AND ');
      database.prepare(`UPDATE ${table} SET ${column} = ? WHERE ${where}`).run(turned, ...Object.values(row));
    });
    const before = value.slice(Math.max(0, at - 30), at);
    yield [`a bit of ${table}.${column} turned behind “${before}”: ${value[at]}→${turned[at]}`, readFileSync(file)];
  }
}

interface Cell {
  readonly table: string;
  readonly column: string;
  readonly row: Readonly<Record<string, SQLInputValue>>;
  readonly value: string;
}

function placesIn(database: DatabaseSync, table: string): readonly Cell[] {
  return database
    .prepare(`SELECT * FROM ${table}`)
    .all()
    .flatMap((row) =>
      Object.entries(row).flatMap(([column, value]) =>
        typeof value === 'string' && /[a-z0-9]/i.test(value) ? [{ table, column, row: { ...row }, value }] : [],
      ),
    );
}

for (const [when, make] of MOMENTS)
  for (const [what, damages] of [
    ['each page of its record zeroed', zeroed],
    ['its record cut off at each page and within it', cutOff],
    ['bits of each page of its record turned', turned],
    ['a bit of cells of its record turned', cells],
  ] as const)
    test(`${when}, ${what}: it is named, or the job ends as one with a sound record`, async (t) => {
      const moment = await made(when, make);
      await sweep(t, moment, damages(moment.ledger));
    });

const moments = new Map<string, Waiting>();

async function made(when: string, make: () => Promise<Waiting>): Promise<Waiting> {
  const known = moments.get(when) ?? (await make());
  moments.set(when, known);
  return known;
}

/** By what rows are found that are not done, or that say what is done. */
const FOUND_BY: Readonly<Record<string, readonly string[]>> = {
  intent: ['token', 'job_id', 'state'],
  claim: ['token', 'job_id', 'step_id', 'state'],
  perform: ['token', 'name', 'job_id', 'step_id', 'state', 'key'],
  record: ['kind', 'token', 'step_id', 'job_id'],
  once: ['token'],
};

for (const [when, make] of MOMENTS.filter(([name]) => /applying|step$/.test(name)))
  test(`${when}, a bit of each column turned that a row is found by: it is named, whichever row it is`, async (t) => {
    const moment = await made(when, make);
    const turned = [...cells(moment.ledger, ({ table, column }) => FOUND_BY[table]?.includes(column) === true)];
    const unnamed: string[] = [];
    for (const [name, bytes] of turned)
      if ((await goOn(moment, (ledger) => writeFileSync(ledger, bytes), undefined)) !== 'named') unnamed.push(name);
    t.diagnostic(`${turned.length} turned (HOLDFAST_SEED=${seed})`);
    assert.deepEqual(unnamed, []);
    const tables = when.endsWith('applying') ? ['intent', 'claim', 'record'] : ['claim', 'perform', 'once', 'record'];
    for (const table of tables)
      for (const column of FOUND_BY[table]!)
        assert.ok(
          turned.some(([name]) => name.startsWith(`a bit of ${table}.${column} `)),
          `${table}.${column}`,
        );
  });

test('a record that is deleted, older than the job or of a later version is named', async () => {
  const places = prepareDisk(join(root, 'whole'));
  const earlier = await driveDiskJob(places, fresh(), { upTo: 'gather' });
  const older = readFileSync(ledgerOf(places));
  const kept = await driveDiskJob(places, earlier, { upTo: 'build' });
  const moment = { places, kept, ledger: readFileSync(ledgerOf(places)) };
  const later = (ledger: string): void =>
    sqliteScript(ledger, "UPDATE meta SET value = '2' WHERE key = 'schemaVersion'");
  for (const damage of [
    (ledger: string) => rmSync(ledger),
    (ledger: string) => writeFileSync(ledger, older),
    (ledger: string) => writeFileSync(ledger, ''),
    later,
  ])
    assert.equal(await goOn(moment, damage, undefined, true), 'named');
});

test('a content that is missing, cut off or altered is named where it is needed, or the job ends right', async (t) => {
  const moment = await made('between two steps', MOMENTS[0]![1]);
  const wanted = await soundEnd(moment);
  const blobs = join('.holdfast', 'blobs');
  const found = readdirSync(join(moment.places.workspace, blobs), { recursive: true, withFileTypes: true });
  const counts = new Map<Outcome, number>();
  for (const { name, parentPath } of found.filter((entry) => entry.isFile()))
    for (const damage of [
      (path: string) => rmSync(path),
      (path: string) => replaced(path, (bytes) => bytes.subarray(0, bytes.length - 1)),
      (path: string) => replaced(path, (bytes) => bytes.fill(bytes[0]! ^ 1, 0, 1)),
    ]) {
      const place = join(parentPath, name).slice(moment.places.workspace.length);
      const outcome = await goOn(moment, (ledger) => damage(join(ledger, '../..', place)), wanted);
      assert.equal(typeof outcome, 'string', JSON.stringify(outcome));
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    }
  t.diagnostic(JSON.stringify([...counts]));
  assert.ok((counts.get('asked about') ?? 0) + (counts.get('named') ?? 0) > 0, 'nothing was named');
});

function replaced(path: string, change: (bytes: Buffer) => Buffer): void {
  const bytes = change(readFileSync(path));
  rmSync(path);
  writeFileSync(path, bytes);
}

/** A folder of sealed documents under SIGKILL and on a disk that fails: a generation is there whole, or not at all. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sha256Hex } from '../../src/model/digest.ts';
import { DirectoryStore } from '../../src/store/sealed/directory/store.ts';
import { openStore } from '../../src/store/sealed/open-store.ts';
import { answerOf, startChild } from '../support/child-process.ts';
import { linesOf, type Kill } from '../support/killing.ts';
import { testPostgres } from '../support/postgres.ts';
import { aDocument } from '../support/sealed-store-suite.ts';
import { buildFailingIo, withoutCompiler } from './support/failing-io.ts';
import type { SealedEnd, SealedOrder } from './support/sealed-child.ts';

const CHILD = new URL('./support/sealed-child.ts', import.meta.url).pathname;
const root = mkdtempSync(join(tmpdir(), 'holdfast-sealed-'));
const compiled = join(root, 'compiled');
let library: string;
before(() => {
  if (withoutCompiler === false) library = buildFailingIo(root);
});
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

async function* only(text: string): AsyncGenerator<Buffer, void, undefined> {
  yield Buffer.from(text);
}

async function run(order: SealedOrder, env: Record<string, string> = {}): Promise<SealedEnd | undefined> {
  return await answerOf<SealedEnd>(startChild({ script: CHILD, order, compiled, env }));
}

/** Each hit of each point. */
function killsOf(hits: readonly string[]): readonly Kill[] {
  const counted = new Map<string, number>();
  return hits.map((point) => {
    const hit = (counted.get(point) ?? 0) + 1;
    counted.set(point, hit);
    return { point, hit };
  });
}

interface Matrix {
  readonly act: SealedOrder['act'];
  readonly text: string;
  /** Makes the folder as it is before. */
  readonly begin: (folder: string) => Promise<void>;
  /** What must hold after the kill, whatever happened. */
  readonly check: (folder: string, name: string) => Promise<void>;
}

/** Kills one process at each hit of each point. */
async function killEverywhere({ act, text, begin, check }: Matrix): Promise<number> {
  const place = async (): Promise<string> => {
    const folder = join(root, String(count++));
    await begin(folder);
    return folder;
  };
  const hits = join(root, `hits-${count++}`);
  assert.deepEqual(await run({ act, text, folder: await place(), hits }), { done: true });
  const kills = killsOf(linesOf(hits));
  for (const kill of kills) {
    const folder = await place();
    const name = `hit ${kill.hit} of ${kill.point}`;
    assert.equal(await run({ act, text, folder, kill }), undefined, `${name}: it was not killed`);
    await check(folder, name);
  }
  return kills.length;
}

async function putIsWholeOrNot(folder: string, text: string, name: string): Promise<void> {
  const store = new DirectoryStore(folder);
  const found = await store.get('job', 1);
  assert.ok(found === undefined || found.equals(aDocument(text)), `${name}: half of it is there`);
  assert.equal(
    (await store.list('job')).some(({ generation }) => generation === 1),
    found !== undefined,
    name,
  );
  await store.put('job', 1, aDocument(text));
  assert.ok((await store.get('job', 1))?.equals(aDocument(text)), name);
  await store.removeLeftovers(0);
  assert.deepEqual(
    readdirSync(join(folder, 'job')).filter((file) => file.includes('.tmp')),
    [],
    name,
  );
}

test('killed at any point of a put, the generation is there whole or not at all, and a put again has it', async (t) => {
  const first = await killEverywhere({
    act: 'put',
    text: 'x'.repeat(5000),
    begin: async () => undefined,
    check: async (folder, name) => await putIsWholeOrNot(folder, 'x'.repeat(5000), name),
  });
  const later = await killEverywhere({
    act: 'put',
    text: 'later',
    begin: async (folder) => await new DirectoryStore(folder).put('job', 0, aDocument('before')),
    async check(folder, name) {
      assert.ok((await new DirectoryStore(folder).get('job', 0))?.equals(aDocument('before')), name);
      await putIsWholeOrNot(folder, 'later', name);
    },
  });
  t.diagnostic(`${first} and ${later} kills`);
  assert.ok(first >= 14 && later >= 8, `${first} and ${later} kills`);
});

test('killed at any point of setting a generation aside, it is in its place or aside', async () => {
  const kills = await killEverywhere({
    act: 'set-aside',
    text: '',
    async begin(folder) {
      await new DirectoryStore(folder).put('job', 1, aDocument('damaged'));
      writeFileSync(join(folder, 'job/0000000001.sealed'), 'damaged');
    },
    async check(folder, name) {
      const store = new DirectoryStore(folder);
      await store.setAside('job', 1, 'It is damaged.');
      assert.equal(await store.get('job', 1), undefined, name);
      const damaged = join(folder, 'job/damaged');
      const kept = readdirSync(damaged).filter((file) => /sealed\.[0-9a-f]+$/.test(file));
      assert.deepEqual(
        kept.map((file) => readFileSync(join(damaged, file), 'utf8')),
        ['damaged'],
        name,
      );
      assert.ok(existsBeside(damaged, kept[0]!), `${name}: nothing says why`);
    },
  });
  assert.ok(kills >= 8, `${kills} kills`);
});

function existsBeside(folder: string, file: string): boolean {
  return readdirSync(folder).includes(`${file}.txt`);
}

test('killed at any point of storing a content, it is there whole or not at all', async () => {
  const content = 'content '.repeat(1000);
  const digest = sha256Hex(content);
  const kills = await killEverywhere({
    act: 'put-blob',
    text: content,
    begin: async () => undefined,
    async check(folder, name) {
      const store = new DirectoryStore(folder);
      const read: Buffer[] = [];
      if ((await store.hasBlobs([digest])).has(digest)) {
        for await (const chunk of store.getBlob(digest)) read.push(chunk);
        assert.equal(Buffer.concat(read).toString(), content, name);
      }
      await store.putBlob(only(content));
      assert.ok((await store.hasBlobs([digest])).has(digest), name);
    },
  });
  assert.ok(kills >= 8, `${kills} kills`);
});

const postgres = await testPostgres();
const RACERS = 4;
const GENERATIONS = 100;

/** Another may be through before the others have begun: then nothing was shown. */
const MAX_RACES = 5;

/** @returns how many of the processes won some generation */
async function race(folder: string): Promise<number> {
  const meeting = mkdtempSync(join(root, 'meeting-'));
  const order = { act: 'race', folder, meeting, racers: RACERS, generations: GENERATIONS } as const;
  const writers = Array.from({ length: RACERS }, (_one, index) => `writer ${index}`);
  const ends = await Promise.all(writers.map(async (text) => await run({ ...order, text })));
  const store = openStore(folder);
  const wins = ends.map((end) => (end !== undefined && 'won' in end ? end.won! : []));
  for (let generation = 0; generation < GENERATIONS; generation++) {
    const winners = writers.filter((_writer, index) => wins[index]!.includes(generation));
    assert.equal(winners.length, 1, `generation ${generation}: ${winners.join(', ')}`);
    assert.ok((await store.get('job', generation))?.equals(aDocument(winners[0]!, winners[0]!)));
  }
  await store.close();
  return wins.filter((won) => won.length > 0).length;
}

for (const name of ['a folder', 'PostgreSQL'])
  test(`of processes that write into ${name} at once, one wins each generation, the others learn of it`, async () => {
    let most = 0;
    for (let races = 0; races < MAX_RACES && most < 2; races++)
      most = await race(name === 'PostgreSQL' ? await postgres.database() : join(root, String(count++)));
    assert.ok(most > 1, 'nobody raced');
  });

const { EIO, ENOSPC, EACCES, EMFILE } = constants.errno;

/** The call, its error, how many there are at least. */
const CALLS: readonly [string, number, number][] = [
  ['fsync', EIO, 6],
  ['fsync', ENOSPC, 6],
  ['write', ENOSPC, 2],
  ['write', EIO, 2],
  ['link', EIO, 1],
  ['link', ENOSPC, 1],
  ['link', EACCES, 1],
  ['rename', EIO, 1],
  ['unlink', EIO, 1],
  ['mkdir', EACCES, 2],
  ['open', EACCES, 6],
  ['open', EMFILE, 6],
];

for (const [call, errno, least] of CALLS)
  test(
    `whichever ${call} fails (${errno}), a put says so, leaves no half, and a put again has it`,
    { skip: withoutCompiler },
    async () => {
      const folder = join(root, String(count++));
      mkdirSync(folder);
      const end = await run(
        { act: 'failing-puts', folder, text: 'x'.repeat(3000), call, errno },
        { LD_PRELOAD: library },
      );
      assert.ok(end !== undefined && 'done' in end, JSON.stringify(end));
      assert.deepEqual(end.wrong, []);
      assert.ok(end.failed! >= least, `${end.failed} were made to fail`);
    },
  );

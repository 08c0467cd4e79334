/**
 * Each sealed file of a thread is damaged in each way. What can't be read is named, everything else stays as it was,
 * and no older state and no new one is ever given in its place.
 */
import assert from 'node:assert/strict';
import { promises as fs } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import pg from 'pg';
import { Command } from '@langchain/langgraph';
import type { CheckpointTuple } from '@langchain/langgraph-checkpoint';
import { HoldfastError, HoldfastSaver } from '../../src/langgraph.ts';
import { openStore } from '../../src/store/sealed/open-store.ts';
import { thread, threeSteps } from '../support/langgraph.ts';
import { testPostgres } from '../support/postgres.ts';

const byText = (a: string, b: string): number => (a < b ? -1 : 1);
const database = await (await testPostgres()).database();
const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'holdfast-langgraph-damage-'));
after(async () => fs.rm(folder, { recursive: true, force: true }));

interface Damageable {
  readonly location: string;
  read(generation: number): Promise<Buffer>;
  /** Undefined: it is removed. */
  write(generation: number, bytes: Buffer | undefined): Promise<void>;
}

/** A finished thread. Its checkpoints, newest first, and how many generations it has. */
async function finishedThread(location: string): Promise<{ tuples: CheckpointTuple[]; generations: number }> {
  const saver = new HoldfastSaver(location);
  const graph = threeSteps(saver);
  await graph.invoke({ steps: ['input'] }, { ...thread('t'), durability: 'sync' });
  await graph.invoke(new Command({ resume: 'yes' }), { ...thread('t'), durability: 'sync' });
  const tuples: CheckpointTuple[] = [];
  for await (const tuple of saver.list(thread('t'))) tuples.push(tuple);
  await saver.end();
  const store = openStore(location);
  const [series] = await store.series();
  const generations = (await store.generations(series!)).length;
  await store.close();
  return { tuples, generations };
}

const original = path.join(folder, 'original');
const { tuples } = await finishedThread(original);
const files = (await fs.readdir(original, { recursive: true })).filter((name) => name.endsWith('.sealed')).sort(byText);

function inFolder(location: string): Damageable {
  return {
    location,
    read: async (generation) => fs.readFile(path.join(location, files[generation]!)),
    write: async (generation, bytes) => {
      const file = path.join(location, files[generation]!);
      await (bytes === undefined ? fs.rm(file) : fs.writeFile(file, bytes));
    },
  };
}

function inPostgres(postgres: pg.Client, schema: string): Damageable {
  const location = new URL(database);
  location.searchParams.set('schema', schema);
  const one = `${schema}.generation WHERE generation = $1`;
  return {
    location: location.href,
    read: async (generation) => {
      const { rows } = await postgres.query<{ sealed: Buffer }>(`SELECT sealed FROM ${one}`, [generation]);
      return rows[0]!.sealed;
    },
    write: async (generation, bytes) => {
      if (bytes === undefined) await postgres.query(`DELETE FROM ${one}`, [generation]);
      else
        await postgres.query(
          `INSERT INTO ${schema}.generation (series, generation, writer, sealed)
             SELECT series, $1, writer, $2 FROM ${schema}.generation LIMIT 1
             ON CONFLICT (series, generation) DO UPDATE SET sealed = excluded.sealed`,
          [generation, bytes],
        );
    },
  };
}

const DAMAGES: Readonly<Record<string, (bytes: Buffer) => Buffer | undefined>> = {
  'cut off in the middle': (bytes) => bytes.subarray(0, bytes.length >> 1),
  'cut off before its last byte': (bytes) => bytes.subarray(0, -1),
  empty: () => Buffer.alloc(0),
  'with one bit flipped': (bytes) => {
    bytes[bytes.length >> 1]! ^= 4;
    return bytes;
  },
  'with a block of zeros': (bytes) => bytes.fill(0, bytes.length >> 2, bytes.length >> 1),
  'followed by something': (bytes) => Buffer.concat([bytes, Buffer.from('x')]),
  missing: () => undefined,
};

/** `damaged`: the failure's message names the generation. */
async function asked(question: () => Promise<unknown>, generation: number): Promise<unknown> {
  try {
    return await question();
  } catch (error) {
    assert.ok(error instanceof HoldfastError && error.type === 'checkpoint-damaged', String(error));
    assert.match(error.message, new RegExp(`generation ${generation} of thread "t"`));
    return 'damaged';
  }
}

function idOf({ checkpoint }: CheckpointTuple): string {
  return checkpoint.id;
}

async function tryDamages(
  place: Damageable,
  { tuples: all, generations }: Awaited<ReturnType<typeof finishedThread>>,
  damage: (bytes: Buffer) => Buffer | undefined,
): Promise<void> {
  for (let generation = 0; generation < generations; generation++) {
    const sound = await place.read(generation);
    const bytes = damage(Buffer.from(sound));
    const isLast = generation === generations - 1;
    // What is gone at the end leaves nothing that could tell of it.
    if (isLast && bytes === undefined) continue;
    await place.write(generation, bytes);
    const fresh = new HoldfastSaver(place.location);
    const latest = await asked(async () => fresh.getTuple(thread('t')), generation);
    if (isLast) assert.equal(latest, 'damaged');
    else if (latest !== 'damaged') assert.deepEqual(latest, all[0]);
    let lost = 0;
    for (const tuple of all) {
      const again = await asked(async () => fresh.getTuple(thread('t', idOf(tuple))), generation);
      if (again === 'damaged') lost += 1;
      else assert.deepEqual(again, tuple, `generation ${generation} of ${generations}`);
    }
    // A generation holds one checkpoint, and may hold what tasks wrote after the one before it.
    assert.ok(lost <= 2, `generation ${generation}: ${lost} checkpoints can't be read`);
    const listed: CheckpointTuple[] = [];
    const end = await asked(async () => {
      for await (const tuple of fresh.list(thread('t'))) listed.push(tuple);
    }, generation);
    assert.deepEqual(listed, all.slice(0, listed.length));
    assert.ok(end === 'damaged' || listed.length === all.length);
    await fresh.end();
    await place.write(generation, sound);
  }
}

for (const [how, damage] of Object.entries(DAMAGES))
  test(`a sealed file that is ${how}: named, and no other checkpoint suffers`, async () => {
    const location = path.join(folder, how);
    await fs.cp(original, location, { recursive: true });
    await tryDamages(inFolder(location), { tuples, generations: files.length }, damage);
  });

test('a sealed row that is damaged: named, and no other checkpoint suffers', async () => {
  const postgres = new pg.Client(database);
  await postgres.connect();
  try {
    const place = inPostgres(postgres, 'langgraph_damage');
    const finished = await finishedThread(place.location);
    for (const how of ['with one bit flipped', 'missing']) await tryDamages(place, finished, DAMAGES[how]!);
  } finally {
    await postgres.end();
  }
});

test('a damaged newest file stops every run, which says what can still be looked at', async () => {
  const location = path.join(folder, 'newest');
  await fs.cp(original, location, { recursive: true });
  await fs.truncate(path.join(location, files.at(-1)!), 100);
  const again = threeSteps(new HoldfastSaver(location));
  // What `report` wrote after the one before it stood in the same file.
  const ids = tuples.slice(2).map(idOf);
  const named = (error: unknown): boolean => {
    assert.ok(error instanceof HoldfastError);
    assert.deepEqual(error.details['checkpoints'], ids);
    assert.match(error.message, new RegExp(`no older one is taken for it\\. There are ${ids[0]}`));
    return true;
  };
  await assert.rejects(again.invoke({ steps: ['more'] }, thread('t')), named);
  await assert.rejects(again.invoke(null, thread('t', ids[0])), named);
  await assert.rejects(again.invoke(null, thread('t', idOf(tuples[1]!))), named);
  assert.deepEqual((await again.getState(thread('t', ids[0]))).next, ['check']);
  assert.equal((await fs.stat(path.join(location, files.at(-1)!))).size, 100);
});

test('what is damaged is set aside by decision alone, and the tasks whose results are lost run again', async () => {
  const location = path.join(folder, 'aside');
  await fs.cp(original, location, { recursive: true });
  await fs.truncate(path.join(location, files.at(-1)!), 100);
  const ran: string[] = [];
  const again = threeSteps(new HoldfastSaver(location), ran);
  const deciding = new HoldfastSaver(location);
  const moved = await deciding.setAsideDamaged('t');
  assert.deepEqual(
    moved.map(({ generation }) => generation),
    [files.length - 1],
  );
  assert.equal((await fs.stat(moved[0]!.place!)).size, 100);
  assert.deepEqual(await deciding.setAsideDamaged('t'), []);
  assert.deepEqual((await again.getState(thread('t'))).next, ['report']);
  assert.deepEqual((await again.invoke(null, thread('t'))).steps, ['input', 'gather', 'check yes', 'report']);
  assert.deepEqual(ran, ['report']);
  await again.getState(thread('t', idOf(tuples[1]!)));
});

test('a store that loses what it has kept, or gives it out of another thread, is found out', async () => {
  const location = path.join(folder, 'forgetful');
  await fs.cp(original, location, { recursive: true });
  const fresh = new HoldfastSaver(location);
  await fresh.getTuple(thread('t'));
  await fs.rename(path.join(location, files.at(-1)!), path.join(folder, 'away'));
  await assert.rejects(fresh.getTuple(thread('t')), /The store has lost generations of thread "t": \d+ was there/);
  await fs.copyFile(path.join(location, files[0]!), path.join(location, files.at(-1)!));
  await assert.rejects(fresh.getTuple(thread('t')), /Expected itself, found generation 0 of thread "t"/);
});

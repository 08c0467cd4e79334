/**
 * Old generations go under SIGKILL, at every point, from a folder and from PostgreSQL: never fewer than three are left
 * that can be read, and one goes only when the two newest have just been read back.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import pg from 'pg';
import { loadSealed } from '../../src/store/sealed/load.ts';
import { openStore } from '../../src/store/sealed/open-store.ts';
import { pruneSeries } from '../../src/store/sealed/prune.ts';
import type { SealedStore } from '../../src/store/sealed/store.ts';
import { answerOf, startChild } from '../support/child-process.ts';
import { linesOf, type Kill, type Killing } from '../support/killing.ts';
import { testPostgres } from '../support/postgres.ts';
import { aDocument } from '../support/sealed-store-suite.ts';
import { twoAtATime } from '../support/undo-kills.ts';
import type { PruneOrder } from './support/prune-child.ts';

const CHILD = new URL('./support/prune-child.ts', import.meta.url).pathname;
const postgres = await testPostgres();
const root = mkdtempSync(join(tmpdir(), 'holdfast-prune-kills-'));
after(() => rmSync(root, { recursive: true, force: true }));

const GENERATIONS = [1, 2, 3, 5, 7, 8, 9];
const NEWEST = GENERATIONS.slice(-3);

/** Where a series of its own is kept. */
interface Place {
  readonly location: string;
  readonly series: string;
}

const database = await postgres.database();
let count = 0;
const PLACES: Readonly<Record<string, () => Place>> = {
  folder: () => ({ location: join(root, `store-${count++}`), series: 'job' }),
  PostgreSQL: () => ({ location: database, series: `job ${count++}` }),
};

async function using<T>({ location }: Place, work: (store: SealedStore) => Promise<T>): Promise<T> {
  const store = openStore(location);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

async function filled(place: Place): Promise<Place> {
  await using(place, async (store) => {
    for (const generation of GENERATIONS) await store.put(place.series, generation, aDocument(`${generation}`));
  });
  return place;
}

/** Undefined: it was killed. */
async function prune({ location, series }: Place, killing: Killing = {}): Promise<readonly number[] | undefined> {
  const order: PruneOrder = { store: location, series, ...killing };
  return await answerOf<readonly number[]>(startChild({ script: CHILD, order, compiled: join(root, 'compiled') }));
}

/** The newest without a gap, three at least, each read whole. @returns them */
async function mustBeReadable(place: Place): Promise<readonly number[]> {
  return await using(place, async (store) => {
    const left = await store.generations(place.series);
    assert.ok(left.length >= 3, `${left.length} are left`);
    assert.deepEqual(left, GENERATIONS.slice(-left.length), 'the oldest went first');
    for (const one of left) await loadSealed({ store, series: place.series, kind: 'checkpoint' }, one);
    return left;
  });
}

/** As a disk or a person may do it: its bytes are others. */
async function damage({ location, series }: Place, generation: number): Promise<void> {
  if (!location.startsWith('postgres')) {
    const path = await using({ location, series }, async (store) => store.where(series, generation));
    return writeFileSync(path, 'not a checkpoint');
  }
  const client = new pg.Client(location);
  await client.connect();
  try {
    const text = "UPDATE holdfast_checkpoint.generation SET sealed = 'x' WHERE series = $1 AND generation = $2";
    const { rowCount } = await client.query(text, [series, generation]);
    assert.equal(rowCount, 1);
  } finally {
    await client.end();
  }
}

for (const [name, place] of Object.entries(PLACES)) {
  test(`${name}: killed at any point of removing old ones, three can be read, and the next goes on`, async (t) => {
    const hits = join(root, `hits-${name}`);
    const whole = await filled(place());
    assert.deepEqual(await prune(whole, { hits }), GENERATIONS.slice(0, -3));
    assert.deepEqual(await mustBeReadable(whole), NEWEST);
    const counted = new Map<string, number>();
    const kills = linesOf(hits).map((point): Kill => {
      const hit = (counted.get(point) ?? 0) + 1;
      counted.set(point, hit);
      return { point, hit };
    });
    assert.ok(kills.length >= (GENERATIONS.length - 3) * 2, `${kills.length} kills`);
    t.diagnostic(`${kills.length} kills, each of two`);
    const failures = await twoAtATime(kills, async (kill) => {
      const killed = await filled(place());
      assert.equal(await prune(killed, { kill }), undefined, 'it is killed');
      await mustBeReadable(killed);
      await prune(killed);
      assert.deepEqual(await mustBeReadable(killed), NEWEST);
      // Where one of the two newest has gone bad meanwhile, the next one removes nothing.
      for (const newest of NEWEST.slice(-2)) {
        const hindered = await filled(place());
        await prune(hindered, { kill });
        const left = await mustBeReadable(hindered);
        await damage(hindered, newest);
        assert.deepEqual(await prune(hindered), []);
        assert.deepEqual(await using(hindered, async (store) => await store.generations(hindered.series)), left);
      }
    });
    assert.deepEqual(failures, []);
  });

  test(`${name}: the two newest are read before the first goes, each time`, async () => {
    const own = await filled(place());
    await using(own, async (store) => {
      for (const keep of [5, 4, 3, 3]) {
        const acts: string[] = [];
        const noting = new Proxy(store, {
          get(target, property) {
            const value = Reflect.get(target, property, target) as unknown;
            if (typeof value !== 'function') return value;
            return (...args: readonly unknown[]): unknown => {
              if (property === 'get' || property === 'remove') acts.push(`${property} ${String(args[1])}`);
              return value.apply(target, args) as unknown;
            };
          },
        });
        const { removed } = await pruneSeries({ store: noting, series: own.series, kind: 'checkpoint' }, { keep });
        const removals = removed.map((generation) => `remove ${generation}`);
        assert.deepEqual(acts, removed.length === 0 ? [] : ['get 8', 'get 9', ...removals]);
      }
    });
  });
}

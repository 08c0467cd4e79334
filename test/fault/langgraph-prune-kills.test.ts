/**
 * A saver of LangGraph.js that keeps the newest checkpoints of a thread is killed by SIGKILL at each point of a run
 * that prunes, in a folder and in PostgreSQL: every checkpoint that is kept is read whole, none that is kept is lost,
 * and the next pruning removes what the killed one has left.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { CheckpointTuple } from '@langchain/langgraph-checkpoint';
import { HoldfastSaver } from '../../src/langgraph.ts';
import { seriesOf } from '../../src/langgraph/names.ts';
import { openStore } from '../../src/store/sealed/open-store.ts';
import { answerOf, startChild } from '../support/child-process.ts';
import { linesOf, type Kill, type Killing } from '../support/killing.ts';
import { chain, thread } from '../support/langgraph.ts';
import { testPostgres } from '../support/postgres.ts';
import { twoAtATime } from '../support/undo-kills.ts';
import type { LangGraphPruneOrder } from './support/langgraph-prune-child.ts';

const CHILD = new URL('./support/langgraph-prune-child.ts', import.meta.url).pathname;
const KEEP = 3;
/** With that of the input: enough for the next put to prune. */
const NODES = 8;
const postgres = await testPostgres();
const root = mkdtempSync(join(tmpdir(), 'holdfast-langgraph-prune-'));
after(() => rmSync(root, { recursive: true, force: true }));

const first = ['first', ...Array.from({ length: NODES }, (_, node) => `n${node}`)];

interface Place {
  readonly location: string;
  readonly id: string;
}

const database = await postgres.database();
const LOCATIONS: Readonly<Record<string, string>> = { folder: join(root, 'store'), PostgreSQL: database };

async function listed({ location, id }: Place): Promise<readonly CheckpointTuple[]> {
  const saver = new HoldfastSaver(location);
  try {
    const tuples: CheckpointTuple[] = [];
    for await (const tuple of saver.list(thread(id))) tuples.push(tuple);
    // Each by its own id, too, as a run that goes on from it asks for it.
    for (const tuple of tuples) assert.deepEqual(await saver.getTuple(thread(id, tuple.checkpoint.id)), tuple);
    return tuples;
  } finally {
    await saver.end();
  }
}

async function begun(place: Place): Promise<readonly CheckpointTuple[]> {
  const saver = new HoldfastSaver(place.location);
  await chain(saver, NODES).invoke({ steps: ['first'] }, { ...thread(place.id), durability: 'sync' });
  await saver.end();
  return await listed(place);
}

async function generationsOf({ location, id }: Place): Promise<number> {
  const store = openStore(location);
  try {
    return (await store.generations(seriesOf({ thread: id, namespace: '' }))).length;
  } finally {
    await store.close();
  }
}

interface Answer {
  readonly steps: readonly string[];
  readonly warnings: readonly string[];
}

/** Undefined: it was killed. */
async function run({ location, id }: Place, killing: Killing = {}): Promise<Answer | undefined> {
  const order: LangGraphPruneOrder = { location, thread: id, keep: KEEP, ...killing };
  return await answerOf<Answer>(startChild({ script: CHILD, order, compiled: join(root, 'compiled') }));
}

/** What is left of what was there is the newest of it, as it was. */
async function mustBeReadable(place: Place, before: readonly CheckpointTuple[]): Promise<void> {
  const now = await listed(place);
  assert.ok(now.length >= KEEP, `${now.length} checkpoints are left`);
  const known = new Map(before.map((tuple) => [tuple.checkpoint.id, tuple]));
  const added = now.filter(({ checkpoint }) => !known.has(checkpoint.id));
  const left = now.slice(added.length);
  assert.deepEqual(
    left.map(({ checkpoint }) => checkpoint.id),
    before.slice(0, left.length).map(({ checkpoint }) => checkpoint.id),
    'the oldest are given up first',
  );
  // The newest of before may have got tasks' writes meanwhile: they are of its own next run.
  for (const { checkpoint, metadata } of left) {
    const then = known.get(checkpoint.id)!;
    assert.deepEqual({ checkpoint, metadata }, { checkpoint: then.checkpoint, metadata: then.metadata });
  }
}

for (const [name, location] of Object.entries(LOCATIONS))
  test(`${name}: killed at any point of pruning a thread, every kept checkpoint is read whole`, async (t) => {
    const hits = join(root, `hits-${name}`);
    const whole = { location, id: 'whole' };
    const before = await begun(whole);
    assert.ok(before.length >= 2 * KEEP, `${before.length} checkpoints`);
    const generations = await generationsOf(whole);
    const unharmed = await run(whole, { hits });
    assert.deepEqual(unharmed?.warnings, []);
    await mustBeReadable(whole, before);
    const pruned = await generationsOf(whole);
    assert.ok(pruned < generations, `${pruned} of ${generations} generations are left`);
    const counted = new Map<string, number>();
    const kills = linesOf(hits).flatMap((point): Kill[] => {
      const hit = (counted.get(point) ?? 0) + 1;
      counted.set(point, hit);
      // Each fsync stands between points of what it is for.
      return point.startsWith('fsync') ? [] : [{ point, hit }];
    });
    assert.ok(kills.length >= generations - pruned, `${kills.length} kills`);
    t.diagnostic(`${kills.length} kills; ${generations} generations become ${pruned}`);
    const failures = await twoAtATime(kills, async (kill, index) => {
      const place = { location, id: `${name} ${index}` };
      const there = await begun(place);
      assert.equal(await run(place, { kill }), undefined, 'it is killed');
      await mustBeReadable(place, there);
      // They put what makes the next pruning due.
      for (let runs = 0; runs < 2; runs++) {
        const next = await run(place);
        assert.deepEqual(next?.warnings, []);
        assert.deepEqual(next.steps.slice(-2), ['again', 'n0']);
        assert.deepEqual(next.steps.slice(0, NODES + 1), first);
      }
      await mustBeReadable(place, await listed(place));
      const left = await generationsOf(place);
      assert.ok(left <= generations, `${left} generations are left`);
    });
    assert.deepEqual(failures, []);
  });

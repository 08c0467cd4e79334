/** LangGraph.js on sealed checkpoints: what a graph's user does, and two at once. */
import assert from 'node:assert/strict';
import { promises as fs } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Command, END, START, StateGraph } from '@langchain/langgraph';
import { emptyCheckpoint, uuid6 } from '@langchain/langgraph-checkpoint';
import { HoldfastError, HoldfastSaver } from '../../src/langgraph.ts';
import { chain, State, thread, threeSteps } from '../support/langgraph.ts';

const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'holdfast-langgraph-'));
after(async () => fs.rm(folder, { recursive: true, force: true }));
const byText = (a: string, b: string): number => (a < b ? -1 : 1);
let stores = 0;
function newStore(): string {
  return path.join(folder, `store ${++stores}`);
}

async function history(graph: ReturnType<typeof threeSteps>, id: string) {
  const all = [];
  for await (const snapshot of graph.getStateHistory(thread(id))) all.push(snapshot);
  return all;
}

function stepsOf({ values }: { values: unknown }): string[] {
  return (values as typeof State.State).steps;
}

function isFailure(type: string, pattern: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof HoldfastError, String(error));
    assert.equal(error.type, type, error.message);
    assert.match(error.message, pattern);
    return true;
  };
}

for (const durability of ['sync', 'async', 'exit'] as const)
  test(`a graph waits, goes on in another process's saver, and keeps its history (${durability})`, async () => {
    const location = newStore();
    const ran: string[] = [];
    const first = new HoldfastSaver(location);
    await threeSteps(first, ran).invoke({ steps: ['input'] }, { ...thread('t'), durability });
    await first.end();
    const second = new HoldfastSaver(location);
    const graph = threeSteps(second, ran);
    assert.deepEqual((await graph.getState(thread('t'))).next, ['check']);
    const end = await graph.invoke(new Command({ resume: 'yes' }), { ...thread('t'), durability });
    assert.deepEqual(end.steps, ['input', 'gather', 'check yes', 'report']);
    assert.deepEqual(end.at, new Date(5));
    assert.deepEqual(ran, ['gather', 'check', 'report']);
    const steps = (await history(graph, 't')).map((snapshot) => stepsOf(snapshot).length);
    assert.deepEqual(steps, durability === 'exit' ? [4, 2] : [4, 3, 2, 1, 0]);
    await second.end();
  });

test('a thread that the first version wrote is read and gone on from', async () => {
  const location = newStore();
  await fs.cp(path.join(import.meta.dirname, '../fixtures/langgraph-1'), location, { recursive: true });
  const saver = new HoldfastSaver(location);
  const graph = threeSteps(saver);
  const snapshots = await history(graph, 't');
  assert.deepEqual(
    snapshots.map((snapshot) => [stepsOf(snapshot).length, snapshot.next[0]]),
    [
      [6, 'check'],
      [5, 'gather'],
      [4, '__start__'],
      [4, undefined],
      [3, 'report'],
      [2, 'check'],
      [1, 'gather'],
      [0, '__start__'],
    ],
  );
  const end = await graph.invoke(new Command({ resume: 'no' }), thread('t'));
  assert.deepEqual(end.steps, ['input', 'gather', 'check yes', 'report', 'again', 'gather', 'check no', 'report']);
  assert.deepEqual(end.at, new Date(5));
});

test('a past state is gone on from as a branch, edited, and copied; each branch keeps its own values', async () => {
  const saver = new HoldfastSaver(newStore());
  const graph = threeSteps(saver);
  await graph.invoke({ steps: ['input'] }, thread('t'));
  await graph.invoke(new Command({ resume: 'a' }), thread('t'));
  const states = await history(graph, 't');
  await graph.invoke(null, states.find(({ next }) => next[0] === 'gather')!.config);
  const other = await graph.invoke(new Command({ resume: 'b' }), thread('t'));
  assert.deepEqual(other.steps, ['input', 'gather', 'check b', 'report']);
  const edited = await graph.updateState(
    states.find(({ next }) => next[0] === 'check')!.config,
    { steps: ['by hand'] },
    'check',
  );
  assert.deepEqual((await graph.invoke(null, edited)).steps, ['input', 'gather', 'by hand', 'report']);
  const ends = (await history(graph, 't')).filter(({ next }) => next.length === 0);
  assert.deepEqual(
    ends.map(({ values }) => (values as typeof State.State).steps[2]),
    ['by hand', 'check b', 'check a'],
  );
  await saver.end();
});

test('graphs within a graph have namespaces of their own, and are deleted with their thread', async () => {
  const location = newStore();
  const saver = new HoldfastSaver(location);
  const inner = new StateGraph(State)
    .addNode('deep', () => ({ steps: ['deep'] }))
    .addEdge(START, 'deep')
    .addEdge('deep', END)
    .compile({ checkpointer: true });
  const graph = new StateGraph(State)
    .addNode('inner', inner)
    .addEdge(START, 'inner')
    .addEdge('inner', END)
    .compile({ checkpointer: saver });
  await graph.invoke({ steps: ['input'] }, thread('t'));
  await graph.invoke({ steps: ['again'] }, thread('kept'));
  const namespaces = new Set<string>();
  for await (const { config } of saver.list(thread('t'))) namespaces.add(String(config.configurable!['checkpoint_ns']));
  assert.equal(namespaces.size, 2);
  await saver.deleteThread('t');
  for await (const tuple of new HoldfastSaver(location).list(thread('t'))) assert.fail(JSON.stringify(tuple.config));
  assert.equal((await graph.invoke({ steps: ['anew'] }, thread('t'))).steps[0], 'anew');
  assert.equal(stepsOf(await graph.getState(thread('kept')))[0], 'again');
  const texts = await fs.readdir(location, { recursive: true });
  for (const name of texts.filter((one) => one.endsWith('.sealed')))
    assert.ok(!(await fs.readFile(path.join(location, name), 'utf8')).includes('"input"'), name);
});

test('values that did not change are not written again, and big states cost what is new of them', async () => {
  const location = newStore();
  const saver = new HoldfastSaver(location);
  const big = Array.from({ length: 4000 }, () => Math.random());
  const graph = chain(saver, 12);
  await graph.invoke({ steps: [JSON.stringify(big)] }, { ...thread('small'), durability: 'sync' });
  const sizes: number[] = [];
  for (const name of (await fs.readdir(location, { recursive: true })).filter((one) => one.endsWith('.sealed')).sort())
    sizes.push((await fs.stat(path.join(location, name))).size);
  assert.ok(sizes.length >= 13, String(sizes.length));
  const state = new HoldfastSaver(newStore());
  const config = await state.put(
    thread('t'),
    { ...emptyCheckpoint(), channel_values: { big, n: 0 }, channel_versions: { big: 1, n: 1 } },
    { source: 'loop', step: 0, parents: {} },
    { big: 1, n: 1 },
  );
  let parent = config;
  for (let step = 1; step < 6; step++) {
    const checkpoint = {
      ...emptyCheckpoint(),
      id: uuid6(step),
      channel_values: { big, n: step },
      channel_versions: { big: 1, n: step + 1 },
    };
    parent = await state.put(parent, checkpoint, { source: 'loop', step, parents: {} }, { n: step + 1 });
  }
  assert.deepEqual((await state.getTuple(thread('t')))!.checkpoint.channel_values, { big, n: 5 });
});

test('two runs of one thread: one wins, the other is told who did, and nothing of it is stored', async () => {
  const location = newStore();
  const savers = [new HoldfastSaver(location), new HoldfastSaver(location)] as const;
  await chain(savers[0], 1).invoke({ steps: ['input'] }, thread('t'));
  const both = Promise.withResolvers<void>();
  let begun = 0;
  const results = await Promise.allSettled(
    savers.map(async (saver, index) =>
      chain(saver, 2, async () => {
        begun += 1;
        if (begun === 2) both.resolve();
        await both.promise;
      }).invoke({ steps: [`by ${index}`] }, { ...thread('t'), durability: 'async' }),
    ),
  );
  const [won, lost] = [
    results.find(({ status }) => status === 'fulfilled'),
    results.find(({ status }) => status === 'rejected'),
  ];
  assert.ok(
    won?.status === 'fulfilled' && lost?.status === 'rejected',
    JSON.stringify(results.map(({ status }) => status)),
  );
  isFailure(
    'checkpoint-taken',
    /Two writers went on from checkpoint .*saver [0-9a-f]+\) has put .* was refused/,
  )(lost.reason);
  const { winner, refused } = (lost.reason as HoldfastError).details as Record<string, { writer: string }>;
  assert.notEqual(winner!.writer, refused!.writer);
  assert.deepEqual(stepsOf(await chain(new HoldfastSaver(location), 1).getState(thread('t'))), won.value.steps);
});

test('two runs that begin one thread: one wins, in one process and in two', async () => {
  for (const count of [1, 2]) {
    const location = newStore();
    const savers = Array.from({ length: count }, () => new HoldfastSaver(location));
    const both = [savers[0]!, savers.at(-1)!].map(async (saver, index) =>
      chain(saver, 3).invoke({ steps: [`by ${index}`] }, thread('t')),
    );
    const results = await Promise.allSettled(both);
    const lost = results.find(({ status }) => status === 'rejected');
    const won = results.find(({ status }) => status === 'fulfilled');
    assert.ok(won?.status === 'fulfilled' && lost?.status === 'rejected', `${count} savers`);
    isFailure('checkpoint-taken', /Two writers began thread "t": .* has put .* was refused/)(lost.reason);
    const state = await chain(savers[0]!, 3).getState(thread('t'));
    assert.deepEqual(stepsOf(state), won.value.steps);
    await Promise.all(savers.map(async (saver) => saver.end()));
  }
});

test('two runs of one thread in one process: the later one is refused', async () => {
  const saver = new HoldfastSaver(newStore());
  const [gate, begun] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const wait = async (node: number): Promise<void> => {
    begun.resolve();
    if (node === 0) await gate.promise;
  };
  const slow = chain(saver, 2, wait).invoke({ steps: ['slow'] }, { ...thread('t'), durability: 'sync' });
  slow.catch(() => undefined);
  await begun.promise;
  while ((await saver.getTuple(thread('t')))?.metadata?.step !== 0) await delay(5);
  await chain(saver, 2).invoke({ steps: ['quick'] }, thread('t'));
  gate.resolve();
  await assert.rejects(slow, isFailure('checkpoint-taken', /Two writers went on from checkpoint/));
  assert.deepEqual(stepsOf(await chain(saver, 1).getState(thread('t'))).slice(-3), ['quick', 'n0', 'n1']);
});

test('runs that name the checkpoint they branch off from are all kept', async () => {
  const location = newStore();
  const savers = [new HoldfastSaver(location), new HoldfastSaver(location)] as const;
  await chain(savers[0], 1).invoke({ steps: ['input'] }, thread('t'));
  const { config } = await chain(savers[0], 1).getState(thread('t'));
  const both = await Promise.all(
    savers.map(async (saver, n) => chain(saver, 2).invoke({ steps: [`branch ${n}`] }, config)),
  );
  assert.deepEqual(both.map(({ steps }) => steps[2]!).sort(byText), ['branch 0', 'branch 1']);
});

test('a run that is to go on from a checkpoint that is not there names those that are', async () => {
  const saver = new HoldfastSaver(newStore());
  const graph = chain(saver, 1);
  await graph.invoke({ steps: ['input'] }, thread('t'));
  const { config } = await graph.getState(thread('t'));
  const id = String(config.configurable!['checkpoint_id']);
  const unknown = uuid6(9);
  const names = isFailure(
    'not-found',
    new RegExp(`There is no checkpoint ${unknown} in thread "t"\\. There are ${id}`),
  );
  let ran = 0;
  const counting = chain(saver, 1, async () => void (ran += 1));
  for (const durability of ['async', 'exit'] as const)
    await assert.rejects(counting.invoke({ steps: ['x'] }, { ...thread('t', unknown), durability }), names);
  assert.equal(ran, 0);
  await assert.rejects(
    saver.put(
      { configurable: { thread_id: 't', checkpoint_ns: '', checkpoint_id: unknown } },
      emptyCheckpoint(),
      { source: 'loop', step: 1, parents: {} },
      {},
    ),
    names,
  );
  assert.equal(await saver.getTuple(thread('t', unknown)), undefined);
});

test('a state that cannot be kept is refused with channel and path, and the thread stays as it was', async () => {
  const saver = new HoldfastSaver(newStore());
  class Money {
    amount = 1;
  }
  const graph = new StateGraph(State)
    .addNode('pay', () => ({ at: { price: new Money() } as unknown as Date }))
    .addEdge(START, 'pay')
    .addEdge('pay', END)
    .compile({ checkpointer: saver });
  await assert.rejects(
    graph.invoke({ steps: ['input'] }, thread('t')),
    isFailure('not-json', /channel "at"\.price is an instance of Money/),
  );
  assert.deepEqual(stepsOf(await graph.getState(thread('t'))), ['input']);
});

test('options, places and threads that cannot be used are refused', async () => {
  assert.throws(() => new HoldfastSaver('checkpoints'), isFailure('bad-input', /is no store of checkpoints/));
  assert.throws(
    () => new HoldfastSaver('x', { serd: 1 } as object),
    isFailure('bad-input', /"serd", which is unknown/),
  );
  const saver = new HoldfastSaver(newStore());
  await assert.rejects(
    saver.getTuple({ configurable: { thread_id: 7 } }),
    isFailure('bad-input', /thread_id is a number/),
  );
  await assert.rejects(
    saver.put({}, emptyCheckpoint(), { source: 'input', step: -1, parents: {} }, {}),
    isFailure('bad-input', /names no thread/),
  );
  await assert.rejects(saver.putWrites(thread('t'), [['a', 1]], 'task'), isFailure('bad-input', /names no checkpoint/));
});

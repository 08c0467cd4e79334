/** A saver that keeps the newest checkpoints of a thread. */
import assert from 'node:assert/strict';
import { promises as fs } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { Annotation, type BaseChannel, DeltaChannel, END, START, StateGraph } from '@langchain/langgraph';
import type { CheckpointTuple } from '@langchain/langgraph-checkpoint';
import { HoldfastError, HoldfastSaver } from '../../src/langgraph.ts';
import { chain, thread } from '../support/langgraph.ts';

const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'holdfast-langgraph-retention-'));
after(async () => fs.rm(folder, { recursive: true, force: true }));

const byText = (a: string, b: string): number => (a < b ? -1 : 1);

async function listed(saver: HoldfastSaver): Promise<CheckpointTuple[]> {
  const tuples: CheckpointTuple[] = [];
  for await (const tuple of saver.list(thread('t'))) tuples.push(tuple);
  return tuples;
}

async function filesIn(location: string): Promise<number> {
  return (await fs.readdir(location, { recursive: true })).filter((name) => name.endsWith('.sealed')).length;
}

test('keeps the newest checkpoints, each loaded whole, and removes what none of them needs', async () => {
  const location = path.join(folder, 'kept');
  const saver = new HoldfastSaver(location, { keep: 4 });
  const graph = chain(saver, 6);
  for (let run = 0; run < 3; run++) await graph.invoke({ steps: [`run ${run}`], at: new Date(run) }, thread('t'));
  assert.ok((await filesIn(location)) < 20, `${await filesIn(location)} files`);
  const tuples = await listed(saver);
  assert.ok(tuples.length >= 4 && tuples.length <= 9, `${tuples.length} checkpoints`);
  const fresh = new HoldfastSaver(location, { keep: 4 });
  assert.deepEqual(await listed(fresh), tuples);
  for (const tuple of tuples) assert.deepEqual(await fresh.getTuple(tuple.config), tuple);
  const { steps, at } = tuples[0]!.checkpoint.channel_values as { steps: string[]; at: Date };
  assert.deepEqual([steps.length, at], [21, new Date(2)]);
  const end = await chain(fresh, 6).invoke({ steps: ['run 3'] }, thread('t'));
  assert.equal(end.steps.length, 28);
  assert.deepEqual(await listed(new HoldfastSaver(location)), await listed(fresh));
});

test('gives up nothing while something of the thread cannot be read', async () => {
  const location = path.join(folder, 'damaged');
  await chain(new HoldfastSaver(location), 9).invoke({ steps: ['first'] }, { ...thread('t'), durability: 'sync' });
  const names = (await fs.readdir(location, { recursive: true }))
    .filter((name) => name.endsWith('.sealed'))
    .sort(byText);
  await fs.truncate(path.join(location, names[1]!), 50);
  const warnings: string[] = [];
  const note = (warning: Error): void => void warnings.push(warning.message);
  process.on('warning', note);
  const saver = new HoldfastSaver(location, { keep: 3 });
  await chain(saver, 2).invoke({ steps: ['second'] }, thread('t'));
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', note);
  assert.match(warnings[0]!, /Old checkpoints of thread "t" are still there: The generation 1 of thread "t"/);
  assert.ok((await filesIn(location)) > names.length);
});

test('keeps the ancestors from which the values of delta channels are made', async () => {
  const saver = new HoldfastSaver(path.join(folder, 'delta'), { keep: 3 });
  const all = (notes: string[], writes: string[][]): string[] => [...notes, ...writes.flat()];
  const State = Annotation.Root({ notes: () => new DeltaChannel<string[], string[]>(all) as BaseChannel });
  const graph = new StateGraph(State)
    .addNode('note', ({ notes }) => ({ notes: [`n${(notes as string[]).length}`] }))
    .addEdge(START, 'note')
    .addConditionalEdges('note', ({ notes }) => ((notes as string[]).length % 9 === 0 ? END : 'note'))
    .compile({ checkpointer: saver });
  for (let run = 0; run < 2; run++) await graph.invoke({ notes: [`run ${run}`] }, thread('t'));
  const state = (await graph.getState(thread('t'))) as { values: { notes: string[] } };
  assert.equal(state.values.notes.length, 18);
});

test('fewer than three are refused', () => {
  assert.throws(
    () => new HoldfastSaver(folder, { keep: 2 }),
    (error) => error instanceof HoldfastError && /keep is 2\. Expected .* at least 3/.test(error.message),
  );
});

/** Runs or goes on with a thread of eight nodes: `node langgraph-child.ts STORE`. Says which node it begins. */
import { HoldfastSaver } from '../../src/langgraph.ts';
import { chain, thread } from './langgraph.ts';

export const NODES = 8;

if (process.argv[1] === import.meta.filename) {
  const saver = new HoldfastSaver(process.argv[2]!);
  const graph = chain(saver, NODES, async (node) => {
    process.stdout.write(`begin ${node}\n`);
    await new Promise((resolve) => setTimeout(resolve, 15));
  });
  const isBegun = (await saver.getTuple(thread('t'))) !== undefined;
  const { steps } = await graph.invoke(isBegun ? null : { steps: ['input'] }, { ...thread('t'), durability: 'sync' });
  process.stdout.write(`end ${JSON.stringify(steps)}\n`);
  await saver.end();
}

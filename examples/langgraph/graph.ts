/** A graph of three nodes, each of which takes its time. Its state has a Date and a Map, and keeps them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Annotation, END, START, StateGraph } from '@langchain/langgraph';
import { HoldfastSaver } from 'holdfast/langgraph';

const State = Annotation.Root({
  notes: Annotation<string[]>({ reducer: (all, more) => [...all, ...more], default: () => [] }),
  counts: Annotation<Map<string, number>>(),
  at: Annotation<Date>(),
});

/** The line that is changed. It was: const checkpointer = new MemorySaver(); */
export const checkpointer = HoldfastSaver.fromConnString(process.env['CHECKPOINTS'] ?? './work/checkpoints');

async function work(node: string): Promise<void> {
  console.log(`${node} …`);
  await sleep(200);
  console.log(`${node} is done`);
}

export const graph = new StateGraph(State)
  .addNode('gather', async () => {
    await work('gather');
    return { notes: ['three sources'], counts: new Map([['sources', 3]]), at: new Date() };
  })
  .addNode('analyse', async ({ counts }) => {
    await work('analyse');
    return { notes: [`${counts.get('sources')} sources agree`] };
  })
  .addNode('report', async ({ at }) => {
    await work('report');
    return { notes: [`as of ${at.toISOString().slice(0, 10)}`] };
  })
  .addEdge(START, 'gather')
  .addEdge('gather', 'analyse')
  .addEdge('analyse', 'report')
  .addEdge('report', END)
  .compile({ checkpointer });

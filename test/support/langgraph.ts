/** Small graphs of LangGraph.js with a saver of ours. */
import { Annotation, END, interrupt, START, StateGraph } from '@langchain/langgraph';
import type { HoldfastSaver } from '../../src/langgraph.ts';

export const State = Annotation.Root({
  steps: Annotation<string[]>({ reducer: (all, more) => [...all, ...more], default: () => [] }),
  at: Annotation<Date>(),
});

/** `gather`, then `check`, which waits for an answer, then `report`. */
export function threeSteps(checkpointer: HoldfastSaver, ran: string[] = []) {
  return new StateGraph(State)
    .addNode('gather', () => {
      ran.push('gather');
      return { steps: ['gather'], at: new Date(5) };
    })
    .addNode('check', () => {
      const answer = interrupt('go on?') as string;
      ran.push('check');
      return { steps: [`check ${answer}`] };
    })
    .addNode('report', () => {
      ran.push('report');
      return { steps: ['report'] };
    })
    .addEdge(START, 'gather')
    .addEdge('gather', 'check')
    .addEdge('check', 'report')
    .addEdge('report', END)
    .compile({ checkpointer });
}

/** So many nodes, one after the other; each adds its number, and waits where it is told to. */
export function chain(checkpointer: HoldfastSaver, count: number, wait?: (node: number) => Promise<void>) {
  const names = Array.from({ length: count }, (_, index) => `n${index}`);
  const graph = new StateGraph(State);
  for (const [index, name] of names.entries())
    graph.addNode(name, async () => {
      await wait?.(index);
      return { steps: [name] };
    });
  const edges = graph as unknown as { addEdge(from: string, to: string): void };
  for (const [index, name] of names.entries()) edges.addEdge(index === 0 ? START : names[index - 1]!, name);
  edges.addEdge(names.at(-1)!, END);
  return graph.compile({ checkpointer });
}

export function thread(id: string, checkpoint?: string) {
  return { configurable: { thread_id: id, ...(checkpoint === undefined ? {} : { checkpoint_id: checkpoint }) } };
}

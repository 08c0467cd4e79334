/**
 * LangGraph.js with its PostgreSQL saver: a node each step, and `durability: 'sync'`, so that a step's checkpoint is
 * stored before the next one begins. Not `task`s of an entrypoint: between them that mode waits for no checkpoint.
 * https://docs.langchain.com/oss/javascript/langgraph/durable-execution
 */
import { Annotation, END, START, StateGraph } from '@langchain/langgraph';
import { PostgresSaver } from '@langchain/langgraph-checkpoint-postgres';
import { versionsOf } from '../versions.ts';

export async function open({ stateUrl, packages }, work) {
  const saver = PostgresSaver.fromConnString(stateUrl);
  await saver.setup();
  const State = Annotation.Root({ job: Annotation(), steps: Annotation(), index: Annotation() });
  const graph = new StateGraph(State)
    .addNode('note', async ({ job, index }) => {
      await work.act(job, index);
      return { index: index + 1 };
    })
    .addEdge(START, 'note')
    .addConditionalEdges('note', ({ index, steps }) => (index < steps ? 'note' : END))
    .compile({ checkpointer: saver });
  return {
    versions: versionsOf(packages, ['@langchain/langgraph', '@langchain/langgraph-checkpoint-postgres']),
    variants: {
      'langgraph-node': async (job, steps) => {
        const config = { configurable: { thread_id: job }, recursionLimit: steps + 10, durability: 'sync' };
        await graph.invoke({ job, steps, index: 0 }, config);
      },
    },
    close: async () => await saver.end(),
  };
}

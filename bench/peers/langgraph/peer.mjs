/**
 * LangGraph.js with its PostgreSQL saver: a node each. Its documentation asks for idempotent nodes; the key of their
 * calls is made of the thread's id and the node's name. After a crash the caller invokes the graph again, with `null`.
 * https://docs.langchain.com/oss/javascript/langgraph/durable-execution
 */
import { Annotation, END, START, StateGraph } from '@langchain/langgraph';
import { PostgresSaver } from '@langchain/langgraph-checkpoint-postgres';
import { versionsOf } from '../versions.ts';

const STEPS = 5;

export async function open({ stateUrl, packages, variant: durability }, work) {
  const saver = PostgresSaver.fromConnString(stateUrl);
  await saver.setup();
  const State = Annotation.Root({ job: Annotation(), step: Annotation() });
  const graph = new StateGraph(State);
  for (let index = 1; index <= STEPS; index++) {
    graph.addNode(`act-${index}`, async ({ job }) => await work.act(job, index, `${String(job)}-act-${index}`));
    graph.addEdge(index === 1 ? START : `act-${index - 1}`, `act-${index}`);
  }
  graph.addEdge(`act-${STEPS}`, END);
  const compiled = graph.compile({ checkpointer: saver });
  const config = (job) => ({ configurable: { thread_id: job }, ...(durability === '' ? {} : { durability }) });
  /** Job → the call that is under way. */
  const calls = new Map();
  const call = (job, input) => {
    const invoked = compiled.invoke(input, config(job)).then(
      () => ({ kind: 'completed' }),
      (error) => ({ kind: 'failed', why: error.message }),
    );
    calls.set(job, invoked);
  };
  return {
    versions: versionsOf(packages, ['@langchain/langgraph', '@langchain/langgraph-checkpoint-postgres']),
    start: async (job) => call(job, { job }),
    resume: async (job) => call(job, null),
    outcome: async (job) => await calls.get(job),
    sees: async (job) => {
      const { next, tasks } = await compiled.getState(config(job));
      const errors = tasks.flatMap(({ error }) => (error === undefined ? [] : [error.message ?? String(error)]));
      return [`next: ${next.join() || 'nothing'}`, ...errors].join('; ');
    },
    goOn: async (job) => call(job, null),
    close: async () => await saver.end(),
  };
}

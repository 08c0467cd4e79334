/** Runs a thread of the graph: from its beginning, or from where it was. */
import { checkpointer, graph } from './graph.ts';

const thread = { configurable: { thread_id: process.argv[2] ?? 'example' } };
const { next, createdAt } = await graph.getState(thread);
const isBegun = createdAt !== undefined;
console.log(isBegun ? `The thread is there; next is ${next.join(', ') || 'nothing'}.` : 'The thread is new.');
// `sync`: a node begins when the checkpoint before it has been read back.
const { notes } = await graph.invoke(isBegun ? null : { notes: ['begun'] }, { ...thread, durability: 'sync' });
console.log(notes.join('; '));
await checkpointer.end();

/**
 * A checkpoint saver for LangGraph.js: package entry `holdfast/langgraph`. It needs `@langchain/langgraph-checkpoint`,
 * which whoever uses LangGraph.js has, and no Temporal server.
 *
 * ```ts
 * import { HoldfastSaver } from 'holdfast/langgraph';
 *
 * const graph = builder.compile({ checkpointer: HoldfastSaver.fromConnString('./checkpoints') });
 * ```
 */
export type { SetAside } from './langgraph/deleting.ts';
export { HoldfastSaver, type HoldfastSaverOptions } from './langgraph/saver.ts';
export type { Classes } from './langgraph/types/walk.ts';
export { TypeKeepingSerializer } from './langgraph/serializer.ts';
export { HoldfastError } from './model/failure.ts';

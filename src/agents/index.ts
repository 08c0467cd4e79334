/**
 * Agents in a guarded Workflow. Package entry `holdfast/agents`.
 *
 * Invariant: of the AI SDK it needs types alone. A bundle without it loads.
 */
export { guardAgent, type AgentOptions, type GuardedAgent } from './agent.ts';
export type { AskTool, PersonsAnswer } from './ask-tool.ts';
export type { ModelOptions } from './guarded-model.ts';
export type { GuardedTool, ToolOptions } from './guarded-tool.ts';
export { toolSchema, type ToolSchema, type ToolSchemaOptions } from '../model/step/tool-schema.ts';

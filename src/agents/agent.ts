/** An agent of a guarded job: its model and its tools. */
import type { LanguageModelV4 } from '@ai-sdk/provider';
import { HoldfastError } from '../model/failure.ts';
import { refuseUnknownOptions } from '../model/options.ts';
import type { StepContract } from '../model/step/step.ts';
import type { Job } from '../workflows/guarded-job.ts';
import { makeAskTool, type AskTool } from './ask-tool.ts';
import { Conversation } from './conversation.ts';
import { makeGuardedModel, makeWatchedModel, type ModelOptions } from './guarded-model.ts';
import { makeGuardedTool, type GuardedTool, type ToolOptions } from './guarded-tool.ts';
import { Notes } from './notes.ts';

export interface AgentOptions {
  /** The first part of its steps' ids; each conversation of a job has its own. Default: `agent`. */
  readonly name?: string;
}

/** Its members may be used by themselves: none of them needs `this`. */
export interface GuardedAgent {
  /**
   * The model for `generateText`. By its id: each answer is a guarded step (`agent/1`, `agent/2`, …), recorded before
   * it is used; the worker needs `agentSteps`. A model of your own (`temporalProvider.languageModel(id)`): its turns
   * are counted and it is told what people changed, but its answers are not in the record.
   */
  readonly guardModel: (model: string | LanguageModelV4, options?: ModelOptions) => LanguageModelV4;
  /**
   * A tool whose call is the contract's step behind the gate (`agent/1.1/edit`, …). What the model gives is checked by
   * the contract; a rejection or a failure is told to the model.
   * @throws HoldfastError `bad-input` for a contract that JSON Schema has no words for, unknown options
   */
  readonly guardTool: <C extends StepContract>(contract: C, options?: ToolOptions<C>) => GuardedTool<C>;
  /** A tool that asks a person. The answer is the reason of the decision, `approve` or `reject`. */
  readonly askTool: (options?: { readonly description?: string }) => AskTool;
}

/**
 * For one conversation in the body of `openJob`; call it anew each time the body runs.
 * @throws HoldfastError `bad-input`: a name that is none, an unknown option
 */
export function guardAgent(job: Job, options: AgentOptions = {}): GuardedAgent {
  refuseUnknownOptions('guardAgent', options, { name: true });
  const { name = 'agent' } = options;
  if (!/^[A-Za-z][\w.-]{0,39}$/.test(name))
    throw new HoldfastError(
      'bad-input',
      `"${name}" cannot be an agent's name: expected a letter, then letters, digits, _ . -, at most 40 in all.`,
    );
  const parts = { job, name, conversation: new Conversation(name), notes: new Notes(job) };
  return {
    guardModel: (model, modelOptions = {}) => {
      refuseUnknownOptions('guardModel', modelOptions, { timeoutMs: true, retry: true });
      if (typeof model !== 'string') return makeWatchedModel(parts, model);
      return makeGuardedModel(parts, model, modelOptions);
    },
    guardTool: (contract, toolOptions = {}) => makeGuardedTool(parts, contract, toolOptions),
    askTool: ({ description } = {}) => makeAskTool(parts, description),
  };
}

/** A language model whose answers are guarded steps, and one of somebody else's that is only watched. */
import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4GenerateResult,
  LanguageModelV4StreamResult,
} from '@ai-sdk/provider';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
import type { Job, StepOptions } from '../workflows/guarded-job.ts';
import { modelStep } from './contracts.ts';
import type { Conversation } from './conversation.ts';
import type { Notes } from './notes.ts';
import { answerOf, plainOptions } from './plain-options.ts';

/** How requests to the model are made. */
export interface ModelOptions extends Pick<StepOptions, 'retry'> {
  /** Of one request to the model, in milliseconds. Default: 10 minutes. */
  readonly timeoutMs?: number;
}

export const DEFAULT_MODEL_TIMEOUT_MS = 10 * 60_000;

export interface ModelParts {
  readonly job: Job;
  readonly conversation: Conversation;
  readonly notes: Notes;
}

/**
 * Each answer is a step: recorded before it is used, told again from the record after a restart, whatever the prompt is
 * by then.
 */
export function makeGuardedModel(parts: ModelParts, modelId: string, options: ModelOptions): LanguageModelV4 {
  const { job, conversation, notes } = parts;
  return {
    specificationVersion: 'v4',
    provider: 'holdfast',
    modelId,
    supportedUrls: {},
    async doGenerate(given: LanguageModelV4CallOptions): Promise<LanguageModelV4GenerateResult> {
      const stepId = conversation.nextTurn();
      const pending = notes.pending();
      const prompt = notes.insertedInto(given.prompt, pending);
      const input = { modelId, options: plainOptions({ ...given, prompt }), notes: [...pending] };
      const { timeoutMs = DEFAULT_MODEL_TIMEOUT_MS, retry } = options;
      const { answer, notes: told } = await job.step(modelStep, input, {
        id: stepId,
        inputMayDiffer: true,
        timeoutMs,
        ...defined({ retry }),
      });
      notes.told(given.prompt, told);
      return answerOf(answer);
    },
    doStream: refuseStream,
  };
}

/** Its answers are its own: in the history alone where it is `temporalProvider`'s. */
export function makeWatchedModel({ conversation, notes }: ModelParts, model: LanguageModelV4): LanguageModelV4 {
  const { specificationVersion, provider, modelId, supportedUrls } = model;
  return {
    specificationVersion,
    provider,
    modelId,
    supportedUrls,
    async doGenerate(given: LanguageModelV4CallOptions): Promise<LanguageModelV4GenerateResult> {
      conversation.nextTurn();
      const pending = notes.pending();
      const answer = await model.doGenerate({ ...given, prompt: notes.insertedInto(given.prompt, pending) });
      notes.told(given.prompt, pending);
      return answer;
    },
    doStream: refuseStream,
  };
}

function refuseStream(): Promise<LanguageModelV4StreamResult> {
  throw new HoldfastError('bad-input', "A guarded model's answer is recorded as a whole; it is not streamed.", {
    nextStep: 'Use generateText in the Workflow.',
  });
}

/** The code of the steps that an agent needs beside its tools. */
import type { LanguageModelV4CallOptions, LanguageModelV4GenerateResult, ProviderV4 } from '@ai-sdk/provider';
import { askStep, modelStep } from '../agents/contracts.ts';
import type { Json } from '../model/canonical-json.ts';
import { refuseUnknownOptions } from '../model/options.ts';
import { implementStep, type StepImplementation } from '../model/step/step.ts';
import { asModelFailure } from './model-failure.ts';

export interface AgentStepsOptions {
  /** Of the AI SDK: `openai`, `createOpenAICompatible(…)`, … It holds the key, which stays in the worker. */
  readonly modelProvider: Pick<ProviderV4, 'languageModel'>;
}

/**
 * What `guardModel` and `askTool` request: give them to the worker beside the steps of your own.
 * @throws HoldfastError `bad-input` for an unknown option
 */
export function agentSteps(options: AgentStepsOptions): readonly StepImplementation[] {
  refuseUnknownOptions('agentSteps', options, { modelProvider: true });
  const { modelProvider } = options;
  const answer = implementStep(modelStep, async (ctx, { modelId, options: given, notes }) => {
    ctx.progress(`asks ${modelId}`);
    const recorded = await ctx.once('answer', async () => {
      try {
        const model = modelProvider.languageModel(modelId);
        return plainAnswer(await model.doGenerate({ ...asCallOptions(given), abortSignal: ctx.signal }));
      } catch (error) {
        throw asModelFailure(modelId, error);
      }
    });
    return { answer: recorded, notes };
  });
  const ask = implementStep(askStep, (ctx, { question }) => {
    // The approval shows what the step says, in short lines.
    for (const line of linesOf(question)) ctx.log(line);
    return {};
  });
  return [answer, ask] as unknown as readonly StepImplementation[];
}

function asCallOptions(given: Json): LanguageModelV4CallOptions {
  return given as unknown as LanguageModelV4CallOptions;
}

/** Request and response as they were sent are large, and nobody goes on from them. */
function plainAnswer(answer: LanguageModelV4GenerateResult): Json {
  const { id, timestamp, modelId } = answer.response ?? {};
  return JSON.parse(JSON.stringify({ ...answer, request: undefined, response: { id, timestamp, modelId } })) as Json;
}

/** Of at most 250 characters, broken at spaces. */
function linesOf(text: string): readonly string[] {
  return text.replace(/\s+/g, ' ').match(/.{1,250}(?:\s|$)|.{250}/g) ?? [text];
}

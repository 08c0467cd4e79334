/** What the AI SDK gives and takes, as plain JSON and back. */
import type { LanguageModelV4CallOptions, LanguageModelV4GenerateResult } from '@ai-sdk/provider';
import type { Json } from '../model/canonical-json.ts';
import { HoldfastError } from '../model/failure.ts';

/** Without what is for this process alone. @throws HoldfastError `bad-input` for bytes in a message */
export function plainOptions(options: LanguageModelV4CallOptions): Json {
  return JSON.parse(JSON.stringify({ ...options, abortSignal: undefined }, refuseBytes)) as Json;
}

/** As the provider gave it, without the HTTP request and response that it came with. */
export function answerOf(recorded: Json): LanguageModelV4GenerateResult {
  const answer = recorded as unknown as LanguageModelV4GenerateResult;
  const { response } = answer;
  const given: unknown = response?.timestamp;
  if (response === undefined || typeof given !== 'string') return answer;
  return { ...answer, response: { ...response, timestamp: new Date(given) } };
}

function refuseBytes(name: string, value: unknown): unknown {
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer)
    throw new HoldfastError('bad-input', `A message holds bytes (in "${name}"), which a history cannot carry well.`, {
      nextStep: 'Give a file to the model as base64 text or as a URL.',
    });
  return value;
}

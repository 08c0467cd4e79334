/** Reads the body of a response: as it comes, or as much of it as a message holds. */
import { reasonOf } from './not-sent.ts';
import type { RunningExchange } from './running-exchange.ts';

/** Of what an endpoint says about its refusal, the text that a message holds. */
const MAX_REFUSAL_BYTES = 2_000;

/** Ends the exchange with the body. @throws HoldfastError `step-failed` when it is cut or stops */
export async function* bodyOf(
  exchange: RunningExchange,
  response: Response,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { request, silence } = exchange;
  try {
    if (response.body === null) return;
    for await (const chunk of response.body) {
      silence.begin();
      yield chunk;
    }
  } catch (error) {
    if (request.signal.aborted) throw error;
    const how = silence.isTooLong ? `stopped for more than ${request.timeoutMs} ms` : `was cut: ${reasonOf(error)}`;
    const what = `answered ${response.status}, and its answer ${how}`;
    throw exchange.failure('step-failed', what, { cause: error });
  } finally {
    silence.end();
  }
}

/** What an endpoint says about its refusal, for people, without secrets. Never fails. */
export async function refusalOf(exchange: RunningExchange, response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of bodyOf(exchange, response)) {
      chunks.push(chunk);
      sizeBytes += chunk.length;
      if (sizeBytes >= MAX_REFUSAL_BYTES) break;
    }
  } catch {
    // The status has said enough.
  }
  const text = Buffer.concat(chunks).subarray(0, MAX_REFUSAL_BYTES).toString('utf8').replaceAll(/\s+/g, ' ').trim();
  return exchange.request.redact?.(text) ?? text;
}

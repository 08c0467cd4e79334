/**
 * `ctx.http`: a request as a call (`perform`), with its key in the Idempotency-Key header and its response recorded.
 *
 * Invariants
 * 1. What is wrong with a request is found before anything is written or sent.
 * 2. A secret is in no record: a header names its variable, and what the endpoint echoes of it is taken out again.
 * 3. GET and HEAD change nothing on the other side: they are made again without a question, and never in doubt.
 */
import type { Json } from '../../../model/canonical-json.ts';
import { HoldfastError } from '../../../model/failure.ts';
import { allowedUrl } from '../../../model/step/http-host.ts';
import { answerFrom, HttpAnswerSchema, type HttpAnswer } from '../../../model/step/http-answer.ts';
import {
  DEFAULT_MAX_RESPONSE_BYTES,
  DEFAULT_MAX_SAVED_BYTES,
  HttpRequestSchema,
  isSafeMethod,
  type HttpRequest,
} from '../../../model/step/http-request.ts';
import { issuesText } from '../../../model/issues-text.ts';
import { asNotPerformed, isNotPerformed } from '../../../model/step/not-performed.ts';
import type { HttpOptions, HttpResponse } from '../../../model/step/step-http.ts';
import type { PerformCall, PerformOptions } from '../../../model/step/step-call.ts';
import type { ExchangeResponse } from '../../../effects/http/exchange-request.ts';
import { exchange } from '../../../effects/http/exchange.ts';
import type { Attempt } from '../attempt.ts';
import { HttpSecrets } from '../../secrets/http-secrets.ts';
import { perform } from './perform.ts';

/** Whoever ends the attempt waits for it, with the file that it saves. */
export function http(parts: Attempt, name: string, options: HttpOptions): Promise<HttpResponse> {
  const { stage } = parts;
  const work = request(parts, name, options);
  const noted = work.catch((error: unknown) => {
    // As with every call: what the code has caught ends the attempt all the same, unless the request certainly did nothing.
    if (!isNotPerformed(error)) stage.mustEnd ??= { error };
  });
  stage.runningCalls.add(noted);
  void noted.finally(() => stage.runningCalls.delete(noted));
  return work;
}

async function request(parts: Attempt, name: string, options: HttpOptions): Promise<HttpResponse> {
  const { workspace, settings, stage } = parts;
  const { probe, ...given } = options;
  const wanted = checked(name, given, probe !== undefined);
  const hosts = settings.http?.hosts ?? [];
  const url = allowedUrl(hosts, wanted.url);
  const secrets = new HttpSecrets(wanted.headers, workspace.env);
  workspace.secrets.knowVariables(secrets.variables);
  const path = wanted.saveTo === undefined ? undefined : workspace.files.normalise(wanted.saveTo);
  const isSafe = isSafeMethod(wanted.method);
  const call = new HttpCall(parts, wanted, hosts, secrets);
  const recorded = await perform<Json>(
    parts,
    name,
    {
      request: shownRequest(wanted, url, secrets),
      inDoubt: probe === undefined ? (wanted.idempotent ? 'repeat' : 'ask') : 'probe',
      run: async (performed) => (await call.make(performed, isSafe)) as unknown as Json,
      ...(probe === undefined ? {} : { probe: probe as NonNullable<PerformOptions<Json>['probe']> }),
    },
    { isSafe, told: 'Its answer is a response, {"status": 200, "body": "…"}; any other JSON is taken for the body.' },
  );
  const whole = HttpAnswerSchema.safeParse(recorded);
  const answer = whole.success ? whole.data : answerFrom(recorded, url.href);
  if (path !== undefined) {
    const saved = answer.saved ?? (await workspace.blobs.put(answer.body ?? ''));
    stage.files.set(path, { kind: 'write', path, content: saved.content, sizeBytes: saved.sizeBytes });
    return responseOf({ ...answer, body: null, saved });
  }
  return responseOf(answer);
}

/** @throws HoldfastError `bad-input` */
function checked(name: string, given: unknown, hasProbe: boolean): HttpRequest {
  const parsed = HttpRequestSchema.safeParse(given);
  if (!parsed.success) {
    throw new HoldfastError('bad-input', `ctx.http("${name}"): ${issuesText(parsed.error.issues, 'the request')}.`, {
      name,
    });
  }
  if (hasProbe && parsed.data.idempotent)
    throw new HoldfastError(
      'bad-input',
      `ctx.http("${name}") is idempotent and has a probe. Expected one of the two: a request that may be repeated need not be found out about.`,
      { name },
    );
  return parsed.data;
}

/** What is about to be sent, as a person sees it and as a retry is compared with. */
function shownRequest({ method, json, body }: HttpRequest, url: URL, secrets: HttpSecrets): Json {
  const headers = secrets.shown();
  return {
    method,
    url: url.href,
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
    ...(json === undefined ? {} : { json }),
    ...(body === undefined ? {} : { body }),
  };
}

class HttpCall {
  readonly #parts: Attempt;
  readonly #request: HttpRequest;
  readonly #hosts: readonly string[];
  readonly #secrets: HttpSecrets;

  constructor(parts: Attempt, request: HttpRequest, hosts: readonly string[], secrets: HttpSecrets) {
    this.#parts = parts;
    this.#request = request;
    this.#hosts = hosts;
    this.#secrets = secrets;
  }

  async make({ key, signal, isRepeat }: PerformCall, isSafe: boolean): Promise<HttpAnswer> {
    const { method, json, body, url, acceptStatus, timeoutMs } = this.#request;
    try {
      const response = await exchange({
        hosts: this.#hosts,
        method,
        url,
        acceptStatus,
        timeoutMs,
        signal,
        isRepeat,
        headers: { ...(json === undefined ? {} : { 'content-type': 'application/json' }), ...this.#secrets.filledIn() },
        body: json === undefined ? body : JSON.stringify(json),
        redact: (text) => this.#secrets.redact(text),
        ...(isSafe ? {} : { key }),
      });
      return await this.#answer(response);
    } catch (error) {
      // A failed GET has done nothing; the code may catch it and go on.
      throw isSafe && error instanceof HoldfastError ? asNotPerformed(error) : error;
    }
  }

  async #answer({ status, url, headers, body }: ExchangeResponse): Promise<HttpAnswer> {
    const shown = {
      status,
      url: this.#secrets.redact(url),
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, this.#secrets.redact(value)])),
    };
    if (this.#request.saveTo !== undefined) {
      const { blobs, secrets } = this.#parts.workspace;
      const bounded = this.#bounded(body, status, this.#request.maxBytes ?? DEFAULT_MAX_SAVED_BYTES);
      const saved = await blobs.put(
        secrets.isEmpty ? bounded : secrets.refusing(bounded, `the answer that is saved to ${this.#request.saveTo}`),
      );
      return { ...shown, body: null, saved };
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.#bounded(body, status, this.#request.maxBytes ?? DEFAULT_MAX_RESPONSE_BYTES))
      chunks.push(chunk);
    return {
      ...shown,
      body: chunks.length === 0 ? null : this.#secrets.redact(new TextDecoder().decode(Buffer.concat(chunks))),
    };
  }

  /** @throws HoldfastError `too-large` as soon as it is */
  async *#bounded(
    body: AsyncIterable<Uint8Array>,
    status: number,
    maxBytes: number,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { method, url, saveTo } = this.#request;
    let sizeBytes = 0;
    for await (const chunk of body) {
      sizeBytes += chunk.byteLength;
      if (sizeBytes > maxBytes) {
        throw new HoldfastError(
          'too-large',
          `${method} ${url.replace(/[?#].*$/s, '')} answered ${status} with more than ${maxBytes} bytes (maxBytes).${saveTo === undefined ? ' With saveTo the answer becomes a file, however long it is.' : ''}`,
          { maxBytes },
        );
      }
      yield chunk;
    }
  }
}

function responseOf({ status, url, headers, body, saved }: HttpAnswer): HttpResponse {
  const text = body ?? '';
  return {
    status,
    url,
    headers,
    text,
    ...(saved === undefined ? {} : { saved: { digest: saved.content, sizeBytes: saved.sizeBytes } }),
    json: <T extends Json = Json>() => {
      try {
        return JSON.parse(text) as T;
      } catch (error) {
        throw new HoldfastError(
          'bad-input',
          `The answer of ${url.replace(/[?#].*$/s, '')} is not JSON: ${JSON.stringify(text.slice(0, 100))}.`,
          {},
          { cause: error },
        );
      }
    },
  };
}

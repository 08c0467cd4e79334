/** How a request is made: secrets are filled in just before it is sent, and taken out of what the endpoint answers. */
import { HoldfastError } from '../../../model/failure.ts';
import type { HttpAnswer } from '../../../model/step/http-answer.ts';
import {
  DEFAULT_MAX_RESPONSE_BYTES,
  DEFAULT_MAX_SAVED_BYTES,
  type HttpRequest,
} from '../../../model/step/http-request.ts';
import { asNotPerformed } from '../../../model/step/not-performed.ts';
import type { PerformCall } from '../../../model/step/step-call.ts';
import { decodedBytes } from '../../../effects/odd-bytes.ts';
import type { ExchangeResponse } from '../../../effects/http/exchange-request.ts';
import { exchange } from '../../../effects/http/exchange.ts';
import type { HttpSecrets } from '../../secrets/http-secrets.ts';
import type { Workspace } from '../../workspace/workspace.ts';

export interface HttpCallScope {
  readonly workspace: Workspace;
  readonly request: HttpRequest;
  /** What the job may call. */
  readonly hosts: readonly string[];
  readonly secrets: HttpSecrets;
}

export class HttpCall {
  readonly #scope: HttpCallScope;

  constructor(scope: HttpCallScope) {
    this.#scope = scope;
  }

  /** @throws HoldfastError as `ctx.http`; NotPerformed where the request certainly did nothing */
  async make({ key, signal, isRepeat }: PerformCall, isSafe: boolean): Promise<HttpAnswer> {
    const { request, hosts, secrets } = this.#scope;
    const { method, json, body, url, acceptStatus, timeoutMs } = request;
    try {
      const response = await exchange({
        hosts,
        method,
        url,
        acceptStatus,
        timeoutMs,
        signal,
        isRepeat,
        headers: { ...(json === undefined ? {} : { 'content-type': 'application/json' }), ...secrets.filledIn() },
        body: json === undefined ? body : JSON.stringify(json),
        redact: (text) => secrets.redact(text),
        ...(isSafe ? {} : { key }),
      });
      return await this.#answer(response);
    } catch (error) {
      // A failed GET has done nothing; the code may catch the error and go on.
      throw isSafe && error instanceof HoldfastError ? asNotPerformed(error) : error;
    }
  }

  async #answer(response: ExchangeResponse): Promise<HttpAnswer> {
    const { request, secrets } = this.#scope;
    const { status, url } = response;
    const redacted = Object.entries(response.headers).map(([name, value]) => [name, secrets.redact(value)] as const);
    const shown = { status, url: secrets.redact(url), headers: Object.fromEntries(redacted) };
    return request.saveTo === undefined
      ? { ...shown, ...(await this.#text(response)) }
      : { ...shown, body: null, saved: await this.#saved(response, request.saveTo) };
  }

  /** Null: there is no body. */
  async #text(response: ExchangeResponse): Promise<Pick<HttpAnswer, 'body' | 'oddBytes'>> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.#bounded(response, DEFAULT_MAX_RESPONSE_BYTES)) chunks.push(chunk);
    if (chunks.length === 0) return { body: null };
    const { text, oddBytes } = decodedBytes(Buffer.concat(chunks));
    return { body: this.#scope.secrets.redact(text), ...(oddBytes === 0 ? {} : { oddBytes }) };
  }

  async #saved(response: ExchangeResponse, saveTo: string): Promise<NonNullable<HttpAnswer['saved']>> {
    const { blobs, secrets } = this.#scope.workspace;
    const body = this.#bounded(response, DEFAULT_MAX_SAVED_BYTES);
    return await blobs.put(secrets.isEmpty ? body : secrets.refusing(body, `the answer that is saved to ${saveTo}`));
  }

  /** @throws HoldfastError `too-large` as soon as it is */
  async *#bounded(
    { body, status }: ExchangeResponse,
    defaultMaxBytes: number,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { method, url, saveTo, maxBytes = defaultMaxBytes } = this.#scope.request;
    let sizeBytes = 0;
    for await (const chunk of body) {
      sizeBytes += chunk.byteLength;
      if (sizeBytes > maxBytes) {
        const place = url.replace(/[?#].*$/s, '');
        const advice = saveTo === undefined ? ' With saveTo the answer becomes a file, however long it is.' : '';
        throw new HoldfastError(
          'too-large',
          `${method} ${place} answered ${status} with more than ${maxBytes} bytes (maxBytes).${advice}`,
          { maxBytes },
        );
      }
      yield chunk;
    }
  }
}

/**
 * An endpoint that counts: how often it was asked, and how often the request took effect, by Idempotency-Key. The
 * requests it was sent are the truth that a job's record is compared with.
 *
 * Invariant: an effect is counted when it takes place, before the answer is on its way; a connection that is cut
 * `before` has had none, one that is cut `after` has.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';

export type Mode =
  | 'normal'
  | 'slow'
  | 'silent'
  | 'cut-before'
  | 'cut-after'
  | 'cut-body'
  | 'too-many'
  | 'unavailable'
  | 'unavailable-until'
  | 'failed-after'
  | 'refused'
  | 'still-busy'
  | 'redirect';

export interface CountedRequest {
  /** Without the quotes of the header's draft. */
  readonly key: string | undefined;
  readonly mode: Mode;
  readonly method: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
  readonly path: string;
  readonly atMs: number;
}

export class CountingServer implements AsyncDisposable {
  /** What it does with requests that `next` has no mode for. */
  mode: Mode = 'normal';
  /** Whether a known key gets the recorded answer without another effect. */
  honoursKeys = true;
  slowMs = 300;
  retryAfter = '1';
  /** Where `redirect` leads; 301 to 303 after the effect, 307 and 308 without it. Default: itself, `/landed`. */
  redirectTo: string | undefined;
  redirectStatus = 307;
  /** What `/version` tells; undefined: nothing. */
  version: string | undefined = '1';
  readonly requests: CountedRequest[] = [];
  readonly #next: Mode[] = [];
  readonly #effects = new Map<string, number>();
  readonly #answers = new Map<string, string>();
  readonly #server = createServer((request, response) => void this.#handle(request, response));

  static async start(): Promise<CountingServer> {
    const counting = new CountingServer();
    await new Promise<void>((resolve) => void counting.#server.listen(0, '127.0.0.1', resolve));
    return counting;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Modes of the next requests, one each. */
  next(...modes: readonly Mode[]): void {
    this.#next.push(...modes);
  }

  /** How often a request took effect: with this key, or at all. */
  effects(key?: string): number {
    return key === undefined
      ? [...this.#effects.values()].reduce((sum, count) => sum + count, 0)
      : (this.#effects.get(key) ?? 0);
  }

  /** What the effect with a key answered; undefined: there was none. */
  answerOf(key: string): unknown {
    const answer = this.#answers.get(key);
    return answer === undefined ? undefined : JSON.parse(answer);
  }

  get keys(): readonly string[] {
    return [...new Set(this.requests.flatMap(({ key }) => (key === undefined ? [] : [key])))];
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => void this.#server.close(() => resolve()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '/';
    const header = request.headers['idempotency-key'];
    const key = typeof header === 'string' ? header.replace(/^"(.*)"$/, '$1') : undefined;
    const method = request.method ?? '';
    if (method === 'GET' && path.startsWith('/known/')) return this.#known(path.slice('/known/'.length), response);
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const mode = this.#next.shift() ?? this.mode;
    this.requests.push({ key, mode, method, headers: request.headers, body, path, atMs: performance.now() });
    const act = (): string => (method === 'GET' || method === 'HEAD' ? '' : this.#takeEffect(key, body));
    switch (mode) {
      case 'cut-before':
        return void request.socket.destroy();
      case 'cut-after':
        act();
        return void request.socket.destroy();
      case 'cut-body':
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
        response.write(act() || '{');
        return void setTimeout(() => request.socket.destroy(), 50);
      case 'silent':
        return void act();
      case 'too-many':
        return this.#answer(response, 429, '{"error":"too many"}', { 'retry-after': this.retryAfter });
      case 'unavailable':
        return this.#answer(response, 503, '{"error":"unavailable"}');
      case 'unavailable-until':
        return this.#answer(response, 503, '{"error":"unavailable"}', { 'retry-after': this.retryAfter });
      case 'failed-after':
        act();
        return this.#answer(response, 500, '{"error":"a defect"}');
      case 'refused':
        return this.#answer(
          response,
          422,
          `{"error":"no","you":${JSON.stringify(request.headers.authorization ?? '')}}`,
        );
      case 'still-busy':
        return this.#answer(response, 409, '{"error":"the first is under way"}');
      case 'redirect':
        if (this.redirectStatus <= 303) act();
        return this.#answer(response, this.redirectStatus, '', { location: this.redirectTo ?? '/landed' });
      case 'slow': {
        const answer = act();
        await delay(this.slowMs);
        return this.#answer(response, 200, answer);
      }
      case 'normal':
        return method === 'GET' || method === 'HEAD'
          ? await this.#get(new URL(path, this.url), request, response)
          : this.#answer(response, 200, act());
    }
  }

  async #get({ pathname, searchParams }: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
    switch (pathname) {
      case '/version':
        return this.#answer(
          response,
          200,
          JSON.stringify({ info: { version: this.version, requests: this.requests.length } }),
          this.version === undefined ? {} : { 'x-api-version': this.version },
        );
      case '/echo':
        return this.#answer(response, 200, JSON.stringify(request.headers), {
          'x-echo': request.headers.authorization ?? '',
        });
      case '/stream': {
        response.writeHead(200, { 'content-type': 'application/octet-stream', connection: 'close' });
        // A client that has enough closes the connection in the middle.
        return await pipeline(Readable.from(chunks(Number(searchParams.get('bytes')))), response).catch(
          () => undefined,
        );
      }
      case '/stall':
        response.writeHead(200, { 'content-type': 'text/plain' });
        return void response.write('and then nothing');
      default:
        return this.#answer(response, 200, JSON.stringify({ landed: pathname }));
    }
  }

  /** For probes: has a request with this key taken effect? */
  #known(key: string, response: ServerResponse): void {
    const answer = this.#answers.get(key);
    if (answer === undefined) this.#answer(response, 404, '{}');
    else this.#answer(response, 200, answer);
  }

  #takeEffect(key: string | undefined, body: string): string {
    const known = key === undefined ? undefined : this.#answers.get(key);
    if (known !== undefined && this.honoursKeys) return known;
    const name = key ?? 'without a key';
    const count = this.effects() + 1;
    this.#effects.set(name, this.effects(name) + 1);
    const answer = JSON.stringify({ effect: count, of: body });
    this.#answers.set(name, answer);
    return answer;
  }

  #answer(
    response: ServerResponse,
    status: number,
    body: string,
    headers: Readonly<Record<string, string>> = {},
  ): void {
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close', ...headers });
    response.end(body);
  }
}

function* chunks(sizeBytes: number): Generator<Buffer> {
  const chunk = Buffer.alloc(64 * 1024, 'stream ');
  for (let left = sizeBytes; left > 0; left -= chunk.length)
    yield left < chunk.length ? chunk.subarray(0, left) : chunk;
}

/**
 * An endpoint that counts: how often it was asked, and how often the request took effect, by Idempotency-Key. The
 * requests it was sent are the truth that a job's record is compared with.
 *
 * Invariant: an effect is counted when it takes place, before the answer is on its way; a connection that is cut
 * `before` has had none, one that is cut `after` has.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export type Mode = 'normal' | 'slow' | 'cut-before' | 'cut-after' | 'too-many' | 'unavailable' | 'redirect';

export interface CountedRequest {
  readonly key: string | undefined;
  readonly mode: Mode;
  readonly body: string;
  readonly path: string;
}

export class CountingServer implements AsyncDisposable {
  /** What it does with requests that `next` has no mode for. */
  mode: Mode = 'normal';
  /** Does it take a key that it knows for the same request, and answer as it did? */
  honoursKeys = true;
  slowMs = 300;
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
    return key === undefined ? [...this.#effects.values()].reduce((sum, count) => sum + count, 0) : (this.#effects.get(key) ?? 0);
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
    const key = typeof header === 'string' ? header : undefined;
    if (request.method === 'GET' && path.startsWith('/known/')) return this.#known(path.slice('/known/'.length), response);
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const mode = this.#next.shift() ?? this.mode;
    this.requests.push({ key, mode, body, path });
    switch (mode) {
      case 'cut-before':
        return void request.socket.destroy();
      case 'cut-after':
        this.#takeEffect(key, body);
        return void request.socket.destroy();
      case 'too-many':
        return this.#answer(response, 429, '{"error":"too many"}', { 'retry-after': '1' });
      case 'unavailable':
        return this.#answer(response, 503, '{"error":"unavailable"}');
      case 'redirect':
        return this.#answer(response, 307, '', { location: `${this.url}/landed` });
      case 'slow': {
        const answer = this.#takeEffect(key, body);
        await delay(this.slowMs);
        return this.#answer(response, 200, answer);
      }
      case 'normal':
        return this.#answer(response, 200, this.#takeEffect(key, body));
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

  #answer(response: ServerResponse, status: number, body: string, headers: Readonly<Record<string, string>> = {}): void {
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close', ...headers });
    response.end(body);
  }
}

/**
 * Where the HTTP requests of all runs go: it counts each, answers for services that are elsewhere, and passes on what
 * goes to this machine. One for a whole test.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HoldfastError } from '../model/failure.ts';
import { isSafeMethod } from '../model/step/http-request.ts';
import type { Kill } from './cases.ts';
import { STAND_IN_CASE, STAND_IN_URL } from './child/order.ts';
import type { RecordedAnswer } from './options.ts';

/** One request, as it arrived. */
export interface Arrived {
  readonly step: string;
  readonly method: string;
  readonly url: string;
  /** Its idempotency key, as it was sent. */
  readonly key?: string;
}

const LOCAL = /^(localhost|127(\.\d+){3}|\[::1\])$/;
/** Of an answer that is passed on: the body comes decoded. */
const NOT_PASSED_ON = ['content-encoding', 'content-length', 'transfer-encoding', 'connection'];

export class StandIn {
  readonly url: string;
  readonly #server: ReturnType<typeof createServer>;
  readonly #answers: readonly RecordedAnswer[];
  readonly #arrived = new Map<string, Arrived[]>();
  /** Requests that nobody answers. */
  readonly unanswered = new Map<string, Set<string>>();
  /** Run → which request of a step, reads aside, gets no answer though it has arrived. */
  readonly cut = new Map<string, Pick<Kill, 'step' | 'hit'>>();
  /** Runs in which that has happened. */
  readonly wasCut = new Set<string>();

  private constructor(server: ReturnType<typeof createServer>, answers: readonly RecordedAnswer[]) {
    this.#server = server;
    this.#answers = answers;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    server.on('request', (request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        if (!response.headersSent) response.writeHead(502);
        response.end(String(error));
      });
    });
  }

  static async start(answers: readonly RecordedAnswer[]): Promise<StandIn> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
    return new StandIn(server, answers);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  arrivedOf(caseId: string): readonly Arrived[] {
    return this.#arrived.get(caseId) ?? [];
  }

  #isToBeCut(caseId: string, step: string, arrived: readonly Arrived[]): boolean {
    const cut = this.cut.get(caseId);
    if (cut?.step !== step || this.wasCut.has(caseId)) return false;
    return arrived.filter((one) => one.step === step && !isSafeMethod(one.method)).length === cut.hit;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = String(request.headers[STAND_IN_URL] ?? '');
    const [caseId, step] = JSON.parse(decodeURIComponent(String(request.headers[STAND_IN_CASE]))) as [string, string];
    const method = request.method ?? 'GET';
    const key = request.headers['idempotency-key'];
    const arrived = this.#arrived.get(caseId) ?? [];
    this.#arrived.set(caseId, arrived);
    arrived.push({ step, method, url, ...(typeof key === 'string' ? { key } : {}) });
    const body = await bodyOf(request);
    if (this.#isToBeCut(caseId, step, arrived)) {
      this.wasCut.add(caseId);
      // The service has done what it was asked for: whoever has it counts it.
      if (isLocal(url)) await passOn(request, undefined, { method, url, body }).catch(() => undefined);
      return void request.socket.destroy();
    }
    const recorded = this.#answers.find((one) => fits(one, method, url));
    if (recorded !== undefined) return answerWith(response, recorded);
    if (isLocal(url)) return await passOn(request, response, { method, url, body });
    this.unanswered.set(caseId, (this.unanswered.get(caseId) ?? new Set()).add(`${method} ${url}`));
    response.writeHead(502, { 'content-type': 'text/plain' });
    response.end(`A crash test calls no service that is elsewhere, and no answer is recorded for ${method} ${url}.\n`);
  }
}

function isLocal(url: string): boolean {
  return LOCAL.test(new URL(url).hostname);
}

async function bodyOf(request: IncomingMessage): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function fits(answer: RecordedAnswer, method: string, url: string): boolean {
  if ((answer.method ?? 'GET').toUpperCase() !== method) return false;
  return answer.url.endsWith('*') ? url.startsWith(answer.url.slice(0, -1)) : answer.url === url;
}

function answerWith(response: ServerResponse, { status = 200, headers, body }: RecordedAnswer): void {
  const isText = typeof body === 'string';
  response.writeHead(status, { 'content-type': isText ? 'text/plain' : 'application/json', ...headers });
  response.end(body === undefined ? '' : isText ? body : JSON.stringify(body));
}

async function passOn(
  request: IncomingMessage,
  response: ServerResponse | undefined,
  { method, url, body }: { readonly method: string; readonly url: string; readonly body: Buffer<ArrayBuffer> },
): Promise<void> {
  const left = ['host', 'connection', 'content-length', 'transfer-encoding', STAND_IN_URL, STAND_IN_CASE];
  const headers = Object.entries(request.headers).flatMap(([name, value]): [string, string][] =>
    left.includes(name) || value === undefined ? [] : [[name, String(value)]],
  );
  const hasBody = !['GET', 'HEAD'].includes(method);
  const answer = await fetch(url, { method, headers, redirect: 'manual', ...(hasBody ? { body } : {}) });
  if (response === undefined) return;
  const passed = [...answer.headers].filter(([name]) => !NOT_PASSED_ON.includes(name));
  response.writeHead(answer.status, Object.fromEntries(passed));
  response.end(Buffer.from(await answer.arrayBuffer()));
}

/** @throws HoldfastError `bad-input`: what to record */
export function refuseUnanswered(unanswered: ReadonlySet<string> | undefined): void {
  const [first] = unanswered ?? [];
  if (first === undefined) return;
  const [method = 'GET', url = ''] = first.split(' ');
  const example = JSON.stringify([{ ...(method === 'GET' ? {} : { method }), url, status: 200, body: {} }]);
  throw new HoldfastError(
    'bad-input',
    `The job calls a service that is elsewhere, which a test of many runs must not: ${[...unanswered!].join(', ')}.`,
    { nextStep: `Record what it answers: write ${example} to http.json and give --http http.json.` },
  );
}

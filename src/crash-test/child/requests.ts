/**
 * The HTTP requests of a worker process of a crash test: each goes to the test's stand-in, which counts it and passes
 * it on, or answers it itself. `fetch`, and Node's `http` and `https`.
 */
import http, { type ClientRequest, type RequestOptions } from 'node:http';
import https from 'node:https';
import { syncBuiltinESMExports } from 'node:module';
import { STAND_IN_CASE, STAND_IN_URL, type ChildOrder } from './order.ts';
import { callerOf } from './place.ts';
import type { StepCode } from './step-code.ts';

export function countRequests(code: StepCode, order: Pick<ChildOrder, 'standIn' | 'caseId'>): void {
  const original = globalThis.fetch;
  const fetched = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    if (!/^https?:/.test(request.url)) return await original(request);
    note(code, fetched, request.method, request.url);
    code.points.passed('request.before');
    const headers = new Headers(request.headers);
    headers.set(STAND_IN_URL, request.url);
    headers.set(STAND_IN_CASE, caseOf(code, order));
    const body = ['GET', 'HEAD'].includes(request.method) ? null : await request.arrayBuffer();
    const { method, redirect, signal } = request;
    const response = await original(order.standIn, { method, redirect, signal, headers, body });
    code.points.passed('request.after');
    return response;
  };
  globalThis.fetch = fetched;
  for (const [module, protocol] of [
    [http, 'http:'],
    [https, 'https:'],
  ] as const) {
    const request = redirecting(code, order, protocol, http.request.bind(http));
    module.request = request;
    module.get = ((...given: Parameters<typeof request>) => {
      const made = request(...given);
      made.end();
      return made;
    }) as typeof http.get;
  }
  syncBuiltinESMExports();
}

function redirecting(
  code: StepCode,
  order: Pick<ChildOrder, 'standIn' | 'caseId'>,
  protocol: string,
  original: typeof http.request,
): typeof http.request {
  const request = (...given: unknown[]): ClientRequest => {
    const callback = given.find((one) => typeof one === 'function') as
      | ((response: http.IncomingMessage) => void)
      | undefined;
    const options = given.filter((one) => typeof one === 'object' && one !== null && !(one instanceof URL));
    const merged = Object.assign({}, ...options) as RequestOptions;
    const place = given.find((one) => typeof one === 'string' || one instanceof URL);
    const url = place === undefined ? urlOf(merged, protocol) : new URL(String(place)).href;
    const method = merged.method ?? 'GET';
    note(code, request, method, url);
    code.points.passed('request.before');
    const headers = { ...(merged.headers as Record<string, string>), [STAND_IN_URL]: url };
    const { hostname, port } = new URL(order.standIn);
    const { signal, timeout } = merged;
    return original(
      {
        ...(signal === undefined ? {} : { signal }),
        ...(timeout === undefined ? {} : { timeout }),
        method,
        hostname,
        port,
        path: '/',
        headers: { ...headers, [STAND_IN_CASE]: caseOf(code, order) },
      },
      callback,
    );
  };
  return request as typeof http.request;
}

function urlOf({ protocol, hostname, host, port, path = '/' }: RequestOptions, usual: string): string {
  const suffix = port === undefined || port === null || port === '' ? '' : `:${port}`;
  return new URL(`${protocol ?? usual}//${hostname ?? host ?? 'localhost'}${suffix}${path}`).href;
}

function caseOf(code: StepCode, { caseId }: Pick<ChildOrder, 'caseId'>): string {
  return encodeURIComponent(JSON.stringify([caseId, code.running?.step ?? code.points.step]));
}

function note(code: StepCode, above: (...given: never[]) => unknown, method: string, url: string): void {
  const { step, run, isGuarded } = code.running ?? { step: code.points.step, run: '', isGuarded: true };
  const caller = callerOf(above, code.cwd);
  const isOwn = caller?.isOwn ?? true;
  code.points.trace({
    kind: 'request',
    step,
    run,
    method,
    url,
    at: caller?.at ?? '',
    isGuarded: isGuarded || isOwn,
  });
}

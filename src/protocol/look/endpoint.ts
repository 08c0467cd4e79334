/**
 * The version that a watched endpoint tells: a response header, or a part of its JSON.
 *
 * Invariant: an endpoint that doesn't answer, answers otherwise than with 200 to 299, or doesn't tell its version, was
 * not read. That is neither "gone" nor "unchanged".
 */
import { canonicalJson, type Json } from '../../model/canonical-json.ts';
import { defined } from '../../model/defined.ts';
import { digestOf } from '../../model/digest.ts';
import { resolve } from '../../model/plan/reference/resolve.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { JobSettings, Watch } from '../../model/job/settings.ts';
import { ABSENT, type Sighting } from '../../model/record/world.ts';
import { decodedBytes } from '../../effects/odd-bytes.ts';
import type { ExchangeResponse } from '../../effects/http/exchange-request.ts';
import { exchange } from '../../effects/http/exchange.ts';
import { HttpSecrets } from '../secrets/http-secrets.ts';
import type { LookPlace } from './request.ts';
import { seen } from './sighting.ts';
import { watchNamed } from './watches.ts';

/** Of the whole look: comparisons must not take long. */
const LOOK_TIMEOUT_MS = 5_000;
const MAX_JSON_BYTES = 1024 * 1024;
const MAX_SUMMARY_CHARACTERS = 300;

type EndpointWatch = Extract<Watch, { kind: 'endpoint' }>;

/** What an endpoint tells, and where it tells it. */
interface ToldVersion {
  readonly place: string;
  readonly value: Json;
  /** Some of its bytes are no UTF-8; `value` shows each as itself. */
  readonly hasOddBytes?: boolean;
}

export async function lookAtEndpoint(
  { workspace, settings }: Pick<LookPlace, 'workspace' | 'settings'>,
  name: string,
): Promise<Sighting> {
  const watch = watchNamed(settings, 'endpoint', name);
  if (watch === undefined) return seen(ABSENT);
  try {
    const secrets = new HttpSecrets(watch.headers ?? {}, workspace.env);
    workspace.secrets.knowVariables(secrets.variables);
    const { place, value, hasOddBytes } = await toldVersion(watch, settings, secrets);
    const text = secrets.redact(typeof value === 'string' ? value : JSON.stringify(value));
    const summary = `${place}: ${text}`.slice(0, MAX_SUMMARY_CHARACTERS);
    return seen({ kind: 'value', value: digestOf({ version: value, ...defined({ hasOddBytes }) }), summary });
  } catch (error) {
    if (error instanceof HoldfastError)
      return { outcome: error.retryable ? 'unreachable' : 'unreadable', reason: error.message };
    if (!(error instanceof DOMException)) throw error;
    const reason = `${new URL(watch.url).host} did not answer within ${LOOK_TIMEOUT_MS} ms`;
    return { outcome: 'unreachable', reason };
  }
}

/** @throws HoldfastError; DOMException when the time is up */
async function toldVersion(watch: EndpointWatch, settings: JobSettings, secrets: HttpSecrets): Promise<ToldVersion> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), LOOK_TIMEOUT_MS);
  try {
    const response = await exchange({
      hosts: settings.http?.hosts ?? [],
      method: 'GET',
      url: watch.url,
      headers: secrets.filledIn(),
      acceptStatus: [],
      timeoutMs: LOOK_TIMEOUT_MS,
      signal: controller.signal,
      redact: (text) => secrets.redact(text),
    });
    return watch.header === undefined ? await fromJson(watch, response) : fromHeader(watch.header, response);
  } finally {
    clearTimeout(timer);
    controller.abort();
  }
}

function fromHeader(name: string, { headers, url }: ExchangeResponse): ToldVersion {
  const value = headers[name.toLowerCase()];
  if (value === undefined) {
    const names = Object.keys(headers).join(', ');
    throw new HoldfastError('not-found', `${shownUrl(url)} answers without the header ${name}; it has ${names}.`);
  }
  return { place: `header ${name.toLowerCase()}`, value };
}

async function fromJson({ json: path = '' }: EndpointWatch, { body, url }: ExchangeResponse): Promise<ToldVersion> {
  const bytes = await boundedBytes(body, url);
  const { text, oddBytes } = decodedBytes(bytes);
  const value = partOf(parseJson(text, url), path, url);
  if (oddBytes === 0) return { place: path, value };
  // Bytes may be odd elsewhere in the document, now and then: only the part itself counts.
  const plain = partOf(parseJson(new TextDecoder().decode(bytes), url), path, url);
  return canonicalJson(plain) === canonicalJson(value)
    ? { place: path, value: plain }
    : { place: path, value, hasOddBytes: true };
}

/** @throws HoldfastError `not-found` */
function partOf(document: Json, path: string, url: string): Json {
  try {
    return resolve(jsonReference(path), { output: document });
  } catch (error) {
    throw new HoldfastError(
      'not-found',
      `${shownUrl(url)} answers without ${path}: ${(error as Error).message}`,
      {},
      { cause: error },
    );
  }
}

async function boundedBytes(body: ExchangeResponse['body'], url: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > MAX_JSON_BYTES)
      throw new HoldfastError(
        'too-large',
        `${shownUrl(url)} answers with more than ${MAX_JSON_BYTES} bytes; watch a header, or another URL.`,
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parseJson(text: string, url: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new HoldfastError(
      'bad-input',
      `${shownUrl(url)} does not answer with JSON: ${(error as Error).message}.`,
      {},
      { cause: error },
    );
  }
}

/** The path as a reference into an output. */
function jsonReference(path: string): string {
  return `\${{ output${path.startsWith('[') ? '' : '.'}${path} }}`;
}

function shownUrl(url: string): string {
  return url.replace(/[?#].*$/s, '').slice(0, 300);
}

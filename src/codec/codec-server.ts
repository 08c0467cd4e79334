/**
 * The codec endpoint: Temporal's remote codec protocol over HTTP, so that the Temporal UI and command line show
 * payloads to whoever runs it. `POST /decode` and `POST /encode` take and give `{ payloads: [{ metadata, data }] }`,
 * bytes in base64.
 *
 * Invariants
 * 1. It listens on this machine only, and a web page other than the UI's gets nothing: what it gives is what encryption
 *    is to hide.
 * 2. One request is at most MAX_BODY_BYTES; it is answered as a whole or refused as a whole, with the reason.
 * 3. With a token, nothing but a preflight is answered without it.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Payload } from '@temporalio/common';
import * as z from 'zod';
import { HoldfastError } from '../model/failure.ts';
import { EncryptionCodec } from './encryption-codec.ts';
import type { EncryptionKeys } from './keys.ts';

/** Beyond what one answer of Temporal's holds (4 MB), in base64. */
export const MAX_BODY_BYTES = 8 * 1024 * 1024;
const HOST = '127.0.0.1';
const OPERATIONS = ['encode', 'decode'] as const;
/** How long a browser may keep the answer to a preflight. */
const PREFLIGHT_SECONDS = 600;
/** Those that the UI and the command line send. */
const HEADERS = 'Content-Type, X-Namespace, Authorization';

export interface CodecServerOptions {
  readonly keys: EncryptionKeys;
  /** 0: a free one. */
  readonly port: number;
  /** Addresses of Temporal UIs; every spelling of this machine counts as the same. */
  readonly uiUrls: readonly string[];
  /** Asked for as `Authorization: Bearer …`. Default: none is. */
  readonly token?: string;
}

export interface CodecServer {
  /** `http://127.0.0.1:8081` */
  readonly url: string;
  /** Safe to repeat. */
  close(): Promise<void>;
}

const Base64Schema = z.base64().transform((text) => Buffer.from(text, 'base64'));
/** Temporal's command line leaves out what is empty. */
const BodySchema = z.object({
  payloads: z
    .array(z.object({ metadata: z.record(z.string(), Base64Schema).nullish(), data: Base64Schema.nullish() }))
    .nullish(),
});

/** @throws HoldfastError `bad-input`: no keys, an address that is none, a port that is taken */
export async function startCodecServer({ keys, port, uiUrls, token }: CodecServerOptions): Promise<CodecServer> {
  if (!keys.isOn)
    throw new HoldfastError('bad-input', 'There is no encryption key that the codec endpoint could use.', {
      nextStep:
        'Give it the keys, by HOLDFAST_ENCRYPTION_KEYS, HOLDFAST_ENCRYPTION_KEY_FILE or --encryption-key-file; ' +
        '`holdfast keys new` prints one.',
    });
  const codec = new EncryptionCodec(keys);
  const origins = new Set(uiUrls.flatMap(originsOf));
  const server = createServer((request, response) => {
    answer({ codec, origins, tokenDigest: token === undefined ? undefined : sha256(token) }, request, response).catch(
      (error: unknown) => refuse(response, error),
    );
  });
  const listening = await listen(server, port);
  return {
    url: `http://${HOST}:${listening}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
}

interface Rules {
  readonly codec: EncryptionCodec;
  readonly origins: ReadonlySet<string>;
  readonly tokenDigest: Buffer | undefined;
}

class Refusal extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

async function answer(rules: Rules, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, headers, url = '/' } = request;
  response.setHeader('Vary', 'Origin');
  response.setHeader('Cache-Control', 'no-store');
  if (headers.origin !== undefined) allowOrigin(rules, headers.origin, response);
  const path = url.split('?')[0]!;
  const operation = OPERATIONS.find((name) => path === `/${name}`);
  if (operation === undefined)
    throw new Refusal(404, `There is nothing at ${path}. Expected POST to /decode or /encode.`);
  if (method === 'OPTIONS') return preflight(request, response);
  if (method !== 'POST')
    throw new Refusal(405, `${path} takes no ${method ?? 'such method'}. Expected POST.`, { Allow: 'POST, OPTIONS' });
  if (rules.tokenDigest !== undefined && !isToken(headers.authorization, rules.tokenDigest)) {
    throw new Refusal(401, 'The token is missing or wrong. Expected the header Authorization: Bearer TOKEN.', {
      'WWW-Authenticate': 'Bearer',
    });
  }
  const payloads = parseBody(await readBody(request));
  const result = operation === 'decode' ? await rules.codec.decode(payloads) : await rules.codec.encode(payloads);
  send(response, 200, { payloads: result.map(asJson) });
}

function allowOrigin({ origins }: Rules, origin: string, response: ServerResponse): void {
  if (!origins.has(origin))
    throw new Refusal(
      403,
      `Web pages of ${origin} may not ask here. Expected the UI's address, as --ui gives it: ` +
        `${[...origins][0] ?? 'none is given'}.`,
    );
  response.setHeader('Access-Control-Allow-Origin', origin);
}

function preflight(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('Access-Control-Allow-Methods', 'POST, OPTIONS');
  response.setHeader('Access-Control-Allow-Headers', HEADERS);
  response.setHeader('Access-Control-Max-Age', String(PREFLIGHT_SECONDS));
  // A UI elsewhere asks this machine: browsers want it said that this is meant to be.
  if (request.headers['access-control-request-private-network'] === 'true')
    response.setHeader('Access-Control-Allow-Private-Network', 'true');
  response.writeHead(204).end();
}

async function readBody(request: IncomingMessage): Promise<string> {
  const tooLarge = new Refusal(
    413,
    `The request is larger than ${MAX_BODY_BYTES} bytes. Ask for fewer payloads at once.`,
    { Connection: 'close' },
  );
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw tooLarge;
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > MAX_BODY_BYTES) throw tooLarge;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseBody(text: string): Payload[] {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new Refusal(
      400,
      'The request is not JSON. Expected {"payloads": [{"metadata": {…}, "data": "…"}]}, bytes in base64.',
    );
  }
  const parsed = BodySchema.safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Refusal(
      400,
      `The request does not fit: ${issue?.path.join('.') || 'the whole'}: ${issue?.message ?? ''}. Expected ` +
        '{"payloads": [{"metadata": {…}, "data": "…"}]}, bytes in base64.',
    );
  }
  return (parsed.data.payloads ?? []).map(({ metadata, data }) => ({
    metadata: metadata ?? {},
    data: data ?? new Uint8Array(),
  }));
}

function asJson({ metadata, data }: Payload): unknown {
  return {
    metadata: Object.fromEntries(
      Object.entries(metadata ?? {}).map(([name, value]) => [name, Buffer.from(value).toString('base64')]),
    ),
    data: Buffer.from(data ?? []).toString('base64'),
  };
}

function refuse(response: ServerResponse, error: unknown): void {
  if (response.headersSent) return void response.destroy();
  if (error instanceof Refusal) {
    for (const [name, value] of Object.entries(error.headers)) response.setHeader(name, value);
    return send(response, error.status, { message: error.message });
  }
  if (error instanceof HoldfastError)
    return send(response, 400, { type: error.type, message: `${error.message} ${error.nextStep}` });
  return send(response, 500, { message: 'The request failed here.' });
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}

/** Digests, so that the comparison takes the same time whatever the length. */
function isToken(header: string | undefined, digest: Buffer): boolean {
  const given = /^Bearer (.+)$/i.exec(header ?? '')?.[1];
  return given !== undefined && timingSafeEqual(sha256(given), digest);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** As browsers say them. */
function originsOf(uiUrl: string): readonly string[] {
  if (!URL.canParse(uiUrl) || !/^https?:$/.test(new URL(uiUrl).protocol)) {
    throw new HoldfastError(
      'bad-input',
      `--ui is ${JSON.stringify(uiUrl)}. Expected the address of a Temporal UI, such as http://localhost:8233.`,
    );
  }
  const { origin, protocol, hostname, port } = new URL(uiUrl);
  if (!LOOPBACK.includes(hostname)) return [origin];
  return [origin, ...LOOPBACK.map((name) => `${protocol}//${name}${port === '' ? '' : `:${port}`}`)];
}

async function listen(server: Server, port: number): Promise<number> {
  try {
    await new Promise<void>((resolve, reject) => void server.once('error', reject).listen(port, HOST, resolve));
  } catch (cause) {
    const reason =
      (cause as NodeJS.ErrnoException).code === 'EADDRINUSE'
        ? 'is taken by another program'
        : `cannot be used (${(cause as Error).message})`;
    throw new HoldfastError(
      'bad-input',
      `Port ${port} of ${HOST}, for the codec endpoint, ${reason}.`,
      { port, nextStep: 'Choose another port, or 0 for a free one.' },
      { cause },
    );
  }
  const address = server.address();
  if (address === null || typeof address === 'string') throw new HoldfastError('defect', 'A TCP socket has no port.');
  return address.port;
}

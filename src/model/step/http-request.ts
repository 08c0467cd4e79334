/** A request as a step or a plan writes it, and what is recorded of its response. */
import * as z from 'zod';
import { JsonSchema } from '../json.ts';
import type { Json } from '../canonical-json.ts';
import { DigestSchema } from '../digest.ts';

export const DEFAULT_MAX_RESPONSE_BYTES = 1024 * 1024;
/** What is larger is saved to a file. */
export const MAX_RESPONSE_BYTES = 8 * 1024 * 1024;
export const DEFAULT_MAX_SAVED_BYTES = 10 * 1024 ** 3;
export const MAX_SAVED_BYTES = 1024 ** 4;
export const DEFAULT_HTTP_TIMEOUT_MS = 30_000;
export const MAX_HEADERS = 100;

/** Methods that change nothing on the other side: such a request may always be made again. */
const SAFE_METHODS: readonly string[] = ['GET', 'HEAD'];
export function isSafeMethod(method: string): boolean {
  return SAFE_METHODS.includes(method);
}

/** Each says who is on the other end, or how the message is framed: not the request's to say. */
const OWN_HEADERS = [
  'idempotency-key',
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'upgrade',
  'te',
  'trailer',
  'expect',
  'proxy-authorization',
];

/** A token of RFC 9110. */
export const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;

export const SecretHeaderSchema = z.strictObject({
  env: z
    .string()
    .regex(/^[A-Za-z_]\w*$/, 'the name of an environment variable')
    .describe('Of the worker. Its value is in no history and no record.'),
  prefix: z
    .string()
    .max(100)
    .regex(/^[\t\x20-\x7e]*$/, 'ASCII text of one line')
    .optional()
    .describe('Put before the value: "Bearer ". Default: nothing.'),
});

export const HttpHeadersSchema = z
  .record(
    z.string(),
    z.union([
      z
        .string()
        .max(8_000)
        .regex(/^(?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?$/, 'ASCII text of one line'),
      SecretHeaderSchema,
    ]),
  )
  .superRefine((headers, context) => {
    const names = Object.keys(headers).map((name) => name.toLowerCase());
    if (names.length > MAX_HEADERS) context.addIssue({ code: 'custom', message: `at most ${MAX_HEADERS} headers` });
    for (const [index, name] of names.entries()) {
      if (!HEADER_NAME.test(name))
        context.addIssue({
          code: 'custom',
          message: 'is not the name of a header',
          path: [Object.keys(headers)[index]!],
        });
      else if (OWN_HEADERS.includes(name))
        context.addIssue({
          code: 'custom',
          message: `${name} is not for a request to set`,
          path: [Object.keys(headers)[index]!],
        });
      else if (names.indexOf(name) !== index)
        context.addIssue({ code: 'custom', message: `${name} is given twice`, path: [Object.keys(headers)[index]!] });
    }
  });
export type HttpHeaders = z.infer<typeof HttpHeadersSchema>;

const requestFields = {
  url: z.string().min(1).max(8_000).describe("https://…, or http://…; its host must be on the plan's `http.hosts`."),
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']).default('GET').describe('Default: GET.'),
  headers: HttpHeadersSchema.default({}).describe(
    'Text, or { env: NAME, prefix?: TEXT } for what is secret. Default: none.',
  ),
  json: JsonSchema.optional().describe('The body, as JSON.'),
  body: z.string().max(MAX_RESPONSE_BYTES).optional().describe('The body, as text. Default: none.'),
  saveTo: z
    .string()
    .min(1)
    .optional()
    .describe(
      "A path in the workspace: the response's body becomes that file, however long it is. Default: it is returned.",
    ),
  maxBytes: z
    .int()
    .min(0)
    .max(MAX_SAVED_BYTES)
    .optional()
    .describe('A longer body is an error. Default: 1048576; with saveTo 10737418240.'),
  acceptStatus: z
    .array(z.int().min(100).max(599))
    .default([])
    .describe('Statuses besides 200 to 299 that are an answer, not a failure. Default: none.'),
  idempotent: z
    .boolean()
    .default(false)
    .describe(
      'The endpoint honours the Idempotency-Key, so that a request whose outcome nobody knows may be made again. Default: false, a person is asked. GET and HEAD are always made again.',
    ),
  timeoutMs: z
    .int()
    .min(1)
    .max(3_600_000)
    .default(DEFAULT_HTTP_TIMEOUT_MS)
    .describe('The longest silence, in milliseconds. Default: 30000.'),
};

interface Checked {
  readonly method: string;
  readonly json?: unknown;
  readonly body?: string | undefined;
  readonly saveTo?: string | undefined;
  readonly maxBytes?: number | undefined;
}

function checkTogether(request: Checked, context: z.RefinementCtx): void {
  const problem = (path: string, message: string): void => context.addIssue({ code: 'custom', message, path: [path] });
  if (request.json !== undefined && request.body !== undefined)
    problem('body', 'stands beside json; give one of the two');
  if (isSafeMethod(request.method) && (request.json !== undefined || request.body !== undefined))
    problem(request.json === undefined ? 'body' : 'json', `is not sent with ${request.method}`);
  if (request.method === 'HEAD' && request.saveTo !== undefined)
    problem('saveTo', 'has nothing to save: HEAD has no body');
  if (request.saveTo === undefined && request.maxBytes !== undefined && request.maxBytes > MAX_RESPONSE_BYTES)
    problem('maxBytes', `is at most ${MAX_RESPONSE_BYTES} without saveTo`);
}

export const HttpRequestSchema = z.strictObject(requestFields).superRefine(checkTogether);
export type HttpRequest = z.output<typeof HttpRequestSchema>;
/** A request as it is written, defaults left out. */
export type HttpRequestSource = z.input<typeof HttpRequestSchema>;

/** What is recorded of a response. */
export const HttpAnswerSchema = z.strictObject({
  status: z.int().min(100).max(599),
  /** The one that answered, after redirects. */
  url: z.string(),
  headers: z.record(z.string(), z.string()),
  body: z.string().nullable(),
  /** The body that was saved to a file. */
  saved: z.strictObject({ content: DigestSchema, sizeBytes: z.int().min(0) }).optional(),
});
export type HttpAnswer = z.infer<typeof HttpAnswerSchema>;

/** What a person types as the answer of a request that happened: a response, or else its body. */
export function answerFrom(told: Json, url: string): HttpAnswer {
  const whole = HttpAnswerSchema.partial({ url: true, headers: true, body: true }).safeParse(told);
  if (whole.success) return HttpAnswerSchema.parse({ url, headers: {}, body: null, ...whole.data });
  return {
    status: 200,
    url,
    headers: {},
    body: told === null || typeof told === 'string' ? told : JSON.stringify(told),
  };
}

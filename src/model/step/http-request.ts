/** A request as a step or a plan writes it, and what is recorded of its response. */
import * as z from 'zod';
import { JsonSchema } from '../json.ts';
import { HttpHeadersSchema } from './http-headers.ts';

export const DEFAULT_MAX_RESPONSE_BYTES = 1024 * 1024;
/** What is larger is saved to a file. */
export const MAX_RESPONSE_BYTES = 8 * 1024 * 1024;
export const DEFAULT_MAX_SAVED_BYTES = 10 * 1024 ** 3;
export const MAX_SAVED_BYTES = 1024 ** 4;
export const DEFAULT_HTTP_TIMEOUT_MS = 30_000;

/** Methods that change nothing on the other side: such a request may always be made again. */
const SAFE_METHODS: readonly string[] = ['GET', 'HEAD'];
export function isSafeMethod(method: string): boolean {
  return SAFE_METHODS.includes(method);
}

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
      'The endpoint honours the Idempotency-Key, so that a request whose outcome nobody knows may be made ' +
        'again. Default: false, a person is asked. GET and HEAD are always made again.',
    ),
  // Without a default: the digest of what a step is given stays what it was.
  readOnly: z
    .boolean()
    .optional()
    .describe(
      'The request changes nothing on the other side, whatever its method (a search, the answer of a model): like ' +
        'GET it is made again without a question. Default: false; of GET and HEAD: true.',
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

/** The form of a request of `ctx.http` and of the step `http`. */
export const HttpRequestSchema = z.strictObject(requestFields).superRefine(checkTogether);
export type HttpRequest = z.output<typeof HttpRequestSchema>;
/** A request as it is written, without defaults. */
export type HttpRequestSource = z.input<typeof HttpRequestSchema>;

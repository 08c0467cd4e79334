/** Headers that a step or a plan gives to a request. */
import * as z from 'zod';

export const MAX_HEADERS = 100;

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

/** What is recorded of a response. */
import * as z from 'zod';
import type { Json } from '../canonical-json.ts';
import { DigestSchema } from '../digest.ts';

/** What is recorded of a response. */
export const HttpAnswerSchema = z.strictObject({
  status: z.int().min(100).max(599),
  /** The one that answered, after redirects. */
  url: z.string(),
  headers: z.record(z.string(), z.string()),
  body: z.string().nullable(),
  /** So many bytes of the body are no part of a character in UTF-8; `body` shows each as itself, `<E9>`. */
  oddBytes: z.int().min(1).optional(),
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

/** What a plan wants compared besides what steps read and wrote. */
import * as z from 'zod';
import { HEADER_NAME, HttpHeadersSchema } from '../step/http-headers.ts';
import { JsonValueSchema, NameSchema } from './field.ts';

export const WatchSchema = z
  .strictObject({
    file: z
      .string()
      .min(1)
      .optional()
      .describe(
        'A path in the workspace, or a pattern: * within a folder, ** across folders, ? one character, [a-z] ' +
          'one of these characters, {a,b} either text.',
      ),
    schema: z
      .string()
      .regex(/^[^/\s]+\/[^/]+$/, 'DATABASE/TABLE')
      .optional()
      .describe('DATABASE/TABLE: columns, keys, indexes and constraints of a table.'),
    query: z
      .strictObject({
        /** Names it in questions. */
        name: NameSchema,
        /** One of the plan's `databases`. */
        database: NameSchema,
        /** Reads, and changes nothing. */
        sql: z.string().min(1),
        /** Of the query. Default: none. */
        params: z.array(JsonValueSchema).default([]),
      })
      .optional()
      .describe('The rows of a query, compared whole.'),
    endpoint: z
      .strictObject({
        /** Names it in questions. */
        name: NameSchema,
        url: z
          .string()
          .min(1)
          .max(8_000)
          .describe("It is asked with GET; its host must be on the plan's `http.hosts`."),
        header: z
          .string()
          .regex(HEADER_NAME, 'the name of a header')
          .optional()
          .describe("The response's header that holds the version: etag, x-api-version."),
        json: z
          .string()
          .min(1)
          .max(500)
          .optional()
          .describe(
            'Where in the response, as JSON, the version stands: info.version, services[0]["api version"]. A ' +
              'whole part is compared whole.',
          ),
        headers: HttpHeadersSchema.optional().describe(
          'Sent with it: text, or { env: NAME, prefix?: TEXT } for what is secret. Default: none.',
        ),
      })
      .superRefine((endpoint, context) => {
        const given = (['header', 'json'] as const).filter((part) => endpoint[part] !== undefined);
        if (given.length !== 1)
          context.addIssue({
            code: 'custom',
            message: 'must say where the version stands',
            params: { expected: 'either header or json', found: given.length === 0 ? 'neither' : 'both' },
          });
      })
      .optional()
      .describe('The version of an endpoint, as it tells it.'),
    command: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe(
        'What a command prints, such as [node, --version]: it is run at each comparison, in the workspace, ' +
          'with the PATH of the worker. It must change nothing.',
      ),
  })
  .superRefine((watch, context) => {
    const kinds = Object.keys(watch);
    if (kinds.length !== 1)
      context.addIssue({
        code: 'custom',
        message: 'must watch one thing',
        params: {
          expected: 'one of file, schema, query, endpoint, command',
          found: kinds.length === 0 ? 'none' : kinds.join(', '),
        },
      });
  });

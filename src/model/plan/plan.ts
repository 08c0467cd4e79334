/**
 * A plan: the validated description of a job. Its form only; what the parts mean together is checked by plan-check.ts.
 *
 * Invariants
 * 1. An unknown field is an error, at every level.
 * 2. A plan is stored in Temporal's history, so it holds no secrets: a database is named by reference to the worker's
 *    environment, and `env` can be referred to nowhere else; what steps need is named under `secrets`, and referred to by name.
 * 3. Parsing a parsed plan changes nothing.
 */
import * as z from 'zod';
import type { Json } from '../canonical-json.ts';
import { HttpSettingsSchema } from '../step/http-host.ts';
import { HEADER_NAME, HttpHeadersSchema } from '../step/http-request.ts';
import { JsonSchemaSchema } from './json-schema.ts';
import { MAX_SECRETS, SecretNameSchema } from '../step/secret.ts';
import { StepNameSchema } from '../step/step.ts';

export const MAX_STEPS = 2000;
/** Asked before a step when the last comparison of the world is older than this. */
export const DEFAULT_VERIFY_AFTER_MINUTES = 10;
export const DEFAULT_TIMEOUT_MS = 1_800_000;
export const DEFAULT_RETRY = {
  maxAttempts: 5,
  initialIntervalMs: 1000,
  backoffCoefficient: 2,
  maxIntervalMs: 60_000,
} as const;

const JsonValueSchema = (z.json() as z.ZodType<Json>).meta({
  id: 'Value',
  description:
    "Any JSON value. Text may hold references: ${{ input.x }}, ${{ state.x }}, ${{ steps.ID.output.x }}, ${{ job.id }}, in a step's `with` ${{ secrets.NAME }}. $${{ is the text ${{.",
});

const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,79}$/;
const NAME_RULE = 'a letter, then at most 79 letters, digits, _ or -';
const NameSchema = z.string().regex(NAME, NAME_RULE);

const ENV_REFERENCE = /^\$\{\{\s*env\.[A-Za-z_]\w*\s*\}\}$/;
const DatabaseUrlSchema = z
  .string()
  .describe(
    "`${{ env.NAME }}`: the worker's environment variable NAME holds the URL (postgres://… or sqlite:path). Or `sqlite:relative/path`, a file in the workspace.",
  )
  .superRefine((url, context) => {
    if (ENV_REFERENCE.test(url) || (url.startsWith('sqlite:') && url.length > 'sqlite:'.length && !url.includes('${{')))
      return;
    const scheme = /^[a-z][a-z0-9+]*:/i.exec(url)?.[0];
    context.addIssue({
      code: 'custom',
      message:
        scheme !== undefined && scheme !== 'sqlite:'
          ? 'is a literal URL; it would be kept in history for everyone to read, its password too'
          : 'is not a database URL that a plan may hold',
      params: {
        expected: '${{ env.NAME }}, or sqlite:relative/path',
        // Never the URL itself: it may hold a password.
        found: scheme === undefined || scheme === 'sqlite:' ? 'other text' : `${scheme}…`,
        hint: 'write url: ${{ env.DATABASE_URL }} and set DATABASE_URL for the worker',
      },
    });
  })
  // For editors, which do not see the check above.
  .meta({ pattern: '^(\\$\\{\\{ *env\\.[A-Za-z_]\\w* *\\}\\}|sqlite:.+)$' });

export const DatabaseSchema = z.strictObject({ url: DatabaseUrlSchema });

export const StateKeySchema = z.strictObject({
  reducer: z
    .enum(['replace', 'append'])
    .default('replace')
    .describe(
      'How a new value joins the old one. replace: it takes its place. append: the items of a list are added to the list in order; any other value is added as one item. Default: replace.',
    ),
  initial: JsonValueSchema.optional().describe('The value before any step. Default: null, for append an empty list.'),
  schema: JsonSchemaSchema.optional().describe('What the value must look like after every change. Default: any JSON.'),
});

export const WatchSchema = z
  .strictObject({
    file: z
      .string()
      .min(1)
      .optional()
      .describe('A path in the workspace, or a pattern: * within a folder, ** across folders, ? one character.'),
    schema: z
      .string()
      .regex(/^[^/\s]+\/[^/]+$/, 'DATABASE/TABLE')
      .optional()
      .describe('DATABASE/TABLE: columns, keys, indexes and constraints of a table.'),
    query: z
      .strictObject({
        name: NameSchema,
        database: NameSchema,
        sql: z.string().min(1),
        params: z.array(JsonValueSchema).default([]),
      })
      .optional()
      .describe('The rows of a query, compared whole.'),
    endpoint: z
      .strictObject({
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
            'Where in the response, as JSON, the version stands: info.version, services[0]["api version"]. A whole part is compared whole.',
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
        'What a command prints, such as [node, --version]: it is run at each comparison, in the workspace, with the PATH of the worker. It must change nothing.',
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

export const RetrySchema = z.strictObject({
  maxAttempts: z.int().min(1).max(1000).default(DEFAULT_RETRY.maxAttempts).describe('Including the first. Default: 5.'),
  initialIntervalMs: z.int().min(1).max(86_400_000).default(DEFAULT_RETRY.initialIntervalMs).describe('Default: 1000.'),
  backoffCoefficient: z.number().min(1).max(100).default(DEFAULT_RETRY.backoffCoefficient).describe('Default: 2.'),
  maxIntervalMs: z.int().min(1).max(86_400_000).default(DEFAULT_RETRY.maxIntervalMs).describe('Default: 60000.'),
});

export const StepSchema = z.strictObject({
  id: NameSchema.describe(
    `Unique in the plan: ${NAME_RULE}. Kept for ever in the record; renaming it makes another step.`,
  ),
  use: StepNameSchema.describe(
    'A built-in step (file.write, file.copy, file.remove, db.sql, db.upsert, db.query, http, command, wait) or one of yours.',
  ).meta({
    examples: ['file.write', 'file.copy', 'file.remove', 'db.sql', 'db.upsert', 'db.query', 'http', 'command', 'wait'],
  }),
  with: JsonValueSchema.default({}).describe('The input of the step; may hold references. Default: {}.'),
  needs: z
    .array(z.string())
    .default([])
    .describe('Ids of steps that must be finished first. A reference to a step implies it. Default: none.'),
  reads: z
    .array(z.string())
    .default([])
    .describe('What the step reads: file:PATH, file:FOLDER/, table:DATABASE/TABLE. Default: none declared.'),
  writes: z
    .array(z.string())
    .default([])
    .describe(
      'What the step writes: file:PATH, file:FOLDER/, table:DATABASE/TABLE, row:DATABASE/TABLE/{"key":1}. Parallel steps may not write the same. What a built-in step writes needs no declaration. Default: none declared.',
    ),
  state: z
    .record(z.string(), JsonValueSchema)
    .default({})
    .describe("State key → value, with references into this step's output: ${{ output.rows }}. Default: none."),
  retry: RetrySchema.optional().describe('For failures that may pass. Default: 5 attempts, 1 s, doubled up to 60 s.'),
  timeoutMs: z
    .int()
    .min(1)
    .max(2_592_000_000)
    .optional()
    .describe('Of one attempt, in milliseconds. Default: 1800000 (30 minutes).'),
  approval: z
    .literal('before-apply')
    .optional()
    .describe('Stop with the exact changes and apply them only after a person approved. Default: no approval.'),
  onFailure: z
    .enum(['ask', 'fail'])
    .default('ask')
    .describe("When the step can't go on. ask: a person decides. fail: the job fails. Default: ask."),
});

export const PlanSchema = z
  .strictObject({
    $schema: z.string().optional().describe('For editors. Ignored.'),
    schemaVersion: z.literal(1).describe('Always 1.'),
    name: NameSchema.describe(`The plan's name: ${NAME_RULE}.`),
    description: z.string().max(2000).optional(),
    workspace: z
      .string()
      .min(1)
      .max(1000)
      .describe(
        "The folder that the job works in. A relative path starts at the worker's configured root. May hold ${{ input.x }}.",
      ),
    input: JsonSchemaSchema.optional().describe('What the job is given: JSON Schema of an object. Default: no input.'),
    databases: z.record(NameSchema, DatabaseSchema).default({}).describe('Databases by name. Default: none.'),
    // Without a default: the digest of a plan that needs none stays what it was.
    secrets: z
      .array(SecretNameSchema)
      .max(MAX_SECRETS)
      .optional()
      .describe(
        'Environment variables of the worker whose values steps may use, by ${{ secrets.NAME }} and ctx.secret(name). Their values are kept nowhere. Default: none.',
      ),
    // Not filled in where it is left out: a plan without it keeps its digest.
    http: HttpSettingsSchema.optional().describe('What steps and watches may call. Default: nothing.'),
    state: z
      .record(NameSchema, StateKeySchema)
      .default({})
      .describe('What the job carries from step to step. Default: nothing.'),
    watch: z
      .array(WatchSchema)
      .default([])
      .describe('What is compared with the record besides what the steps read and wrote. Default: nothing.'),
    verifyAfterMinutes: z
      .number()
      .positive()
      .max(525_600)
      .optional()
      .describe('Compare the world again before a step when the last comparison is older. Default: 10.'),
    steps: z.array(StepSchema).min(1).max(MAX_STEPS),
  })
  .meta({ title: 'Holdfast plan', description: 'The description of an agent job.' });

/** A plan with its defaults filled in. */
export type Plan = z.output<typeof PlanSchema>;
/** A plan as it is written. */
export type PlanSource = z.input<typeof PlanSchema>;
export type PlanStep = Plan['steps'][number];
export type Retry = z.output<typeof RetrySchema>;
export type Watch = Plan['watch'][number];

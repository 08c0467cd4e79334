/** A step of a plan. */
import * as z from 'zod';
import { StepNameSchema } from '../step/step.ts';
import { MAX_SUB_STEPS_AT_ONCE } from '../step/sub-step.ts';
import { ConditionSchema } from './condition.ts';
import { JsonValueSchema, NAME_RULE, NameSchema } from './field.ts';

export const DEFAULT_RETRY = {
  maxAttempts: 5,
  initialIntervalMs: 1000,
  backoffCoefficient: 2,
  maxIntervalMs: 60_000,
} as const;

export const RetrySchema = z.strictObject({
  maxAttempts: z.int().min(1).max(1000).default(DEFAULT_RETRY.maxAttempts).describe('Including the first. Default: 5.'),
  initialIntervalMs: z.int().min(1).max(86_400_000).default(DEFAULT_RETRY.initialIntervalMs).describe('Default: 1000.'),
  backoffCoefficient: z.number().min(1).max(100).default(DEFAULT_RETRY.backoffCoefficient).describe('Default: 2.'),
  maxIntervalMs: z.int().min(1).max(86_400_000).default(DEFAULT_RETRY.maxIntervalMs).describe('Default: 60000.'),
});

/** Each is a step of its own for Temporal, and named by whatever depends on it. */
export const MAX_ITEMS_WITHIN_WORKFLOW = 1_000;
/** Each is a step of its own, too, and follows the one before. */
export const MAX_ROUNDS = 1_000;

/** Of plans within plans; the outermost is none of them. */
export const MAX_SUB_PLAN_DEPTH = 5;

export const MAX_RESUMES = 100;
const MAX_RESUME_SECONDS = 86_400;

export const ResumeSchema = z.strictObject({
  atMost: z.int().min(1).max(MAX_RESUMES).describe('How often, before a person is asked.'),
  afterSeconds: z
    .number()
    .min(0)
    .max(MAX_RESUME_SECONDS)
    .default(10)
    .describe('How long the step rests before it is tried again. Default: 10.'),
});

export const ForEachSchema = z.strictObject({
  items: z
    .union([z.string(), z.array(JsonValueSchema)])
    .describe(
      'The list: a reference to one, or the values. Each stands in `with` as ${{ item }}, its place as ' +
        '${{ index }}.',
    ),
  atOnce: z.int().min(1).max(MAX_SUB_STEPS_AT_ONCE).default(1).describe('How many run at once. Default: 1.'),
  within: z
    .enum(['activity', 'workflow'])
    .default('activity')
    .describe(
      'activity: each is a sub-step of this step, at the price of one commit; the step is tried again as a ' +
        'whole, with what is done answered from the record. workflow: each is a step of its own, at most ' +
        `${MAX_ITEMS_WITHIN_WORKFLOW}. Default: activity.`,
    ),
  outputs: z
    .enum(['list', 'none'])
    .optional()
    .describe(
      "list: the step's output is the list of what its items return, at most 256 KiB together. none: it is null, and " +
        'what each item returned stays in the record. Default: list.',
    ),
});

export const StepSchema = z.strictObject({
  id: NameSchema.describe(
    `Unique in the plan: ${NAME_RULE}. Kept for ever in the record; renaming it makes another step.`,
  ),
  use: StepNameSchema.describe(
    'A built-in step (file.write, file.copy, file.remove, db.sql, db.upsert, db.query, http, command, ' +
      'plan.run, wait) or one of yours.',
  ).meta({
    examples: [
      'file.write',
      'file.copy',
      'file.remove',
      'db.sql',
      'db.upsert',
      'db.query',
      'http',
      'command',
      'plan.run',
      'wait',
    ],
  }),
  with: JsonValueSchema.default({}).describe('The input of the step; may hold references. Default: {}.'),
  // No defaults are filled in: the digest of a plan without them stays the same.
  plan: JsonValueSchema.optional().describe(
    'Of plan.run: the plan that it runs as a job of its own, or the path of its file, relative to this one.',
  ),
  workspace: z
    .string()
    .min(1)
    .max(1000)
    .optional()
    .describe(
      "Of plan.run: a folder of the workspace that is the sub-plan's alone; may hold references. Default: the " +
        "workspace that the sub-plan names, relative to the worker's root.",
    ),
  // No default is filled in: the digest of a plan without it stays the same.
  forEach: ForEachSchema.optional().describe(
    'Run the step once for each item of a list; its output is the list of outputs, or null. Default: once.',
  ),
  when: ConditionSchema.optional().describe(
    'Run the step only if this holds, once all that it needs has ended; else it is skipped. Default: always.',
  ),
  onSkipped: z
    .enum(['skip', 'run'])
    .optional()
    .describe(
      'When a step that this one needs was skipped. skip: this one is skipped, too. run: it runs; the output of a ' +
        'skipped step is null. Default: skip.',
    ),
  until: ConditionSchema.optional().describe(
    'Run the step again and again until this holds, with `maxRounds`. It may use ${{ output }} and the state after ' +
      'the round, and ${{ round }}, which counts from 1. Default: once.',
  ),
  maxRounds: z
    .int()
    .min(1)
    .max(MAX_ROUNDS)
    .optional()
    .describe(`With \`until\`: how many rounds at most, 1 to ${MAX_ROUNDS}. After that onFailure says what follows.`),
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
      'What the step writes: file:PATH, file:FOLDER/, table:DATABASE/TABLE, row:DATABASE/TABLE/{"key":1}. ' +
        'Parallel steps may not write the same. What a built-in step writes needs no declaration. Default: ' +
        'none declared.',
    ),
  state: z
    .record(z.string(), JsonValueSchema)
    .default({})
    .describe("State key → value, with references into this step's output: ${{ output.rows }}. Default: none."),
  retry: RetrySchema.optional().describe('For failures that may pass. Default: 5 attempts, 1 s, doubled up to 60 s.'),
  resume: ResumeSchema.optional().describe(
    "When the step can't go on by `retry`: compare the world and try it again by itself, so often, before onFailure " +
      'says what follows. Default: never.',
  ),
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

export type ForEach = z.output<typeof ForEachSchema>;
export type Retry = z.output<typeof RetrySchema>;
export type Resume = z.output<typeof ResumeSchema>;

/** Do parts of the step run as steps of their own, its items or its rounds? */
export function isApart({ forEach, until }: Pick<z.output<typeof StepSchema>, 'forEach' | 'until'>): boolean {
  return forEach?.within === 'workflow' || until !== undefined;
}

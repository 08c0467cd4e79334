/**
 * A plan: the validated description of a job. Its form only; what the parts mean together is checked by plan-check.ts.
 *
 * Invariants
 * 1. An unknown field is an error, at every level.
 * 2. A plan is stored in Temporal's history, so it holds no secrets: a database is named by reference to the worker's
 *    environment, and `env` can be referred to nowhere else; what steps need is named under `secrets`, and referred
 *    to by name.
 * 3. Parsing a parsed plan changes nothing.
 */
import * as z from 'zod';
import { CheckpointSettingsSchema } from '../checkpoint/settings.ts';
import { RetentionSchema } from '../retention.ts';
import { HeartbeatTimeoutSchema } from '../heartbeat-timeout.ts';
import { HttpSettingsSchema } from '../step/http-host.ts';
import { MAX_SECRETS, SecretNameSchema } from '../step/secret.ts';
import { DatabaseSchema } from './database.ts';
import { NAME_RULE, NameSchema } from './field.ts';
import { JsonSchemaSchema } from './json-schema.ts';
import { StepSchema } from './plan-step.ts';
import { StateKeySchema } from './state-key.ts';
import { WatchSchema } from './watch.ts';

export const MAX_STEPS = 2000;

/**
 * The form of a plan, as zod checks it. `validatePlan` checks its meaning, too. The same as JSON Schema:
 * `holdfast/plan.schema.json`.
 */
export const PlanSchema = z
  .strictObject({
    $schema: z.string().optional().describe('For editors. Ignored.'),
    schemaVersion: z.literal(1).describe('Always 1.'),
    name: NameSchema.describe(`The plan's name: ${NAME_RULE}.`),
    /** For people. At most 2,000 characters. */
    description: z.string().max(2000).optional(),
    workspace: z
      .string()
      .min(1)
      .max(1000)
      .describe(
        "The folder that the job works in. A relative path starts at the worker's configured root. May hold " +
          '${{ input.x }}.',
      ),
    input: JsonSchemaSchema.optional().describe('What the job is given: JSON Schema of an object. Default: no input.'),
    databases: z.record(NameSchema, DatabaseSchema).default({}).describe('Databases by name. Default: none.'),
    // Without a default: the digest of a plan that needs none stays what it was.
    secrets: z
      .array(SecretNameSchema)
      .max(MAX_SECRETS)
      .optional()
      .describe(
        'Environment variables of the worker whose values steps may use, by ${{ secrets.NAME }} and ' +
          'ctx.secret(name). Their values are kept nowhere. Default: none.',
      ),
    // No default is filled in: the digest of a plan without it stays the same.
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
    // No default is filled in: the digest of a plan without it stays the same.
    verify: z
      .enum(['full', 'quick'])
      .optional()
      .describe(
        'full: every comparison reads every file. quick: a file whose inode, size, mode and times are those ' +
          'seen when it was last hashed counts as unchanged. Default: full.',
      ),
    // No default is filled in: the digest of a plan without it stays the same.
    checkpoint: CheckpointSettingsSchema.optional().describe(
      'Where checkpoints are kept besides in the record, so that they outlive it and the cluster. Default: nowhere.',
    ),
    // No default is filled in: the digest of a plan without it stays the same.
    retention: RetentionSchema.optional().describe(
      'For how long the record of a job is kept once it has ended, and where it goes then: see `holdfast gc`. ' +
        'Default: it is kept.',
    ),
    heartbeatTimeoutMs: HeartbeatTimeoutSchema.optional().describe(
      'A step of which nothing is heard for so long is lost with its worker, and tried again. Default: 10000.',
    ),
    /** At least one, at most 2,000. They run by what they need, not by their order. */
    steps: z.array(StepSchema).min(1).max(MAX_STEPS),
  })
  .meta({ title: 'Holdfast plan', description: 'The description of an agent job.' });

/** A plan with its defaults filled in. */
export type Plan = z.output<typeof PlanSchema>;
/** A plan as it is written. */
export type PlanSource = z.input<typeof PlanSchema>;
/** One step of a plan, with its defaults filled in. */
export type PlanStep = Plan['steps'][number];

export type Watch = Plan['watch'][number];

/**
 * What `agentJob` and `openJob` are started with, and the options of `job.step`, checked where they are given: what an
 * Activity finds wrong with them fails there for ever.
 *
 * Invariant: a history in which wrong options did their harmless part replays as it was.
 */
import { workflowInfo } from '@temporalio/workflow';
import * as z from 'zod';
import { HoldfastError } from '../../model/failure.ts';
import { HeartbeatTimeoutSchema } from '../../model/heartbeat-timeout.ts';
import { JobSettingsSchema } from '../../model/job/settings.ts';
import { watchProblems } from '../../model/job/watches.ts';
import { assertPlan } from '../../model/plan/check/check.ts';
import { checkParallelState } from '../../model/plan/check/parallel-state.ts';
import { checkSchemas } from '../../model/plan/check/schemas.ts';
import { planGraph } from '../../model/plan/graph/graph.ts';
import type { Plan } from '../../model/plan/plan.ts';
import { MAX_BASE_LENGTH } from '../../model/plan/database-base.ts';
import { MAX_RESUMES } from '../../model/plan/plan-step.ts';
import { problemsFromZod } from '../../model/plan/problem/from-zod.ts';
import { HttpSettingsSchema } from '../../model/step/http-host.ts';
import { StateOptionsShape } from './user-state.ts';
import type { AgentJobInput, OpenJobOptions, StepOptions } from '../guarded-job.ts';
import { isPatched } from '../patches.ts';

/** Ten years: longer than anything lasts, and within what the server takes. */
const MAX_MS = 315_360_000_000;
const DurationSchema = z.int().min(1).max(MAX_MS);
const settings = JobSettingsSchema.shape;

const OpenJobSchema = z
  .strictObject({
    workspace: z.string().min(1),
    args: z.array(z.unknown()),
    name: z.string().optional(),
    databases: settings.databases.optional(),
    bases: z.record(z.string(), z.string().min(1).max(MAX_BASE_LENGTH)).optional(),
    secrets: settings.secrets,
    watch: settings.watch.optional(),
    http: settings.http,
    verifyAfterMs: settings.verifyAfterMs.max(MAX_MS).optional(),
    verify: settings.verify,
    checkpoint: settings.checkpoint,
    retention: settings.retention,
    plan: settings.plan.optional(),
    heartbeatTimeoutMs: HeartbeatTimeoutSchema.optional(),
    continueAsNewAfterEvents: z.int().min(1).optional(),
    checkpointEvery: z.int().min(1).max(100_000).optional(),
    ...StateOptionsShape,
  } satisfies Record<keyof OpenJobOptions, z.ZodType>)
  .superRefine(({ watch = [], databases = {}, bases = {} }, context) => {
    for (const name of Object.keys(bases).filter((one) => !Object.hasOwn(databases, one)))
      context.addIssue({ code: 'custom', path: ['bases', name], message: 'there is no database of this name' });
    for (const { path, message } of watchProblems(watch, databases))
      context.addIssue({ code: 'custom', path: ['watch', ...path], message });
  });

/** What `agentJob` is started with. The plan and its input are checked by what they describe. */
const PlannedJobSchema = z.strictObject({
  plan: z.unknown(),
  input: z.unknown().optional(),
  workspace: z.string().min(1).optional(),
  continueAsNewAfterEvents: z.int().min(1).optional(),
} satisfies Record<keyof AgentJobInput, z.ZodType>);

const StepOptionsSchema = z.strictObject({
  id: z.string().optional(),
  approval: z.enum(['before-apply', 'always']).optional(),
  timeoutMs: DurationSchema.optional(),
  retry: z
    .strictObject({
      maxAttempts: z.int().min(1).optional(),
      initialIntervalMs: DurationSchema.optional(),
      backoffCoefficient: z.number().min(1).optional(),
      maxIntervalMs: DurationSchema.optional(),
    } satisfies Record<keyof NonNullable<StepOptions['retry']>, z.ZodType>)
    .refine(({ initialIntervalMs, maxIntervalMs = Infinity }) => (initialIntervalMs ?? 0) <= maxIntervalMs, {
      message: 'initialIntervalMs is longer than maxIntervalMs',
    })
    .optional(),
  resume: z
    .strictObject({ atMost: z.int().min(1).max(MAX_RESUMES), afterMs: z.int().min(0).max(MAX_MS).optional() })
    .optional(),
  uses: z.array(z.string()).optional(),
  onFailure: z.enum(['ask', 'fail', 'fail-for-good']).optional(),
  onReject: z.enum(['rerun', 'fail']).optional(),
  inputMayDiffer: z.boolean().optional(),
} satisfies Record<keyof StepOptions, z.ZodType>);

/** @throws HoldfastError `bad-input` */
export function refuseBadJobOptions(options: OpenJobOptions): void {
  const hosts = HttpSettingsSchema.optional().safeParse(options.http);
  if (!hosts.success) {
    const issues = hosts.error.issues.map(({ path, message }) => `http.${path.map(String).join('.')}: ${message}`);
    throw new HoldfastError('bad-input', `openJob was given hosts that cannot be called: ${issues.join('; ')}.`);
  }
  refuse('openJob', badOptions(options, OpenJobSchema));
}

/**
 * For a job that is not under way: what an earlier version took when it started is taken until its end, also in the
 * Runs that it continues in.
 * @throws HoldfastError `bad-input`
 */
export function refuseBadPlanInput(args: readonly unknown[]): void {
  if (workflowInfo().continuedFromExecutionRunId !== undefined) return;
  const problem =
    args.length === 1 ? badOptions(args[0], PlannedJobSchema) : `It takes one argument; found ${args.length}`;
  const hint = problem?.includes('unknown field') === true ? ' A field of a newer client needs workers that new.' : '';
  refuse('agentJob', problem, hint);
}

/** Of a plan that an earlier version has let pass nothing is refused. @throws HoldfastError `bad-plan` */
export function refuseUnlookedSchemas(plan: Plan): void {
  if (workflowInfo().continuedFromExecutionRunId !== undefined || checkSchemas(plan).length === 0) return;
  if (isPatched('wrong-options-are-refused')) assertPlan(plan);
}

/** Of a plan that an earlier version has let pass nothing is refused. @throws HoldfastError `bad-plan` */
export function refuseParallelWriters(plan: Plan): void {
  const isUnderWay = workflowInfo().continuedFromExecutionRunId !== undefined;
  if (isUnderWay || checkParallelState(plan, planGraph(plan)).length === 0) return;
  if (isPatched('parallel-writers-of-one-value-are-refused')) assertPlan(plan);
}

/** @throws HoldfastError `bad-input` */
export function refuseBadStepOptions(stepId: string, options: StepOptions): void {
  refuse(`Step ${stepId}`, badOptions(options, StepOptionsSchema));
}

function refuse(what: string, problem: string | undefined, hint = ''): void {
  // Asked only where something is wrong: a job that is right has no mark of it in its history.
  if (problem !== undefined && isPatched('wrong-options-are-refused'))
    throw new HoldfastError(
      'bad-input',
      `${what} was given options that cannot be used. ${problem}${problem.endsWith('?') ? '' : '.'}${hint}`,
    );
}

/** What a schema finds wrong with options, in one line; undefined: nothing. */
function badOptions(given: unknown, schema: z.ZodType): string | undefined {
  const checked = schema.safeParse(given);
  if (checked.success) return undefined;
  return problemsFromZod(checked.error, given, schema, '')
    .map(({ path, message, expected, found, hint }) => {
      const details = [expected && `expected ${expected}`, found && `found ${found}`, hint].filter(Boolean);
      return `${path === '' ? 'It ' : `${path}: `}${[message, ...details].join('; ')}`;
    })
    .join('. ');
}

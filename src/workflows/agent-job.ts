/**
 * `agentJob`: runs a plan. It is `openJob` fed by the plan's scheduler; whatever can be done here can be done in a
 * user's own Workflow.
 */
import { ApplicationFailure } from '@temporalio/workflow';
import { digestOf } from '../model/digest.ts';
import { HoldfastError } from '../model/failure.ts';
import type { Json, JsonObject } from '../model/canonical-json.ts';
import { DEFAULT_VERIFY_AFTER_MS, type Watch } from '../model/job/settings.ts';
import type { Plan } from '../model/plan/plan.ts';
import { assertPlan } from '../model/plan/check.ts';
import { planGraph } from '../model/plan/graph.ts';
import { parseInput, watchesOf, workspaceOf } from '../model/plan/input.ts';
import { boundedProgress, boundedResult, type PlanProgress, type PlanResult } from '../model/plan/progress.ts';
import { runPlan } from '../model/plan/run.ts';
import type { PlanJob } from '../model/plan/plan-job.ts';
import { JobCore, MAX_CARRIED_BYTES } from './open-job.ts';
import { isPatched } from './patches.ts';

export interface AgentJobInput {
  /** A plan as `holdfast check` accepts it, as JSON. */
  readonly plan: Json;
  /** What the plan's `input` describes. Default: `{}`. */
  readonly input?: Json;
  /** In place of the plan's workspace. */
  readonly workspace?: string;
  /** For tests and very long jobs. Default: when the server suggests it. */
  readonly continueAsNewAfterEvents?: number;
}

/** Of outputs; with the state (256 KiB at most) below the 2 MB that one payload may have. */
const MAX_RESULT_BYTES = 1_500_000;

/** Runs a plan to its end and returns its state and outputs. */
export async function agentJob(given: AgentJobInput): Promise<PlanResult> {
  const { plan, input } = understand(given);
  let rewound: string[] = [];
  const workspace = given.workspace ?? workspaceOf(plan, input);
  const core: JobCore = new JobCore(
    {
      workspace,
      args: [given],
      name: plan.name,
      databases: Object.fromEntries(Object.entries(plan.databases).map(([name, { url }]) => [name, url])),
      ...(plan.secrets === undefined ? {} : { secrets: plan.secrets }),
      watch: plan.watch.length === 0 ? [] : settingsWatches(plan, input),
      verifyAfterMs:
        plan.verifyAfterMinutes === undefined ? DEFAULT_VERIFY_AFTER_MS : Math.round(plan.verifyAfterMinutes * 60_000),
      plan: { name: plan.name, digest: digestOf(plan) },
      ...(plan.http === undefined ? {} : { http: plan.http }),
      ...(given.continueAsNewAfterEvents === undefined
        ? {}
        : { continueAsNewAfterEvents: given.continueAsNewAfterEvents }),
    },
    { onRewound: (stepIds) => rewound.push(...stepIds) },
  );
  const graph = planGraph(plan);
  const job: PlanJob = {
    jobId: core.jobId,
    // oxlint-disable-next-line layout/pure -- the sandbox's clock is the history's: the same in every replay
    nowMs: () => Date.now(),
    sleep: (durationMs) => core.sleep(durationMs),
    rewound: () => {
      // Steps of a plan only: a decision may name what an older plan had.
      const drained = rewound.filter((id) => plan.steps.some((step) => step.id === id));
      rewound = [];
      return drained;
    },
    step: async (request) => {
      const done = await core.runStep(
        {
          stepId: request.id,
          step: request.use,
          input: request.input,
          ...(request.secrets === undefined
            ? {}
            : { secrets: request.secrets.map(({ at, parts }) => ({ at: [...at], parts: [...parts] })) }),
          uses: [...request.uses],
          onFailure: request.onFailure,
          ...(request.parallelWith.length === 0 ? {} : { parallelWith: [...request.parallelWith] }),
          ...(request.approval === undefined ? {} : { approval: request.approval }),
          ...(request.retry === undefined ? {} : { maxAttempts: request.retry.maxAttempts }),
        },
        {
          ...(request.timeoutMs === undefined ? {} : { timeoutMs: request.timeoutMs }),
          ...(request.retry === undefined ? {} : { retry: request.retry }),
        },
      );
      return done === undefined ? { rewound: true } : { output: done.output };
    },
    stuck: async (stepId, failure) => {
      if (!isPatched('ask-when-no-input-can-be-made')) throw failure;
      await core.askStuck(stepId, failure, graph.sourcesOf.get(stepId) ?? []);
    },
    onSuperStepEnd: async (end) => {
      if (!core.isLong || end.remaining === 0 || end.failed.length > 0) return;
      const newlyDone = plan.steps.length - end.remaining - carriedDone;
      if (leftOut > 0 && newlyDone <= leftOut) return core.sayWhyNotNew(leftOut);
      const progress = boundedProgress(end.progress, MAX_CARRIED_BYTES);
      leftOut = progress.leftOut?.length ?? 0;
      // A new Run asks again for less than this one has newly done, or there is none: the chain would never end.
      if (leftOut > 0 && newlyDone <= leftOut) return core.sayWhyNotNew(leftOut);
      await core.continueAsNew({ progress, rewound: [...rewound] } as unknown as Json);
    },
  };
  const carried = core.carried?.plan as unknown as
    | { readonly progress: PlanProgress; readonly rewound: readonly string[] }
    | undefined;
  const carriedDone = (carried?.progress.done.length ?? 0) + (carried?.progress.leftOut?.length ?? 0);
  /** How many outputs a new Run would have to ask the record for, when that was last counted. */
  let leftOut = 0;
  if (carried !== undefined) rewound.push(...carried.rewound);
  return await core.run(async () =>
    boundedResult(await runPlan(plan, input, job, carried?.progress), MAX_RESULT_BYTES),
  );
}

function understand(given: AgentJobInput): { readonly plan: Plan; readonly input: JsonObject } {
  try {
    const plan = assertPlan(given.plan);
    return { plan, input: parseInput(plan, given.input ?? {}) };
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    throw ApplicationFailure.create({
      message: `${error.message} ${error.nextStep}`,
      type: error.type,
      nonRetryable: true,
    });
  }
}

function settingsWatches(plan: Plan, input: JsonObject): readonly Watch[] {
  return watchesOf(plan, input, 'job').map((watch): Watch => {
    if (watch.file !== undefined) return { kind: 'file', path: watch.file };
    if (watch.command !== undefined) return { kind: 'command', argv: [...watch.command] };
    if (watch.schema !== undefined) {
      const [database, table] = watch.schema.split('/') as [string, string];
      return { kind: 'schema', database, table };
    }
    if (watch.endpoint !== undefined) return { kind: 'endpoint', ...watch.endpoint };
    const query = watch.query!;
    return { kind: 'query', name: query.name, database: query.database, sql: query.sql, params: [...query.params] };
  });
}

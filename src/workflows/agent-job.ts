/**
 * `agentJob`: runs a plan. It is a guarded job fed by the plan's scheduler; whatever can be done here can be done in a
 * user's own Workflow by `openJob`.
 */
import { jsonBytes, type JsonObject } from '../model/canonical-json.ts';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
import { assertPlan } from '../model/plan/check/check.ts';
import type { Plan } from '../model/plan/plan.ts';
import { boundedResult } from '../model/plan/run/bounded-outputs.ts';
import { parseInput, workspaceOf } from '../model/plan/run/input.ts';
import type { PlanResult } from '../model/plan/run/progress.ts';
import { runPlan } from '../model/plan/run/run.ts';
import { whyUnreadable } from '../model/unreadable.ts';
import type { AgentJobInput, OpenJobOptions } from './guarded-job.ts';
import { carriedFromPreviousRun } from './job/continue-as-new.ts';
import { JobCore } from './job/core.ts';
import { asFailure } from './job/failure.ts';
import { refuseBadPlanInput, refuseParallelWriters, refuseUnlookedSchemas } from './job/options.ts';
import { planOptions } from './job/plan-options.ts';
import { PlannedJob } from './job/planned.ts';
import { jobIdNow } from './state/run-origin.ts';
import { traceJob } from './trace.ts';

export type { AgentJobInput } from './guarded-job.ts';

/** Of a job's result: below the 2 MB that one payload may have. */
const MAX_RESULT_BYTES = 1_762_144;
const MAX_OUTPUTS_BYTES = 1_500_000;

/**
 * Runs a plan to its end and returns its state and outputs.
 * @throws ApplicationFailure `bad-plan`, `bad-input`; `aborted`; a step's own failure with `onFailure: fail`
 */
export async function agentJob(given: AgentJobInput, ...others: readonly unknown[]): Promise<PlanResult> {
  const jobId = jobIdNow(carriedFromPreviousRun(true)?.resumed);
  const { plan, input, options } = understand(jobId, given, others);
  traceJob(plan.name);
  const rewound: string[] = [];
  const core = new JobCore(options, {
    onRewound: (stepIds) => rewound.push(...stepIds),
    steps: plan.steps.length,
    carried: (resultBytes) => job.carried(resultBytes),
    editedStep: (edit) => job.editing.editedStep(edit),
    tried: (stepId, putIn) => job.editing.tried(stepId, putIn),
    get values() {
      return job.values();
    },
  });
  const job: PlannedJob = new PlannedJob(plan, core, rewound);
  return await core.run(async () => fittingResult(await runPlan(plan, input, job, job.progress)));
}

/** The state is in it whole. */
function fittingResult(result: PlanResult): PlanResult {
  return boundedResult(result, Math.min(MAX_OUTPUTS_BYTES, MAX_RESULT_BYTES - jsonBytes(result.state)));
}

interface UnderstoodJob {
  readonly plan: Plan;
  readonly input: JsonObject;
  readonly options: OpenJobOptions;
}

/** @throws ApplicationFailure: anything else would fail the Workflow Task, for ever */
function understand(jobId: string, given: AgentJobInput, others: readonly unknown[]): UnderstoodJob {
  try {
    const why = whyUnreadable(given);
    if (why !== undefined)
      throw new HoldfastError('bad-input', `What the job was started with cannot be read: ${why.replace(/\.$/, '')}.`);
    refuseBadPlanInput([given, ...others]);
    const plan = assertPlan(given.plan, { isUnderWay: true });
    refuseUnlookedSchemas(plan);
    refuseParallelWriters(plan);
    const input = parseInput(plan, given.input ?? {});
    const { continueAsNewAfterEvents, workspace = workspaceOf(plan, input) } = given;
    const planned = planOptions(plan, input, jobId);
    return { plan, input, options: { ...planned, ...defined({ continueAsNewAfterEvents }), workspace, args: [given] } };
  } catch (error) {
    throw asFailure(error);
  }
}

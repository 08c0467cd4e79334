/**
 * `agentJob`: runs a plan. It is a guarded job fed by the plan's scheduler; whatever can be done here can be done in a
 * user's own Workflow by `openJob`.
 */
import { ApplicationFailure } from '@temporalio/workflow';
import type { Json, JsonObject } from '../model/canonical-json.ts';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
import { assertPlan } from '../model/plan/check/check.ts';
import type { Plan } from '../model/plan/plan.ts';
import { boundedResult } from '../model/plan/run/bounded-outputs.ts';
import { parseInput, workspaceOf } from '../model/plan/run/input.ts';
import type { PlanResult } from '../model/plan/run/progress.ts';
import { runPlan } from '../model/plan/run/run.ts';
import { whyUnreadable } from '../model/unreadable.ts';
import { JobCore } from './job/core.ts';
import { planOptions } from './job/plan-options.ts';
import { PlannedJob } from './job/planned.ts';

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

/**
 * Runs a plan to its end and returns its state and outputs.
 * @throws ApplicationFailure `bad-plan`, `bad-input`; `aborted`; a step's own failure with `onFailure: fail`
 */
export async function agentJob(given: AgentJobInput): Promise<PlanResult> {
  const { plan, input } = understand(given);
  const workspace = given.workspace ?? workspaceOf(plan, input);
  const { continueAsNewAfterEvents } = given;
  const rewound: string[] = [];
  const core = new JobCore(
    { ...planOptions(plan, input), ...defined({ continueAsNewAfterEvents }), workspace, args: [given] },
    { onRewound: (stepIds) => rewound.push(...stepIds) },
  );
  const job = new PlannedJob(plan, core, rewound);
  return await core.run(async () => boundedResult(await runPlan(plan, input, job, job.progress), MAX_RESULT_BYTES));
}

function understand(given: AgentJobInput): { readonly plan: Plan; readonly input: JsonObject } {
  const why = whyUnreadable(given);
  try {
    if (why !== undefined) throw new HoldfastError('bad-input', `What the job was started with cannot be read: ${why}`);
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

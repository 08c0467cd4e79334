/** Runs a plan's scheduler over a test job. */
import { defined } from '../model/defined.ts';
import { HoldfastError, isFailure } from '../model/failure.ts';
import type { ChainPlace } from '../model/job/chain-place.ts';
import type { StepDone } from '../model/job/run-step.ts';
import { assertPlan } from '../model/plan/check/check.ts';
import { parseInput } from '../model/plan/run/input.ts';
import type { Plan } from '../model/plan/plan.ts';
import type { PlanStepRequest } from '../model/plan/run/plan-job.ts';
import type { PlanResult } from '../model/plan/run/progress.ts';
import { runPlan } from '../model/plan/run/run.ts';
import { MAX_REQUESTS, type TestRequest } from './options.ts';

export interface TestSteps {
  /** Where the chain ends. */
  known(): ChainPlace;
  run(request: TestRequest): Promise<StepDone>;
  /** Steps that a decision has made run again since this was called last. */
  rewound(): string[];
}

/** Timers don't wait. @throws QuestionAsked where a job would wait for a person */
export async function runTestPlan(jobId: string, steps: TestSteps, plan: unknown, input: unknown): Promise<PlanResult> {
  const checked = assertPlan(plan);
  refuseSubPlans(checked);
  return await runPlan(checked, parseInput(checked, input), {
    jobId,
    nowMs: () => Date.now(),
    sleep: async () => await Promise.resolve(),
    rewound: () => steps.rewound(),
    step: async (request) => ({ output: (await untilDone(steps, requestOf(request, steps.known()))).output }),
  });
}

/** Each is a job of its own, which a server starts. @throws HoldfastError `bad-input` */
function refuseSubPlans({ name, steps }: Plan): void {
  const step = steps.find(({ plan }) => plan !== undefined);
  if (step === undefined) return;
  throw new HoldfastError(
    'bad-input',
    `The plan "${name}" runs another one in step "${step.id}". Expected a plan without plan.run: a test job starts ` +
      'no other job. Test each plan by itself, or all of them on a real server.',
    { stepId: step.id },
  );
}

/** Temporal would try an Activity again that failed with what may pass. */
async function untilDone(steps: TestSteps, request: TestRequest): Promise<StepDone> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await steps.run(request);
    } catch (error) {
      if (!isFailure(error, 'step-failed', 'busy') || attempt >= MAX_REQUESTS) throw error;
    }
  }
}

function requestOf(request: PlanStepRequest, known: ChainPlace): TestRequest {
  const { id, use, input, secrets, uses, isParallel, onFailure, approval, resume } = request;
  return {
    stepId: id,
    step: use,
    input,
    uses: [...uses],
    onFailure,
    ...defined({
      secrets: secrets === undefined ? undefined : [...secrets],
      parallelSince: isParallel ? known.seq : undefined,
      approval,
      resumeAtMost: resume?.atMost,
    }),
  };
}

/**
 * A plan's step `plan.run`: another plan runs as a job of its own, and what that returns is the step's output.
 *
 * Invariants
 * 1. That the job is begun is in the record before it is started, and the token of that record gives the job's id: a
 *    retry, a reset and a new Run come to the same job, a step that runs again under a new generation to another one.
 * 2. What it has returned is in the record before any step uses it.
 * 3. Once the job around it is aborted, cancelled, or takes the step back, it is told so, and waited for.
 */
import { CancellationScope, condition } from '@temporalio/workflow';
import type { Json } from '../../model/canonical-json.ts';
import { defined } from '../../model/defined.ts';
import { digestOf } from '../../model/digest.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { SubPlanOutcome } from '../../model/job/sub-plan.ts';
import { parseInput, workspaceOf } from '../../model/plan/run/input.ts';
import type { PlanStepRequest, PlanStepResult } from '../../model/plan/run/plan-job.ts';
import type { PlanResult } from '../../model/plan/run/progress.ts';
import { beginIdOf, givenToSubPlan, subJobIdOf } from '../../model/plan/run/sub-plan.ts';
import { assertPlan } from '../../model/plan/check/check.ts';
import type { Abort } from '../../model/question/decision.ts';
import { tokenOf, workflowIdOf } from '../../model/record/token.ts';
import { beginPlanStep, endPlanStep, planRunStep } from '../../model/step/built-in/plan-run.ts';
import type { AgentJobInput } from '../guarded-job.ts';
import type { JobCore } from './core.ts';
import { startSubJob, type SubJob } from './sub-job.ts';

interface SubPlanJob {
  readonly stepId: string;
  readonly name: string;
  readonly workspace: string;
  readonly given: AgentJobInput;
}

/** What the job of a sub-plan is told. */
type Told = 'taken-back' | 'undo' | 'stop' | 'abort' | 'cancel';

export class SubPlans {
  readonly #core: JobCore;

  constructor(core: JobCore) {
    this.#core = core;
  }

  /** @throws HoldfastError `sub-plan-failed`, `bad-input`; what `JobCore.runStep` throws */
  async run(request: PlanStepRequest): Promise<PlanStepResult> {
    const { id, uses, isParallel, onFailure } = request;
    const job = this.#jobOf(request);
    const beginId = beginIdOf(id);
    const { plan, input } = job.given;
    const begin = {
      plan: job.name,
      digest: digestOf(plan),
      workspace: job.workspace,
      given: digestOf(input ?? {}),
    };
    const { runningPlans, board } = this.#core.parts;
    runningPlans.noteBegun(beginId);
    const begun = await this.#core.runStep(
      { stepId: beginId, step: beginPlanStep.name, input: begin, uses: [...uses], onFailure },
      { isParallel },
    );
    if (begun === undefined) return { rewound: true };
    const { generation } = begun;
    const { jobId } = this.#core;
    const workflowId = subJobIdOf(workflowIdOf(jobId), id, tokenOf({ jobId, stepId: beginId, generation }));
    const outcome = await this.#runToEnd(job, workflowId, generation);
    if (outcome === 'taken-back') return { rewound: true };
    const output = outputOf(id, workflowId, outcome);
    const end = { job: workflowId, plan: job.name, workspace: job.workspace, output };
    const done = await this.#core.runStep(
      { stepId: id, step: endPlanStep.name, input: end, uses: [beginId], onFailure },
      { isParallel },
    );
    if (done === undefined) return { rewound: true };
    board.set(id, { step: planRunStep.name, effects: `job ${workflowId}` });
    this.#core.parts.view.refresh();
    return { output: done.output };
  }

  #jobOf({ id, subPlan, input: resolved }: PlanStepRequest): SubPlanJob {
    const plan = assertPlan(subPlan, { isUnderWay: true });
    const { input: given, folder } = givenToSubPlan(id, resolved);
    const input = parseInput(plan, given);
    const { workspace: around } = this.#core.parts.identity;
    const workspace = folder === null ? workspaceOf(plan, input) : `${around.replace(/\/+$/, '')}/${folder}`;
    if (workspace === around)
      throw new HoldfastError(
        'bad-input',
        `The sub-plan of step "${id}" has the workspace of the job around it, ${around}. Expected one of its own: ` +
          "give the step `workspace`, a folder that is the sub-plan's alone.",
        { stepId: id },
      );
    return { stepId: id, name: plan.name, workspace, given: { plan: subPlan as Json, input, workspace } };
  }

  async #runToEnd(job: SubPlanJob, workflowId: string, generation: number): Promise<SubPlanOutcome | 'taken-back'> {
    const { parts } = this.#core;
    const { ending, knowledge, runningPlans, board, view } = parts;
    const { stepId, name, workspace, given } = job;
    const around = CancellationScope.current();
    const isTakenBack = (): boolean => knowledge.generationOf(beginIdOf(stepId)) > generation;
    const whatToTell = (): Told | undefined => {
      if (isTakenBack()) return 'taken-back';
      if (ending.undoing !== undefined) return ending.stopped === undefined ? 'undo' : 'stop';
      if (ending.aborted !== undefined) return 'abort';
      return around.consideredCancelled ? 'cancel' : undefined;
    };
    ending.throwIfAborted();
    if (isTakenBack()) return 'taken-back';
    runningPlans.begin({ stepId, job: workflowId, plan: name, workspace });
    board.set(stepId, { step: planRunStep.name, generation, state: 'running', effects: `job ${workflowId}` });
    view.refresh();
    const outcome = await CancellationScope.nonCancellable(async () => {
      const subJob = await startSubJob(parts, { workflowId, stepId, name, given });
      let ended: SubPlanOutcome | undefined;
      void subJob.outcome.then((one) => (ended = one));
      let told: Told | undefined;
      while (ended === undefined) {
        await condition(() => ended !== undefined || whatToTell() !== told);
        if (ended !== undefined) break;
        told = whatToTell();
        await this.#tell(subJob, told, stepId);
      }
      return ended;
    });
    runningPlans.end(stepId);
    view.refresh();
    if (isTakenBack()) return 'taken-back';
    if (whatToTell() === undefined) return outcome;
    if (outcome.kind === 'completed')
      runningPlans.notes.push(`job ${workflowId} of the sub-plan ${name} had ended by then: what it did stays`);
    ending.throwIfAborted();
    return await around.cancelRequested;
  }

  async #tell(job: SubJob, told: Told | undefined, stepId: string): Promise<void> {
    const { jobId, parts } = this.#core;
    const { undoing } = parts.ending;
    const abort = (why: Pick<Abort, 'by' | 'reason'>, compensate?: true): Promise<void> =>
      job.abort({ ...why, ...defined({ compensate }) });
    const aborted = { by: undoing?.by ?? 'holdfast', reason: `job ${jobId} was aborted: ${undoing?.reason ?? ''}` };
    switch (told) {
      case 'taken-back':
        return await abort({ by: 'holdfast', reason: `step ${stepId} of job ${jobId} runs again` }, true);
      case 'undo':
        return await abort(aborted, true);
      case 'stop':
        return await abort({ ...aborted, reason: `the undoing of job ${jobId} was ended` });
      case 'abort':
        return await abort({ by: 'holdfast', reason: parts.ending.aborted!.message });
      case 'cancel':
        return await job.cancel();
      case undefined:
    }
  }
}

/** @throws HoldfastError `sub-plan-failed` */
function outputOf(stepId: string, job: string, outcome: SubPlanOutcome): Pick<PlanResult, 'state' | 'outputs'> {
  if (outcome.kind !== 'completed') {
    const why = outcome.kind === 'failed' ? `${outcome.type}: ${outcome.message}` : 'it is running';
    throw new HoldfastError('sub-plan-failed', `The sub-plan of step "${stepId}" failed. Its job ${job}: ${why}`, {
      stepId,
      job,
    });
  }
  const { state, outputs, outputsLeftOut } = outcome.result as unknown as PlanResult;
  if (outputsLeftOut === undefined) return { state, outputs };
  throw new HoldfastError(
    'too-large',
    `The sub-plan of step "${stepId}" has returned more than a step can: of its job ${job} the outputs of ` +
      `${outputsLeftOut.slice(0, 5).join(', ')} are left out.`,
    { stepId, job },
  );
}

/**
 * What forbids a step to act now: a world that was not compared lately, an open question about the world, or an output
 * that it was given and that a decision made void.
 */
import { usesOneOf } from '../../model/item-id.ts';
import type { RunStepResult } from '../../model/job/run-step.ts';
import { isAboutTheWorld } from '../../model/question/question.ts';
import type { JobRow } from '../../store/ledger/jobs.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { MustVerify } from '../attempt/must-verify.ts';
import { forPayload } from '../question/ask.ts';
import type { MaybeApprovalAsked } from '../../model/step/sub-step.ts';
import { whyNotFresh } from './freshness.ts';
import type { StepRun } from './step-run.ts';

/** Ends an attempt that met an obstacle to every effect. */
export class Obstacle extends Error implements MaybeApprovalAsked {
  override readonly name = 'Obstacle';
  readonly result: RunStepResult;
  /** Nothing but the approval of a sub-step: what does not depend on it may go on. */
  get asksApproval(): boolean {
    return this.result.kind === 'question' && this.result.question.kind === 'approval';
  }
  constructor(result: RunStepResult) {
    super(`the step steps aside: ${result.kind}`);
    this.result = result;
  }
}

/** A question about the world that this step has not asked: nothing acts until a person has answered. */
export function heldResult({ request, work }: StepRun, ledger: Ledger): RunStepResult | undefined {
  const about = ledger
    .openQuestions(request.jobId)
    .find((question) => isAboutTheWorld(question) && question.token !== work.token);
  return about === undefined ? undefined : { kind: 'held', question: forPayload(about) };
}

/**
 * Has a decision that the request does not know of made steps run again whose output this step was given? Then what it
 * makes of that output is void, too. An intent that has begun to be applied is for the decision to undo.
 * @throws MustVerify
 */
export function mustNotBeVoid({ request }: StepRun, ledger: Ledger): void {
  const { jobId, known, uses, term, stepId } = request;
  if (ledger.job(jobId)?.term === term) return;
  const again = ledger
    .rerunsSince(jobId, known.seq)
    .filter((rerun) => uses === undefined || usesOneOf(uses, new Set([rerun])));
  if (again.length === 0) return;
  const verb = again.length === 1 ? 'runs' : 'run';
  throw new MustVerify('other-term', `step ${stepId} was given what is void now: ${again.join(', ')} ${verb} again`);
}

/** May an intent be applied now, and for which term? A long step is compared again before it applies. */
export function obstacleToApplying(
  run: StepRun,
  ledger: Ledger,
): { readonly job: JobRow; readonly obstacle: RunStepResult | undefined } {
  const job = ledger.job(run.request.jobId)!;
  const notFresh = whyNotFresh(job, run.host.clock(), run.request.mark);
  const obstacle: RunStepResult | undefined =
    notFresh === undefined ? heldResult(run, ledger) : { kind: 'verification-required', ...notFresh };
  return { job, obstacle };
}

/** A call is an effect like any other, and made only where an intent could be applied. @throws Obstacle, MustVerify */
export function mayAct(run: StepRun, ledger: Ledger): void {
  mustNotBeVoid(run, ledger);
  const { obstacle } = obstacleToApplying(run, ledger);
  if (obstacle !== undefined) throw new Obstacle(obstacle);
}

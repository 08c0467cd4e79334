/**
 * Decisions of people, by Signal or Update: taken, or refused with the reason, and carried out.
 *
 * Invariants
 * 1. They are carried out one at a time, each by a repair Activity, and each is used once.
 * 2. A decision that can't be used, or whose repair fails, is recorded with the reason and leaves its question open: it
 *    never ends the job.
 * 3. From an abort on none is carried out any more, and a repair that is under way is cancelled.
 */
import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  TemporalFailure,
  isCancellation,
} from '@temporalio/workflow';
import { defined } from '../../model/defined.ts';
import { shortDigest } from '../../model/digest.ts';
import type { RepairRequest, RepairResult } from '../../model/job/repair.ts';
import { wholeRepair } from '../../model/job/repair-pages.ts';
import { parseAbort, parseDecision, type Decision } from '../../model/question/decision.ts';
import { isAboutTheWorld, type Question } from '../../model/question/question.ts';
import { ruleOn } from '../../model/question/ruling.ts';
import { callRepair } from '../activities.ts';
import type { DecideAnswer } from '../messages.ts';
import { isPatched } from '../patches.ts';
import { abortedBy } from '../state/aborted-by.ts';
import type { DecidedFindings } from '../state/decided-findings.ts';
import type { Edits } from '../state/edits.ts';
import type { Ending, Undoing } from '../state/ending.ts';
import type { Knowledge } from '../state/knowledge.ts';
import type { OpenQuestions } from '../state/open-questions.ts';
import type { Refusals } from '../state/refusals.ts';
import type { Resuming } from '../state/resuming.ts';
import type { Rewinds } from '../state/rewinds.ts';
import type { JobIdentity, RunOrigin } from '../state/run-origin.ts';
import type { WorkerWatch } from '../state/worker-watch.ts';

export interface DecisionsOptions {
  readonly identity: JobIdentity;
  readonly origin: Pick<RunOrigin, 'settings'>;
  readonly knowledge: Knowledge;
  readonly ending: Ending;
  readonly questions: OpenQuestions;
  readonly refusals: Refusals;
  readonly rewinds: Rewinds;
  readonly edits: Edits;
  readonly decided: DecidedFindings;
  readonly resuming: Resuming;
  readonly watch: WorkerWatch;
  /** Fulfilled once decisions can be carried out: what an earlier Run asked is compared with the world first. */
  readonly isReady?: Promise<unknown> | undefined;
  /** Steps that a decision made void. */
  readonly onRewound: (stepIds: readonly string[]) => void;
  /** A person ended the job: what is in flight ends, too. */
  readonly onAborted: () => void;
}

export type Repaired = Extract<RepairResult, { kind: 'repaired' }>;

export class Decisions {
  readonly #options: DecisionsOptions;
  /** The last decision's turn: the next one begins when it has ended, however it has. */
  #turn: Promise<unknown>;
  /** Of the repair that is under way. */
  #repair: CancellationScope | undefined;

  constructor(options: DecisionsOptions) {
    this.#options = options;
    this.#turn = options.isReady ?? Promise.resolve();
  }

  /** A decision by Signal: carried out, or recorded with the reason why not. */
  async decideBySignal(value: unknown): Promise<void> {
    const problems = this.#problemsIn(value);
    if (problems.length > 0) return this.#options.refusals.add(value, problems);
    try {
      await this.decide((parseDecision(value) as { decision: Decision }).decision);
    } catch (error) {
      // It is among the refusals; what a Signal's handler throws would end the job.
      if (!(error instanceof ApplicationFailure)) throw error;
    }
  }

  /**
   * A person ends the job without having been asked, or ends the undoing of it. What can't be used is recorded with the
   * reason.
   */
  abortBySignal(value: unknown): void {
    const { ending, questions, refusals } = this.#options;
    const parsed = parseAbort(value);
    if ('problems' in parsed) return refusals.add(value, parsed.problems);
    const { by, reason, compensate } = parsed.abort;
    const objection = ending.whyRefused(compensate === true ? 'undo' : 'abort');
    if (objection !== undefined) return refusals.add(value, [objection]);
    // Before it was so, a Signal did not end an undoing that an earlier Run had begun.
    if (ending.isPrompt || !ending.isCarried) this.#abort({ by, reason, question: null, notes: [] }, compensate);
    // First what is in flight, then what is shown: the order of the commands in the history.
    this.#endWhatIsInFlight();
    questions.show();
  }

  /** Why a decision can't be used now; empty when it can. */
  problemsOf(value: unknown): readonly string[] {
    const { whyUndecidable } = this.#options.ending;
    return whyUndecidable === undefined ? this.#problemsIn(value) : [whyUndecidable];
  }

  #problemsIn(value: unknown): readonly string[] {
    const { ending, questions } = this.#options;
    const parsed = parseDecision(value);
    if ('problems' in parsed) return parsed.problems;
    const { decision } = parsed;
    const question = questions.get(decision.digest);
    if (question === undefined) {
      const open = questions.all.map(({ digest }) => shortDigest(digest));
      const others = open.length === 0 ? 'none is open' : `open: ${open.join(', ')}`;
      return [`no open question has the digest ${shortDigest(decision.digest)}; ${others}`];
    }
    const objection = decision.compensate === true ? ending.whyRefused('undo') : undefined;
    if (ending.isUndoing && objection !== undefined) return [objection];
    const ruling = ruleOn(question, decision);
    return ruling.usable ? [] : ruling.problems;
  }

  /**
   * Carries out a decision that can be used. One at a time; a second for the same question finds it closed.
   * @throws ApplicationFailure when the repair failed: refused, and the question stays open
   */
  async decide(decision: Decision): Promise<DecideAnswer> {
    return await this.inTurn(() => this.#carryOut(decision));
  }

  /** One after the other, with decisions and rewinds that were sent before. */
  async inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return await turn;
  }

  async #carryOut(decision: Decision): Promise<DecideAnswer> {
    const { questions } = this.#options;
    const tooLate = this.#whyTooLate();
    if (tooLate !== undefined) return this.#refuse(decision, [tooLate]);
    const question = questions.get(decision.digest);
    if (question === undefined)
      return this.#refuse(decision, [`question ${shortDigest(decision.digest)} was answered meanwhile`]);
    let result: RepairResult;
    try {
      result = await this.#callRepair(question, decision);
    } catch (error) {
      // Needs no patch: such a failure ended the job before, so that no history goes on behind it.
      if (!(error instanceof TemporalFailure)) throw error;
      throw this.#notCarriedOut(decision, error);
    }
    return this.#settle(question, decision, result);
  }

  /** The job may have been aborted while the decision waited for its turn. */
  #whyTooLate(): string | undefined {
    const { ending } = this.#options;
    const { whyUndecidable, hasEnded, aborted } = ending;
    if (whyUndecidable === undefined) return undefined;
    if (hasEnded) return isPatched('nothing-is-decided-while-ending') ? whyUndecidable : undefined;
    return aborted === undefined || ending.isPrompt ? whyUndecidable : undefined;
  }

  #refuse(decision: Decision, problems: readonly string[]): DecideAnswer {
    this.#options.refusals.add(decision, problems);
    return { done: problems, used: null };
  }

  /** An abort cancels it, Temporal's cancellation only where that ends the job: an undoing outlives it. */
  async #callRepair(question: Question, decision: Decision): Promise<RepairResult> {
    const { identity, origin, knowledge, watch } = this.#options;
    const { settings } = origin;
    const { known } = knowledge;
    const rebuild = question.findings.some(({ answers }) => answers.includes('rebuild'))
      ? { question, settings, known }
      : undefined;
    const callPage = (request: RepairRequest): Promise<RepairResult> =>
      watch.untilTaken({ activity: 'repair' }, (withinMs) => callRepair(request, withinMs), { of: decision.digest });
    return await this.cancellable(() => wholeRepair({ ...identity, decision, ...defined({ rebuild }) }, callPage));
  }

  /** An abort cancels it. */
  async cancellable(repair: () => Promise<RepairResult>): Promise<RepairResult> {
    const { ending } = this.#options;
    const call = async (): Promise<RepairResult> => {
      this.#repair = new CancellationScope();
      return await this.#repair.run(repair);
    };
    const outlives = ending.isUndoing && CancellationScope.current().consideredCancelled && ending.isPrompt;
    try {
      return await (outlives ? CancellationScope.nonCancellable(call) : call());
    } finally {
      this.#repair = undefined;
    }
  }

  #notCarriedOut(decision: Decision, failure: TemporalFailure): ApplicationFailure {
    const cause = failure instanceof ActivityFailure && failure.cause instanceof Error ? failure.cause : failure;
    const { aborted } = this.#options.ending;
    const ended = aborted === undefined ? 'the job was cancelled' : 'the job was aborted meanwhile';
    const why = isCancellation(failure) ? ended : cause.message;
    this.#options.refusals.add(decision, [`it could not be carried out: ${why}`]);
    const what = `The decision for question ${shortDigest(decision.digest)} could not be carried out: ${why}`;
    return ApplicationFailure.create({
      message: `${what} The question stays open; when the cause is mended, send the same decision again.`,
      type: cause instanceof ApplicationFailure && cause.type != null ? cause.type : 'decision-refused',
      nonRetryable: true,
      cause: failure,
    });
  }

  #settleQuestion({ digest }: Question): void {
    const { questions } = this.#options;
    questions.settle(digest);
    questions.show();
  }

  #settle(question: Question, decision: Decision, result: RepairResult): DecideAnswer {
    switch (result.kind) {
      case 'refused':
        if (result.isSettled === true) this.#settleQuestion(question);
        return this.#refuse(decision, result.problems);
      case 'world-moved':
        this.#settleQuestion(question);
        return { done: [movedText(result.resources)], used: null };
      case 'repaired':
        return this.#use(question, decision, result);
    }
  }

  #use(question: Question, decision: Decision, result: Repaired): DecideAnswer {
    const { questions, ending, decided, resuming } = this.#options;
    decided.add(question, decision);
    resuming.decided(question, decision);
    this.adopt(result);
    const isAborted = result.answers.includes('abort') && this.#abortByAnswer(question, decision, result.notes);
    questions.settle(question.digest);
    // First what is shown, then what is in flight: the order of the commands in the history.
    questions.show();
    if (isAborted && (decision.compensate === true || ending.isPrompt)) this.#endWhatIsInFlight();
    const { digest, answer, items } = decision;
    return { done: result.notes, used: { question: digest, ...defined({ answer, items }) } };
  }

  /** What the record has by now. */
  adopt({ term, at, decided = at.seq, reruns, rebuilt, putIns }: Repaired): void {
    const { knowledge, edits } = this.#options;
    knowledge.term = term;
    if (rebuilt === true) knowledge.startAgainAt(at);
    else knowledge.advance(at);
    if (rebuilt === true || reruns.length > 0) knowledge.noteDecision(decided);
    this.#rewind(reruns);
    edits.adopt(putIns);
  }

  #rewind(reruns: Repaired['reruns']): void {
    const { knowledge, questions, rewinds, edits, onRewound } = this.#options;
    if (reruns.length === 0) return;
    for (const { stepId, generation } of reruns) knowledge.setGeneration(stepId, generation);
    const stepIds = reruns.map(({ stepId }) => stepId);
    rewinds.add(stepIds);
    edits.drop(stepIds);
    // Questions of single steps may be void with what the steps were given; one that isn't comes back the same.
    questions.closeAll((question) => !isAboutTheWorld(question));
    onRewound(stepIds);
  }

  /** False: the job, or its undoing, was ended meanwhile. */
  #abortByAnswer({ digest }: Question, decision: Decision, notes: readonly string[]): boolean {
    const { ending, refusals } = this.#options;
    const { by, reason, compensate } = decision;
    const objection = ending.whyRefused(compensate === true ? 'undo' : 'abort');
    if (objection === undefined) this.#abort({ by, reason, question: digest, notes }, compensate);
    else refusals.add(decision, [objection]);
    return objection === undefined;
  }

  #abort(undoing: Undoing, compensate: boolean | undefined): void {
    const { ending } = this.#options;
    if (compensate === true) ending.undo(abortedBy(undoing), undoing);
    else ending.abort(abortedBy(undoing));
  }

  #endWhatIsInFlight(): void {
    const { ending, onAborted } = this.#options;
    onAborted();
    if (ending.isPrompt) this.#repair?.cancel();
  }
}

function movedText(resources: readonly string[]): string {
  const named = resources.slice(0, 3).join(', ');
  return `the world has moved since the question was asked (${named}): it is compared again`;
}

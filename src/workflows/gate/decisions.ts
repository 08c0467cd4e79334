/**
 * Decisions of people, by Signal or Update: taken, or refused with the reason, and carried out.
 *
 * Invariants
 * 1. They are carried out one at a time, each by a repair Activity, and each is used once.
 * 2. A decision that can't be used, or whose repair fails, is recorded with the reason and leaves its question open: it
 *    never ends the job.
 */
import { ActivityFailure, ApplicationFailure, TemporalFailure, isCancellation } from '@temporalio/workflow';
import { defined } from '../../model/defined.ts';
import { shortDigest } from '../../model/digest.ts';
import type { RepairResult } from '../../model/job/repair.ts';
import { parseAbort, parseDecision, type Decision } from '../../model/question/decision.ts';
import { isAboutTheWorld, type Question } from '../../model/question/question.ts';
import { ruleOn } from '../../model/question/ruling.ts';
import { callRepair } from '../activities.ts';
import type { DecideAnswer } from '../messages.ts';
import type { Ending } from '../state/ending.ts';
import type { Knowledge } from '../state/knowledge.ts';
import type { OpenQuestions } from '../state/open-questions.ts';
import type { Refusals } from '../state/refusals.ts';
import type { Rewinds } from '../state/rewinds.ts';
import type { JobIdentity } from '../state/run-origin.ts';

export interface DecisionsOptions {
  readonly identity: JobIdentity;
  readonly knowledge: Knowledge;
  readonly ending: Ending;
  readonly questions: OpenQuestions;
  readonly refusals: Refusals;
  readonly rewinds: Rewinds;
  /** Steps that a decision made void. */
  readonly onRewound: (stepIds: readonly string[]) => void;
  /** A person ended the job: what is in flight ends, too. */
  readonly onAborted: () => void;
}

type Repaired = Extract<RepairResult, { kind: 'repaired' }>;

const UNDONE_ALREADY = 'the job is being undone already; abort without compensate ends that';

export class Decisions {
  readonly #options: DecisionsOptions;
  /** The last decision's turn: the next one begins when it has ended, however it has. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: DecisionsOptions) {
    this.#options = options;
  }

  /** A decision by Signal: carried out, or recorded with the reason why not. */
  async decideBySignal(value: unknown): Promise<void> {
    const problems = this.problemsOf(value);
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
    const { ending, questions, refusals, onAborted } = this.#options;
    const parsed = parseAbort(value);
    if ('problems' in parsed) return refusals.add(value, parsed.problems);
    const { by, reason, compensate } = parsed.abort;
    const objection = compensate === true ? ending.whyNoUndo() : undefined;
    if (objection !== undefined) return refusals.add(value, [objection]);
    const failure = abortedBy({ by, reason }, null, []);
    if (compensate === true) ending.undoBySignal(failure, { by, reason, question: null, notes: [] });
    else ending.abortBySignal(failure);
    // First what is in flight, then what is shown: the order of the commands in the history.
    onAborted();
    questions.show();
  }

  /** Why a decision can't be used now; empty when it can. */
  problemsOf(value: unknown): readonly string[] {
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
    if (ending.isUndoing && decision.compensate === true) return [UNDONE_ALREADY];
    const ruling = ruleOn(question, decision);
    return ruling.usable ? [] : ruling.problems;
  }

  /**
   * Carries out a decision that can be used. One at a time; a second for the same question finds it closed.
   * @throws ApplicationFailure when the repair failed: refused, and the question stays open
   */
  async decide(decision: Decision): Promise<DecideAnswer> {
    const turn = this.#turn.then(() => this.#carryOut(decision));
    this.#turn = turn.catch(() => undefined);
    return await turn;
  }

  async #carryOut(decision: Decision): Promise<DecideAnswer> {
    const { identity, questions, refusals } = this.#options;
    const question = questions.get(decision.digest);
    if (question === undefined) {
      const problem = `question ${shortDigest(decision.digest)} was answered meanwhile`;
      refusals.add(decision, [problem]);
      return { done: [problem], used: null };
    }
    let result: RepairResult;
    try {
      result = await callRepair({ ...identity, decision });
    } catch (error) {
      // Needs no patch: such a failure ended the job before, so that no history goes on behind it.
      if (!(error instanceof TemporalFailure)) throw error;
      throw this.#notCarriedOut(decision, error);
    }
    return this.#settle(question, decision, result);
  }

  #notCarriedOut(decision: Decision, failure: TemporalFailure): ApplicationFailure {
    const cause = failure instanceof ActivityFailure && failure.cause instanceof Error ? failure.cause : failure;
    const why = isCancellation(failure) ? 'the job was cancelled' : cause.message;
    this.#options.refusals.add(decision, [`it could not be carried out: ${why}`]);
    const what = `The decision for question ${shortDigest(decision.digest)} could not be carried out: ${why}`;
    return ApplicationFailure.create({
      message: `${what} The question stays open; when the cause is mended, send the same decision again.`,
      type: cause instanceof ApplicationFailure && cause.type != null ? cause.type : 'decision-refused',
      nonRetryable: true,
      cause: failure,
    });
  }

  #settle(question: Question, decision: Decision, result: RepairResult): DecideAnswer {
    const { questions, refusals } = this.#options;
    switch (result.kind) {
      case 'refused':
        refusals.add(decision, result.problems);
        return { done: result.problems, used: null };
      case 'world-moved':
        questions.close(question.digest);
        questions.show();
        return { done: [movedText(result.resources)], used: null };
      case 'repaired':
        return this.#use(question, decision, result);
    }
  }

  #use(question: Question, decision: Decision, result: Repaired): DecideAnswer {
    const { knowledge, questions, onAborted } = this.#options;
    knowledge.term = result.term;
    knowledge.advance(result.at);
    this.#rewind(result.reruns);
    if (result.answers.includes('abort')) this.#abort(question, decision, result.notes);
    questions.close(question.digest);
    // First what is shown, then what is in flight: the order of the commands in the history.
    questions.show();
    if (decision.compensate === true) onAborted();
    const { digest, answer, items } = decision;
    return { done: result.notes, used: { question: digest, ...defined({ answer, items }) } };
  }

  #rewind(reruns: Repaired['reruns']): void {
    const { knowledge, questions, rewinds, onRewound } = this.#options;
    if (reruns.length === 0) return;
    for (const { stepId, generation } of reruns) knowledge.setGeneration(stepId, generation);
    const stepIds = reruns.map(({ stepId }) => stepId);
    rewinds.add(stepIds);
    // Questions of single steps may be void with what the steps were given; one that isn't comes back the same.
    questions.closeAll((question) => !isAboutTheWorld(question));
    onRewound(stepIds);
  }

  #abort({ digest }: Question, decision: Decision, notes: readonly string[]): void {
    const { ending } = this.#options;
    const { by, reason, compensate } = decision;
    const failure = abortedBy(decision, digest, notes);
    if (compensate === true) ending.undoByAnswer(failure, { by, reason, question: digest, notes });
    else ending.abortByAnswer(failure);
  }
}

/** @param question the digest of the question that was answered so; null: an `abort` without a question */
function abortedBy(
  { by, reason }: Pick<Decision, 'by' | 'reason'>,
  question: string | null,
  notes: readonly string[],
): ApplicationFailure {
  return ApplicationFailure.create({
    message: `Aborted by ${by}: ${reason}`,
    type: 'aborted',
    nonRetryable: true,
    details: [{ question, notes }],
  });
}

function movedText(resources: readonly string[]): string {
  const named = resources.slice(0, 3).join(', ');
  return `the world has moved since the question was asked (${named}): it is compared again`;
}

/**
 * The resume gate: no step runs before the world has been compared with the record, and no difference passes without a
 * person's decision. It holds what the Workflow knows: term, place in the chain, questions.
 *
 * Invariants
 * 1. It decides from Activities' results only, so that it replays the same after a reset.
 * 2. Verification is single-flight; a step that waited for one is simply asked again.
 * 3. Decisions are carried out one at a time, each by a repair Activity, and each is used once. A decision that can't
 *    be used, or whose repair fails, is recorded with the reason and leaves its question open: it never ends the job.
 * 4. A question about the world holds back every step; an approval or a stuck step holds back its own.
 *
 * A step that meets no obstacle makes as few promises as can be: the SDK takes a stack trace for each.
 */
import {
  ActivityFailure,
  ApplicationFailure,
  TemporalFailure,
  condition,
  isCancellation,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import { defineSearchAttributeKey } from '@temporalio/common';
import { parseAbort, parseDecision, type Decision } from '../model/question/decision.ts';
import { ruleOn } from '../model/question/ruling.ts';
import { shortDigest } from '../model/digest.ts';
import type { BeginUndoResult } from '../model/job/undo.ts';
import type { ChainPlace } from '../model/job/chain-place.ts';
import type { JobSettings } from '../model/job/settings.ts';
import type { RepairResult } from '../model/job/repair.ts';
import type { RunStepRequest, RunStepResult, StepDone } from '../model/job/run-step.ts';
import type { VerificationReason, VerifyWorldRequest } from '../model/job/verify-world.ts';
import { isAboutTheWorld, type Question } from '../model/question/question.ts';
import { MAX_REFUSALS, type Refusal } from '../model/job/status.ts';
import { callAskStuck, callRepair, callRunStep, callVerifyWorld, type StepCall } from './activities.ts';
import type { DecideAnswer } from './messages.ts';
import { isPatched } from './patches.ts';
import type { StepBoard } from './step-board.ts';
import type { Undoing } from './undo.ts';

const STATE_ATTRIBUTE = defineSearchAttributeKey('HoldfastState', 'KEYWORD');
const DISCREPANCIES_ATTRIBUTE = defineSearchAttributeKey('HoldfastDiscrepancies', 'INT');

export interface GateOptions {
  readonly jobId: string;
  readonly workspace: string;
  readonly settings: JobSettings;
  /** Where this Run's history begins. */
  readonly base: ChainPlace;
  /** The Run that this one continues as new. */
  readonly continuedFrom?: string | undefined;
  readonly board: StepBoard;
  /** Steps that a decision made void, with their new generation. */
  readonly onRewound: (reruns: readonly { readonly stepId: string; readonly generation: number }[]) => void;
  /** A person ended the job: what is in flight ends, too. */
  readonly onAborted: () => void;
}

export interface GateStep extends Omit<StepCall, 'request'> {
  readonly request: Omit<RunStepRequest, 'jobId' | 'workspace' | 'term' | 'known' | 'generation'>;
}

export class Gate {
  readonly #options: GateOptions;
  readonly #questions = new Map<string, Question>();
  #hasEnded = false;
  readonly #refusals: Refusal[] = [];
  readonly #generations = new Map<string, number>();
  readonly #steps: [string, number, number][] = [];
  /** Steps that are asked for now. */
  readonly #asking = new Set<string>();
  /** How often a decision made steps run again: whatever was asked before may have been given what is void now. */
  #rewinds = 0;
  /** The last comparison, and the steps that it was made for and that have not been asked for since. */
  #mark: number | undefined;
  readonly #justCompared = new Set<string>();
  /** Steps that a decision made run again and that have not been asked for since. */
  readonly #rewound = new Set<string>();
  #term = 0;
  #known: ChainPlace;
  #verifying: Promise<void> | undefined;
  #deciding: Promise<unknown> = Promise.resolve();
  #aborted: ApplicationFailure | undefined;
  /** A person aborted the job and wants what it did undone. */
  #undoing: Undoing | undefined;
  #isUndoing = false;
  /** A person ended the undoing. */
  #stopped: ApplicationFailure | undefined;
  #verifications = 0;
  #lastVerification = 'not yet';
  #searchAttributes = false;
  #shownState = '';
  /** Called when what people see has changed. */
  onChange: () => void = () => undefined;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#known = options.base;
  }

  get questions(): readonly Question[] {
    return this.#hasEnded ? [] : [...this.#questions.values()];
  }

  /** Nobody waits for an answer any more; the job's release withdraws what was asked. */
  end(): void {
    this.#hasEnded = true;
  }

  get refusals(): readonly Refusal[] {
    return this.#refusals;
  }

  get aborted(): ApplicationFailure | undefined {
    return this.#aborted;
  }

  /** Set once a person has ended the undoing. */
  get stopped(): ApplicationFailure | undefined {
    return this.#stopped;
  }

  /** Set once a person has aborted the job with `compensate`. */
  get undoing(): Undoing | undefined {
    return this.#undoing;
  }

  get term(): number {
    return this.#term;
  }

  get known(): ChainPlace {
    return this.#known;
  }

  get verifications(): { readonly count: number; readonly last: string } {
    return { count: this.#verifications, last: this.#lastVerification };
  }

  get isVerifying(): boolean {
    return this.#verifying !== undefined;
  }

  /** Ids of the steps that are done in this Run. */
  get finished(): ReadonlySet<string> {
    return new Set(this.#steps.map(([stepId]) => stepId));
  }

  generationOf(stepId: string): number {
    return this.#generations.get(stepId) ?? 0;
  }

  setGeneration(stepId: string, generation: number): void {
    this.#generations.set(stepId, Math.max(generation, this.generationOf(stepId)));
  }

  get generations(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#generations);
  }

  /**
   * Runs one step behind the gate; returns when it is done, or undefined when a decision made this request void: the
   * caller then asks again, with what its input is by then.
   * @throws ApplicationFailure `aborted`, or the step's own failure
   */
  async run(step: GateStep): Promise<StepDone | undefined> {
    const { board } = this.#options;
    const { stepId } = step.request;
    const rewinds = this.#rewinds;
    this.#asking.add(stepId);
    try {
      for (;;) {
        this.#throwIfAborted();
        if (this.#isUnsettled) await this.#whenWorldIsSettled(stepId);
        if (this.#isVoid(stepId, rewinds)) return this.#void(stepId);
        const generation = this.generationOf(stepId);
        board.set(stepId, { step: step.request.step, generation, state: 'running' });
        const result = await callRunStep({
          ...step,
          request: {
            ...step.request,
            jobId: this.#options.jobId,
            workspace: this.#options.workspace,
            term: this.#term,
            known: this.#known,
            generation,
            ...(this.#justCompared.delete(stepId) && this.#mark !== undefined ? { mark: this.#mark } : {}),
          },
        });
        const done = result.kind === 'done' ? this.#done(stepId, result) : await this.#next(stepId, result);
        if (this.#isVoid(stepId, rewinds)) return this.#void(stepId);
        if (done !== undefined) return done;
      }
    } finally {
      this.#asking.delete(stepId);
      this.onChange();
    }
  }

  /** Is no step being asked for? */
  get isIdle(): boolean {
    return this.#asking.size === 0;
  }

  /** Was the request made before a decision made steps run again? It may have been given what is void now. */
  #isVoid(stepId: string, rewinds: number): boolean {
    if (this.#rewinds === rewinds) return false;
    return isPatched('rerun-voids-what-was-asked-before') || this.#rewound.has(stepId);
  }

  #void(stepId: string): undefined {
    this.#rewound.delete(stepId);
    this.#options.board.set(stepId, { generation: this.generationOf(stepId), state: 'waiting', effects: '' });
    return undefined;
  }

  #done(stepId: string, result: StepDone): StepDone | undefined {
    // A rerun may have been decided while the step ran: then this is the old generation's result.
    if (result.generation < this.generationOf(stepId)) return undefined;
    this.advance(result.at);
    this.#steps.push([stepId, result.generation, result.at.seq]);
    this.#options.board.set(stepId, { generation: result.generation, state: 'done', effects: result.effects });
    return result;
  }

  async #next(stepId: string, result: Exclude<RunStepResult, StepDone>): Promise<undefined> {
    const { board } = this.#options;
    switch (result.kind) {
      case 'verification-required':
        board.set(stepId, { state: 'held' });
        await this.verify(result.reason, result.detail);
        this.#justCompared.add(stepId);
        return undefined;
      case 'other-generation':
        this.setGeneration(stepId, result.generation);
        return undefined;
      case 'held':
      case 'question':
        board.set(stepId, { state: stateFor(result.question) });
        this.#ask(result.question);
        await this.#answered(result.question.digest);
        // A question about the world is followed by a comparison, whoever answered it.
        if (isAboutTheWorld(result.question))
          await this.verify('decided', `question ${shortDigest(result.question.digest)}`);
        return undefined;
      case 'failed':
        board.set(stepId, { state: 'failed' });
        throw ApplicationFailure.create({ message: result.message, type: result.type, nonRetryable: true });
    }
  }

  /** Puts to a person that a step can't go on, and waits for the decision; then the world is compared again. */
  async askStuck(
    stepId: string,
    failure: { readonly type: string; readonly message: string },
    rerun: readonly string[],
  ): Promise<void> {
    this.#options.board.set(stepId, { state: 'stuck' });
    const question = await callAskStuck({
      jobId: this.#options.jobId,
      workspace: this.#options.workspace,
      stepId,
      type: failure.type,
      message: failure.message.slice(0, 4_000),
      rerun: [...rerun],
    });
    this.#ask(question);
    await this.#answered(question.digest);
    await this.verify('decided', `question ${shortDigest(question.digest)}`);
  }

  // ---- undoing ---------------------------------------------------------------------------------------------------------

  /** Begins to undo, with whatever a person has to decide on first. Returns why a person ended it, if one did. */
  async beginUndo(
    begin: (base: Omit<VerifyWorldRequest, 'reason' | 'detail'>) => Promise<BeginUndoResult>,
  ): Promise<Extract<BeginUndoResult, { kind: 'ready' }> | ApplicationFailure> {
    if (!this.#isUndoing) {
      // What was asked before is asked no more.
      this.#isUndoing = true;
      this.#questions.clear();
      this.#show();
    }
    for (;;) {
      const result = await this.beginOnce(begin);
      if (result.kind === 'ready') return result;
      const stopped = await this.answeredWhileUndoing(result.question);
      if (stopped !== undefined) return stopped;
    }
  }

  async beginOnce(
    begin: (base: Omit<VerifyWorldRequest, 'reason' | 'detail'>) => Promise<BeginUndoResult>,
  ): Promise<BeginUndoResult> {
    const { jobId, workspace, settings, base, continuedFrom } = this.#options;
    // What the Workflow knows of single steps plays no part: all that the record has is undone.
    const result = await begin({
      jobId,
      workspace,
      settings,
      base,
      known: this.#known,
      steps: [],
      ...(continuedFrom === undefined ? {} : { continuedFrom }),
    });
    this.#searchAttributes = result.searchAttributes;
    this.#term = result.term;
    if (result.kind === 'ready') this.advance(result.at);
    return result;
  }

  /** Waits for the answer to what an undoing asks. Returns why it ends, if that was the answer. */
  async answeredWhileUndoing(question: Question): Promise<ApplicationFailure | undefined> {
    this.#ask(question);
    await condition(() => this.#stopped !== undefined || !this.#questions.has(question.digest));
    return this.#stopped;
  }

  /** Compares the world with the record until nothing differs. Single-flight. */
  async verify(reason: VerificationReason, detail: string): Promise<void> {
    if (this.#verifying !== undefined) return await this.#verifying;
    this.#verifying = this.#verifyUntilSettled(reason, detail);
    try {
      await this.#verifying;
    } finally {
      this.#verifying = undefined;
      this.#show();
    }
  }

  async #verifyUntilSettled(reason: VerificationReason, detail: string): Promise<void> {
    for (;;) {
      this.#throwIfAborted();
      this.#lastVerification = `${reason}: ${detail}`;
      this.#verifications += 1;
      const result = await callVerifyWorld({
        jobId: this.#options.jobId,
        workspace: this.#options.workspace,
        settings: this.#options.settings,
        base: this.#options.base,
        known: this.#known,
        steps: this.#steps,
        reason,
        detail: detail.slice(0, 500),
        asking: [...this.#asking],
        ...(this.#options.continuedFrom === undefined ? {} : { continuedFrom: this.#options.continuedFrom }),
      });
      this.#searchAttributes = result.searchAttributes;
      this.#term = result.term;
      for (const question of this.questions) {
        // What the ledger no longer asks about the world is withdrawn there, too.
        if (isAboutTheWorld(question) && !(result.kind === 'question' && result.question.digest === question.digest))
          this.#questions.delete(question.digest);
      }
      if (result.kind === 'verified') {
        this.#mark = result.mark;
        this.advance(result.at);
        return;
      }
      this.#ask(result.question);
      await this.#answered(result.question.digest);
      reason = 'decided';
      detail = `question ${shortDigest(result.question.digest)}`;
    }
  }

  /** A decision by Signal: carried out, or recorded with the reason why not. */
  async decideBySignal(value: unknown): Promise<void> {
    const problems = this.problemsOf(value);
    if (problems.length > 0) return this.#refuse(value, problems);
    try {
      await this.decide((parseDecision(value) as { decision: Decision }).decision);
    } catch (error) {
      // It is among the refusals; what a Signal's handler throws would end the job.
      if (!(error instanceof ApplicationFailure)) throw error;
    }
  }

  /** A person ends the job without having been asked; or the undoing of it. What can't be used is recorded with the reason. */
  abortBySignal(value: unknown): void {
    const parsed = parseAbort(value);
    if ('problems' in parsed) return this.#refuse(value, parsed.problems);
    const { by, reason, compensate } = parsed.abort;
    if (compensate === true && this.#aborted !== undefined)
      return this.#refuse(value, [
        this.#undoing === undefined
          ? 'the job was aborted already'
          : 'the job is being undone already; abort without compensate ends that',
      ]);
    if (compensate === true) this.#undoing = { by, reason, question: null, notes: [] };
    const failure = ApplicationFailure.create({
      message: `Aborted by ${by}: ${reason}`,
      type: 'aborted',
      nonRetryable: true,
      details: [{ question: null, notes: [] }],
    });
    if (this.#undoing !== undefined && compensate !== true) this.#stopped ??= failure;
    else this.#aborted ??= failure;
    this.#options.onAborted();
    this.#show();
  }

  /** A Signal that no job knows: recorded, so that a misspelled name is not lost. */
  refuseSignal(name: string): void {
    this.#refuse({}, [`there is no Signal "${name}"; those to send are "decide" and "abort"`]);
  }

  /** Why a decision can't be used now; empty when it can. */
  problemsOf(value: unknown): readonly string[] {
    const parsed = parseDecision(value);
    if ('problems' in parsed) return parsed.problems;
    const { decision } = parsed;
    const question = this.#questions.get(decision.digest);
    if (question === undefined) {
      const open = this.questions.map(({ digest }) => shortDigest(digest));
      return [
        `no open question has the digest ${shortDigest(decision.digest)}; ${open.length === 0 ? 'none is open' : `open: ${open.join(', ')}`}`,
      ];
    }
    if (this.#isUndoing && decision.compensate === true)
      return ['the job is being undone already; abort without compensate ends that'];
    const ruling = ruleOn(question, decision);
    return ruling.usable ? [] : ruling.problems;
  }

  /**
   * Carries out a decision that can be used. One at a time; a second for the same question finds it closed.
   * @throws ApplicationFailure when the repair failed: refused, and the question stays open
   */
  async decide(decision: Decision): Promise<DecideAnswer> {
    const turn = this.#deciding.then(() => this.#carryOut(decision));
    this.#deciding = turn.catch(() => undefined);
    return await turn;
  }

  async #carryOut(decision: Decision): Promise<DecideAnswer> {
    const question = this.#questions.get(decision.digest);
    if (question === undefined) {
      const problem = `question ${shortDigest(decision.digest)} was answered meanwhile`;
      this.#refuse(decision, [problem]);
      return { done: [problem], used: null };
    }
    let result: RepairResult;
    try {
      result = await callRepair({ jobId: this.#options.jobId, workspace: this.#options.workspace, decision });
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
    this.#refuse(decision, [`it could not be carried out: ${why}`]);
    return ApplicationFailure.create({
      message: `The decision for question ${shortDigest(decision.digest)} could not be carried out: ${why} The question stays open; when the cause is mended, send the same decision again.`,
      type: cause instanceof ApplicationFailure && cause.type != null ? cause.type : 'decision-refused',
      nonRetryable: true,
      cause: failure,
    });
  }

  #settle(question: Question, decision: Decision, result: RepairResult): DecideAnswer {
    switch (result.kind) {
      case 'refused':
        this.#refuse(decision, result.problems);
        return { done: result.problems, used: null };
      case 'world-moved':
        this.#questions.delete(question.digest);
        this.#show();
        return {
          done: [
            `the world has moved since the question was asked (${result.resources.slice(0, 3).join(', ')}): it is compared again`,
          ],
          used: null,
        };
      case 'repaired': {
        this.#term = result.term;
        this.advance(result.at);
        for (const { stepId, generation } of result.reruns) {
          this.setGeneration(stepId, generation);
          this.#rewound.add(stepId);
        }
        if (result.reruns.length > 0) {
          this.#rewinds += 1;
          // Questions of single steps may be void with what the steps were given; one that isn't comes back the same.
          for (const other of this.questions) if (!isAboutTheWorld(other)) this.#questions.delete(other.digest);
          this.#options.onRewound(result.reruns);
        }
        if (result.answers.includes('abort')) {
          if (decision.compensate === true)
            this.#undoing = {
              by: decision.by,
              reason: decision.reason,
              question: question.digest,
              notes: result.notes,
            };
          const failure = ApplicationFailure.create({
            message: `Aborted by ${decision.by}: ${decision.reason}`,
            type: 'aborted',
            nonRetryable: true,
            details: [{ question: question.digest, notes: result.notes }],
          });
          if (this.#isUndoing) this.#stopped = failure;
          else this.#aborted = failure;
        }
        this.#questions.delete(question.digest);
        this.#show();
        if (decision.compensate === true) this.#options.onAborted();
        return {
          done: result.notes,
          used: {
            question: decision.digest,
            ...(decision.answer === undefined ? {} : { answer: decision.answer }),
            ...(decision.items === undefined ? {} : { items: decision.items }),
          },
        };
      }
    }
  }

  #refuse(value: unknown, problems: readonly string[]): void {
    const fields = (typeof value === 'object' && value !== null ? value : {}) as { by?: unknown; digest?: unknown };
    this.#refusals.push({
      by: typeof fields.by === 'string' ? fields.by.slice(0, 100) : 'unknown',
      problems: problems.slice(0, 5).map((problem) => problem.slice(0, 300)),
      question: typeof fields.digest === 'string' ? fields.digest.slice(0, 64) : null,
    });
    if (this.#refusals.length > MAX_REFUSALS) this.#refusals.shift();
    this.onChange();
  }

  #ask(question: Question): void {
    this.#questions.set(question.digest, question);
    this.#show();
  }

  async #answered(digest: string): Promise<void> {
    await condition(() => this.#aborted !== undefined || !this.#questions.has(digest));
    this.#throwIfAborted();
  }

  async #whenWorldIsSettled(stepId: string): Promise<void> {
    this.#options.board.set(stepId, { state: 'held' });
    await condition(() => this.#aborted !== undefined || !this.#isUnsettled);
    this.#throwIfAborted();
  }

  get #isUnsettled(): boolean {
    return this.#verifying !== undefined || this.questions.some(isAboutTheWorld);
  }

  #throwIfAborted(): void {
    if (this.#aborted !== undefined) throw this.#aborted;
  }

  advance(at: ChainPlace): void {
    if (at.seq > this.#known.seq) this.#known = at;
  }

  /** Search attributes change only when the state does: each change is an event in the history. */
  #show(): void {
    this.onChange();
    const discrepancies = this.questions.reduce((sum, question) => sum + question.findingsTotal, 0);
    this.showState(this.#questions.size > 0 ? 'waiting' : this.#isUndoing ? 'undoing' : 'running', discrepancies);
  }

  showState(state: string, discrepancies: number): void {
    const shown = `${state} ${discrepancies}`;
    if (!this.#searchAttributes || shown === this.#shownState) return;
    this.#shownState = shown;
    upsertSearchAttributes([
      { key: STATE_ATTRIBUTE, value: state },
      { key: DISCREPANCIES_ATTRIBUTE, value: discrepancies },
    ]);
  }
}

function stateFor({ kind }: Question): 'held' | 'approval' | 'in-doubt' | 'stuck' {
  return kind === 'approval' || kind === 'in-doubt' || kind === 'stuck' ? kind : 'held';
}

/**
 * A job inside a Workflow, from its first comparison to the end of its hold on the workspace.
 *
 * Invariants
 * 1. A job's id is the Workflow's id and its first execution run id: reset and continue-as-new keep it.
 * 2. However the body ends, the workspace is given back, or stays bound and says why.
 * 3. A step that must run again although its result was already used restarts the Workflow from its beginning
 *    (continue-as-new): finished steps answer from the record, void ones run under their new generation.
 */
import { CancellationScope, ContinueAsNew, allHandlersFinished, condition } from '@temporalio/workflow';
import type { HoldfastError } from '../../model/failure.ts';
import { defined } from '../../model/defined.ts';
import type { StepDone } from '../../model/job/run-step.ts';
import { someOf } from '../../model/list.ts';
import type { GateStep } from '../gate/gate-options.ts';
import type { OpenJobOptions } from '../guarded-job.ts';
import { isPatched } from '../patches.ts';
import type { Undoing } from '../state/ending.ts';
import { UndoGate } from '../undo/gate.ts';
import { undoJob } from '../undo/undo.ts';
import { beginsAgain, failureOf, JobRestart, OtherState, outcomeOf, type BodyOutcome } from './body-outcome.ts';
import {
  ALL_IN_THE_RECORD,
  carriedFromPreviousRun,
  carriedQuestions,
  MAX_CARRIED_STEPS_BYTES,
  sayWhyNotNew,
  type Carried,
} from './continue-as-new.ts';
import { endJob } from './end.ts';
import { asFailure } from './failure.ts';
import { GoingBack } from './going-back.ts';
import { carriedNotes, continueWithin } from './handed-on.ts';
import { Moving } from './moving.ts';
import { listenToPersons } from './persons.ts';
import { ownCheckpointsOf, type OwnCheckpoints } from './own-checkpoints.ts';
import { makeJobParts, type JobParts } from './parts.ts';
import type { PlanHooks } from './plan-hooks.ts';
import { isLongRun, isVeryLongRun } from './run-length.ts';
import { StepCalls } from './step-calls.ts';
import { refuseBadRequest } from './step-request.ts';
import type { UserState } from './user-state.ts';
import { UserSteps } from './user-steps.ts';
import { Waits } from './waits.ts';

export class JobCore {
  readonly carried: Carried | undefined;
  readonly waits: Waits;
  readonly moving: Moving;
  readonly #back: GoingBack;
  readonly #options: OpenJobOptions;
  readonly #hooks: PlanHooks | undefined;
  readonly parts: JobParts;
  readonly calls: StepCalls;
  readonly userSteps: UserSteps;
  /** Of a user's own Workflow, while its body runs. */
  readonly ownCheckpoints: OwnCheckpoints | undefined;
  /** Of the body: what it has in flight ends at once when a person aborts the job. */
  readonly #scope = new CancellationScope();
  #undoScope: CancellationScope | undefined;
  #mustRestart = false;
  /** The state is not what it was in the history. */
  #otherState: OtherState | undefined;
  #saidWhyNotNew = false;
  /** Set once Temporal has cancelled the job. */
  #cancellation: unknown;

  constructor(options: OpenJobOptions, hooks?: PlanHooks, state?: UserState) {
    this.#options = options;
    this.#hooks = hooks;
    const carried = carriedFromPreviousRun(hooks !== undefined);
    this.carried = carried;
    this.parts = makeJobParts(options, carried, this.#scope);
    const { questions, verification, view } = this.parts;
    this.waits = new Waits(this.parts, carried);
    this.#back = new GoingBack(this.parts, { waits: this.waits, hooks, carried });
    this.moving = new Moving(this.parts, this.waits, carried?.leftVersion);
    questions.adopt(carried?.questions ?? []);
    view.planned = hooks?.steps;
    this.calls = new StepCalls(this.parts, this.carried);
    if (carried?.undoing === undefined) this.ownCheckpoints = ownCheckpointsOf(options, this.parts, state);
    this.userSteps = new UserSteps({
      gate: this.parts.gate,
      calls: this.calls,
      onAsk: () => this.#throwIfRestarting(),
      onUsed: () => this.#continueIfLong(),
      state,
      beforeStep: (stepId) => this.ownCheckpoints?.beforeStep(stepId),
      onAnswered: (stepId, generation) => this.ownCheckpoints?.answered(stepId, generation),
      onOtherState: (stepId) => this.#refuseOtherState(stepId),
    });
    this.#back.asked = listenToPersons(this.parts, {
      isReady: carried?.questions && condition(() => verification.isFirstMade),
      onRewound: (stepIds) => this.#rewound(stepIds),
      onAborted: () => {
        this.#scope.cancel();
        this.#undoScope?.cancel();
      },
      back: this.#back,
      onWake: () => this.moving.wake(),
      state: state ?? hooks!,
    });
    questions.onChange = () => view.refresh();
  }

  get jobId(): string {
    return this.parts.identity.jobId;
  }

  get isLong(): boolean {
    return isLongRun(this.#options.continueAsNewAfterEvents);
  }

  get isVeryLong(): boolean {
    return isVeryLongRun(this.#options.continueAsNewAfterEvents);
  }

  /** Runs the body behind the gate, once, and ends the job however the body ends. */
  async run<T>(body: () => Promise<T>): Promise<T> {
    if (this.carried?.undoing !== undefined) return await this.#undo(this.carried.undoing);
    this.#noteCancellation();
    let outcome: BodyOutcome<T>;
    try {
      const running = this.#back.unlessAnew(this.#scope.run(() => this.#runBody(body)));
      outcome = { result: await this.moving.unlessMoved(running, () => this.#move()) };
      if (this.#otherState !== undefined) throw this.#otherState;
    } catch (error) {
      if (error instanceof ContinueAsNew) throw error;
      if (this.#otherState !== undefined) throw this.#otherState;
      outcome = { error };
    }
    return await this.#conclude(outcome);
  }

  async #runBody<T>(body: () => Promise<T>): Promise<T> {
    const { verification, resuming } = this.parts;
    await verification.verify('first-of-run', resuming.detail(this.carried === undefined));
    await this.#back.first();
    this.parts.view.state = 'running';
    this.parts.view.refresh();
    return await body();
  }

  #noteCancellation(): void {
    const scope = CancellationScope.current();
    if (!scope.cancellable) return;
    scope.cancelRequested.catch((cancellation: unknown) => {
      this.#cancellation = cancellation;
      this.parts.ending.cancel();
    });
  }

  async #conclude<T>(outcome: BodyOutcome<T>): Promise<T> {
    const { ending } = this.parts;
    const isRestart = this.#mustRestart || ('error' in outcome && beginsAgain(outcome.error));
    if (isRestart && ending.undoing === undefined) await this.#restart();
    if (ending.undoing !== undefined) return await this.#undo(ending.undoing);
    let error = failureOf(outcome, { ending, cancellation: this.#cancellation, mustRestart: this.#mustRestart });
    if ('result' in outcome && error === undefined)
      try {
        await endJob(this.parts, 'completed');
        return outcome.result;
      } catch (cancelled) {
        error = cancelled;
      }
    await CancellationScope.nonCancellable(() => endJob(this.parts, outcomeOf(error)));
    throw asFailure(error);
  }

  /**
   * One step; undefined when a decision made the request void.
   * @throws HoldfastError at once, for a request that can't be made
   */
  runStep(request: GateStep['request'], how: Omit<GateStep, 'request'>): Promise<StepDone | undefined> {
    this.#throwIfRestarting();
    refuseBadRequest(request);
    return this.parts.gate.run({ ...how, request });
  }

  /** Whatever the Workflow's code makes of it: nothing goes on from such a state. @throws OtherState */
  #refuseOtherState(stepId: string): void {
    this.#otherState = new OtherState(stepId, Object.keys(this.#options.reducers ?? {}));
    throw this.#otherState;
  }

  #throwIfRestarting(): void {
    if (this.#otherState !== undefined) throw this.#otherState;
    if (this.#mustRestart) throw new JobRestart();
  }

  /** A step can't go on for a reason outside its own code: a person decides. */
  async askStuck(stepId: string, failure: HoldfastError, sources: readonly string[]): Promise<void> {
    const rerun = this.parts.knowledge.isFinished(stepId) ? [stepId] : sources;
    await this.parts.gate.askStuck({ stepId, failure, rerun });
  }

  sayWhyNotNew(omitted: number): void {
    if (!this.#saidWhyNotNew) sayWhyNotNew(omitted);
    this.#saidWhyNotNew = true;
  }

  /**
   * Goes on in a new Run, once nothing is in flight; returns only where a person has ended the undoing meanwhile.
   * @param next asked for then: a decision that is carried out until then is in it. @throws ContinueAsNew
   */
  async continueAsNew(next: (resultBytes: number) => Pick<Carried, 'plan' | 'undoing'>): Promise<void> {
    await this.#whenIdle();
    const { ending } = this.parts;
    if (ending.stopped !== undefined && ending.isPrompt) return;
    await this.#continueWith(next);
  }

  async #whenIdle(): Promise<void> {
    await condition(() => this.parts.gate.isIdle && allHandlersFinished());
  }

  async #continueWith(next: (resultBytes: number) => Partial<Carried>): Promise<never> {
    return await continueWithin((bytes) => this.#carriedWith(next(bytes)), this.#options.args);
  }

  #carriedWith(next: Partial<Carried>): Carried {
    const { knowledge, board, refusals, decided, edits, resuming } = this.parts;
    return {
      base: knowledge.known,
      generations: knowledge.carriedGenerations,
      steps: board.carried(MAX_CARRIED_STEPS_BYTES),
      ...defined({
        refusals: someOf(refusals.all),
        decided: someOf(decided.latest),
        checkpoints: carriedNotes(this.parts, this.ownCheckpoints !== undefined && next.undoing === undefined),
        resumed: resuming.carried,
        resuming: resuming.unfinished,
      }),
      ...this.waits.carried(next.plan?.rewound),
      ...this.moving.carried,
      ...this.#back.carried,
      ...edits.carried,
      ...next,
    };
  }

  /** A job that waits goes on in a new Run at once, with what it asks. */
  async #move(): Promise<never> {
    const questions = carriedQuestions(this.parts.questions.all);
    // As its first Run began: the record answers for all that is done.
    if (this.parts.resuming.isUnfinished) return await this.#continueWith(() => ({ ...ALL_IN_THE_RECORD, questions }));
    return await this.#continueWith((bytes) => {
      const plan = this.#hooks?.carried(bytes);
      return { ...(plan === undefined ? this.calls.carried(bytes) : { plan }), questions };
    });
  }

  /** A user's Workflow goes on from its beginning in a new Run: finished steps answer from the record. */
  #continueIfLong(): void {
    if (this.#hooks !== undefined || !(this.isLong || this.moving.isDue)) return;
    if (!this.moving.isDue && !this.calls.isWorthCarrying) return this.sayWhyNotNew(this.calls.omitted);
    this.#mustRestart = true;
    throw new JobRestart();
  }

  /** Once nothing is in flight; returns only where the job was ended meanwhile. @throws ContinueAsNew */
  async #restart(): Promise<void> {
    await CancellationScope.nonCancellable(() => this.#whenIdle());
    if (!this.#endsInstead) await this.#continueWith((bytes) => this.calls.carried(bytes));
  }

  /** Is the job ended by a person or cancelled, so that no new Run is begun? */
  get #endsInstead(): boolean {
    const { ending } = this.parts;
    if (ending.aborted !== undefined) return ending.isPrompt;
    return ending.state === 'cancelled' && isPatched('a-cancellation-ends-a-pending-restart');
  }

  /**
   * What the job did is undone, newest first; then it ends as aborted.
   * @throws ApplicationFailure `aborted`; ContinueAsNew
   */
  async #undo(undoing: Undoing): Promise<never> {
    return await CancellationScope.nonCancellable(async () => {
      this.parts.view.state = 'undoing';
      this.parts.view.refresh();
      const gate = new UndoGate(this.parts);
      const onUndone = async (): Promise<void> => {
        if (this.isLong || this.moving.isDue) await this.continueAsNew(() => ({ undoing }));
      };
      this.#undoScope = this.parts.ending.isPrompt ? new CancellationScope() : undefined;
      const failure = await undoJob({ ...this.parts, gate, onUndone, scope: this.#undoScope }, undoing);
      await endJob(this.parts, 'aborted');
      throw failure;
    });
  }

  #rewound(stepIds: readonly string[]): void {
    for (const id of stepIds)
      this.parts.board.set(id, { generation: this.parts.knowledge.generationOf(id), state: 'waiting', effects: '' });
    if (this.#hooks !== undefined) this.#hooks.onRewound(stepIds);
    else if (stepIds.some((id) => this.calls.hasResult(id))) this.#mustRestart = true;
  }
}

/**
 * A job inside a Workflow, from its first comparison to the end of its hold on the workspace.
 *
 * Invariants
 * 1. A job's id is the Workflow's id and its first execution run id: reset and continue-as-new keep it.
 * 2. However the body ends, the workspace is given back, or stays bound and says why.
 * 3. A step that must run again although its result was already used restarts the Workflow from its beginning
 *    (continue-as-new): finished steps answer from the record, void ones run under their new generation.
 */
import {
  ApplicationFailure,
  CancellationScope,
  ContinueAsNew,
  allHandlersFinished,
  condition,
  isCancellation,
  log,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { HoldfastError } from '../../model/failure.ts';
import type { ReleaseRequest } from '../../model/job/release.ts';
import type { StepDone } from '../../model/job/run-step.ts';
import { MAX_ENDING_NOTES, type JobStatus } from '../../model/job/status.ts';
import { waitStep } from '../../model/step/built-in/wait.ts';
import type { StepContract, StepInput, StepOutput } from '../../model/step/step.ts';
import { callRelease } from '../activities.ts';
import { Decisions } from '../gate/decisions.ts';
import type { GateStep } from '../gate/gate.ts';
import type { Job, OpenJobOptions, StepOptions } from '../guarded-job.ts';
import type { Undoing } from '../state/ending.ts';
import { UndoGate } from '../undo/gate.ts';
import { undoJob } from '../undo/undo.ts';
import {
  carriedFromPreviousRun,
  continueWith,
  MAX_CARRIED_BYTES,
  MAX_CARRIED_STEPS_BYTES,
  type Carried,
  type CarriedPlan,
} from './continue-as-new.ts';
import { asFailure } from './failure.ts';
import { handleMessages } from './handlers.ts';
import { makeJobParts, type JobParts } from './parts.ts';
import { StepCalls } from './step-calls.ts';
import { checkInput, refuseBadRequest, stepRequest } from './step-request.ts';

type Outcome = ReleaseRequest['outcome'];

/** What a plan's scheduler needs beyond `Job`. */
export interface PlanHooks {
  /** Steps that became void while the body goes on; taking them over means the Workflow isn't restarted. */
  readonly onRewound: (stepIds: readonly string[]) => void;
  /** How many steps the plan has. */
  readonly steps: number;
}

/** Thrown to unwind a body that must start anew; never leaves `JobCore`. */
class JobRestart extends Error {
  override readonly name = 'JobRestart';
}

export class JobCore implements Job {
  readonly carried: Carried | undefined = carriedFromPreviousRun();
  readonly #options: OpenJobOptions;
  readonly #hooks: PlanHooks | undefined;
  readonly #parts: JobParts;
  readonly #calls: StepCalls;
  /** Of the body: what it has in flight ends at once when what the job did is to be undone. */
  readonly #scope = new CancellationScope();
  #mustRestart = false;
  #saidWhyNotNew = false;

  constructor(options: OpenJobOptions, hooks?: PlanHooks) {
    this.#options = options;
    this.#hooks = hooks;
    this.#parts = makeJobParts(options, this.carried);
    const { knowledge, questions, view } = this.#parts;
    view.planned = hooks?.steps;
    this.#calls = new StepCalls(knowledge, this.carried);
    const decisions = new Decisions({
      ...this.#parts,
      onRewound: (stepIds) => this.#rewound(stepIds),
      onAborted: () => this.#scope.cancel(),
    });
    handleMessages({ ...this.#parts, decisions });
    questions.onChange = () => view.refresh();
  }

  get jobId(): string {
    return this.#parts.identity.jobId;
  }

  get status(): JobStatus {
    return this.#parts.view.status;
  }

  /** Is the history long enough for continue-as-new? */
  get isLong(): boolean {
    const info = workflowInfo();
    const limit = this.#options.continueAsNewAfterEvents;
    return limit === undefined ? info.continueAsNewSuggested : info.historyLength >= limit;
  }

  /** Runs the body behind the gate, once, and ends the job however the body ends. */
  async run<T>(body: () => Promise<T>): Promise<T> {
    if (this.carried?.undoing !== undefined) return await this.#undo(this.carried.undoing);
    try {
      const result = await this.#scope.run(async () => {
        const detail = this.carried === undefined ? 'the job starts' : 'the job goes on in a new Run';
        await this.#parts.verification.verify('first-of-run', detail);
        this.#parts.view.state = 'running';
        this.#parts.view.refresh();
        return await body();
      });
      if (this.#parts.ending.undoing === undefined && this.#mustRestart) await this.#restart();
      if (this.#parts.ending.undoing === undefined) {
        await this.#end('completed');
        return result;
      }
    } catch (caught) {
      if (caught instanceof ContinueAsNew) throw caught;
      if (this.#parts.ending.undoing !== undefined) return await this.#undo(this.#parts.ending.undoing);
      // What was in flight was cancelled because a person ended the job.
      const error = isCancellation(caught) ? (this.#parts.ending.aborted ?? caught) : caught;
      if (error instanceof JobRestart || this.#mustRestart) await this.#restart();
      await CancellationScope.nonCancellable(() => this.#end(outcomeOf(error)));
      throw asFailure(error);
    }
    return await this.#undo(this.#parts.ending.undoing);
  }

  async step<C extends StepContract>(
    contract: C,
    input: StepInput<C>,
    options: StepOptions = {},
  ): Promise<StepOutput<C>> {
    const stepId = options.id ?? this.#calls.nextId(contract.name);
    checkInput(stepId, contract, input);
    const carried = this.#calls.resultOf(stepId);
    if (carried !== undefined) return contract.output.parse(carried.output) as StepOutput<C>;
    const request = stepRequest(stepId, contract, input, options);
    let done: StepDone | undefined;
    // What a decision made void is requested again, unless its result was used already: then the Workflow starts anew.
    while (done === undefined) {
      done = await this.runStep(request, options);
      if (this.#mustRestart) throw new JobRestart();
    }
    this.#calls.add(stepId, done);
    this.#continueIfLong();
    return contract.output.parse(done.output) as StepOutput<C>;
  }

  /**
   * One step; undefined when a decision made the request void.
   * @throws HoldfastError at once, for a request that can't be made
   */
  runStep(request: GateStep['request'], { retry }: Pick<StepOptions, 'retry'>): Promise<StepDone | undefined> {
    if (this.#mustRestart) throw new JobRestart();
    refuseBadRequest(request);
    return this.#parts.gate.run({ request, retry });
  }

  /** A step can't go on for a reason outside its own code: a person decides. */
  async askStuck(stepId: string, failure: HoldfastError, sources: readonly string[]): Promise<void> {
    const rerun = this.#parts.knowledge.isFinished(stepId) ? [stepId] : sources;
    await this.#parts.gate.askStuck({ stepId, failure, rerun });
  }

  async sleep(durationMs: number): Promise<void> {
    await sleep(durationMs, { summary: `until ${timeAfter(durationMs)}` });
  }

  /** A plan's own timer, which is seen as a step. */
  async wait(stepId: string, durationMs: number): Promise<void> {
    const { board, view } = this.#parts;
    const until = `until ${timeAfter(durationMs)}`;
    board.set(stepId, { step: waitStep.name, state: 'waiting', effects: until });
    view.refresh();
    await sleep(durationMs, { summary: `${stepId} (${waitStep.name}) ${until}` });
    board.set(stepId, { state: 'done', effects: '' });
    view.refresh();
  }

  /** The history grows on, up to what the server allows. Said once a Run. */
  sayWhyNotNew(omitted: number): void {
    if (this.#saidWhyNotNew) return;
    this.#saidWhyNotNew = true;
    const why = 'results are too large to be carried over and would be requested of the record again';
    log.warn(`the history is long, but a new Run would gain nothing yet: ${why}`, {
      leftOut: omitted,
      maxBytes: MAX_CARRIED_BYTES,
    });
  }

  /**
   * Goes on in a new Run, once nothing is in flight.
   * @param next what the next Run is given; default: the results of finished steps
   * @throws ContinueAsNew, always
   */
  async continueAsNew(next?: { readonly plan: CarriedPlan } | { readonly undoing: Undoing }): Promise<never> {
    await condition(() => this.#parts.gate.isIdle && allHandlersFinished());
    const carried: Carried = {
      base: this.#parts.knowledge.known,
      generations: this.#parts.knowledge.generations,
      steps: this.#parts.board.carried(MAX_CARRIED_STEPS_BYTES),
      ...(next === undefined ? this.#calls.carried() : next),
    };
    return await continueWith(carried, this.#options.args);
  }

  /** A user's Workflow goes on from its beginning in a new Run: finished steps answer from the record. */
  #continueIfLong(): void {
    if (this.#hooks !== undefined || !this.isLong) return;
    if (!this.#calls.isWorthCarrying) return this.sayWhyNotNew(this.#calls.omitted);
    this.#mustRestart = true;
    throw new JobRestart();
  }

  async #restart(): Promise<never> {
    return await CancellationScope.nonCancellable(() => this.continueAsNew());
  }

  /**
   * What the job did is undone, newest first; then it ends as aborted.
   * @throws ApplicationFailure `aborted`; ContinueAsNew
   */
  async #undo(undoing: Undoing): Promise<never> {
    return await CancellationScope.nonCancellable(async () => {
      this.#parts.view.state = 'undoing';
      this.#parts.view.refresh();
      const gate = new UndoGate(this.#parts);
      const onUndone = (): Promise<void> => this.#undoneOne(undoing);
      const failure = await undoJob({ ...this.#parts, gate, onUndone }, undoing);
      await this.#end('aborted');
      throw failure;
    });
  }

  async #undoneOne(undoing: Undoing): Promise<void> {
    if (this.isLong) await this.continueAsNew({ undoing });
  }

  async #end(outcome: Outcome): Promise<void> {
    this.#parts.view.state = 'ending';
    this.#parts.ending.end();
    await condition(() => allHandlersFinished());
    try {
      const released = await callRelease({ ...this.#parts.identity, outcome });
      this.#parts.view.endingNotes = released.notes.slice(0, MAX_ENDING_NOTES);
      if (!released.released) log.warn('the workspace stays bound to this job', { notes: released.notes });
    } catch (error) {
      // The job's own outcome counts more; the workspace stays bound, and its next user is asked.
      log.warn('the workspace could not be given back', { error: String(error) });
    }
    this.#parts.view.state = outcome;
    this.#parts.attributes.show(outcome, 0);
    this.#parts.view.refresh();
  }

  #rewound(stepIds: readonly string[]): void {
    for (const id of stepIds)
      this.#parts.board.set(id, { generation: this.#parts.knowledge.generationOf(id), state: 'waiting', effects: '' });
    if (this.#hooks !== undefined) this.#hooks.onRewound(stepIds);
    else if (stepIds.some((id) => this.#calls.hasResult(id))) this.#mustRestart = true;
  }
}

/** By the history's clock, which is the same in every replay. */
function timeAfter(durationMs: number): string {
  // oxlint-disable-next-line layout/pure -- the sandbox's clock
  return new Date(Date.now() + durationMs).toISOString();
}

function outcomeOf(error: unknown): Outcome {
  if (isCancellation(error)) return 'cancelled';
  return error instanceof ApplicationFailure && error.type === 'aborted' ? 'aborted' : 'failed';
}

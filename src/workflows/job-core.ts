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
import type { Json } from '../model/canonical-json.ts';
import type { HoldfastError } from '../model/failure.ts';
import { defined } from '../model/defined.ts';
import type { ReleaseRequest } from '../model/job/release.ts';
import type { StepDone } from '../model/job/run-step.ts';
import { DEFAULT_VERIFY_AFTER_MS, type JobSettings } from '../model/job/settings.ts';
import { MAX_ENDING_NOTES, type JobStatus } from '../model/job/status.ts';
import { GENESIS } from '../model/record/chain.ts';
import { jobIdOf } from '../model/record/token.ts';
import type { StepContract, StepInput, StepOutput } from '../model/step/step.ts';
import { callRelease, DEFAULT_STEP_TIMEOUT_MS } from './activities.ts';
import {
  carriedFromPreviousRun,
  continueWith,
  MAX_CARRIED_BYTES,
  MAX_CARRIED_STEPS_CHARACTERS,
  type Carried,
  type CarriedPlan,
} from './continue-as-new.ts';
import { Decisions } from './decisions.ts';
import { Ending, type Undoing } from './ending.ts';
import { Gate, type GateStep } from './gate.ts';
import { handleMessages } from './handlers.ts';
import type { Job, OpenJobOptions, StepOptions } from './job.ts';
import { JobView } from './job-view.ts';
import { Knowledge } from './knowledge.ts';
import { OpenQuestions } from './open-questions.ts';
import { Refusals } from './refusals.ts';
import { Rewinds } from './rewinds.ts';
import type { RunOrigin } from './run-origin.ts';
import { SearchAttributes } from './search-attributes.ts';
import { StepBoard } from './step-board.ts';
import { StepResults } from './step-results.ts';
import { checkInput, refuseBadRequest, stepRequest } from './step-request.ts';
import { undoJob } from './undo.ts';
import { UndoGate } from './undo-gate.ts';
import { Verification } from './verification.ts';
import { asFailure } from './workflow-failure.ts';

type Outcome = ReleaseRequest['outcome'];

/** What a plan's scheduler needs beyond `Job`. */
export interface PlanHooks {
  /** Steps that became void while the body goes on; taking them over means the Workflow isn't restarted. */
  readonly onRewound: (stepIds: readonly string[]) => void;
}

/** Thrown to unwind a body that must start anew; never leaves `JobCore`. */
class JobRestart extends Error {
  override readonly name = 'JobRestart';
}

export class JobCore implements Job {
  readonly carried: Carried | undefined = carriedFromPreviousRun();
  readonly #options: OpenJobOptions;
  readonly #hooks: PlanHooks | undefined;
  readonly #origin: RunOrigin;
  readonly #board = new StepBoard();
  readonly #ending = new Ending();
  readonly #attributes = new SearchAttributes();
  readonly #rewinds = new Rewinds();
  readonly #questions = new OpenQuestions(this.#ending, this.#attributes);
  readonly #knowledge: Knowledge;
  readonly #verification: Verification;
  readonly #gate: Gate;
  readonly #view: JobView;
  /** How often a step without an id of its own was called, by the contract's name. */
  readonly #calls = new Map<string, number>();
  /** Of finished steps; used where the Workflow itself starts anew (a plan's scheduler carries its own). */
  readonly #results: StepResults;
  /** Of the body: what it has in flight ends at once when what the job did is to be undone. */
  readonly #scope = new CancellationScope();
  #mustRestart = false;
  #saidWhyNotNew = false;

  constructor(options: OpenJobOptions, hooks?: PlanHooks) {
    this.#options = options;
    this.#hooks = hooks;
    const { workspace, name } = options;
    const base = this.carried?.base ?? { seq: 0, head: GENESIS };
    this.#origin = originOf(options, base);
    const identity = { jobId: this.jobId, workspace };
    const refusals = new Refusals(() => this.#questions.onChange());
    const knowledge = new Knowledge(base, this.carried?.generations ?? {});
    const requested = new Set<string>();
    const shared = { board: this.#board, knowledge, ending: this.#ending, questions: this.#questions };
    const verification = new Verification({ ...shared, origin: this.#origin, attributes: this.#attributes, requested });
    this.#gate = new Gate({ ...shared, identity, rewinds: this.#rewinds, verification, requested });
    this.#view = new JobView({ ...shared, identity, name, refusals, verification });
    this.#knowledge = knowledge;
    this.#verification = verification;
    this.#results = new StepResults(MAX_CARRIED_BYTES, this.carried?.results ?? {}, this.carried?.leftOut ?? 0);
    this.#showCarriedSteps();
    const decisions = new Decisions({
      ...shared,
      identity,
      refusals,
      rewinds: this.#rewinds,
      onRewound: (stepIds) => this.#rewound(stepIds),
      onAborted: () => this.#scope.cancel(),
    });
    handleMessages({ view: this.#view, questions: this.#questions, decisions, refusals });
    this.#questions.onChange = () => this.#view.refresh();
  }

  get jobId(): string {
    return this.#origin.jobId;
  }

  get status(): JobStatus {
    return this.#view.status;
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
        await this.#verification.verify('first-of-run', detail);
        this.#view.state = 'running';
        this.#view.refresh();
        return await body();
      });
      if (this.#ending.undoing === undefined && this.#mustRestart) await this.#restart();
      if (this.#ending.undoing === undefined) {
        await this.#end('completed');
        return result;
      }
    } catch (caught) {
      if (caught instanceof ContinueAsNew) throw caught;
      if (this.#ending.undoing !== undefined) return await this.#undo(this.#ending.undoing);
      // What was in flight was cancelled because a person ended the job.
      const error = isCancellation(caught) ? (this.#ending.aborted ?? caught) : caught;
      if (error instanceof JobRestart || this.#mustRestart) await this.#restart();
      await CancellationScope.nonCancellable(() => this.#end(outcomeOf(error)));
      throw asFailure(error);
    }
    return await this.#undo(this.#ending.undoing);
  }

  async step<C extends StepContract>(
    contract: C,
    input: StepInput<C>,
    options: StepOptions = {},
  ): Promise<StepOutput<C>> {
    const stepId = options.id ?? this.#nextId(contract.name);
    checkInput(stepId, contract, input);
    const carried = this.#carriedResult(stepId);
    if (carried !== undefined) return contract.output.parse(carried.output) as StepOutput<C>;
    const request = stepRequest(stepId, contract, input, options);
    let done: StepDone | undefined;
    // What a decision made void is requested again, unless its result was used already: then the Workflow starts anew.
    while (done === undefined) {
      done = await this.runStep(request, options);
      if (this.#mustRestart) throw new JobRestart();
    }
    this.#results.add(stepId, { generation: done.generation, output: done.output });
    this.#continueIfLong();
    return contract.output.parse(done.output) as StepOutput<C>;
  }

  /** One step; undefined when a decision made the request void. @throws HoldfastError, at once, for a request that can't be made */
  runStep(
    request: GateStep['request'],
    { timeoutMs, retry }: Pick<StepOptions, 'timeoutMs' | 'retry'>,
  ): Promise<StepDone | undefined> {
    if (this.#mustRestart) throw new JobRestart();
    refuseBadRequest(request);
    return this.#gate.run({ request, timeoutMs: timeoutMs ?? DEFAULT_STEP_TIMEOUT_MS, retry });
  }

  /** A step can't go on for a reason outside its own code: a person decides. */
  async askStuck(stepId: string, failure: HoldfastError, sources: readonly string[]): Promise<void> {
    const rerun = this.#knowledge.isFinished(stepId) ? [stepId] : sources;
    await this.#gate.askStuck({ stepId, failure, rerun });
  }

  async sleep(durationMs: number): Promise<void> {
    await sleep(durationMs);
  }

  /** The history grows on, up to what the server allows. Said once a Run. */
  sayWhyNotNew(leftOut: number): void {
    if (this.#saidWhyNotNew) return;
    this.#saidWhyNotNew = true;
    log.warn(
      'the history is long, but a new Run would gain nothing yet: results are too large to be carried over and would be requested of the record again',
      { leftOut, maxBytes: MAX_CARRIED_BYTES },
    );
  }

  /**
   * Goes on in a new Run, once nothing is in flight. The next Run is given `next`, or else the results of finished steps.
   * @throws ContinueAsNew, always
   */
  async continueAsNew(next?: { readonly plan: CarriedPlan } | { readonly undoing: Undoing }): Promise<never> {
    await condition(() => this.#gate.isIdle && allHandlersFinished());
    const carried: Carried = {
      base: this.#knowledge.known,
      generations: this.#knowledge.generations,
      steps: this.#board.carried(MAX_CARRIED_STEPS_CHARACTERS),
      ...(next === undefined ? this.#carriedResults() : next),
    };
    return await continueWith(carried, this.#options.args);
  }

  #carriedResults(): Pick<Carried, 'results' | 'leftOut'> {
    const results = this.#results.carried((stepId) => this.#knowledge.generationOf(stepId));
    return { results, leftOut: this.#results.leftOut };
  }

  /** A user's Workflow goes on from its beginning in a new Run: finished steps answer from the record. */
  #continueIfLong(): void {
    if (this.#hooks !== undefined || !this.isLong) return;
    if (!this.#results.isWorthCarrying) return this.sayWhyNotNew(this.#results.leftOut);
    this.#mustRestart = true;
    throw new JobRestart();
  }

  async #restart(): Promise<never> {
    return await CancellationScope.nonCancellable(() => this.continueAsNew());
  }

  /** What the job did is undone, newest first; then it ends as aborted. @throws ApplicationFailure `aborted`; ContinueAsNew */
  async #undo(undoing: Undoing): Promise<never> {
    return await CancellationScope.nonCancellable(async () => {
      this.#view.state = 'undoing';
      this.#view.refresh();
      const shared = { knowledge: this.#knowledge, ending: this.#ending, questions: this.#questions };
      const gate = new UndoGate({ ...shared, origin: this.#origin, attributes: this.#attributes });
      const onUndone = (): Promise<void> => this.#undoneOne(undoing);
      const failure = await undoJob(
        { ...shared, identity: this.#identity, gate, board: this.#board, onUndone },
        undoing,
      );
      await this.#end('aborted');
      throw failure;
    });
  }

  async #undoneOne(undoing: Undoing): Promise<void> {
    if (this.isLong) await this.continueAsNew({ undoing });
  }

  async #end(outcome: Outcome): Promise<void> {
    this.#view.state = 'ending';
    this.#ending.end();
    await condition(() => allHandlersFinished());
    try {
      const released = await callRelease({ ...this.#identity, outcome });
      this.#view.endingNotes = released.notes.slice(0, MAX_ENDING_NOTES);
      if (!released.released) log.warn('the workspace stays bound to this job', { notes: released.notes });
    } catch (error) {
      // The job's own outcome counts more; the workspace stays bound, and its next user is asked.
      log.warn('the workspace could not be given back', { error: String(error) });
    }
    this.#view.state = outcome;
    this.#attributes.show(outcome, 0);
    this.#view.refresh();
  }

  get #identity(): { readonly jobId: string; readonly workspace: string } {
    return { jobId: this.jobId, workspace: this.#options.workspace };
  }

  #showCarriedSteps(): void {
    for (const [stepId, { generation }] of Object.entries(this.carried?.results ?? {}))
      this.#board.set(stepId, { generation, state: 'done' });
    for (const [stepId, step, generation, effects] of this.carried?.steps ?? [])
      this.#board.set(stepId, { step, generation, state: 'done', effects });
  }

  /** A result that an earlier Run of the chain carried over, unless a decision has made it void since. */
  #carriedResult(stepId: string): { readonly output: Json } | undefined {
    const result = this.#results.get(stepId);
    return result === undefined || result.generation < this.#knowledge.generationOf(stepId) ? undefined : result;
  }

  #rewound(stepIds: readonly string[]): void {
    for (const id of stepIds)
      this.#board.set(id, { generation: this.#knowledge.generationOf(id), state: 'waiting', effects: '' });
    if (this.#hooks !== undefined) this.#hooks.onRewound(stepIds);
    else if (stepIds.some((id) => this.#results.get(id) !== undefined)) this.#mustRestart = true;
  }

  #nextId(name: string): string {
    const count = (this.#calls.get(name) ?? 0) + 1;
    this.#calls.set(name, count);
    return count === 1 ? name : `${name}#${count}`;
  }
}

function originOf(options: OpenJobOptions, base: Carried['base']): RunOrigin {
  const { workflowId, firstExecutionRunId, continuedFromExecutionRunId } = workflowInfo();
  return {
    jobId: jobIdOf(workflowId, firstExecutionRunId),
    workspace: options.workspace,
    settings: settingsOf(options),
    base,
    continuedFrom: continuedFromExecutionRunId,
  };
}

function settingsOf({ databases, watch, secrets, verifyAfterMs, plan, http }: OpenJobOptions): JobSettings {
  return {
    databases: databases ?? {},
    watch: [...(watch ?? [])],
    verifyAfterMs: verifyAfterMs ?? DEFAULT_VERIFY_AFTER_MS,
    plan: plan ?? null,
    ...defined({
      secrets: secrets === undefined || secrets.length === 0 ? undefined : [...secrets],
      http: http && { hosts: [...http.hosts] },
    }),
  };
}

function outcomeOf(error: unknown): Outcome {
  if (isCancellation(error)) return 'cancelled';
  return error instanceof ApplicationFailure && error.type === 'aborted' ? 'aborted' : 'failed';
}

/**
 * `openJob`: the guarded job inside a Workflow. A user's own Workflow calls it and gets `job.step(contract, input)`;
 * `agentJob` is built on it.
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
  makeContinueAsNewFunc,
  setCurrentDetails,
  setDefaultSignalHandler,
  setHandler,
  sleep,
  workflowInfo,
  type Workflow,
} from '@temporalio/workflow';
import { assertJson, type Json } from '../model/canonical-json.ts';
import { HoldfastError } from '../model/failure.ts';
import { issuesText } from '../model/issues-text.ts';
import { HttpSettingsSchema, type HttpSettings } from '../model/step/http-host.ts';
import { DEFAULT_VERIFY_AFTER_MS, type JobSettings, type Watch } from '../model/job/settings.ts';
import { MAX_INPUT_BYTES, type StepDone } from '../model/job/run-step.ts';
import type { ChainPlace } from '../model/job/chain-place.ts';
import { parseDecision } from '../model/question/decision.ts';
import { GENESIS } from '../model/record/chain.ts';
import { MAX_ENDING_NOTES, type JobState, type JobStatus, type StepStatus } from '../model/job/status.ts';
import { MAX_STEPS_SHOWN, statusMarkdown, type StatusExtract } from '../model/job/status-text.ts';
import type { StepContract, StepInput, StepOutput } from '../model/step/step.ts';
import { jobIdOf, StepIdSchema } from '../model/record/token.ts';
import { callRelease, DEFAULT_STEP_TIMEOUT_MS } from './activities.ts';
import { Gate, type GateStep } from './gate.ts';
import { abortSignal, decideSignal, decideUpdate, questionsQuery, statusQuery } from './messages.ts';
import { StepBoard, type CarriedStep } from './step-board.ts';
import { undoJob, type Undoing } from './undo.ts';
import { StepResults, type StepResult } from './step-results.ts';

export interface OpenJobOptions {
  /** The folder that the job works in; a relative path starts at the worker's workspace root. */
  readonly workspace: string;
  /** The Workflow's own arguments: if a finished step must run again, the Workflow starts anew with them. */
  readonly args: readonly unknown[];
  /** Shown to people. Default: the Workflow's type. */
  readonly name?: string;
  /** Name → `${{ env.NAME }}` or `sqlite:relative/path`. Default: none. */
  readonly databases?: Readonly<Record<string, string>>;
  /** Environment variables of the worker that steps may use by `ctx.secret(name)`; their values are kept nowhere. Default: none. */
  readonly secrets?: readonly string[];
  /** Compared with the record at every verification, besides what steps read and wrote. Default: nothing. */
  readonly watch?: readonly Watch[];
  /** Hosts that steps and watches may call, redirects included: `api.example.com`, `http://localhost:8080`. Default: none. */
  readonly http?: HttpSettings;
  /** Compare the world again before a step when this long has passed. Default: 10 minutes. */
  readonly verifyAfterMs?: number;
  readonly plan?: JobSettings['plan'];
  /** Continue-as-new once the history has so many events. Default: when the server suggests it. */
  readonly continueAsNewAfterEvents?: number;
}

export interface StepOptions {
  /** Unique in the job. Default: the contract's name, and `#2`, `#3`, … for further calls. */
  readonly id?: string;
  /** Stop with the exact changes; apply them after a person approved. */
  readonly approval?: 'before-apply';
  /** Of one attempt, in milliseconds. Default: 30 minutes. */
  readonly timeoutMs?: number;
  readonly retry?: {
    readonly maxAttempts: number;
    readonly initialIntervalMs: number;
    readonly backoffCoefficient: number;
    readonly maxIntervalMs: number;
  };
  /** Ids of the steps whose outputs this one uses. Default: all before it. */
  readonly uses?: readonly string[];
  readonly onFailure?: 'ask' | 'fail';
}

export interface Job {
  readonly jobId: string;
  /**
   * Runs a step behind the gate and returns its output, typed by the contract. In the same place of the Workflow it has
   * the same id; calling it again after a restart answers from the record.
   * @throws ApplicationFailure `aborted` when a person aborted the job
   */
  step<C extends StepContract>(contract: C, input: StepInput<C>, options?: StepOptions): Promise<StepOutput<C>>;
  /** A durable timer. */
  sleep(durationMs: number): Promise<void>;
  readonly status: JobStatus;
}

/** What a plan's scheduler needs beyond `Job`. */
export interface PlanHooks {
  /** Steps that became void while the body goes on; taking them over means the Workflow isn't restarted. */
  readonly onRewound: (stepIds: readonly string[]) => void;
}

/** What continue-as-new carries, in the memo: so a copied input never carries another job's state. */
export interface Carried {
  readonly base: ChainPlace;
  readonly generations: Readonly<Record<string, number>>;
  /** Results of finished steps, so that a Workflow that starts from its beginning need not ask for them again. */
  readonly results?: Readonly<Record<string, StepResult>>;
  /** How many results there were besides; the record answers for them. */
  readonly leftOut?: number;
  /** Steps that are done, for people. */
  readonly steps?: readonly CarriedStep[];
  /** `agentJob`'s own. */
  readonly plan?: Json;
  /** The job was aborted, and is being undone. */
  readonly undoing?: Undoing;
}

const MEMO = 'holdfast';

/** With the rest well below the 2 MB that one payload may have. Results beyond it are asked of the record again. */
export const MAX_CARRIED_BYTES = 1_000_000;
const MAX_CARRIED_STEPS_CHARACTERS = 300_000;

/** Thrown to unwind a body that must start anew; never leaves `openJob`. */
class JobRestart extends Error {
  override readonly name = 'JobRestart';
}

/**
 * Opens a guarded job for this Workflow and runs `body` in it. Once per Workflow Execution.
 * @throws what the body throws; ApplicationFailure `aborted`; ContinueAsNew
 */
export async function openJob<T>(options: OpenJobOptions, body: (job: Job) => Promise<T>): Promise<T> {
  refuseBadHosts(options);
  const core = new JobCore(options);
  return await core.run(() => body(core));
}

export class JobCore implements Job {
  readonly jobId: string;
  readonly carried: Carried | undefined;
  readonly #options: OpenJobOptions;
  readonly #board = new StepBoard();
  readonly #gate: Gate;
  readonly #calls = new Map<string, number>();
  /** Of finished steps; used where the Workflow itself starts anew (a plan's scheduler carries its own). */
  readonly #results: StepResults;
  readonly #hooks: PlanHooks | undefined;
  #saidWhyNotNew = false;
  #ending: readonly string[] = [];
  #state: JobState = 'verifying';
  #mustRestart = false;
  /** Of the body: what it has in flight ends at once when what the job did is to be undone. */
  readonly #scope = new CancellationScope();

  constructor(options: OpenJobOptions, hooks?: PlanHooks) {
    const info = workflowInfo();
    this.#options = options;
    this.#hooks = hooks;
    this.jobId = jobIdOf(info.workflowId, info.firstExecutionRunId);
    this.carried = info.memo?.[MEMO] as Carried | undefined;
    this.#gate = new Gate({
      jobId: this.jobId,
      workspace: options.workspace,
      settings: {
        databases: options.databases ?? {},
        watch: [...(options.watch ?? [])],
        ...(options.secrets === undefined || options.secrets.length === 0 ? {} : { secrets: [...options.secrets] }),
        verifyAfterMs: options.verifyAfterMs ?? DEFAULT_VERIFY_AFTER_MS,
        plan: options.plan ?? null,
        ...(options.http === undefined ? {} : { http: { hosts: [...options.http.hosts] } }),
      },
      base: this.carried?.base ?? { seq: 0, head: GENESIS },
      continuedFrom: info.continuedFromExecutionRunId,
      board: this.#board,
      onRewound: (reruns) => this.#rewound(reruns.map(({ stepId }) => stepId)),
      onAborted: () => this.#scope.cancel(),
    });
    for (const [stepId, generation] of Object.entries(this.carried?.generations ?? {}))
      this.#gate.setGeneration(stepId, generation);
    this.#results = new StepResults(MAX_CARRIED_BYTES, this.carried?.results ?? {}, this.carried?.leftOut ?? 0);
    for (const [stepId, { generation }] of Object.entries(this.carried?.results ?? {}))
      this.#board.set(stepId, { generation, state: 'done' });
    for (const [stepId, step, generation, effects] of this.carried?.steps ?? [])
      this.#board.set(stepId, { step, generation, state: 'done', effects });
    this.#handleMessages();
  }

  get status(): JobStatus {
    return {
      schemaVersion: 1,
      jobId: this.jobId,
      ...this.#shown(this.#board.steps),
      term: this.#gate.term,
      seq: this.#gate.known.seq,
      verifications: this.#gate.verifications,
    };
  }

  #shown(steps: readonly StepStatus[]): StatusExtract {
    const { workflowId, workflowType } = workflowInfo();
    const waits = this.#gate.questions.length > 0;
    return {
      workflowId,
      name: this.#options.name ?? workflowType,
      workspace: this.#options.workspace,
      state:
        this.#state === 'running' || this.#state === 'verifying' || this.#state === 'undoing'
          ? waits
            ? 'waiting'
            : this.#gate.isVerifying
              ? 'verifying'
              : this.#state
          : this.#state,
      steps: [...steps],
      questions: [...this.#gate.questions],
      refusals: [...this.#gate.refusals],
      ...(this.#ending.length === 0 ? {} : { ending: [...this.#ending] }),
    };
  }

  async run<T>(body: () => Promise<T>): Promise<T> {
    if (this.carried?.undoing !== undefined) return await this.#undo(this.carried.undoing);
    try {
      const result = await this.#scope.run(async () => {
        await this.#gate.verify(
          'first-of-run',
          this.carried === undefined ? 'the job starts' : 'the job goes on in a new Run',
        );
        this.#state = 'running';
        this.#refreshDetails();
        return await body();
      });
      if (this.#gate.undoing === undefined && this.#mustRestart) await this.#restart();
      if (this.#gate.undoing === undefined) {
        await this.#end('completed');
        return result;
      }
    } catch (caught) {
      if (caught instanceof ContinueAsNew) throw caught;
      if (this.#gate.undoing !== undefined) return await this.#undo(this.#gate.undoing);
      // What was in flight was cancelled because a person ended the job.
      const error = isCancellation(caught) ? (this.#gate.aborted ?? caught) : caught;
      if (error instanceof JobRestart || this.#mustRestart) await this.#restart();
      const outcome = isCancellation(error)
        ? 'cancelled'
        : error instanceof ApplicationFailure && error.type === 'aborted'
          ? 'aborted'
          : 'failed';
      await CancellationScope.nonCancellable(() => this.#end(outcome));
      throw asFailure(error);
    }
    return await this.#undo(this.#gate.undoing);
  }

  /** What the job did is undone, newest first; then it ends as aborted. @throws ApplicationFailure `aborted`; ContinueAsNew */
  async #undo(undoing: Undoing): Promise<never> {
    return await CancellationScope.nonCancellable(async () => {
      this.#state = 'undoing';
      this.#refreshDetails();
      const failure = await undoJob(
        {
          jobId: this.jobId,
          workspace: this.#options.workspace,
          gate: this.#gate,
          board: this.#board,
          onUndone: () => this.#undoneOne(undoing),
        },
        undoing,
      );
      await this.#end('aborted');
      throw failure;
    });
  }

  async #undoneOne(undoing: Undoing): Promise<void> {
    if (this.isLong) await this.continueAsNew(undefined, undoing);
  }

  async step<C extends StepContract>(
    contract: C,
    input: StepInput<C>,
    options: StepOptions = {},
  ): Promise<StepOutput<C>> {
    const stepId = options.id ?? this.#nextId(contract.name);
    const checked = contract.input.safeParse(input);
    if (!checked.success) {
      throw new HoldfastError(
        'bad-input',
        `Step ${stepId} was given an input that does not fit the contract of ${contract.name}: ${issuesText(checked.error.issues, 'input')}.`,
      );
    }
    const carried = this.#carriedResult(stepId);
    if (carried !== undefined) return contract.output.parse(carried.output) as StepOutput<C>;
    assertJson(input, 'input');
    const request = {
      stepId,
      step: contract.name,
      input: input as Json,
      ...(options.uses === undefined ? {} : { uses: [...options.uses] }),
      ...(options.approval === undefined ? {} : { approval: options.approval }),
      ...(options.onFailure === undefined ? {} : { onFailure: options.onFailure }),
      ...(options.retry === undefined ? {} : { maxAttempts: options.retry.maxAttempts }),
    };
    let done: StepDone | undefined;
    // What a decision made void is asked again, unless its result was used already: then the Workflow starts anew.
    while (done === undefined) {
      done = await this.runStep(request, options);
      if (this.#mustRestart) throw new JobRestart();
    }
    this.#results.add(stepId, { generation: done.generation, output: done.output });
    this.continueIfLong();
    return contract.output.parse(done.output) as StepOutput<C>;
  }

  /** A result that an earlier Run of the chain carried over, unless a decision has made it void since. */
  #carriedResult(stepId: string): { readonly output: Json } | undefined {
    const result = this.#results.get(stepId);
    return result === undefined || result.generation < this.#gate.generationOf(stepId) ? undefined : result;
  }

  /** One step; undefined when a decision made the request void. @throws HoldfastError, at once, for a request that can't be made */
  runStep(
    request: GateStep['request'],
    options: Pick<StepOptions, 'timeoutMs' | 'retry'>,
  ): Promise<StepDone | undefined> {
    if (this.#mustRestart) throw new JobRestart();
    const id = StepIdSchema.safeParse(request.stepId);
    if (!id.success)
      throw new HoldfastError(
        'bad-input',
        `"${request.stepId}" cannot be a step's id: ${id.error.issues[0]?.message ?? 'not valid'}.`,
      );
    const inputLength = JSON.stringify(request.input).length;
    if (inputLength > MAX_INPUT_BYTES)
      throw new HoldfastError(
        'too-large',
        `The input of step ${request.stepId} has ${inputLength} characters; at most ${MAX_INPUT_BYTES} go into a history.`,
      );
    return this.#gate.run({ request, timeoutMs: options.timeoutMs ?? DEFAULT_STEP_TIMEOUT_MS, retry: options.retry });
  }

  /** A step can't go on for a reason outside its own code: a person decides. */
  async askStuck(stepId: string, failure: HoldfastError, sources: readonly string[]): Promise<void> {
    await this.#gate.askStuck(stepId, failure, this.#gate.finished.has(stepId) ? [stepId] : sources);
  }

  async sleep(durationMs: number): Promise<void> {
    await sleep(durationMs);
  }

  /** Is the history long enough for continue-as-new? */
  get isLong(): boolean {
    const info = workflowInfo();
    const limit = this.#options.continueAsNewAfterEvents;
    return limit === undefined ? info.continueAsNewSuggested : info.historyLength >= limit;
  }

  /** A user's Workflow goes on from its beginning in a new Run: finished steps answer from the record. */
  continueIfLong(): void {
    if (this.#hooks !== undefined || !this.isLong) return;
    if (!this.#results.isWorthCarrying) return this.sayWhyNotNew(this.#results.leftOut);
    this.#mustRestart = true;
    throw new JobRestart();
  }

  /** The history grows on, up to what the server allows. Said once a Run. */
  sayWhyNotNew(leftOut: number): void {
    if (this.#saidWhyNotNew) return;
    this.#saidWhyNotNew = true;
    log.warn(
      'the history is long, but a new Run would gain nothing yet: results are too large to be carried over and would be asked of the record again',
      { leftOut, maxBytes: MAX_CARRIED_BYTES },
    );
  }

  /** @throws ContinueAsNew, always */
  async continueAsNew(plan?: Json, undoing?: Undoing): Promise<never> {
    await condition(() => this.#gate.isIdle && allHandlersFinished());
    const carried: Carried = {
      base: this.#gate.known,
      generations: this.#gate.generations,
      steps: this.#board.carried(MAX_CARRIED_STEPS_CHARACTERS),
      ...(undoing !== undefined
        ? { undoing }
        : plan === undefined
          ? {
              results: this.#results.carried((stepId) => this.#gate.generationOf(stepId)),
              leftOut: this.#results.leftOut,
            }
          : { plan }),
    };
    return await makeContinueAsNewFunc<Workflow>({ memo: { ...workflowInfo().memo, [MEMO]: carried } })(
      ...(this.#options.args as unknown[]),
    );
  }

  async #restart(): Promise<never> {
    return await CancellationScope.nonCancellable(() => this.continueAsNew());
  }

  #rewound(stepIds: readonly string[]): void {
    for (const id of stepIds)
      this.#board.set(id, { generation: this.#gate.generationOf(id), state: 'waiting', effects: '' });
    if (this.#hooks !== undefined) this.#hooks.onRewound(stepIds);
    else if (stepIds.some((id) => this.#results.get(id) !== undefined)) this.#mustRestart = true;
  }

  #nextId(name: string): string {
    const count = (this.#calls.get(name) ?? 0) + 1;
    this.#calls.set(name, count);
    return count === 1 ? name : `${name}#${count}`;
  }

  async #end(outcome: 'completed' | 'failed' | 'aborted' | 'cancelled'): Promise<void> {
    this.#state = 'ending';
    this.#gate.end();
    await condition(() => allHandlersFinished());
    try {
      const released = await callRelease({ jobId: this.jobId, workspace: this.#options.workspace, outcome });
      this.#ending = released.notes.slice(0, MAX_ENDING_NOTES);
      if (!released.released) log.warn('the workspace stays bound to this job', { notes: released.notes });
    } catch (error) {
      // The job's own outcome counts more; the workspace stays bound, and its next user is asked.
      log.warn('the workspace could not be given back', { error: String(error) });
    }
    this.#state = outcome;
    this.#gate.showState(outcome, 0);
    this.#refreshDetails();
  }

  #handleMessages(): void {
    setHandler(statusQuery, () => this.status);
    setHandler(questionsQuery, () => this.#gate.questions);
    setHandler(decideSignal, async (value) => {
      await this.#gate.decideBySignal(value);
      this.#refreshDetails();
    });
    setHandler(abortSignal, (value) => this.#gate.abortBySignal(value));
    setHandler(
      decideUpdate,
      async (value) => {
        const parsed = parseDecision(value);
        if ('problems' in parsed)
          throw ApplicationFailure.create({
            message: parsed.problems.join('; '),
            type: 'decision-refused',
            nonRetryable: true,
          });
        const answer = await this.#gate.decide(parsed.decision);
        this.#refreshDetails();
        return answer;
      },
      {
        validator: (value) => {
          const problems = this.#gate.problemsOf(value);
          if (problems.length > 0)
            throw ApplicationFailure.create({
              message: `The decision can't be used: ${problems.join('; ')}.`,
              type: 'decision-refused',
              nonRetryable: true,
            });
        },
      },
    );
    setDefaultSignalHandler((name) => this.#gate.refuseSignal(name));
    this.#gate.onChange = () => this.#refreshDetails();
  }

  /** Kept by the worker, not in the history: costs no event. Made at every step, so of a bounded number of steps. */
  #refreshDetails(): void {
    setCurrentDetails(
      statusMarkdown({ ...this.#shown(this.#board.latest(MAX_STEPS_SHOWN)), counts: this.#board.counts }),
    );
  }
}

/** @throws ApplicationFailure `bad-input`, once and for all */
function refuseBadHosts({ http }: OpenJobOptions): void {
  const checked = HttpSettingsSchema.optional().safeParse(http);
  if (!checked.success)
    throw asFailure(
      new HoldfastError(
        'bad-input',
        `openJob was given hosts that cannot be called: ${checked.error.issues.map(({ path, message }) => `http.${path.map(String).join('.')}: ${message}`).join('; ')}.`,
      ),
    );
}

/** A Workflow fails on purpose only with an ApplicationFailure; another error would fail its Task for ever. */
function asFailure(error: unknown): unknown {
  if (!(error instanceof HoldfastError)) return error;
  return ApplicationFailure.create({
    message: `${error.message} ${error.nextStep}`,
    type: error.type,
    nonRetryable: true,
    details: [{ ...error.details }],
    cause: error,
  });
}

/** A guarded job as a user's Workflow sees it: how it is opened, and what it can do. */
import type { Json } from '../model/canonical-json.ts';
import type { JobSettings, Watch } from '../model/job/settings.ts';
import type { JobStatus } from '../model/job/status.ts';
import type { Answer } from '../model/question/answer.ts';
import type { Finding } from '../model/question/finding.ts';
import type { HttpSettings } from '../model/step/http-host.ts';
import type { StateKeys, StateReducers } from '../model/state/typed-state.ts';
import type { StepContract, StepInput, StepOutput } from '../model/step/step.ts';

export interface AgentJobInput {
  /** A plan as `holdfast check` accepts it, as JSON. */
  readonly plan: Json;
  /** What the plan's `input` describes. Default: `{}`. */
  readonly input?: Json;
  /** In place of the plan's workspace. */
  readonly workspace?: string;
  /** For tests and very long jobs. Default: when the server suggests it. */
  readonly continueAsNewAfterEvents?: number;
}

/** What a Workflow gives to `openJob`. */
export interface OpenJobOptions<S extends StateKeys = StateKeys, R extends StateReducers = StateReducers> {
  /** The folder that the job works in; a relative path starts at the worker's workspace root. */
  readonly workspace: string;
  /** The Workflow's own arguments: if a finished step must run again, the Workflow starts anew with them. */
  readonly args: readonly unknown[];
  /** Shown to people. Default: the Workflow's type. */
  readonly name?: string;
  /** Name → `${{ env.NAME }}` or `sqlite:relative/path`. Default: none. */
  readonly databases?: Readonly<Record<string, string>>;
  /**
   * Name → SQL that makes what is in a PostgreSQL database before the job: a fork into an empty one begins with it. At
   * most 128 Ki characters each. Default: a fork is given one, or copies.
   */
  readonly bases?: Readonly<Record<string, string>>;
  /**
   * Environment variables of the worker that steps may use by `ctx.secret(name)`; no value of one is recorded.
   * Default: none.
   */
  readonly secrets?: readonly string[];
  /** Compared with the record at every verification, besides what steps read and wrote. Default: nothing. */
  readonly watch?: readonly Watch[];
  /**
   * Hosts that steps and watches may call, redirects included: `api.example.com`, `http://localhost:8080`.
   * Default: none.
   */
  readonly http?: HttpSettings;
  /** Compare the world again before a step when this long has passed, in milliseconds. Default: 10 minutes. */
  readonly verifyAfterMs?: number;
  /**
   * `full`: every comparison reads every file. `quick`: a file whose inode, size, mode and times are those seen when it
   * was last hashed counts as unchanged. Default: full.
   */
  readonly verify?: 'full' | 'quick';
  /**
   * Where checkpoints are kept besides in the record: `{ store, mode? }`, as a plan says it. Default: nowhere.
   */
  readonly checkpoint?: JobSettings['checkpoint'];
  /** How long the record outlives the job's end: `{ days?, jobs?, archive? }`, as a plan says it. Default: for ever. */
  readonly retention?: JobSettings['retention'];
  /**
   * A step of which nothing is heard for so long is taken for lost with its worker, and tried again elsewhere, in
   * milliseconds. Default 10,000; between 5,000 and 86,400,000.
   */
  readonly heartbeatTimeoutMs?: number;
  /** Name and digest of the plan that the job runs. Default: none. */
  readonly plan?: JobSettings['plan'];
  /** Continue-as-new once the history has so many events. Default: when the server suggests it. */
  readonly continueAsNewAfterEvents?: number;
  /**
   * What the job carries from step to step: key → how what `job.update` writes joins what is there. At most 16 MiB in
   * all. Default: nothing.
   */
  readonly state?: S;
  /**
   * A checkpoint by itself, once so many steps are done since the last one: when the next step is called, so that what
   * was written to the state after them is in it, and at the end. Default: none but those of `job.checkpoint`.
   */
  readonly checkpointEvery?: number;
  /** Reducers of the Workflow's own, by name. Pure functions, and part of its replay. Default: none. */
  readonly reducers?: R;
}

/** How `job.update` writes. */
export interface UpdateOptions {
  /** Who writes, for checkpoints: a step's id, a branch of the Workflow. Default: the job's name. */
  readonly node?: string;
}

/** What `job.checkpoint` notes besides what it knows. */
export interface CheckpointOptions {
  /** What comes next, in the Workflow's own words: ids of steps, names of its parts. For people. Default: nothing. */
  readonly next?: readonly string[];
}

/** How `job.step` runs a step. */
export interface StepOptions {
  /** Unique in the job. Default: the contract's name, and `#2`, `#3`, … for further calls. */
  readonly id?: string;
  /**
   * Stop with the exact changes; apply them after a person approved. `before-apply`: where there are any. `always`:
   * also where the step changes nothing. Default: no approval.
   */
  readonly approval?: 'before-apply' | 'always';
  /** Of one attempt, in milliseconds. Default: 30 minutes. */
  readonly timeoutMs?: number;
  /** For failures that may pass. Default: 3 attempts, 200 ms, doubled up to 30 s. */
  readonly retry?: {
    /** Including the first. */
    readonly maxAttempts: number;
    /** Before the second attempt, in milliseconds. */
    readonly initialIntervalMs: number;
    /** Each interval is so many times the one before. */
    readonly backoffCoefficient: number;
    /** At most so long, in milliseconds. */
    readonly maxIntervalMs: number;
  };
  /**
   * When the step can't go on by `retry`: the world is compared, and the step tried again by itself, with all its
   * attempts anew, so often before `onFailure` says what follows. Default: never.
   */
  readonly resume?: {
    /** How often, 1 to 100. */
    readonly atMost: number;
    /** How long the step rests before, in milliseconds. Default: 10,000. */
    readonly afterMs?: number;
  };
  /** Ids of the steps whose outputs this one uses. Default: all before it. */
  readonly uses?: readonly string[];
  /**
   * When the step can't go on. `ask`: a person decides. `fail`: the call throws, and the job fails unless it is caught.
   * `fail-for-good`: the same, and the record keeps the failure: a Workflow that starts anew is told it again, the
   * step's code does not run again. Default: `ask`.
   */
  readonly onFailure?: 'ask' | 'fail' | 'fail-for-good';
  /**
   * When a person rejects what the step is about to do. `rerun`: its code runs again and is told why. `fail`: nothing
   * of it is applied, and the call throws ApplicationFailure `rejected`, whose details are `{ by, reason }`. Default:
   * `rerun`.
   */
  readonly onReject?: 'rerun' | 'fail';
  /**
   * Once the step is recorded, its result also answers a call with another input: for a step whose input is told anew
   * each time, such as the conversation that a model answers. Default: false; a person is asked.
   */
  readonly inputMayDiffer?: boolean;
}

/** What a person decided about one thing that a question showed. */
export interface DecidedFinding {
  /** The question's digest: with the resource, it names the decision. */
  readonly question: string;
  /** `file:src/a.ts`, `row:desk/refund/…` */
  readonly resource: string;
  /** What was found: `changed`, `missing`, … */
  readonly kind: Finding['kind'];
  /** What was answered for it. */
  readonly answer: Answer;
  /** Who decided. */
  readonly by: string;
  /** Why, in their words. */
  readonly reason: string;
  /** In lines for people, cut to 2,000 characters. */
  readonly difference: string;
}

/** Who approved what a step did, and what they said. */
export interface Approval {
  /** Who approved. */
  readonly by: string;
  /** Why, in their words. */
  readonly reason: string;
}

/** A guarded job inside a Workflow. `Values` and `Update`: what its state holds and takes, as `openJob` declares it. */
export interface Job<Values = Readonly<Record<string, unknown>>, Update = Readonly<Record<string, unknown>>> {
  /** Workflow id and first execution run id; reset and continue-as-new keep it. */
  readonly jobId: string;
  /**
   * Runs a step behind the gate and returns its output, typed by the contract. In the same place of the Workflow it has
   * the same id; calling it again after a restart is safe and answers from the record.
   * @throws ApplicationFailure `aborted` when a person aborted the job; `rejected` with `onReject: 'fail'`; the step's
   *   own failure with `onFailure: 'fail'`
   * @throws HoldfastError `bad-input` for an input that does not fit the contract, an id that is none, bad options;
   *   `too-large`; `not-json`
   */
  step<C extends StepContract>(contract: C, input: StepInput<C>, options?: StepOptions): Promise<StepOutput<C>>;
  /** A durable timer, in milliseconds. */
  sleep(durationMs: number): Promise<void>;
  /** What the state holds now. It can't be changed, and stays as it is when the state goes on. */
  readonly state: Values;
  /**
   * Writes to the state, through the reducer of each key: all of it or, where it throws, nothing. What is written is
   * copied. A Workflow that starts anew makes its updates again, from the initial values.
   * @throws HoldfastError `not-json` for what is no plain JSON (a Date, NaN, undefined, a class instance, a cycle),
   *   with its path; `bad-input` for what can't join or doesn't fit its schema; `too-large`: over 1 MiB
   */
  update(values: Update, options?: UpdateOptions): void;
  /**
   * A checkpoint of the job: the state, the steps that have ended since the last one, and what comes next. It makes no
   * request of its own: the next one takes it along, and the record has it before that step's code runs, or with the
   * job's end. A Workflow that starts anew notes the same ones again; the record has each once.
   * @throws HoldfastError `bad-input`, also while branches run; `too-large`: over 1 MiB was written to the state since
   *   the record last had a checkpoint
   */
  checkpoint(options?: CheckpointOptions): Promise<void>;
  /**
   * Runs parts of the Workflow at the same time: name → what it does. Each sees the state as it was when they began,
   * and what they write joins it once all have ended, in the order of the list: which was faster never shows. Where a
   * branch throws, the others are waited for, nothing of any is written, and the call throws what the first of the list
   * threw.
   * @returns name → what the branch returned
   * @throws HoldfastError `state-conflict` where two branches write different values of which the state keeps one
   */
  branches<B extends Readonly<Record<string, (branch: Job<Values, Update>) => Promise<unknown>>>>(
    bodies: B,
  ): Promise<{ readonly [K in keyof B]: Awaited<ReturnType<B[K]>> }>;
  /** The same as the `status` Query answers. */
  readonly status: JobStatus;
  /** What people have decided, oldest first: the latest, at most 64 KB of it. */
  readonly decisions: readonly DecidedFinding[];
  /** Of a step that is done and was to be approved. The record keeps it: it is the same after every restart. */
  approvalOf(stepId: string): Approval | undefined;
}

/** What a crash test is given, and what its set-up file has. */
import type { Json } from '../model/canonical-json.ts';
import type { OptionNames } from '../model/options.ts';
import type { Answer } from '../model/question/answer.ts';
import type { PlanSource } from '../model/plan/plan.ts';
import type { StepImplementation } from '../model/step/step.ts';

/** What one run of the job gets: made anew for each of them. */
export interface CrashWorld {
  /** In place of, or beside, the fields of the test's `input`. */
  readonly input?: Json;
  /** Variables for the worker, besides this process's. */
  readonly env?: Readonly<Record<string, string>>;
  /** Called when the run has ended and was looked at. */
  readonly close?: () => Promise<void> | void;
}

/** Where one run of the job happens. */
export interface CrashPlace {
  /** Everything below it is compared. Relative workspaces start here. */
  readonly folder: string;
  /** Of a plan: the folder that the job works in, within `folder`. It is there already. */
  readonly workspace: string;
}

/** What a set-up file exports as its default: what the job needs, made anew for each run. Every field may be absent. */
export interface CrashTestSetUp {
  /** Steps besides those of the configuration. */
  readonly steps?: readonly StepImplementation[];
  /** The plan's input, or the Workflow's only argument. */
  readonly input?: Json;
  /** Environment variables that hold the URL of a database: each run gets a copy. Those of a plan are known. */
  readonly databases?: readonly string[];
  /** Makes files, databases and services for one run. Safe to run several times at once. */
  readonly setUp?: (place: CrashPlace) => Promise<CrashWorld | void> | CrashWorld | void;
}

/** How a question is answered: the first rule that fits. */
export interface CrashAnswer {
  /** The step that asks. Default: any. */
  readonly step?: string;
  /** The question's kind: `approval`, `in-doubt`, `stuck`, … Default: any. */
  readonly kind?: string;
  /**
   * `as-counted`, for a call in doubt: `happened` if a request of its step has arrived, else `repeat`.
   */
  readonly answer: Answer | 'as-counted';
  /** What the call answered, for `happened`. Default: null. */
  readonly result?: Json;
}

/** A request and its answer, for services that a test must not call. */
export interface RecordedAnswer {
  /** Default `GET`. */
  readonly method?: string;
  /** The whole URL, or the beginning of it with `*` at its end. */
  readonly url: string;
  /** Default 200. */
  readonly status?: number;
  /** Of the answer. Default: none of its own. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Text as it is; anything else as JSON. Default: nothing. */
  readonly body?: Json;
}

/** How a job is crash-tested. */
export interface CrashTestOptions {
  /** A plan. This, or `workflow`. */
  readonly plan?: PlanSource;
  /** The name of a Workflow of `workflowsPath`. This, or `plan`. */
  readonly workflow?: string;
  /** A module with your Workflows. Default: the configuration's. */
  readonly workflowsPath?: string;
  /** The plan's input, or the Workflow's only argument; `{folder}` in its texts is the run's own folder. */
  readonly input?: Json;
  /** Where `holdfast.config.ts` is looked for and relative paths start. Default: the working directory. */
  readonly cwd?: string;
  /** A configuration file. Default: `holdfast.config.ts`, `.js` or `.mjs` of `cwd`, if there is one. */
  readonly config?: string;
  /** Modules that export steps: each worker process loads them. */
  readonly steps?: readonly string[];
  /** A module whose default export is a `CrashTestSetUp`. */
  readonly setUp?: string;
  /** A folder that each run's workspace starts as a copy of. Default: the plan's workspace as it is now, if it is. */
  readonly world?: string;
  /** Default: this process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** How questions are answered. Default: a question that the undisturbed run does not ask is told as an outcome. */
  readonly answers?: readonly CrashAnswer[];
  /** What services answer that are not on this machine. Default: a request to one is refused, and told. */
  readonly http?: readonly RecordedAnswer[];
  /** A Temporal server. Default: one is started. */
  readonly address?: string;
  /** Default `default`. */
  readonly namespace?: string;
  /** Only at these: `STEP/POINT:HIT`, each part may be `*` or left out. Default: see `everyHit`. */
  readonly points?: readonly string[];
  /** Every time that a point is passed. Default: each of a step's points once, at a seeded hit; each durable
   * operation (fsync, rename, …) once in the job. */
  readonly everyHit?: boolean;
  /** So many runs that are killed twice, at seeded points. Default: 0. */
  readonly pairs?: number;
  /** Also stop the worker at each point while another goes on, then let it go on, too. Default: false. */
  readonly freeze?: boolean;
  /** Also kill the worker at system calls that change something. Linux with strace. Default: false. */
  readonly syscalls?: boolean;
  /** Also let such calls fail once (EIO, ENOSPC, EACCES, …). Linux with strace. Default: false. */
  readonly ioErrors?: boolean;
  /** Chooses the seeded points. Default: a new one. */
  readonly seed?: number;
  /** How many runs at once. Default: two more than there are cores. */
  readonly atOnce?: number;
  /** Of one run, in milliseconds. Default: 20 times as long as the undisturbed one, at least 180,000. */
  readonly limitMs?: number;
  /** Told of each run that has ended. */
  readonly onProgress?: (progress: CrashProgress) => void;
  /** Ends the test early: what is done by then is reported. */
  readonly signal?: AbortSignal;
}

/** How far a crash test is. */
export interface CrashProgress {
  /** Runs that have ended. */
  readonly done: number;
  /** Runs in all. */
  readonly total: number;
  /** Of the run that has ended: its case and what came of it. */
  readonly text: string;
}

export const CRASH_TEST_OPTIONS: OptionNames<CrashTestOptions> = {
  plan: true,
  workflow: true,
  workflowsPath: true,
  input: true,
  cwd: true,
  config: true,
  steps: true,
  setUp: true,
  world: true,
  env: true,
  answers: true,
  http: true,
  address: true,
  namespace: true,
  points: true,
  everyHit: true,
  pairs: true,
  freeze: true,
  syscalls: true,
  ioErrors: true,
  seed: true,
  atOnce: true,
  limitMs: true,
  onProgress: true,
  signal: true,
};

/** Types a set-up file. Returns what it is given. */
export function defineCrashTest(setUp: CrashTestSetUp): CrashTestSetUp {
  return setUp;
}

/** What a test job is given, what it remembers, and what it throws when a person would be asked. */
import type { ChainPlace } from '../model/job/chain-place.ts';
import type { OptionNames } from '../model/options.ts';
import type { RunStepRequest, RunStepResult } from '../model/job/run-step.ts';
import type { VerificationReason } from '../model/job/verify-world.ts';
import type { JobSettings } from '../model/job/settings.ts';
import type { Finding } from '../model/question/finding.ts';
import type { Question } from '../model/question/question.ts';
import type { StepImplementation } from '../model/step/step.ts';

/** How a test job is opened. */
export interface TestJobOptions {
  /** Steps besides the built-in ones. */
  readonly steps?: readonly StepImplementation[];
  /** An existing folder, which is kept. Default: a temporary one, removed by `close`. */
  readonly workspace?: string;
  /** Name → `sqlite:relative/path`, or `${{ env.NAME }}`. */
  readonly databases?: Readonly<Record<string, string>>;
  /** Where secrets and database references are looked up. Default: nothing; this process's environment is not read. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Names of variables of `env` that steps may use as secrets. Default: none. */
  readonly secrets?: readonly string[];
  /** What is compared besides what steps read and wrote. Default: nothing. */
  readonly watch?: JobSettings['watch'];
  /** Hosts that steps and watches may call. Default: none. */
  readonly http?: JobSettings['http'];
  /** Compare the world again before a step when this long has passed, in milliseconds. Default: 10 minutes. */
  readonly verifyAfterMs?: number;
  /** As in a plan. Default: `full`. */
  readonly verify?: JobSettings['verify'];
  /** Name and digest of the plan that the job runs. Default: none. */
  readonly plan?: JobSettings['plan'];
  /** As in a plan. Default: checkpoints are kept in the record alone. */
  readonly checkpoint?: JobSettings['checkpoint'];
  /** As in a plan. Default: the record is kept. */
  readonly retention?: JobSettings['retention'];
  /** Ids of other jobs whose Workflows are still open. Default: every other job has ended. */
  readonly openJobs?: readonly string[];
  /**
   * For how long what can't be reached is looked at again before a person is asked, in milliseconds. Default 0; a
   * worker has half a minute.
   */
  readonly outagePatienceMs?: number;
  /** To play a worker that starts again in the same job. Default: a new job. */
  readonly resume?: TestJobMemory;
  /** Another id than before plays another worker process. */
  readonly workerId?: string;
  /** A new Run of the same job, as after a reset. Default: the one of `resume`, else a new one. */
  readonly runId?: string;
}

export const TEST_JOB_OPTIONS: OptionNames<TestJobOptions> = {
  steps: true,
  workspace: true,
  databases: true,
  env: true,
  secrets: true,
  watch: true,
  http: true,
  verifyAfterMs: true,
  verify: true,
  plan: true,
  checkpoint: true,
  retention: true,
  openJobs: true,
  outagePatienceMs: true,
  resume: true,
  workerId: true,
  runId: true,
};

/** What the Workflow would remember; hand it to `resume`. */
export interface TestJobMemory {
  /** What a plan or a person names the job by. */
  readonly workflowId: string;
  /** With the Workflow id it makes the job id. */
  readonly firstRunId: string;
  /** The Run that plays. */
  readonly runId: string;
  /** Raised by each resume's comparison and by repairs. */
  readonly term: number;
  /** The chain's end, as far as the job knows it. */
  readonly known: ChainPlace;
  /** Of each step that is done: its id, its generation, the number of its record. */
  readonly steps: readonly (readonly [string, number, number])[];
  /** Step → generation, of steps that were run again. */
  readonly generations: Readonly<Record<string, number>>;
  /** Numbers, in the record, of decisions that made steps run again. Default: none. */
  readonly decisions?: readonly number[];
  /**
   * Where the Run's history begins; everything up to there is known, as after continue-as-new. Default: the beginning.
   */
  readonly base?: ChainPlace;
  /** The Run that this one continues as new. Default: none. */
  readonly continuedFrom?: string;
}

/** Thrown when the job waits for a person: answer `question` with `decide`, then call the step again. */
export class QuestionAsked extends Error {
  /** Always `QuestionAsked`. */
  override readonly name = 'QuestionAsked';
  /** What the person would be shown. */
  readonly question: Question;
  /** What sub-steps of the same step ask beside it, each to be decided by itself. */
  readonly others: readonly Question[];
  constructor(question: Question, others: readonly Question[] = []) {
    super(`${question.kind}: ${question.findings.slice(0, MAX_FINDINGS_TOLD).map(findingText).join('; ')}`);
    this.question = question;
    this.others = others;
  }
}

/** In the message of an error; `question` has them all. */
const MAX_FINDINGS_TOLD = 5;
const MAX_FOUND_CHARACTERS = 300;

/** What was found is what a failing test has to show: the failure of a step that can't go on, for example. */
function findingText({ resource, kind, found }: Finding): string {
  return `${resource} ${kind} (${found.text.slice(0, MAX_FOUND_CHARACTERS)})`;
}

/** A request as a Workflow makes it; what is left out is as the job knows it. */
export type TestRequest = Pick<RunStepRequest, 'stepId' | 'step' | 'input'> & Partial<RunStepRequest>;

/** How a test job is undone. */
export interface TestUndoOptions {
  /** Who aborts. Default: `test`. */
  readonly by?: string;
  /** Why. Default: `test`. */
  readonly reason?: string;
  /** Is the workspace given back? Default: true. */
  readonly release?: boolean;
}

/** How often a step, a comparison or an undoing is requested again before that is a defect. */
export const MAX_REQUESTS = 100;

/** Why the world is compared before the step is requested again. */
export function whyCompared(
  result: Extract<RunStepResult, { kind: 'resumes' | 'verification-required' }>,
): readonly [VerificationReason, string] {
  return result.kind === 'resumes' ? ['resumed', result.message] : [result.reason, result.detail];
}

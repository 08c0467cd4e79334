/**
 * What one Run of a job hands to the next.
 *
 * Invariants
 * 1. It is bound to its chain, so that a copied input never carries another job's state.
 * 2. The memo has the place in the chain alone: the server copies it with every change of the job.
 * 3. It stays well below the 2 MB that one payload may have; results beyond that are requested of the record again.
 */
import { InitialVersioningBehavior } from '@temporalio/common';
import { log, makeContinueAsNewFunc, workflowInfo, type Workflow } from '@temporalio/workflow';
import { isLoaded, missingParts, NEEDED_BY_JOBS } from '../../model/bundle-parts.ts';
import { jsonBytes, type Json } from '../../model/canonical-json.ts';
import { defined } from '../../model/defined.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { ChainPlace } from '../../model/job/chain-place.ts';
import type { Edit } from '../../model/job/edit.ts';
import { CARRIED_MEMO } from '../../model/job/own-arguments.ts';
import { forkNote, type Fork } from '../../model/job/fork.ts';
import type { RewindAnswer } from '../../model/job/rewind.ts';
import type { Refusal } from '../../model/job/status.ts';
import { someOf } from '../../model/list.ts';
import type { Question } from '../../model/question/question.ts';
import type { PutIn } from '../../model/record/put-in.ts';
import type { PlanProgress } from '../../model/plan/run/progress.ts';
import { GENESIS } from '../../model/record/chain.ts';
import { asArgument, carriedArgument, forkArgument } from '../carried-argument.ts';
import type { DecidedFinding } from '../guarded-job.ts';
import type { CarriedAgain, CarriedCheckpoints } from '../state/checkpoint-notes.ts';
import type { Undoing } from '../state/ending.ts';
import type { CarriedResuming } from '../state/resuming.ts';
import { resumedNow, type ResumedIdentity } from '../state/run-origin.ts';
import type { CarriedStep } from '../state/step-board.ts';
import type { StepResult } from '../state/step-results.ts';
import { asFailure } from './failure.ts';
import type { CarriedWaits } from './waits.ts';

export interface Carried extends CarriedWaits {
  readonly base: ChainPlace;
  readonly generations: Readonly<Record<string, number>>;
  /** Results of finished steps, so that a Workflow that starts from its beginning need not request them again. */
  readonly results?: Readonly<Record<string, StepResult>>;
  /** How many more results there are; the record answers for them. */
  readonly leftOut?: number;
  /** Those are of records after this one. Runs of version 0.1 don't say. */
  readonly leftOutFrom?: number;
  /** Steps that are done, for people. */
  readonly steps?: readonly CarriedStep[];
  /** `agentJob`'s own. */
  readonly plan?: CarriedPlan;
  /** Of the job's checkpoints: the last one, and those that the record may lack. */
  readonly checkpoints?: CarriedCheckpoints | CarriedAgain;
  /** The job was aborted, and is being undone. */
  readonly undoing?: Undoing;
  /** What people sent that could not be used. */
  readonly refusals?: readonly Refusal[];
  /** What people have put in by hand and is in force, by step. */
  readonly edits?: Readonly<Record<string, PutIn>>;
  /** What people have decided, for what goes on otherwise because of it. */
  readonly decided?: readonly DecidedFinding[];
  /** What a waiting job asked when it moved to another version of its workers. */
  readonly questions?: readonly Question[];
  /** The version that the Run moved away from. */
  readonly leftVersion?: string;
  /** The job was started from a store, in this Run or an earlier one of the chain. */
  readonly resumed?: ResumedIdentity;
  /** What is still to be done of that: it begins as its first Run did. */
  readonly resuming?: CarriedResuming;
  /** What a job that had ended has gone back to, for people. */
  readonly wentBack?: RewindAnswer;
  /** Of a fork: where it works, and what it was made of. */
  readonly fork?: ForkPlace;
}

/** What of a fork holds for all of its Runs. */
export interface ForkPlace extends Pick<Fork, 'workspace' | 'databases' | 'from'> {
  /** What a person puts in by hand before anything runs, until it is. */
  readonly edit?: Edit;
}

/** Of a job that is started from a store: all of it is in the record. */
export const ALL_IN_THE_RECORD = { leftOut: 1, leftOutFrom: 0 } satisfies Partial<Carried>;
const NOTHING_CARRIED: Carried = { base: { seq: 0, head: GENESIS }, generations: {}, ...ALL_IN_THE_RECORD };

/** What `agentJob` carries of its plan. */
export interface CarriedPlan {
  readonly progress: PlanProgress;
  /** Steps that became void and that the scheduler has not drained yet. */
  readonly rewound: readonly string[];
}

/** Of results. */
export const MAX_CARRIED_BYTES = 1_000_000;
export const MAX_CARRIED_STEPS_BYTES = 300_000;
/** A question beyond this is known again once it has been asked again. */
const MAX_CARRIED_QUESTIONS_BYTES = 150_000;

/**
 * What the Run before has handed over, or what a fork is started with; undefined in another job's first Run. Runs of
 * version 0.1 had all of it in the memo, and so has one whose arguments leave no room beside them.
 * @throws HoldfastError `bad-input`: it would not be known, as the bundle lacks what hands it on. That fails the
 *   Workflow Task, not the job, which goes on once a Worker has a bundle that fits
 */
export function carriedFromPreviousRun(isPlanned: boolean): Carried | undefined {
  const missing = missingParts(NEEDED_BY_JOBS, isLoaded);
  if (missing !== undefined)
    throw new HoldfastError(
      'bad-input',
      `A guarded job cannot run in this bundle of Workflows, which lacks ${missing}. The job waits. Make the bundle ` +
        'with HoldfastPlugin, give the plugin to the Worker, too, and let no other plugin replace what it adds.',
    );
  const resumed = resumedHere();
  if (resumed !== undefined) return { ...NOTHING_CARRIED, resumed };
  const fork = forkArgument();
  if (fork !== undefined) return carriedOfFork(fork, isPlanned);
  return (carriedArgument() ?? workflowInfo().memo?.[CARRIED_MEMO]) as Carried | undefined;
}

/** @throws ApplicationFailure `bad-input`: it resumes another Workflow's job */
function resumedHere(): ResumedIdentity | undefined {
  try {
    return resumedNow();
  } catch (error) {
    throw asFailure(error);
  }
}

/** A fork goes on as a new Run would, from the place in the chain that was made for it. */
function carriedOfFork(fork: Fork, isPlanned: boolean): Carried {
  const { from, generations, workspace, databases, done, results, steps, edit, edits } = fork;
  const { digest: last, step } = forkNote(fork);
  const { seq, head } = from;
  const progress: PlanProgress = {
    schemaVersion: 1,
    done: [],
    ...defined({ leftOut: someOf(done), leftOutResults: done.length === 0 ? undefined : results }),
  };
  return {
    base: { seq, head },
    generations,
    steps,
    leftOut: results,
    leftOutFrom: 0,
    fork: { workspace, databases, from, ...defined({ edit }) },
    ...defined({ edits }),
    // A Workflow of one's own starts from its beginning, and notes its checkpoints again.
    ...(isPlanned
      ? { plan: { progress, rewound: [] }, checkpoints: { last, step } }
      : { checkpoints: { again: fork.recorded } }),
  };
}

/** The history grows on, up to what the server allows. */
export function sayWhyNotNew(omitted: number): void {
  const why = 'results are too large to be carried over and would come from the record again';
  log.warn(`the history is long, but a new Run would gain nothing yet: ${why}`, {
    leftOut: omitted,
    maxBytes: MAX_CARRIED_BYTES,
  });
}

/** The questions that fit. */
export function carriedQuestions(questions: readonly Question[]): readonly Question[] {
  let sizeBytes = 0;
  return questions.filter((one) => (sizeBytes += jsonBytes(one as Json)) <= MAX_CARRIED_QUESTIONS_BYTES);
}

/** @param isBeside false: in the memo, where the arguments leave no room. @throws ContinueAsNew, always */
export function continueWith(carried: Carried, args: readonly unknown[], isBeside: boolean): Promise<never> {
  // The place alone is enough to go on from, by whatever reads the memo: the record answers for the rest.
  const { base, resumed, fork } = carried;
  const place = { base, generations: {}, ...defined({ resumed, fork }) };
  const memo = { ...workflowInfo().memo, [CARRIED_MEMO]: isBeside ? place : carried };
  const given = isBeside ? [...args, asArgument(carried)] : [...args];
  // A Run that is pinned hands its version on, unless it says that the new one goes where new jobs go.
  const moves = workflowInfo().targetWorkerDeploymentVersionChanged;
  const options = { memo, ...(moves && { initialVersioningBehavior: InitialVersioningBehavior.AUTO_UPGRADE }) };
  return makeContinueAsNewFunc<Workflow>(options)(...(given as unknown[]));
}

/**
 * The Signals, Updates and Queries of every job. Plain JSON: Temporal's own command line can send and read them.
 */
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { StateAnswer, ToldCheckpoints } from '../model/job/checkpoint-answers.ts';
import type { EditPreview } from '../model/job/edit.ts';
import type { RewindAnswer } from '../model/job/rewind.ts';
import type { JobStatus } from '../model/job/status.ts';
import type { Answer } from '../model/question/answer.ts';
import type { Question } from '../model/question/question.ts';

/** A person's decision (`DecisionSchema`). Taken as unknown: what can't be used is recorded, never dropped. */
export const decideSignal = defineSignal<[unknown]>('decide');

/**
 * A person ends the job (`AbortSchema`), whether it asks something or not; while it is being undone: ends that. Taken
 * as unknown, like a decision.
 */
export const abortSignal = defineSignal<[unknown]>('abort');

/**
 * A waiting job that is pinned to a version of its workers looks whether it should go on with another one. Does nothing
 * else, so that it is safe to repeat.
 */
export const wakeSignal = defineSignal('wake');

/** What the `decide` Update answers. */
export interface DecideAnswer {
  /** What was done, in words. */
  readonly done: readonly string[];
  /** The question that it closed, with the chosen answers; null: it did nothing, `done` says why. */
  readonly used: {
    /** The question's digest, 64 hex digits. */
    readonly question: string;
    /** For every finding that `items` doesn't name. */
    readonly answer?: Answer;
    /** Resource → answer. */
    readonly items?: Readonly<Record<string, Answer>>;
  } | null;
}

/** A person's decision, validated before it enters the history; its result comes when it has been carried out. */
export const decideUpdate = defineUpdate<DecideAnswer, [unknown]>('decide');

/**
 * A person takes the job back to one of its checkpoints (`RewindSchema`), and the world with it, or undoes that. Taken
 * as unknown, like a decision.
 */
export const rewindSignal = defineSignal<[unknown]>('rewind');

export type { RewindAnswer } from '../model/job/rewind.ts';

/** The same, validated before it enters the history; its result comes when it has been carried out. */
export const rewindUpdate = defineUpdate<RewindAnswer, [unknown]>('rewind');

/**
 * A person puts in by hand what a step comes to (`EditSchema`): its output, and what it writes to the state. Taken as
 * unknown, like a decision.
 */
export const updateStateSignal = defineSignal<[unknown]>('updateState');

/** What the `updateState` Update answers. */
export interface EditAnswer {
  /** The step that counts as done. */
  readonly asNode: string;
  /** The steps that run again. */
  readonly runsAgain: readonly string[];
  /** What was done, in words. */
  readonly done: readonly string[];
}

/** The same, validated before it enters the history; its result comes when it has been carried out. */
export const updateStateUpdate = defineUpdate<EditAnswer, [unknown]>('updateState');

/** What such an edit would do, as far as the Workflow knows; nothing is changed. */
export const previewEditQuery = defineQuery<EditPreview, [unknown]>('previewUpdateState');

/** What can be seen of the job now. */
export const statusQuery = defineQuery<JobStatus>('status');

/** The open questions, as they travel in payloads. */
export const questionsQuery = defineQuery<readonly Question[]>('questions');

/** The job's state (`StateAskedSchema`): now, or at the checkpoint of that number, while the Workflow remembers it. */
export const stateQuery = defineQuery<StateAnswer, [{ readonly at?: number }?]>('state');

/** The latest checkpoints, newest first, as far as this Run knows them. */
export const checkpointsQuery = defineQuery<ToldCheckpoints>('checkpoints');

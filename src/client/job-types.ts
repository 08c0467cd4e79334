/** What the client takes and returns: options, results and what came of a decision. */
import type { Client, Connection } from '@temporalio/client';
import type { Json, JsonObject } from '../model/canonical-json.ts';
import type { HoldfastError } from '../model/failure.ts';
import type { Decision } from '../model/question/decision.ts';
import type { Question } from '../model/question/question.ts';
import type { StepContract, StepImplementation } from '../model/step/step.ts';
import type { DecideAnswer } from '../workflows/messages.ts';

export interface HoldfastClientOptions {
  readonly client: Client;
  readonly connection: Connection;
  /** For messages. */
  readonly address: string;
  /** Where new jobs go. Default `holdfast`. */
  readonly taskQueue?: string;
  readonly queryTimeoutMs?: number;
}

export interface StartOptions {
  readonly input?: Json;
  /** In place of the plan's. A relative path starts at the worker's workspace root. */
  readonly workspace?: string;
  /** Default: the plan's name and eight random hex digits. */
  readonly workflowId?: string;
  readonly taskQueue?: string;
  /** The user's steps, so that a misspelled one is found now. Default: taken on trust. */
  readonly knownSteps?: readonly (StepContract | StepImplementation)[];
}

export interface StartedJob {
  readonly workflowId: string;
  readonly runId: string;
  readonly taskQueue: string;
  readonly plan: string;
  readonly workspace: string;
  readonly input: JsonObject;
}

/** A decision whose `digest` may be the first eight or more digits; left out: the one open question. */
export type DecisionInput = Omit<Decision, 'digest'> & { readonly digest?: string };

export interface Decided {
  readonly via: 'update' | 'signal';
  /** With the whole digest. */
  readonly decision: Decision;
  /** What was done, in words. A Signal doesn't answer. */
  readonly done: readonly string[];
  /**
   * The question that it closed, with the answers. Null: it did nothing (the world has moved: there is a new question).
   * Absent: a Signal.
   */
  readonly used?: DecideAnswer['used'];
}

export interface JobFailureInfo {
  readonly type: string;
  readonly message: string;
  /** What it was caused by, the nearest first: the Activity's own error is the last. Absent: no cause is known. */
  readonly causes?: readonly { readonly type: string; readonly message: string }[];
}

export type JobResult =
  | { readonly workflowId: string; readonly runId: string; readonly outcome: 'completed'; readonly result: Json }
  | {
      readonly workflowId: string;
      readonly runId: string;
      readonly outcome: 'failed' | 'aborted' | 'cancelled' | 'terminated' | 'timed-out';
      readonly failure: JobFailureInfo;
    }
  /** `questions` is missing when no worker could be asked. */
  | {
      readonly workflowId: string;
      readonly runId: string;
      readonly outcome: 'running';
      readonly questions?: readonly Question[];
    };

export interface Cancelled {
  readonly workflowId: string;
  /** False: it had ended already. */
  readonly requested: boolean;
  readonly result?: JobResult;
}

export interface DecideOptions {
  /** `update` (default) answers when the decision has been carried out; `signal` only delivers it. */
  readonly via?: 'update' | 'signal';
}

export interface WaitOptions {
  /** Until the job has ended. Default: false. */
  readonly wait?: boolean;
}

export interface WatchOptions {
  /** Default 500. */
  readonly intervalMs?: number;
  readonly signal?: AbortSignal;
  /** No worker, or no server, could be asked; the watch goes on. Called once for each such stretch. */
  readonly onTrouble?: (error: HoldfastError) => void;
}

/** What the client takes and returns: options, results and what came of a decision. */
import type { Client, Connection } from '@temporalio/client';
import type { Json, JsonObject } from '../model/canonical-json.ts';
import type { HoldfastError } from '../model/failure.ts';
import type { Decision } from '../model/question/decision.ts';
import type { Question } from '../model/question/question.ts';
import type { SubPlanStatus } from '../model/job/status.ts';
import type { StepContract, StepImplementation } from '../model/step/step.ts';
import type { DecideAnswer } from '../workflows/messages.ts';

/** What a client is made from. `connectHoldfast` makes one from the environment instead. */
export interface HoldfastClientOptions {
  /** Temporal's own, with the plugin or the data converter of the keys where payloads are encrypted. */
  readonly client: Client;
  /** The one that `client` was made with; `close` closes it. */
  readonly connection: Connection;
  /** For messages. */
  readonly address: string;
  /** Where new jobs go. Default `holdfast`. */
  readonly taskQueue?: string;
  /** How long a Query may take until it counts as unanswered, in milliseconds. Default 15,000. */
  readonly queryTimeoutMs?: number;
}

/** How a plan is started. */
export interface StartOptions {
  /** What the plan's `input` describes. Default: `{}`. */
  readonly input?: Json;
  /** In place of the plan's. A relative path starts at the worker's workspace root. */
  readonly workspace?: string;
  /** Default: the plan's name and eight random hex digits. */
  readonly workflowId?: string;
  /** Default: the client's. */
  readonly taskQueue?: string;
  /** The user's steps, so that a misspelled one is found now. Default: taken on trust. */
  readonly knownSteps?: readonly (StepContract | StepImplementation)[];
}

/** A job that was started. It may not have a worker yet. */
export interface StartedJob {
  /** What every other call names the job by. */
  readonly workflowId: string;
  /** The first Run; later ones have other ids. */
  readonly runId: string;
  /** The Task Queue on which it waits for a worker. */
  readonly taskQueue: string;
  /** The plan's name. */
  readonly plan: string;
  /** As given or as the plan says; a relative path starts at the worker's workspace root. */
  readonly workspace: string;
  /** With the defaults of the plan's schema filled in. */
  readonly input: JsonObject;
}

/** How a job is started from a store of checkpoints. */
export interface ResumeOptions {
  /**
   * `STORE/JOB` or `STORE/JOB@SEQ`: a folder, `postgres://…` or `${{ env.NAME }}`, then a Workflow's id. The client
   * reads it, and so does the worker: where the job's plan names another store, the job's checkpoints are kept in this
   * one from now on.
   */
  readonly from: string;
  /** The number of a checkpoint, in place of `@SEQ`. Default: the newest. */
  readonly at?: number;
  /** In place of the folder that the job worked in. A relative path starts at the worker's workspace root. */
  readonly workspace?: string;
  /**
   * In place of where the job had its databases: name → `${{ env.NAME }}`, a URL without a password, or `sqlite:PATH`.
   * Of a fork each that is no file of its workspace; its `workspace`, too.
   */
  readonly databases?: Readonly<Record<string, string>>;
  /** Default: the client's. */
  readonly taskQueue?: string;
  /** Who resumes it. At most 200 characters. */
  readonly by: string;
  /** Why. At most 2,000 characters; kept in the record. */
  readonly reason: string;
  /** Only look. Default: false. */
  readonly dryRun?: boolean;
}

/** A job that was started from a store. */
export interface ResumedJob {
  /** The same as before. */
  readonly workflowId: string;
  /** The same as before: all of its tokens are made of it. */
  readonly jobId: string;
  /** The first Run here. Absent: nothing was started. */
  readonly runId?: string;
  /** The Task Queue on which it waits for a worker. */
  readonly taskQueue: string;
  /** The store that was read, its password as `***`. */
  readonly store: string;
  /** The newest checkpoint that can be read, up to the one asked for. */
  readonly checkpoint: {
    readonly seq: number;
    /** ISO 8601. */
    readonly at: string;
    /** The super-step; -1: the input. */
    readonly step: number;
    /** What came next. */
    readonly next: readonly string[];
  };
  /** Later ones that can't be read: the job asks a person which one it goes on from. Absent: none. */
  readonly unreadable?: readonly number[];
  /** In place of the folder that the job worked in. Absent: that one. */
  readonly workspace?: string;
  /** In place of the store that the job's plan names, as a plan may name one. Absent: that one. */
  readonly keptIn?: string;
}

/** A decision whose `digest` may be the first eight or more digits; left out: the one open question. */
export type DecisionInput = Omit<Decision, 'digest'> & {
  /** The first eight or more digits of the question's digest. Default: the one open question's. */
  readonly digest?: string;
};

/** What came of a decision. */
export interface Decided {
  /** How it was sent. */
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

/** Why a job has ended without a result. */
export interface JobFailureInfo {
  /** One of `FAILURES`; of a Workflow of one's own also what its code threw; `terminated`, `timed-out`. */
  readonly type: string;
  /** What happened, for a person. */
  readonly message: string;
  /** What it was caused by, the nearest first, at most ten: the Activity's own error is the last. Absent: unknown. */
  readonly causes?: readonly { readonly type: string; readonly message: string }[];
}

/** How a job ended, or that it hasn't. */
export type JobResult =
  | {
      /** The job that was meant. */
      readonly workflowId: string;
      /** Its latest Run. */
      readonly runId: string;
      /** `terminated`, `timed-out`: by Temporal; the workspace may still be bound. `running`: it has not ended. */
      readonly outcome: 'completed';
      /** What the Workflow returned; of a plan: its steps' outputs and its state. */
      readonly result: Json;
    }
  | {
      readonly workflowId: string;
      readonly runId: string;
      readonly outcome: 'failed' | 'aborted' | 'cancelled' | 'terminated' | 'timed-out';
      /** Why. */
      readonly failure: JobFailureInfo;
    }
  | {
      readonly workflowId: string;
      readonly runId: string;
      readonly outcome: 'running';
      /** What it asks now. Absent: no worker could be asked. */
      readonly questions?: readonly Question[];
      /** The jobs of its sub-plans that ask, each with its questions: those are answered there. Absent: none does. */
      readonly subPlans?: readonly SubPlanStatus[];
    };

/** What came of `cancel` or `abort`. */
export interface Cancelled {
  /** The job that was meant. */
  readonly workflowId: string;
  /** False: it had ended already. */
  readonly requested: boolean;
  /** How it ended, where `wait` was asked for. */
  readonly result?: JobResult;
}

/** How a decision travels. */
export interface DecideOptions {
  /** `update` (default) answers when the decision has been carried out; `signal` only delivers it. */
  readonly via?: 'update' | 'signal';
}

/** Whether a call waits for the job's end. */
export interface WaitOptions {
  /** Until the job has ended. Default: false. */
  readonly wait?: boolean;
}

/** How a job is watched. */
export interface WatchOptions {
  /** Default 500. */
  readonly intervalMs?: number;
  /** Ends the watch without an error. Default: it ends with the job. */
  readonly signal?: AbortSignal;
  /** No worker, or no server, could be asked; the watch goes on. Called once for each such stretch. */
  readonly onTrouble?: (error: HoldfastError) => void;
}

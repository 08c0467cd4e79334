/** What a plan is run by: the Workflow `agentJob` and the test kit each give one to the scheduler. */
import type { Json, JsonObject } from '../../canonical-json.ts';
import type { HoldfastError } from '../../failure.ts';
import type { PutIn } from '../../record/put-in.ts';
import type { PlacedSecret } from '../../step/secret.ts';
import type { NodeWrites } from '../../state/state-write.ts';
import type { TakenWrites } from '../../state/state-writes.ts';
import type { ForEach, Resume, Retry } from '../plan-step.ts';
import type { PlanProgress } from './progress.ts';

export interface PlanStepRequest {
  readonly id: string;
  readonly use: string;
  readonly input: Json;
  /** Of `plan.run`: the plan, which runs as a job of its own; `input` then has its folder beside its input. */
  readonly subPlan?: Json;
  /** Where in the input secrets belong. Default: nowhere. */
  readonly secrets?: readonly PlacedSecret[];
  /** Steps, by the ids of their records, that this one depends on: needs, references, state. */
  readonly uses: readonly string[];
  /**
   * `file:PATH`, `file:FOLDER/`, `table:DATABASE/TABLE`, `row:DATABASE/TABLE/{…}`: declared, and read from a built-in
   * step's input.
   */
  readonly writes: readonly string[];
  /** Are other steps started together with this one? */
  readonly isParallel: boolean;
  readonly approval?: 'before-apply';
  /** Of one attempt. Default: the job's. */
  readonly timeoutMs?: number;
  readonly retry?: Retry;
  readonly resume?: Resume;
  readonly onFailure: 'ask' | 'fail';
}

/** `rewound`: the step was rewound in flight and has no result; it is requested again when its turn comes. */
export type PlanStepResult = { readonly output: Json } | { readonly rewound: true };

/** What can be asked of a scheduler beside its state. */
export interface PlanLook {
  isDone(stepId: string): boolean;
  /** The state after a step's super-step, if the step came to this. @throws HoldfastError, for what can't join */
  trial(stepId: string, putIn: PutIn): JsonObject;
}

export interface PlanJob {
  readonly jobId: string;
  /**
   * Runs one step to its end. Rejects only when the job must end; what a person can decide is decided before it
   * settles.
   */
  step(request: PlanStepRequest): Promise<PlanStepResult>;
  /** The timer of a `wait`, in milliseconds. */
  sleep(durationMs: number, stepId: string): Promise<void>;
  /** The super-step at whose end an earlier Run noted the state. Default: none did. */
  readonly notedSuperStep?: number | undefined;
  /** Milliseconds since 1970, as the job's own time has it (in a Workflow: the same in every replay). */
  nowMs(): number;
  /** Ids whose results became void since the last call. Drained at each barrier and before the plan finishes. */
  rewound(): readonly string[];
  /**
   * A step can't go on for a reason that lies in the plan or in earlier outputs (a reference without a value, state
   * that doesn't fit) and its `onFailure` is `ask`. Resolves after a decision (its reruns are then in `rewound()`);
   * rejects to end the job. Default: the failure ends the job.
   */
  stuck?(stepId: string, failure: HoldfastError): Promise<void>;
  /** A list is known, an item of it is done, or all are; a round is done. For people. */
  onItems?(items: StepItems): void;
  /**
   * Asked before an item of a list, or a round, is begun: should the job go on in a new Run first? Then those that are
   * under way are waited for, and `onSuperStepEnd` is called, which begins it. Default: never.
   */
  isPausing?(pause: PlanPause): boolean;
  /**
   * How large the state may be; asked once it is larger than version 0.1 took, so that a job which has asked a person
   * about that goes on as it was. Default: `MAX_STATE_BYTES`.
   */
  maxStateBytes?(): number;
  /** What a person has put in by hand for a step, in place of its code. Default: nothing, for any. */
  putIn?(stepId: string): PutIn | undefined;
  /** At the beginning: how the state of now is read. */
  onState?(state: () => JsonObject, look: PlanLook): void;
  /** After each barrier. What it throws ends `runPlan` (so continue-as-new can be thrown here). */
  onSuperStepEnd?(end: SuperStepEnd): Promise<void> | void;
}

/** A step with `forEach` or `until`, as far as it has come. */
export interface StepItems {
  readonly stepId: string;
  readonly within: ForEach['within'] | 'rounds';
  readonly done: number;
  /** Of rounds: how many there are at most. */
  readonly total: number;
}

export interface PlanPause {
  /** Is nothing under way that can't be paused? What is would be waited for. */
  readonly isAlone: boolean;
  /** Made when it is read. */
  readonly progress: PlanProgress;
}

/** How a step of a super-step ended. `paused`: the rest of its items is begun in a new Run. */
export interface StepEnd {
  readonly kind: 'done' | 'skipped' | 'failed' | 'stuck' | 'void' | 'paused';
  /** Why it failed, or can't go on. */
  readonly error?: { readonly type: string; readonly message: string };
}

export interface SuperStepEnd {
  readonly superStep: number;
  /** The steps that ran in it this time, in plan order. */
  readonly ran: readonly string[];
  /** Those of them whose failure ends the job. */
  readonly failed: readonly string[];
  /** How each step that ran has ended. */
  readonly ends: ReadonlyMap<string, StepEnd>;
  /** What runs next, in plan order. */
  readonly next: readonly string[];
  /** All steps whose results are void since the last barrier, in plan order. */
  readonly rewound: readonly string[];
  /** Made when it is read. */
  readonly progress: PlanProgress;
  /** The state that the next super-step sees. */
  readonly state: JsonObject;
  /** What was written to the state since this was read last. */
  readonly written: TakenWrites;
  /**
   * What siblings of a step that is not done have written: it joins the state once all are done. Made when it is read.
   */
  readonly waiting: readonly NodeWrites[];
  /** How many steps have still to run. */
  readonly remaining: number;
}

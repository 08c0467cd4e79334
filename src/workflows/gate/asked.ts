/** What a step asks: by its result, its sub-steps' questions among it, or where it can't go on. */
import type { RunStepResult } from '../../model/job/run-step.ts';
import type { Question } from '../../model/question/question.ts';
import type { StepCall } from '../activities.ts';
import type { Asked } from '../state/worker-watch.ts';

/** The step's own first. */
export function questionsOf(result: RunStepResult): readonly Question[] {
  if (!('question' in result)) return [];
  return [result.question, ...(result.kind === 'question' ? (result.others ?? []) : [])];
}

/** Does it tell all that the step and its sub-steps ask? */
export function saysWhatIsAsked({ kind }: RunStepResult): boolean {
  return kind === 'question' || kind === 'done' || kind === 'failed';
}

/** What a step waits for that has asked this. */
export function stateFor({ kind }: Question): 'held' | 'approval' | 'in-doubt' | 'stuck' {
  return kind === 'approval' || kind === 'in-doubt' || kind === 'stuck' ? kind : 'held';
}

/** A step that can't go on for a reason outside its own code. */
export interface StuckStep {
  readonly stepId: string;
  readonly failure: { readonly type: string; readonly message: string };
  /** Steps that the answer `rerun` runs again, with what depends on them. */
  readonly rerun: readonly string[];
}

/** A request that is under way. */
export interface Begun {
  readonly call: StepCall;
  readonly answer: Promise<RunStepResult>;
  readonly asked: Asked;
  /** How many questions were settled, and how often steps were rewound, when it was made. */
  readonly settled: number;
  readonly rewound: number;
}

/** What the gate is made of, and what it is asked to run. */
import type { RunStepRequest } from '../../model/job/run-step.ts';
import type { StepCall } from '../activities.ts';
import type { CheckpointNotes } from '../state/checkpoint-notes.ts';
import type { Ending } from '../state/ending.ts';
import type { Knowledge } from '../state/knowledge.ts';
import type { OpenQuestions } from '../state/open-questions.ts';
import type { ResumedSteps } from '../state/resumed-steps.ts';
import type { Results } from '../state/results.ts';
import type { Rewinds } from '../state/rewinds.ts';
import type { JobIdentity } from '../state/run-origin.ts';
import type { StepBoard } from '../state/step-board.ts';
import type { StepWindow } from '../state/step-window.ts';
import type { WorkerWatch } from '../state/worker-watch.ts';
import type { Verification } from './verification.ts';

export interface GateOptions {
  readonly identity: JobIdentity;
  readonly board: StepBoard;
  readonly knowledge: Knowledge;
  readonly ending: Ending;
  readonly questions: OpenQuestions;
  readonly rewinds: Rewinds;
  readonly verification: Verification;
  readonly window: StepWindow;
  readonly checkpoints: CheckpointNotes;
  readonly watch: WorkerWatch;
  readonly results: Results;
  /** Steps that are requested now: the gate keeps the set, the verification tells the worker. */
  readonly requested: Set<string>;
  /** For people. */
  readonly resumed: ResumedSteps;
}

export interface GateStep extends Omit<StepCall, 'request'> {
  readonly request: Omit<
    RunStepRequest,
    'jobId' | 'workspace' | 'term' | 'known' | 'generation' | 'parallelSince' | 'checkpoints'
  >;
  /** Is it requested together with others of its super-step? Default: alone. */
  readonly isParallel?: boolean;
  /** How long it rests before it resumes by itself. Default: not at all. */
  readonly resumeAfterMs?: number;
}

/**
 * The Activities of a job: what the Workflow calls and the worker answers. Requests and results are small on purpose:
 * every byte of them is in the history of every step, and their names and fields are there for ever.
 *
 * Invariant: whatever decides whether to go on (run id, term, known head) is compared in an Activity against the
 * ledger; a Workflow never compares its own run id, which would break replay after a reset.
 */
import type { Question } from '../question/question.ts';
import type { AskStuckRequest } from './ask-stuck.ts';
import type { EditRequest } from './edit.ts';
import type { BeginUndoRequest, BeginUndoResult, UndoStepRequest, UndoStepResult } from './undo.ts';
import type { RecallRequest, RecallResult } from './recall.ts';
import type { ReleaseRequest, ReleaseResult } from './release.ts';
import type { RepairRequest, RepairResult } from './repair.ts';
import type { RewindRequest } from './rewind.ts';
import type { RunStepRequest, RunStepResult } from './run-step.ts';
import type { SubPlanOutcome, SubPlanOutcomeRequest } from './sub-plan.ts';
import type { VerifyWorldRequest, VerifyWorldResult } from './verify-world.ts';

export interface Activities {
  runStep(request: RunStepRequest): Promise<RunStepResult>;
  recall(request: RecallRequest): Promise<RecallResult>;
  verifyWorld(request: VerifyWorldRequest): Promise<VerifyWorldResult>;
  repair(request: RepairRequest): Promise<RepairResult>;
  rewind(request: RewindRequest): Promise<RepairResult>;
  edit(request: EditRequest): Promise<RepairResult>;
  release(request: ReleaseRequest): Promise<ReleaseResult>;
  askStuck(request: AskStuckRequest): Promise<Question>;
  beginUndo(request: BeginUndoRequest): Promise<BeginUndoResult>;
  undoStep(request: UndoStepRequest): Promise<UndoStepResult>;
  subPlanOutcome(request: SubPlanOutcomeRequest): Promise<SubPlanOutcome>;
  /** Answers, and does nothing: so a job that no worker has taken anything of learns that one is there. */
  workerAnswers(): Promise<void>;
}

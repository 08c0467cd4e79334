/** The Activities of a job: what the Workflow calls and the worker answers. Their names and fields are in histories. */
import type { Question } from '../question/question.ts';
import type {
  AskStuckRequest,
  BeginUndoRequest,
  BeginUndoResult,
  ReleaseRequest,
  ReleaseResult,
  RepairRequest,
  RepairResult,
  RunStepRequest,
  RunStepResult,
  UndoStepRequest,
  UndoStepResult,
  VerifyWorldRequest,
  VerifyWorldResult,
} from './messages.ts';

export interface Activities {
  runStep(request: RunStepRequest): Promise<RunStepResult>;
  verifyWorld(request: VerifyWorldRequest): Promise<VerifyWorldResult>;
  repair(request: RepairRequest): Promise<RepairResult>;
  release(request: ReleaseRequest): Promise<ReleaseResult>;
  askStuck(request: AskStuckRequest): Promise<Question>;
  beginUndo(request: BeginUndoRequest): Promise<BeginUndoResult>;
  undoStep(request: UndoStepRequest): Promise<UndoStepResult>;
}

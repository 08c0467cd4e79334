/**
 * The undoing of one step: a guarded piece of work of its own, claimed, sealed as one intent, applied in two phases and
 * recorded as a step is.
 */
import { defined } from '../../model/defined.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { RunStepRequest, RunStepResult } from '../../model/job/run-step.ts';
import type { UndoStepRequest, UndoStepResult } from '../../model/job/undo.ts';
import { undoIdOf } from '../../model/record/token.ts';
import type { Caller, ProtocolHost } from '../host.ts';
import { resultOfRecordTrouble } from '../step/record-trouble.ts';
import { noRecord, runStepWork } from '../step/run-step.ts';
import type { Workspaces } from '../workspace/workspaces.ts';
import { UndoWork } from './undo-work.ts';

/**
 * Undoes one record, or says why not. Safe to repeat: one that is undone answers with what was done.
 * @throws HoldfastError as a step's code or its applying does; the caller tries again
 */
export async function undoStepProtocol(
  host: ProtocolHost,
  workspaces: Workspaces,
  caller: Caller,
  request: UndoStepRequest,
): Promise<UndoStepResult> {
  try {
    const workspace = workspaces.find(request.workspace);
    if (workspace === undefined) return { ...noRecord(workspaces, request), kind: 'begin-again' };
    const work = new UndoWork(host, workspace, request);
    return resultOf(await runStepWork({ host, workspace, caller, request: workRequest(request), work }), work);
  } catch (error) {
    return { ...resultOfRecordTrouble(error, request), kind: 'begin-again' };
  }
}

/** The request of the work that is guarded like a step. */
function workRequest({
  jobId,
  workspace,
  term,
  known,
  mark,
  stepId,
  step,
  generation,
}: UndoStepRequest): RunStepRequest {
  return {
    jobId,
    workspace,
    term,
    known,
    stepId: undoIdOf(stepId),
    step,
    generation,
    input: null,
    ...defined({ mark }),
  };
}

function resultOf(result: RunStepResult, { notUndone }: UndoWork): UndoStepResult {
  switch (result.kind) {
    case 'done':
      return { kind: 'undone', at: result.at, effects: result.effects, left: notUndone };
    case 'verification-required':
      return { ...result, kind: 'begin-again' };
    case 'question':
    case 'held':
      return { kind: 'question', question: result.question };
    case 'failed':
    case 'other-generation':
      throw new HoldfastError('defect', `The undoing of a step ended as ${result.kind}.`);
  }
}

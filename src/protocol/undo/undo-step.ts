/**
 * The undoing of one step: a guarded piece of work of its own, claimed, sealed as one intent, applied in two phases and
 * recorded as a step is.
 */
import { defined } from '../../model/defined.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { RunStepRequest, RunStepResult } from '../../model/job/run-step.ts';
import type { UndoStepRequest, UndoStepResult } from '../../model/job/undo.ts';
import { undoIdOf } from '../../model/record/token.ts';
import { requestedStepOf } from '../../model/sub-step-id.ts';
import type { Caller, ProtocolHost } from '../host.ts';
import { resultOfRecordTrouble } from '../step/record-trouble.ts';
import { noRecord, runStepWork } from '../step/run-step.ts';
import type { StepRun } from '../step/step-run.ts';
import type { Workspaces } from '../workspace/workspaces.ts';
import { UndoWork } from './undo-work.ts';

/**
 * Undoes a record, and the sub-steps that follow it, or says why not. Safe to repeat: one that is undone answers with
 * what was done, so that another attempt goes on where this one was killed.
 * @throws HoldfastError as a step's code or its applying does; the caller tries again
 */
export async function undoStepProtocol(
  host: ProtocolHost,
  workspaces: Workspaces,
  caller: Caller,
  { more = [], undoneBefore = 0, ...request }: UndoStepRequest,
): Promise<UndoStepResult> {
  try {
    const workspace = workspaces.find(request.workspace);
    if (workspace === undefined) return { ...noRecord(workspaces, request), kind: 'begin-again' };
    const site = { host, workspace, caller };
    let result = await undoOne(site, request);
    let left = 0;
    for (const [place, item] of more.entries()) {
      if (result.kind !== 'undone') return withBefore(result, { items: place, left });
      left += result.left;
      tellUndone(caller, undoneBefore + place + 1, place === 0 ? request : more[place - 1]!);
      // The mark is the first one's; the place in the chain that is known grows with each.
      result = await undoOne(site, { ...request, ...item, known: result.at, mark: undefined });
    }
    if (result.kind === 'undone') return { ...result, left: left + result.left };
    return withBefore(result, { items: more.length, left });
  } catch (error) {
    return { ...resultOfRecordTrouble(error, request), kind: 'begin-again' };
  }
}

function tellUndone(caller: Caller, count: number, { stepId }: Pick<UndoStepRequest, 'stepId'>): void {
  caller.subStepDone?.(count, stepId.slice(requestedStepOf(stepId).length + 1));
}

function withBefore(
  result: Exclude<UndoStepResult, { kind: 'undone' }>,
  before: { readonly items: number; readonly left: number },
): UndoStepResult {
  return result.kind === 'question' && before.items > 0 ? { ...result, before } : result;
}

async function undoOne(
  site: Pick<StepRun, 'host' | 'workspace' | 'caller'>,
  request: Unmarked,
): Promise<UndoStepResult> {
  const { host, workspace } = site;
  const work = new UndoWork(host, workspace, request);
  return resultOf(await runStepWork({ ...site, request: workRequest(request), work }), work);
}

/** One record's. */
type Unmarked = Omit<UndoStepRequest, 'more' | 'mark'> & { readonly mark?: number | undefined };

/** The request of the work that is guarded like a step. */
function workRequest({ jobId, workspace, term, known, mark, stepId, step, generation }: Unmarked): RunStepRequest {
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
    case 'resumes':
    case 'other-generation':
      throw new HoldfastError('defect', `The undoing of a step ended as ${result.kind}.`);
  }
}

/**
 * What follows where a step can't use the workspace or its record: a comparison asks a person about it.
 *
 * Invariant: damage is asked about, wherever in the chain it lies: what comparisons have remembered is forgotten first,
 * so that the one that follows reads everything.
 */
import { HoldfastError } from '../../model/failure.ts';
import type { RunStepRequest, RunStepResult } from '../../model/job/run-step.ts';
import { isRecordTrouble } from '../question/workspace.ts';
import type { Workspaces } from '../workspace/workspaces.ts';

export type NotVerifiedResult = Extract<RunStepResult, { kind: 'verification-required' }>;

/** Of a step. @throws HoldfastError */
export async function askAboutRecord(
  workspaces: Workspaces,
  error: unknown,
  request: Pick<RunStepRequest, 'mark' | 'jobId' | 'workspace'>,
): Promise<NotVerifiedResult> {
  const { mark } = request;
  // The comparison that has just found nothing wrong may not have read it.
  const wasAllRead = mark === undefined || !(await forgetChecked(workspaces, error, request));
  return resultOfRecordTrouble(error, { ...(wasAllRead && mark !== undefined && { mark }) });
}

/**
 * One that has just found nothing wrong would find nothing again; then it is tried again like all that may pass.
 * @throws HoldfastError
 */
export function resultOfRecordTrouble(error: unknown, { mark }: Pick<RunStepRequest, 'mark'>): NotVerifiedResult {
  if (!isRecordTrouble(error)) throw error;
  if (mark !== undefined) throw new HoldfastError('storage-failed', error.message, error.details, { cause: error });
  const reason = error.type === 'ledger-damaged' ? 'record-missing' : 'workspace-missing';
  return { kind: 'verification-required', reason, detail: error.message.slice(0, 500) };
}

/** Was anything remembered? */
async function forgetChecked(
  workspaces: Workspaces,
  trouble: unknown,
  { jobId, workspace }: Pick<RunStepRequest, 'jobId' | 'workspace'>,
): Promise<boolean> {
  if (!isRecordTrouble(trouble) || trouble.type !== 'ledger-damaged') return false;
  try {
    const found = workspaces.find(workspace);
    return found !== undefined && (await found.exclusive('forget', (ledger) => ledger.forgetChecked(jobId)));
  } catch (error) {
    if (isRecordTrouble(error)) return false;
    throw error;
  }
}

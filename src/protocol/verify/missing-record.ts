/** A workspace, or the record in it, that is not there although the Workflow has records of the job. */
import { HoldfastError } from '../../model/failure.ts';
import type { VerifyWorldRequest } from '../../model/job/verify-world.ts';
import type { Finding } from '../../model/question/finding.ts';
import { missingLedgerFinding } from '../question/ledger.ts';
import { unusableWorkspaceFinding } from '../question/workspace.ts';
import type { Workspaces } from '../workspace/workspaces.ts';

type KnownRecord = Pick<VerifyWorldRequest, 'jobId' | 'known' | 'workspace'>;

/** Nothing is created where the record is expected: whoever brings it back would find another in its place. */
export function isRecordExpected({ known }: Pick<KnownRecord, 'known'>): boolean {
  return known.seq > 0;
}

/** Undefined: the record is there, or none is expected. @throws HoldfastError as `Workspaces.find` */
export function missingRecordFinding(workspaces: Workspaces, request: KnownRecord): Finding | undefined {
  const { workspace, known } = request;
  if (!isRecordExpected(request) || workspaces.hasLedger(workspace)) return undefined;
  const path = workspaces.pathOf(workspace);
  if (workspaces.hasFolder(workspace)) return missingLedgerFinding(path, request);
  const message = `${path} is not there. Expected the job's folder, with its ${known.seq} records in .holdfast.`;
  return unusableWorkspaceFinding(new HoldfastError('workspace-unusable', message, { path }));
}

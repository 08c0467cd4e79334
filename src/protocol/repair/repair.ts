/**
 * Carries out a person's decision: a sealed repair whose token is the question's digest.
 *
 * Invariants
 * 1. Only for the current Run, only for an open question, only with answers that the whole question offers.
 * 2. Each item only where the world shows what the question showed, or already what is wanted; otherwise nothing is
 *    done, the question is withdrawn and the world is compared again.
 * 3. Once sealed it only rolls forward, however often it is killed; closing the question appends one chain record.
 * 4. The bytes found are captured before they are replaced.
 */
import type { JobSettings } from '../../model/job/settings.ts';
import type { RepairRequest, RepairResult } from '../../model/job/repair.ts';
import { repairPage } from '../../model/job/repair-pages.ts';
import type { Caller, ProtocolHost } from '../host.ts';
import { isRebuild, rebuildRecord } from '../rebuild/rebuild.ts';
import { isRecordTrouble } from '../question/workspace.ts';
import { expectRecordedDatabases } from '../workspace/expected-databases.ts';
import { onFreshHandles } from '../workspace/fresh-handles.ts';
import { mustBeCurrentRun } from '../workspace/term.ts';
import type { Workspaces } from '../workspace/workspaces.ts';
import { decide } from './decide.ts';
import { withoutRecord } from './without-record.ts';

/** Of a job that the ledger does not know. */
const NO_SETTINGS: JobSettings = { databases: {}, watch: [], verifyAfterMs: 0, plan: null };

/**
 * Safe to repeat: a decision that was carried out answers with what was done.
 * @throws HoldfastError `not-current-run`, or what may pass
 */
export async function repairProtocol(
  host: ProtocolHost,
  workspaces: Workspaces,
  caller: Caller,
  request: RepairRequest,
): Promise<RepairResult> {
  const result = isRebuild(request)
    ? await rebuildRecord({ host, workspaces, caller, request })
    : await repaired(host, workspaces, caller, request);
  return repairPage(result, request.rerunsFrom);
}

async function repaired(
  host: ProtocolHost,
  workspaces: Workspaces,
  caller: Caller,
  request: RepairRequest,
): Promise<RepairResult> {
  try {
    return await onFreshHandles(() => decided(host, workspaces, caller, request));
  } catch (error) {
    if (!isRecordTrouble(error)) throw error;
    return withoutRecord(request.decision, error.message);
  }
}

async function decided(
  host: ProtocolHost,
  workspaces: Workspaces,
  caller: Caller,
  { jobId, workspace: path, decision }: RepairRequest,
): Promise<RepairResult> {
  const workspace = workspaces.find(path);
  if (workspace === undefined) return withoutRecord(decision, `there is no ledger in ${workspaces.pathOf(path)}`);
  return await workspace.exclusive(
    'repair',
    async (ledger) => {
      await mustBeCurrentRun(host, caller);
      const settings = ledger.job(jobId)?.settings ?? NO_SETTINGS;
      expectRecordedDatabases(workspace, settings, ledger, jobId);
      return await decide({ host, workspace, caller, ledger, jobId, settings }, decision);
    },
    { signal: caller.signal },
  );
}

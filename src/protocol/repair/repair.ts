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
import type { Decision } from '../../model/question/decision.ts';
import { isFailure, type HoldfastError } from '../../model/failure.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import type { RepairRequest, RepairResult } from '../../model/job/repair.ts';
import { GENESIS } from '../../model/record/chain.ts';
import type { Caller, ProtocolHost } from '../host.ts';
import { expectRecordedDatabases } from '../workspace/expected-databases.ts';
import { mustBeCurrentRun } from '../workspace/term.ts';
import type { Workspaces } from '../workspace/workspaces.ts';
import { decide, worldMoved } from './decide.ts';

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
  { jobId, workspace: path, decision }: RepairRequest,
): Promise<RepairResult> {
  const workspace = workspaces.find(path);
  if (workspace === undefined) return worldMoved(decision, ['workspace:']);
  try {
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
  } catch (error) {
    if (!isFailure(error, 'ledger-damaged')) throw error;
    return withoutLedger(decision, error);
  }
}

/** A ledger that cannot be read records no decision. Only an abort holds all the same. */
function withoutLedger(decision: Decision, error: HoldfastError): RepairResult {
  if (decision.answer !== 'abort') return worldMoved(decision, ['ledger:']);
  return {
    kind: 'repaired',
    question: decision.digest,
    term: 0,
    at: { seq: 0, head: GENESIS },
    answers: ['abort'],
    reruns: [],
    notes: [error.message.slice(0, 500)],
  };
}

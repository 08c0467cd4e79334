/**
 * Ends a job's hold on its workspace: what is half applied is finished, what was only sealed is dropped, leftovers are
 * fenced, and the next job may have the folder.
 *
 * Invariants
 * 1. A database that can't be fenced, or an intent that can't be finished, keeps the workspace bound; it says which.
 * 2. A call of which nobody knows whether it happened is named by the record of the release.
 */
import type { ReleaseRequest, ReleaseResult } from '../../model/job/release.ts';
import { GENESIS } from '../../model/record/chain.ts';
import { withdraw } from '../question/ask.ts';
import { unreachableFindings } from '../question/unseen.ts';
import { removeDeadCommands } from '../../effects/processes/command-folder.ts';
import { faultPoint } from '../../store/fault-point.ts';
import { finishIntents, intentEndNote } from '../commit/finish-intents.ts';
import type { Caller, ProtocolHost } from '../host.ts';
import { openCallNotes } from '../attempt/calls/open-call-notes.ts';
import { expectRecordedDatabases } from '../workspace/expected-databases.ts';
import { mustBeCurrentRun, raiseFences } from '../workspace/term.ts';
import type { Workspaces } from '../workspace/workspaces.ts';

/** Safe to repeat. @throws HoldfastError for what may pass */
export async function releaseProtocol(
  host: ProtocolHost,
  workspaces: Workspaces,
  caller: Caller,
  request: ReleaseRequest,
): Promise<ReleaseResult> {
  const workspace = workspaces.find(request.workspace);
  const nothing: ReleaseResult = { released: true, at: { seq: 0, head: GENESIS }, notes: ['the job had no workspace'] };
  if (workspace === undefined) return nothing;
  // A dead worker's command is no part of what the job leaves.
  await removeDeadCommands(workspace.directory);
  return await workspace.exclusive('release', async (ledger) => {
    await mustBeCurrentRun(host, caller);
    const job = ledger.job(request.jobId);
    if (job === undefined || ledger.boundJobId() !== request.jobId)
      return job === undefined ? nothing : { released: true, at: job.at, notes: [] };
    expectRecordedDatabases(workspace, job.settings, ledger, request.jobId);
    const ends = await finishIntents(
      { workspace, ledger, settings: job.settings, term: job.term, runId: caller.runId },
      request.jobId,
    );
    const notes = [...ends.map(intentEndNote), ...openCallNotes(ledger, request.jobId)];
    for (const question of ledger.openQuestions(request.jobId))
      ledger.transaction(() => withdraw(ledger, question, caller.runId, `the job ended: ${request.outcome}`));
    const unfinished = ledger.openIntents(request.jobId).length > 0;
    const fences = await raiseFences(workspace, job.settings, request.jobId, job.term + 1);
    if ('unreachable' in fences)
      notes.push(
        ...unreachableFindings(fences.unreachable).map(({ resource, found }) =>
          workspace.secrets.redact(`${resource} could not be fenced: ${found.text}`),
        ),
      );
    if (unfinished || 'unreachable' in fences) return { released: false, at: ledger.job(request.jobId)!.at, notes };
    faultPoint('release.before');
    const { at } = ledger.transaction(() => {
      const appended = ledger.append(request.jobId, caller.runId, {
        kind: 'released',
        outcome: request.outcome,
        notes,
        changes: [],
      });
      ledger.raiseTerm(request.jobId, fences.term);
      ledger.setJobState(request.jobId, 'released');
      ledger.unbind();
      return appended;
    });
    faultPoint('release.after');
    return { released: true, at, notes };
  });
}

/**
 * Takes a workspace from a job that has ended without giving it back, as a person decided.
 *
 * Invariant: the job's half-applied intents are finished first. Where one cannot be finished, the workspace stays bound
 * to that job, and the notes say why.
 */
import { openCallNotes } from '../../attempt/calls/open-call-notes.ts';
import { finishIntents, intentEndNote } from '../../commit/finish-intents.ts';
import { recordRelease } from '../../commit/record-release.ts';
import { expectRecordedDatabases } from '../../workspace/expected-databases.ts';
import { withdraw } from '../../question/ask.ts';
import { keptBoundNote } from '../../question/kept-bound.ts';
import { raiseTerm } from '../changes/term.ts';
import type { RepairContext } from '../running/context.ts';

/** Adds to `notes` what a person should know. Safe to repeat. @throws HoldfastError for what may pass */
export async function takeOver({ workspace, ledger, caller }: RepairContext, notes: string[]): Promise<void> {
  const bound = ledger.boundJobId();
  const job = bound === undefined ? undefined : ledger.job(bound);
  if (bound === undefined || job === undefined) return;
  const { settings, term } = job;
  expectRecordedDatabases(workspace, settings, ledger, bound);
  // As that Run's that had begun them, like the release.
  const { runId } = job;
  const ends = await finishIntents({ workspace, ledger, settings, term, runId }, bound, caller.isTriedAgain);
  if (job.state === 'undoing')
    notes.push(`job ${bound} was being undone, which is not finished: what is not undone stays`);
  notes.push(...ends.map(intentEndNote), ...openCallNotes(ledger, bound));
  if (ledger.openIntents(bound).length > 0) {
    const unfinished = ends.filter(({ outcome }) => outcome === 'not finished');
    notes.push(...unfinished.map((end) => keptBoundNote(intentEndNote(end))));
    return;
  }
  const raised = await raiseTerm(workspace, {
    jobId: bound,
    settings,
    term,
    failing: `Job ${bound} cannot be released`,
  });
  ledger.transaction(() => {
    for (const question of ledger.openQuestions(bound))
      withdraw(ledger, question, job.runId, 'another job took the workspace');
    recordRelease(ledger, job, { outcome: 'taken-over', runId: job.runId, term: raised, notes });
  });
  notes.push(`job ${bound} is released; its record stays in the ledger`);
}

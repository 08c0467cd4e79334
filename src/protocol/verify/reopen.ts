/**
 * A job that had ended is opened again where it ended, so that it can go back: in a new Run of the same Workflow id,
 * with its own record.
 *
 * Invariants
 * 1. Its record is there, and can go back as it is asked to: else nothing is changed.
 * 2. Who had it opened again, and why, is in the record before anything else is done.
 */
import { HoldfastError } from '../../model/failure.ts';
import type { ResumeRequest } from '../../model/job/resume.ts';
import type { VerifyWorldResult } from '../../model/job/verify-world.ts';
import { stateDigest } from '../../model/record/world.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { planState } from '../look/digests.ts';
import { notResumableFinding } from '../question/checkpoint.ts';
import { planReinstate } from '../repair/reinstate-plan.ts';
import { planRewind } from '../repair/rewind-plan.ts';
import { mustBeCurrentRun } from '../workspace/term.ts';
import { resumedPlace, type ResumedPlace } from './resumed-place.ts';
import { isResumedBy, recordResume } from './resumed-record.ts';
import { askUnsaved, type Verification } from './verification.ts';

/** Safe to repeat. @throws HoldfastError `decision-refused`: it can't go back so */
export async function reopen(
  verification: Verification,
  resume: ResumeRequest & { readonly rewind: NonNullable<ResumeRequest['rewind']> },
): Promise<VerifyWorldResult | ResumedPlace> {
  const { host, workspaces, caller, request } = verification;
  const { jobId } = request;
  const workspace = workspaces.hasLedger(request.workspace) ? workspaces.find(request.workspace) : undefined;
  const opened = await workspace?.exclusive(
    'resume',
    async (ledger) => {
      await mustBeCurrentRun(host, caller);
      if (ledger.job(jobId) === undefined) return undefined;
      // Another job's workspace is asked about by the comparison.
      const bound = ledger.boundJobId();
      if (bound === undefined || bound === jobId) await openAgain(verification, ledger, resume);
      return resumedPlace(ledger, jobId);
    },
    { signal: caller.signal },
  );
  if (opened !== undefined) return opened;
  return askUnsaved(
    verification,
    notResumableFinding({
      expected: `the record of ${jobId}`,
      found: `${workspaces.pathOf(request.workspace)} does not have it`,
      advice: 'Put its .holdfast folder back and answer recheck; or abort: nothing was changed.',
    }),
  );
}

async function openAgain(
  { caller, request }: Verification,
  ledger: Ledger,
  resume: ResumeRequest & { readonly rewind: NonNullable<ResumeRequest['rewind']> },
): Promise<void> {
  const { jobId, settings } = request;
  const { runId, workflowId } = caller;
  // Each Run does it once, whatever comes of its rewind.
  if (isResumedBy(ledger, jobId, runId, resume)) return;
  await mustBeAbleTo(ledger, jobId, resume.rewind);
  ledger.transaction(() => {
    if (ledger.job(jobId)!.state !== 'open') {
      ledger.setJobState(jobId, 'open');
      ledger.bind(jobId);
      const changes: never[] = [];
      ledger.append(jobId, runId, { kind: 'opened', workflowId, settings: stateDigest(planState(settings)), changes });
    }
    recordResume(ledger, { jobId, runId, resume, calls: [], store: '' });
  });
}

/** @throws HoldfastError `decision-refused` */
async function mustBeAbleTo(
  ledger: Ledger,
  jobId: string,
  { to }: NonNullable<ResumeRequest['rewind']>,
): Promise<void> {
  try {
    await (to === undefined ? planReinstate(ledger, jobId) : planRewind(ledger, jobId, to));
    for (const { record } of ledger.records(jobId, 0))
      if (record.kind === 'undoing')
        throw new HoldfastError(
          'bad-input',
          'What the job did was undone when it was aborted: nothing can be taken back.',
        );
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.retryable || error.type === 'ledger-damaged') throw error;
    const nextStep = 'Its checkpoints: holdfast checkpoints JOB';
    throw new HoldfastError('decision-refused', error.message, { ...error.details, nextStep }, { cause: error });
  }
}

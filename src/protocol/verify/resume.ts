/**
 * The first comparisons of a job that is started from a store: they find the record that it goes on with.
 *
 * Invariants
 * 1. Where the workspace has the job's record, that is it, as long as it goes on from what the store has: it is the
 *    later truth. Where it has none, one is made of the checkpoint. Nothing that is there is replaced.
 * 2. Another checkpoint than the newest, or than the one asked for, is taken only by a person's decision.
 * 3. Whatever stands in the way is asked about before anything is made.
 */
import { isFailure, type HoldfastError } from '../../model/failure.ts';
import type { ResumeRequest } from '../../model/job/resume.ts';
import type { VerifyWorldResult } from '../../model/job/verify-world.ts';
import type { Finding } from '../../model/question/finding.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { SealedStore } from '../../store/sealed/store.ts';
import type { StoredJob } from '../checkpoint/load-job.ts';
import { rebuildLedger } from '../checkpoint/rebuild-ledger.ts';
import { chooseStored, type StoredChoice } from '../checkpoint/stored-choice.ts';
import { notResumableFinding, unreadableCheckpointFinding } from '../question/checkpoint.ts';
import { ledgerBehindFinding } from '../question/ledger.ts';
import { mustBeCurrentRun } from '../workspace/term.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { finishResume, halfResumed, isResumedBy, marksOf, recordResume } from './resumed-record.ts';
import { askUnsaved, type Verification } from './verification.ts';
import { reopen } from './reopen.ts';
import { resumedPlace, type ResumedPlace } from './resumed-place.ts';

interface Resuming {
  readonly verification: Verification;
  readonly resume: ResumeRequest;
  readonly store: SealedStore;
}

/** The record that the job goes on with, or what a person is asked. Safe to repeat. @throws HoldfastError */
export async function resumeFirst(
  verification: Verification,
  resume: ResumeRequest,
): Promise<VerifyWorldResult | ResumedPlace> {
  const { workspaces, request } = verification;
  const { settings } = request;
  const { rewind } = resume;
  if (rewind !== undefined) return await reopen(verification, { ...resume, rewind });
  if (settings.checkpoint === undefined)
    return askUnsaved(
      verification,
      notResumableFinding({
        expected: 'a job whose plan, or openJob, names a store of checkpoints',
        found: 'none is named by the code that this worker has',
        advice: 'Give the worker the code of then, and answer recheck.',
      }),
    );
  let store: SealedStore;
  try {
    store = workspaces.checkpointStore(settings);
  } catch (error) {
    if (!isFailure(error, 'not-found', 'missing-variable', 'bad-input')) throw error;
    return askUnsaved(verification, noStoreFinding(error));
  }
  try {
    return await resumeFrom({ verification, resume, store });
  } finally {
    await store.close();
  }
}

async function resumeFrom(resuming: Resuming): Promise<VerifyWorldResult | ResumedPlace> {
  const { verification } = resuming;
  const { workspaces, request } = verification;
  if (!workspaces.hasLedger(request.workspace)) {
    const finding = await makeRecord(resuming);
    if (finding !== undefined) return askUnsaved(verification, finding);
  }
  const workspace = workspaces.find(request.workspace)!;
  const found = await goOnWithRecord(resuming, workspace);
  return 'class' in found ? askUnsaved(verification, found) : found;
}

/** Makes the workspace's record of a checkpoint. @returns why not */
async function makeRecord(resuming: Resuming): Promise<Finding | undefined> {
  const { verification, resume, store } = resuming;
  const { workspaces, request } = verification;
  const { jobId, settings } = request;
  const choice = await chooseStored(store, jobId, resume.at);
  const chosen = chosenJob(resuming, choice);
  if ('class' in chosen) return chosen;
  const { stored, later } = chosen;
  const isNew = workspaces.isNew(request.workspace);
  const workspace = workspaces.create(request.workspace);
  workspace.reserveDatabases(settings);
  const notes = marksOf({ stored, later, settings, bringsBack: isNew });
  try {
    await rebuildLedger(workspace, { stored, store, settings, notes });
  } catch (error) {
    // Somebody else has made it meanwhile: it is looked at like any that is there.
    if (isFailure(error, 'foreign-ledger')) return undefined;
    if (!isFailure(error, 'checkpoint-damaged', 'not-found')) throw error;
    const { seq } = stored.checkpoint.place;
    const broken = [{ generation: seq, failure: error }];
    return unreadable(resuming, { kind: 'unreadable', unreadable: broken, older: undefined });
  }
  return undefined;
}

interface Chosen {
  readonly stored: StoredJob;
  readonly later: readonly number[];
}

function chosenJob(resuming: Resuming, choice: StoredChoice): Chosen | Finding {
  const { resume, store, verification } = resuming;
  const { jobId } = verification.request;
  if (choice.kind === 'none') {
    const there = choice.there.length === 0 ? 'none of this job' : `of this job: ${choice.there.slice(-20).join(', ')}`;
    return notResumableFinding({
      expected: resume.at === undefined ? `checkpoints of ${jobId}` : `checkpoint ${resume.at} of ${jobId}`,
      found: `${store.location} has ${there}`,
      advice: 'The worker reads the store that the plan names. Put the checkpoints there, then answer recheck.',
    });
  }
  if (choice.kind === 'unreadable') {
    const { older, unreadable: broken } = choice;
    const isDecided = older !== undefined && resume.older?.head === older.checkpoint.place.head;
    if (!isDecided) return unreadable(resuming, choice);
    return { stored: older, later: broken.map(({ generation }) => generation) };
  }
  const { head, seq } = choice.stored.checkpoint.place;
  if (resume.head === undefined || resume.head === head) return choice;
  return notResumableFinding({
    expected: `checkpoint ${seq} of ${jobId} as it was named when the job was started`,
    found: `${store.location} has another one of this number`,
    advice: 'Two stores hold different histories of this job. Find out which is right; then abort, and resume from it.',
  });
}

function unreadable(
  { verification }: Resuming,
  { unreadable: broken, older }: Extract<StoredChoice, { kind: 'unreadable' }>,
): Finding {
  const { workspaces, request } = verification;
  const whyNotAnew = workspaces.isNew(request.workspace)
    ? undefined
    : `${workspaces.pathOf(request.workspace)} is not empty; abort, and start a job in another workspace`;
  return unreadableCheckpointFinding({
    jobId: request.jobId,
    unreadable: broken,
    older: older && { ...older.checkpoint.place, at: older.checkpoint.at, next: older.checkpoint.next },
    whyNotAnew,
  });
}

/** The workspace has a record: of this job, and of the history that the store has? */
async function goOnWithRecord(resuming: Resuming, workspace: Workspace): Promise<ResumedPlace | Finding> {
  const { verification, resume, store } = resuming;
  const { host, caller, request } = verification;
  const { jobId } = request;
  const later = await laterCalls(resuming, workspace);
  const latest = await soundJob(store, jobId, resume.at);
  return await workspace.exclusive(
    'resume',
    async (ledger) => {
      await mustBeCurrentRun(host, caller);
      // What this Run has found to be right once, and has gone on from, is no more than its own.
      const isOwn = isResumedBy(ledger, jobId, caller.runId, resume);
      const finding = isOwn ? undefined : whyNotThisRecord(workspace, ledger, { jobId, resume, latest, store });
      if (finding !== undefined) return finding;
      recordResume(ledger, { jobId, runId: caller.runId, resume, calls: later, store: store.location });
      await finishResume({ workspace, ledger, jobId, store, resume });
      return resumedPlace(ledger, jobId);
    },
    { signal: caller.signal },
  );
}

/** Calls that later checkpoints tell of, which a job that goes back must not make again. */
async function laterCalls({ store, verification }: Resuming, workspace: Workspace): Promise<StoredJob['parts']> {
  const { jobId } = verification.request;
  const half = await workspace.exclusive('resume', (ledger) => halfResumed(ledger, jobId));
  if (half === undefined || half.later.length === 0) return [];
  for (const seq of half.later.toReversed()) {
    const choice = await chooseStored(store, jobId, seq);
    if (choice.kind === 'job' && choice.stored.chain[half.at - 1]?.head === half.head) return choice.stored.parts;
  }
  return [];
}

/** Of the newest checkpoint that can be read. Undefined: there is none, and the record itself is what there is. */
async function soundJob(store: SealedStore, jobId: string, at: number | undefined): Promise<StoredJob | undefined> {
  const choice = await chooseStored(store, jobId, at);
  if (choice.kind === 'none') return undefined;
  return choice.kind === 'job' ? choice.stored : choice.older;
}

interface Looked {
  readonly jobId: string;
  readonly resume: ResumeRequest;
  readonly latest: StoredJob | undefined;
  readonly store: SealedStore;
}

function whyNotThisRecord(workspace: Workspace, ledger: Ledger, looked: Looked): Finding | undefined {
  const { jobId, resume, latest } = looked;
  const job = ledger.job(jobId);
  const where = workspace.root;
  if (job === undefined)
    return notResumableFinding({
      expected: `a workspace that is new, or has the record of ${jobId}`,
      found: `${where} has the record of ${ledger.jobIds().join(', ') || 'no job'}`,
      advice: 'Abort, and resume the job in another workspace: --workspace DIR.',
    });
  const half = halfResumed(ledger, jobId);
  if (half !== undefined)
    return resume.at === undefined || half.at === resume.at
      ? undefined
      : notResumableFinding({
          expected: `checkpoint ${resume.at}`,
          found: `${where} is half made of checkpoint ${half.at}`,
          advice: `Abort, and resume at ${half.at}, or in another workspace.`,
        });
  const behind = latest === undefined ? undefined : whyNotBeyond(workspace, ledger, { ...looked, latest });
  if (behind !== undefined) return behind;
  if (resume.at === undefined || job.at.seq === resume.at) return undefined;
  const steps = laterSteps(ledger, jobId, resume.at);
  return notResumableFinding({
    expected: `a record that ends at checkpoint ${resume.at}`,
    found: `that of ${where} goes on to record ${job.at.seq}${steps}`,
    advice:
      `Nothing was taken back. Abort, then resume without @${resume.at} and go back by ` +
      `holdfast rewind JOB --to ${resume.at}; or resume in a new workspace: --workspace DIR.`,
  });
}

/** The record must go on from what the store has. */
function whyNotBeyond(
  workspace: Workspace,
  ledger: Ledger,
  { jobId, latest, store }: Looked & { readonly latest: StoredJob },
): Finding | undefined {
  const { place } = latest.checkpoint;
  const { seq: lastSeq } = ledger.job(jobId)!.at;
  const head = ledger.headAt(jobId, place.seq);
  if (head === place.head) return undefined;
  const common = latest.chain.findLast((one) => ledger.headAt(jobId, one.record.seq) === one.head)?.record.seq ?? 0;
  if (head === undefined && common === lastSeq) return ledgerBehindFinding(place, { lastSeq, head });
  return notResumableFinding({
    expected: `a record that goes on from checkpoint ${place.seq} of ${store.location}`,
    found: `that of ${workspace.root} is the same up to record ${common}, and from there on another, to ${lastSeq}`,
    advice:
      'Two copies of the job have gone on apart from each other. Find out which is right, and abort. Then resume ' +
      'from the store that this workspace went on with; or what this store has, in another workspace: --workspace DIR.',
  });
}

function laterSteps(ledger: Ledger, jobId: string, after: number): string {
  const steps = new Set<string>();
  for (const { record } of ledger.records(jobId, after)) if (record.kind === 'step') steps.add(record.stepId);
  return steps.size === 0 ? '' : `: ${[...steps].slice(0, 20).join(', ')}`;
}

function noStoreFinding(error: HoldfastError): Finding {
  return notResumableFinding({
    expected: "the store that the job's plan names",
    found: error.message,
    advice: 'Put it there, or give the worker its environment variable; then answer recheck.',
  });
}

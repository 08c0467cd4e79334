/**
 * Ends a job's hold on its workspace: what is half applied is finished, what was only sealed is dropped, leftovers are
 * fenced, and the next job may have the folder.
 *
 * Invariants
 * 1. A database that can't be fenced, or an intent that can't be finished, keeps the workspace bound; it says which.
 * 2. No command of the job runs on in the workspace, unless it can't be ended from here: then a note says so.
 * 3. A call of which nobody knows whether it happened is named by the record of the release.
 * 4. What may pass (a database that is started again) is thrown while the release is tried again; only the last attempt
 *    leaves the workspace bound because of it.
 */
import { removeDeadCommands } from '../../effects/processes/command-folder.ts';
import { endCommandsOf } from '../../effects/processes/running-command.ts';
import type { ReleaseRequest, ReleaseResult } from '../../model/job/release.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import { shortDigest, type Digest } from '../../model/digest.ts';
import { HoldfastError } from '../../model/failure.ts';
import { GENESIS } from '../../model/record/chain.ts';
import { formatResource } from '../../model/record/resource.ts';
import { faultPoint } from '../../store/fault-point.ts';
import type { JobRow } from '../../store/ledger/jobs.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { openCallNotes } from '../attempt/calls/open-call-notes.ts';
import { sealFirst } from '../checkpoint/sealed-first.ts';
import { finishIntents, intentEndNote } from '../commit/finish-intents.ts';
import { removeForgottenFiles } from '../commit/forgotten.ts';
import { recordCheckpoints } from '../commit/record-checkpoints.ts';
import { recordRelease } from '../commit/record-release.ts';
import type { Caller, ProtocolHost } from '../host.ts';
import { withdraw } from '../question/ask.ts';
import { isRecordTrouble } from '../question/workspace.ts';
import { unreachableFindings } from '../question/unseen.ts';
import { expectRecordedDatabases } from '../workspace/expected-databases.ts';
import { mustBeCurrentRun, raiseFences, type UnreachableDatabase } from '../workspace/term.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { Workspaces } from '../workspace/workspaces.ts';

const MAX_NOTE_CHARACTERS = 500;
const NO_WORKSPACE: ReleaseResult = {
  released: true,
  at: { seq: 0, head: GENESIS },
  notes: ['the job had no workspace'],
};

/** Safe to repeat. @throws HoldfastError `not-current-run`, and what may pass */
export async function releaseProtocol(
  host: ProtocolHost,
  workspaces: Workspaces,
  caller: Caller,
  request: ReleaseRequest,
): Promise<ReleaseResult> {
  try {
    const workspace = workspaces.find(request.workspace);
    if (workspace === undefined) return NO_WORKSPACE;
    const notes = await sealLast(workspace, host, caller, request);
    const released = await releaseIn(workspace, host, caller, request);
    const result = { ...released, notes: [...notes, ...released.notes] };
    if (result.released) workspaces.retire(request.workspace);
    return result;
  } catch (error) {
    if (!isRecordTrouble(error)) throw error;
    return { released: false, at: NO_WORKSPACE.at, notes: [error.message.slice(0, MAX_NOTE_CHARACTERS)] };
  }
}

/** The last checkpoint is stored while the workspace is still the job's. @returns what could not be */
async function sealLast(
  workspace: Workspace,
  host: ProtocolHost,
  caller: Caller,
  { jobId, checkpoints = [] }: ReleaseRequest,
): Promise<readonly string[]> {
  const settings = await workspace.exclusive('release', async (ledger) => {
    const job = ledger.job(jobId);
    if (job?.settings.checkpoint === undefined || ledger.boundJobId() !== jobId) return undefined;
    await mustBeCurrentRun(host, caller);
    ledger.transaction(() => recordCheckpoints(ledger, { jobId, runId: caller.runId }, checkpoints));
    return job.settings;
  });
  if (settings === undefined) return [];
  try {
    await sealFirst({ host, workspace, caller }, jobId, settings);
    return [];
  } catch (error) {
    if (!(error instanceof HoldfastError) || (error.retryable && caller.isTriedAgain === true)) throw error;
    return [`the last checkpoint could not be stored: ${error.message}`.slice(0, MAX_NOTE_CHARACTERS)];
  }
}

async function releaseIn(
  workspace: Workspace,
  host: ProtocolHost,
  caller: Caller,
  request: ReleaseRequest,
): Promise<ReleaseResult> {
  // A dead worker's command is no part of what the job leaves, nor are contents that it did not finish writing.
  await removeDeadCommands(workspace.directory);
  workspace.blobs.removeLeftovers();
  return await workspace.exclusive('release', async (ledger) => {
    await mustBeCurrentRun(host, caller);
    const job = ledger.job(request.jobId);
    if (job === undefined) return NO_WORKSPACE;
    if (ledger.boundJobId() !== request.jobId) return { released: true, at: job.at, notes: [] };
    return await releaseBound({ host, workspace, ledger, caller, request }, job);
  });
}

interface ReleaseSite {
  readonly host: ProtocolHost;
  readonly workspace: Workspace;
  readonly ledger: Ledger;
  readonly caller: Caller;
  readonly request: ReleaseRequest;
}

async function releaseBound(site: ReleaseSite, job: JobRow): Promise<ReleaseResult> {
  const { host, workspace, ledger, caller, request } = site;
  const { jobId, settings, term } = job;
  const { runId } = caller;
  expectRecordedDatabases(workspace, settings, ledger, jobId);
  const notEnded = await endCommandsOf(workspace.directory, jobId);
  const ends = await finishIntents({ workspace, ledger, settings, term, runId }, jobId, caller.isTriedAgain);
  const open = [...openCallNotes(ledger, jobId), ...openDecisionNotes(ledger, jobId)];
  const notes = [...ends.map(intentEndNote), ...notEnded, ...open];
  withdrawQuestions(site);
  await removeForgottenFiles(workspace, ledger, job, host.clock());
  const isUnfinished = ledger.openIntents(jobId).length > 0;
  const fences = await raiseFences(workspace, settings, jobId, term + 1);
  if ('unreachable' in fences) {
    const passing = fences.unreachable.find(({ error }) => error.retryable);
    if (passing !== undefined && caller.isTriedAgain === true) throw passing.error;
    notes.push(...notFencedNotes(workspace, fences.unreachable));
  }
  const lost = 'unreachable' in fences ? [] : await lostNotes(site, settings);
  notes.push(...lost);
  if (isUnfinished || 'unreachable' in fences || lost.length > 0)
    return { released: false, at: ledger.job(jobId)!.at, notes };
  faultPoint('release.before');
  const at = ledger.transaction(() => {
    recordCheckpoints(ledger, { jobId, runId }, request.checkpoints ?? []);
    return recordRelease(ledger, job, { outcome: request.outcome, runId, term: fences.term, notes });
  });
  faultPoint('release.after');
  return { released: true, at, notes };
}

/** Databases that have lost what this worker has committed to them, and that no step has met since. */
async function lostNotes(
  { workspace, ledger, request }: ReleaseSite,
  settings: JobSettings,
): Promise<readonly string[]> {
  const notes: string[] = [];
  for (const [name, token] of workspace.committed) {
    if (settings.databases[name] === undefined || isTakenBack(ledger, { jobId: request.jobId, name, token })) continue;
    const database = await workspace.database(name, settings);
    if ((await database.tokens([token])).get(token)?.kind === 'token') continue;
    notes.push(
      `database ${name} does not have any more what was committed to it last (token ${shortDigest(token)}): ` +
        'another server may have taken its place; `holdfast verify` of the workspace names what is missing',
    );
  }
  return notes;
}

interface CommittedToken {
  readonly jobId: string;
  readonly name: string;
  readonly token: Digest;
}

/** Has a decision taken it back, perhaps by another worker, or accepted that it is gone? */
function isTakenBack(ledger: Ledger, { jobId, name, token }: CommittedToken): boolean {
  const entry = ledger.manifestEntry(jobId, formatResource({ kind: 'token', database: name, token }));
  return entry === undefined ? ledger.intent(token)?.state === 'dropped' : entry.state.kind === 'absent';
}

/** What a person had decided and could not be carried to its end: something of it may be done. */
function openDecisionNotes(ledger: Ledger, jobId: string): readonly string[] {
  return ledger.repairs
    .sealed(jobId)
    .map((digest) => `what was decided for question ${shortDigest(digest)} was begun and is not carried to its end`);
}

/** Nobody need answer any more. */
function withdrawQuestions({ ledger, caller, request }: ReleaseSite): void {
  for (const question of ledger.openQuestions(request.jobId))
    ledger.transaction(() => withdraw(ledger, question, caller.runId, `the job ended: ${request.outcome}`));
}

function notFencedNotes({ secrets }: Workspace, databases: readonly UnreachableDatabase[]): readonly string[] {
  return unreachableFindings(databases).map(({ resource, found }) =>
    secrets.redact(`${resource} could not be fenced: ${found.text}`),
  );
}

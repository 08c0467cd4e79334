/**
 * Compares the world with the record, and reports everything it finds, not just the first.
 *
 * Invariants
 * 1. It acts only for the current Run, asked of the server under the lock. A leftover does nothing.
 * 2. Half-carried-out decisions are rolled forward before anything is compared.
 * 3. A Run's first verification raises the term: the fence rows of every database first, the ledger last. All, or none
 *    is returned.
 * 4. What is half applied and requested by nobody is finished; what an earlier Run had begun is then ahead of this one.
 * 5. Looking happens outside the lock; what differs is looked at again under it before a person is asked.
 * 6. What registers, or is found left open, once looking has begun is not covered by the comparison.
 * 7. The chain is read once, from its stored texts, under the lock (chain-reading.ts); what is recorded after that, at
 *    the conclusion.
 * 8. Where the Workflow has records nothing is created: what is missing is asked about.
 */
import { KnownFiles } from '../../effects/files/known-files.ts';
import { removeDeadCommands } from '../../effects/processes/command-folder.ts';
import type { Finding } from '../../model/question/finding.ts';
import type { VerificationReason, VerifyWorldRequest, VerifyWorldResult } from '../../model/job/verify-world.ts';
import { faultPoint } from '../../store/fault-point.ts';
import type { Caller, ProtocolHost } from '../host.ts';
import { withRebuild } from '../rebuild/offer.ts';
import { isForPerson, unusableWorkspaceFinding } from '../question/workspace.ts';
import { doubtDamage, isDamage, onFreshHandles } from '../workspace/fresh-handles.ts';
import { mustBeCurrentRun } from '../workspace/term.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { Workspaces } from '../workspace/workspaces.ts';
import { ChainReading } from './chain-reading.ts';
import { compareWhole } from './compare-record.ts';
import { beginComparison, conclude, type BegunComparison } from './conclude.ts';
import { isRecordExpected, missingRecordFinding } from './missing-record.ts';
import { openRecord } from './open-record.ts';
import { patiently } from './patience.ts';
import { resumeFirst } from './resume.ts';
import { resumedRecord } from './resumed-place.ts';
import { askAboutWorld, askUnsaved, siteOf, type Verification } from './verification.ts';

/** A person has just answered, or asked. */
const AWAITED: ReadonlySet<VerificationReason> = new Set(['decided', 'asked']);

/**
 * Safe to repeat.
 * @throws HoldfastError `not-current-run`, or what may pass (`server-unreachable`, `busy`, `storage-unreachable` while
 * the term is raised)
 */
export async function verifyWorldProtocol(
  host: ProtocolHost,
  workspaces: Workspaces,
  caller: Caller,
  request: VerifyWorldRequest,
): Promise<VerifyWorldResult> {
  const isAwaited = AWAITED.has(request.reason);
  return await patiently({ host, caller, isAwaited }, async (mayWait) => {
    const verification = { host, workspaces, caller, request, mayWait, isFirstLook: false };
    try {
      return await onFreshHandles((isFirstLook) => verify({ ...verification, isFirstLook }));
    } catch (error) {
      if (!isForPerson(error)) throw error;
      return await askUnsaved(verification, unusableWorkspaceFinding(error));
    }
  });
}

async function verify(verification: Verification): Promise<VerifyWorldResult> {
  const { resume } = verification.request;
  if (resume === undefined) return await verifyRecord(verification);
  const place = await resumeFirst(verification, resume);
  if (place.kind !== 'resumed') return place;
  // All that the record has counts as known, and what its last Run had begun as this one's.
  const { at, lastRunId } = place;
  const request = { ...verification.request, base: at, known: at, continuedFrom: lastRunId };
  const result = await verifyRecord({ ...verification, request });
  return result.kind === 'verified' ? await told(verification, result) : result;
}

/** What its Workflow does not know is told with the first comparison that has found nothing. */
async function told(
  { workspaces, request }: Verification,
  verified: Extract<VerifyWorldResult, { kind: 'verified' }>,
): Promise<VerifyWorldResult> {
  const workspace = workspaces.find(request.workspace)!;
  const { seq } = verified.at;
  const resumed = await workspace.exclusive('resume', (ledger) => resumedRecord(ledger, request.jobId, seq));
  return { ...verified, resumed };
}

async function verifyRecord(verification: Verification): Promise<VerifyWorldResult> {
  const { host, workspaces, caller, request } = verification;
  const missing = missingRecordFinding(workspaces, request);
  if (missing !== undefined) return await askUnsaved(verification, missing);
  const workspace = workspaces.find(request.workspace) ?? workspaces.create(request.workspace);
  // What a dead worker's command still does is ended before anything is compared.
  await removeDeadCommands(workspace.directory);
  const { chain, ...opening } = await open(verification, workspace);
  if ('findings' in opening) return await askAtOnce(verification, workspace, opening.findings);
  const { begun } = opening;
  const known = request.settings.verify === 'quick' ? KnownFiles.load(workspace.directory, workspace.root) : undefined;
  const seen = await compareWhole(verification, workspace, chain, known);
  faultPoint('verify.compared');
  return await workspace.exclusive(
    'conclude verification',
    async (ledger) => {
      await mustBeCurrentRun(host, caller);
      return await conclude(verification, workspace, { ledger, chain, seen, begun, known });
    },
    { signal: caller.signal },
  );
}

type Opening = { readonly chain: ChainReading } & (
  | { readonly findings: readonly Finding[] }
  | { readonly begun: BegunComparison }
);

/** What stands in the way of comparing at all; else the comparison has begun. */
async function open(verification: Verification, workspace: Workspace): Promise<Opening> {
  const { host, caller, request, isFirstLook } = verification;
  const chain = new ChainReading(request, { runId: caller.runId, bootId: host.clock().bootId });
  return await workspace.exclusive(
    'open',
    async (ledger) => {
      await mustBeCurrentRun(host, caller);
      const findings = await openRecord(verification, workspace, ledger, chain);
      if (isFirstLook) doubtDamage(workspace, findings);
      if (findings.length > 0) return { chain, findings };
      return { chain, begun: beginComparison(verification, ledger, chain) };
    },
    { create: !isRecordExpected(request), signal: caller.signal },
  );
}

async function askAtOnce(
  verification: Verification,
  workspace: Workspace,
  found: readonly Finding[],
): Promise<VerifyWorldResult> {
  const findings = await withRebuild(siteOf(verification), found);
  return await workspace.exclusive('ask', (ledger) => {
    const asked = askAboutWorld(verification, ledger, findings);
    // Whoever puts another ledger there finds nobody who writes into it.
    if (findings.some(isDamage)) workspace.letGoOfLedger();
    return asked;
  });
}

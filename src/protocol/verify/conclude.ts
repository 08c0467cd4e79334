/** The end of a verification, under the lock: what still differs is asked about; if nothing does, the mark is set. */
import { defined } from '../../model/defined.ts';
import type { KnownFiles } from '../../effects/files/known-files.ts';
import type { VerifyWorldResult } from '../../model/job/verify-world.ts';
import { isAboutTheWorld } from '../../model/question/question.ts';
import { faultPoint } from '../../store/fault-point.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { removeForgottenFiles } from '../commit/forgotten.ts';
import type { Comparison } from '../compare/comparison.ts';
import type { BootClock } from '../host.ts';
import { withdraw } from '../question/ask.ts';
import { ledgerProblemFinding } from '../question/ledger-problem.ts';
import { comparedSince } from '../step/freshness.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { finishAbandoned } from './abandoned.ts';
import type { ChainReading } from './chain-reading.ts';
import { compareAgain } from './compare-record.ts';
import { findLedgerProblems } from './ledger-problems.ts';
import { askAboutWorld, type Verification } from './verification.ts';

export interface ComparedWorld {
  readonly ledger: Ledger;
  readonly chain: ChainReading;
  /** What the comparison outside the lock has found. */
  readonly seen: Comparison;
  readonly begun: BegunComparison;
  /** Of a quick look: what it went by, and what it has learnt. */
  readonly known: KnownFiles | undefined;
}

/** The moment at which a comparison begins to look: what comes after it is not covered. */
export interface BegunComparison {
  /** By the counter that orders registrations, claims and marks. */
  readonly ordinal: number;
  readonly at: BootClock;
}

/** Registers the worker, which is covered by its own comparison. Call under the lock, before looking. */
export function beginComparison(
  { host }: Pick<Verification, 'host'>,
  ledger: Ledger,
  chain: ChainReading,
): BegunComparison {
  return ledger.transaction(
    () => {
      const { id, identity } = host.worker;
      if (ledger.workerOrdinal(id) === undefined) ledger.registerWorker(id, identity);
      chain.remember(ledger);
      return { ordinal: ledger.nextOrdinal(), at: host.clock() };
    },
    // Lost with the host, it is worth nothing: every worker is new then, and no head is remembered.
    { relaxed: true },
  );
}

export async function conclude(
  verification: Verification,
  workspace: Workspace,
  { ledger, chain, seen, begun, known }: ComparedWorld,
): Promise<VerifyWorldResult> {
  const { host, caller, request } = verification;
  const { jobId, settings } = request;
  const { term: heldTerm } = ledger.job(jobId)!;
  const comparison = await compareAgain(verification, workspace, { ledger, chain }, seen);
  await chain.readOn(ledger);
  const problems = findLedgerProblems(ledger, request, chain.forgotten);
  const findings = [...problems.map(ledgerProblemFinding), ...comparison.findings];
  if (findings.length > 0) return askAboutWorld(verification, ledger, findings);
  const unfinished = await finishAbandoned(
    { workspace, ledger, settings, term: heldTerm, runId: caller.runId },
    request,
  );
  if (unfinished !== undefined) return askAboutWorld(verification, ledger, unfinished.findings, unfinished);
  await removeForgottenFiles(workspace, ledger, ledger.job(jobId)!, host.clock());
  settle(verification, ledger, comparison, begun);
  known?.save();
  const { term, at, markOrdinal: mark } = ledger.job(jobId)!;
  return {
    kind: 'verified',
    mark,
    term,
    at,
    resources: seen.resources,
    sizeBytes: seen.sizeBytes,
    ...defined({ unread: known?.unread }),
    tookMs: Math.max(0, host.clock().bootMs - begun.at.bootMs),
    searchAttributes: host.searchAttributes,
  };
}

/** Nothing differs: questions about the world are withdrawn, watches noted at first sight, the mark set. */
function settle(
  { host, caller, request }: Verification,
  ledger: Ledger,
  { firstSeen }: Comparison,
  { ordinal, at }: BegunComparison,
): void {
  const { jobId, settings } = request;
  faultPoint('verify.mark-before');
  ledger.transaction(() => {
    for (const question of ledger.openQuestions(jobId))
      if (isAboutTheWorld(question)) withdraw(ledger, question, caller.runId, 'nothing differs any more');
    if (firstSeen.length > 0) ledger.append(jobId, caller.runId, { kind: 'watched', changes: [...firstSeen] });
    ledger.setMark(jobId, ordinal, comparedSince(at, host.clock(), settings.verifyAfterMs));
  });
  faultPoint('verify.mark-after');
}

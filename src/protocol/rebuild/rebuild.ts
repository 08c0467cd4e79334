/**
 * Carries out the decision to make a lost record anew.
 *
 * Invariants
 * 1. Nothing is done unless the record is lost still, in the way that was asked about, and can be made of what was
 *    named then: otherwise the world is compared again.
 * 2. What is left of the record is moved aside, never deleted, and only once all that the new one needs is there.
 * 3. The decision is in the new record. Sent again, it answers with what was done.
 */
import { realpathSync } from 'node:fs';
import { isFailure } from '../../model/failure.ts';
import type { RepairRequest, RepairResult } from '../../model/job/repair.ts';
import { findingsIdentity, type Finding } from '../../model/question/finding.ts';
import { ruleOn } from '../../model/question/ruling.ts';
import type { DecisionRecord } from '../../model/record/record.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { noteAside } from '../../store/ledger/make-ledger.ts';
import type { Caller, ProtocolHost } from '../host.ts';
import { damagedLedgerFinding, ledgerBehindFinding, LEDGER, missingLedgerFinding } from '../question/ledger.ts';
import { rebuildableFinding } from '../question/rebuild.ts';
import { isRecordTrouble, unusableWorkspaceFinding } from '../question/workspace.ts';
import { isDamage } from '../workspace/fresh-handles.ts';
import { mustBeCurrentRun } from '../workspace/term.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { Workspaces } from '../workspace/workspaces.ts';
import { makeRecord } from './make-record.ts';
import { isLostRecord, toldOf } from './offer.ts';
import { planRebuild, type RebuildPlan, type RebuildSite } from './rebuild-plan.ts';

type Rebuild = NonNullable<RepairRequest['rebuild']>;

export interface Rebuilding {
  readonly host: ProtocolHost;
  readonly workspaces: Workspaces;
  readonly caller: Caller;
  readonly request: RepairRequest;
}

/** Is it a decision that this carries out? */
export function isRebuild({ decision: { answer, items = {} }, rebuild }: RepairRequest): boolean {
  return rebuild !== undefined && (answer === 'rebuild' || items[LEDGER] === 'rebuild');
}

/**
 * Safe to repeat, also after a kill.
 * @throws HoldfastError `not-current-run`, `checkpoint-damaged`, or what may pass
 */
export async function rebuildRecord(rebuilding: Rebuilding): Promise<RepairResult> {
  const { host, workspaces, caller, request } = rebuilding;
  const { jobId, decision } = request;
  const { question, settings, known } = request.rebuild!;
  const refused = (...problems: string[]): RepairResult => ({ kind: 'refused', question: decision.digest, problems });
  const ruling = ruleOn(question, decision);
  if (!ruling.usable) return refused(...ruling.problems);
  const asked = question.findings.find(isLostRecord);
  if (asked === undefined) return refused('the question is not about a record that is lost');
  if (!workspaces.hasFolder(request.workspace)) return moved(request);
  const workspace = workspaces.create(request.workspace);
  const now = await recordTwice(workspace, request, request.rebuild!);
  if (now.decided !== undefined) return resultOf(now.decided, now.end!);
  if (now.finding === undefined) return moved(request);
  const { workflowId, runId } = caller;
  const root = realpathSync(workspace.root);
  const site: RebuildSite = { host, workflowId, runId, jobId, settings, known, root };
  const found = await planRebuild(site);
  if ('refused' in found) return refused(found.refused);
  const shown = rebuildableFinding(now.finding, toldOf(site, found.plan));
  // A process that was killed may have moved away what was asked about.
  const isBegun =
    now.finding.kind === 'ledger-missing' && noteAside(workspace.directory, decision.digest) === found.plan.digest;
  const isAsAsked = isBegun || findingsIdentity([shown]) === findingsIdentity([asked]);
  if (!isAsAsked) return moved(request);
  const notes = notesOf(found.plan);
  const at = await makeRecord(found.plan, {
    workspace,
    jobId,
    workflowId,
    runId,
    settings,
    known,
    decision,
    notes,
    again: ruling.again,
    base: host.workspaceRoot,
    mayAct: () => mustBeCurrentRun(host, caller),
  });
  const reruns = found.plan.anew.map(({ stepId, next }) => ({ stepId, generation: next }));
  return { ...done(decision.digest, at), reruns, notes };
}

interface RecordNow {
  /** What is wrong with it. Undefined: nothing. */
  readonly finding?: Finding;
  /** It was made anew by this very decision. */
  readonly decided?: DecisionRecord;
  readonly end?: { readonly seq: number; readonly head: string };
}

/** A record that looks damaged is looked at once more, opened anew. */
async function recordTwice(...given: Parameters<typeof recordNow>): Promise<RecordNow> {
  const first = await recordNow(...given);
  return first.finding !== undefined && isDamage(first.finding) ? await recordNow(...given) : first;
}

async function recordNow(
  workspace: Workspace,
  { jobId, decision }: RepairRequest,
  { known }: Rebuild,
): Promise<RecordNow> {
  try {
    return await workspace.exclusive('look at the record', async (ledger) => {
      const decided = decidedBy(ledger, jobId, decision.digest);
      if (decided !== undefined) return { decided, end: ledger.job(jobId)!.at };
      return await problemOf(ledger, workspace.root, { jobId, known });
    });
  } catch (error) {
    if (isFailure(error, 'not-found')) return { finding: missingLedgerFinding(workspace.root, { jobId, known }) };
    if (!isRecordTrouble(error)) throw error;
    const finding = unusableWorkspaceFinding(error);
    if (!isLostRecord(finding)) throw error;
    return { finding };
  } finally {
    workspace.letGoOfLedger();
  }
}

async function problemOf(
  ledger: Ledger,
  root: string,
  { jobId, known }: { readonly jobId: string; readonly known: Rebuild['known'] },
): Promise<RecordNow> {
  if (ledger.job(jobId) === undefined) return { finding: missingLedgerFinding(root, { jobId, known }) };
  const { problems } = await ledger.checkIntegrity(jobId, () => undefined);
  if (problems.length > 0) return { finding: damagedLedgerFinding(problems) };
  const head = ledger.headAt(jobId, known.seq);
  if (head === known.head) return {};
  return { finding: ledgerBehindFinding(known, { lastSeq: ledger.job(jobId)!.at.seq, head }) };
}

function decidedBy(ledger: Ledger, jobId: string, question: string): DecisionRecord | undefined {
  if (ledger.job(jobId) === undefined) return undefined;
  let found: DecisionRecord | undefined;
  for (const { record } of ledger.records(jobId))
    if (record.kind === 'decision' && record.rebuilds !== undefined && record.question === question) found = record;
  return found;
}

type Repaired = Extract<RepairResult, { kind: 'repaired' }>;

function done(question: string, at: Repaired['at']): Repaired {
  return { kind: 'repaired', question, term: 0, at, answers: ['rebuild'], reruns: [], notes: [], rebuilt: true };
}

function resultOf({ question, reruns, notes }: DecisionRecord, at: Repaired['at']): Repaired {
  return { ...done(question, at), reruns, notes };
}

function moved({ decision }: RepairRequest): RepairResult {
  return { kind: 'world-moved', question: decision.digest, resources: [LEDGER] };
}

function notesOf({ stored, storeLocation, adopted, anew, unreadable }: RebuildPlan): string[] {
  const steps = adopted.filter(({ kind }) => kind === 'step').length;
  return [
    stored === undefined
      ? "the record was made anew from Temporal's history"
      : `the record was made anew from checkpoint ${stored.checkpoint.place.seq} in ${storeLocation}`,
    ...(steps > 0 ? [`steps that count as done by the history: ${steps}; what they changed is not known`] : []),
    ...(anew.length > 0 ? [`run anew: ${anew.map(({ stepId }) => stepId).join(', ')}`] : []),
    ...unreadable.map(({ seq }) => `checkpoint ${seq} could not be read, and is set aside`),
    'what was left of the old record is in .holdfast/lost',
  ];
}

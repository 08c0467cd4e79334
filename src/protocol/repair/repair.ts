/**
 * Carries out a person's decision: a sealed repair intent whose token is the question's digest.
 *
 * Invariants
 * 1. Only for the current Run, only for an open question, only with answers that the whole question offers.
 * 2. Each item only where the world shows what the question showed, or already what is wanted; otherwise nothing is
 *    done, the question is withdrawn and the world is compared again.
 * 3. Once sealed it only rolls forward, however often it is killed; closing the question appends one chain record.
 * 4. The bytes found are kept before they are replaced.
 */
import type { Answer } from '../../model/question/answer.ts';
import { canonicalJson } from '../../model/canonical-json.ts';
import { answered } from '../../model/question/answer.ts';
import { ruleOn, type Ruling } from '../../model/question/ruling.ts';
import type { Decision } from '../../model/question/decision.ts';
import type { Digest } from '../../model/digest.ts';
import { HoldfastError, isFailure } from '../../model/failure.ts';
import { uriOf } from '../../model/record/effect.ts';
import type { RepairRequest, RepairResult } from '../../model/job/repair.ts';
import type { Question } from '../../model/question/question.ts';
import { GENESIS } from '../../model/record/chain.ts';
import type { Change, DecisionRecord } from '../../model/record/record.ts';
import { tokenOf } from '../../model/record/token.ts';
import { stateDigest, type Sighting } from '../../model/record/world.ts';
import { faultPoint, faultPointAsync } from '../../store/fault-point.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { Caller, ProtocolHost } from '../host.ts';
import { isCallAsShown, openCalls } from './settle-calls.ts';
import { lookAt } from '../look/look.ts';
import { expectRecordedDatabases } from '../workspace/expected-databases.ts';
import { withdraw } from '../question/ask.ts';
import { SealedRepairSchema, type RepairParts, type SealedRepair } from './sealed-repair.ts';
import { carryOut, intentInConflict, type Repaired } from './items.ts';
import { unreachableFindings } from '../question/unseen.ts';
import { mustBeCurrentRun, raiseFences } from '../workspace/term.ts';
import { rowColumnsOf } from '../compare/row-columns.ts';
import type { Workspaces } from '../workspace/workspaces.ts';

/** Answers that change the record of the world: they raise the term, which fences leftovers. */
const RAISES_TERM: readonly Answer[] = ['accept', 'restore', 'rerun', 'skip', 'overwrite', 'undo', 'keep'];

/** Safe to repeat: a decision that was carried out answers with what was done. */
export async function repairProtocol(
  host: ProtocolHost,
  workspaces: Workspaces,
  caller: Caller,
  { jobId, workspace: path, decision }: RepairRequest,
): Promise<RepairResult> {
  const workspace = workspaces.find(path);
  if (workspace === undefined) return { kind: 'world-moved', question: decision.digest, resources: ['workspace:'] };
  try {
    return await workspace.exclusive(
      'repair',
      async (ledger) => {
        await mustBeCurrentRun(host, caller);
        const settings = ledger.job(jobId)?.settings ?? { databases: {}, watch: [], verifyAfterMs: 0, plan: null };
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

/** A ledger that can't be read keeps no decision. The job can be ended all the same; for the rest it is looked at again. */
function withoutLedger(decision: Decision, error: HoldfastError): RepairResult {
  if (decision.answer !== 'abort') return { kind: 'world-moved', question: decision.digest, resources: ['ledger:'] };
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

async function decide(parts: RepairParts, decision: Decision): Promise<RepairResult> {
  const { ledger, caller, jobId } = parts;
  const refused = (problems: readonly string[]): RepairResult => ({
    kind: 'refused',
    question: decision.digest,
    problems: [...problems],
  });
  const earlier = ledger.repairBody(decision.digest);
  if (earlier !== undefined) {
    const sealed = SealedRepairSchema.parse(earlier.body);
    if (canonicalJson(sealed.decision) !== canonicalJson(decision))
      return refused(['another decision has answered this question already']);
    return sealed.result ?? (await rollForward(parts, sealed));
  }
  const asked = ledger.question(decision.digest);
  // Another ledger than the one that asked, or withdrawn since: whatever is to be asked now is asked anew.
  if (asked === undefined || asked.question.jobId !== jobId || asked.state !== 'open')
    return { kind: 'world-moved', question: decision.digest, resources: ['ledger:'] };
  const ruling = ruleOn(asked.question, decision);
  if (!ruling.usable) return refused(ruling.problems);

  if (Object.values(ruling.answers).every((answer) => answer === 'recheck')) {
    ledger.transaction(() =>
      withdraw(ledger, asked.question, caller.runId, `recheck asked by ${decision.by}: ${decision.reason}`),
    );
    return done(parts, decision, ruling.answers, [], ['the world is compared again']);
  }
  const now = await lookAgain(parts, asked.question, ruling.answers);
  if (now.moved.length > 0) {
    ledger.transaction(() =>
      withdraw(
        ledger,
        asked.question,
        caller.runId,
        `the world moved before the decision of ${decision.by}: ${now.moved.join(', ').slice(0, 300)}`,
      ),
    );
    return { kind: 'world-moved', question: decision.digest, resources: now.moved.slice(0, 20) };
  }
  return await rollForward(parts, seal(parts, asked.question, decision, ruling, now.found));
}

/** Does the world still show what the question showed, or already what is wanted? */
async function lookAgain(
  parts: RepairParts,
  question: Question,
  answers: Readonly<Record<string, Answer>>,
): Promise<{ readonly moved: string[]; readonly found: SealedRepair['found'] }> {
  const looked = question.findings.filter(
    (finding) =>
      (finding.class === 'discrepancy' ||
        finding.class === 'conflict' ||
        finding.kind === 'changed-since' ||
        finding.kind === 'blob-damaged') &&
      answers[finding.resource] !== 'abort' &&
      finding.kind !== 'database-restored',
  );
  const manifest = parts.ledger.manifest(parts.jobId);
  const recordedOf = (resource: string): SealedRepair['found'][string] | undefined =>
    undoneRow(parts.ledger, question, resource) ??
    conflictBefore(parts.ledger, question, resource) ??
    manifest.get(resource)?.state;
  const bound = question.kind === 'foreign' ? parts.ledger.boundJobId() : undefined;
  const settings = (bound === undefined ? undefined : parts.ledger.job(bound)?.settings) ?? parts.settings;
  if (bound !== undefined) expectRecordedDatabases(parts.workspace, settings, parts.ledger, bound);
  const sightings = await lookAt(
    { ...parts, settings },
    looked.map(({ resource }) => ({ resource, recorded: recordedOf(resource) })),
  );
  const moved: string[] = [];
  const found: SealedRepair['found'] = {};
  for (const finding of looked) {
    const sighting: Sighting = sightings.get(finding.resource)!;
    if (sighting.outcome !== 'seen') moved.push(finding.resource);
    else {
      const digest = stateDigest(sighting.state);
      if (
        digest !== finding.found.digest &&
        !(answers[finding.resource] === 'restore' && digest === finding.expected.digest)
      )
        moved.push(finding.resource);
      found[finding.resource] = sighting.state;
    }
  }
  for (const finding of question.findings) {
    if (finding.class !== 'approval') continue;
    const intent = question.token === undefined ? undefined : parts.ledger.intent(question.token);
    if (intent?.state !== 'sealed' || intent.digest !== finding.found.digest) moved.push(finding.resource);
  }
  for (const finding of question.findings)
    if (
      (finding.class === 'in-doubt' || (finding.class === 'undo' && finding.kind === 'outcome-unknown')) &&
      answers[finding.resource] !== 'abort' &&
      !isCallAsShown(parts.ledger, question, finding)
    )
      moved.push(finding.resource);
  return { moved, found };
}

type UsableRuling = Extract<Ruling, { usable: true }>;

/** Which columns of a row the question of an undoing is about: those of the effect that is undone. */
function undoneRow(ledger: Ledger, question: Question, resource: string): SealedRepair['found'][string] | undefined {
  const recordedBy =
    question.kind === 'undo'
      ? question.findings.find((finding) => finding.resource === resource)?.recordedBy
      : undefined;
  if (recordedBy === undefined || !resource.startsWith('row:')) return undefined;
  const record = ledger.stepRecord(tokenOf({ jobId: question.jobId, ...recordedBy }))?.record;
  return record === undefined ? undefined : rowColumnsOf(record, resource);
}

/** Which columns of a row a conflict is about: those of the effect. */
function conflictBefore(
  ledger: Ledger,
  question: Question,
  resource: string,
): SealedRepair['found'][string] | undefined {
  if (!resource.startsWith('row:')) return undefined;
  const effect = intentInConflict(ledger, question, resource)?.intent.effects.find(
    (candidate) => uriOf(candidate) === resource,
  );
  return effect !== undefined && 'columns' in effect
    ? { kind: 'row', columns: Object.fromEntries(effect.columns.map((column) => [column, null])) }
    : undefined;
}

function seal(
  { ledger, jobId }: RepairParts,
  question: Question,
  decision: Decision,
  { answers, results, again }: UsableRuling,
  found: SealedRepair['found'],
): SealedRepair {
  faultPoint('repair.sealed-before');
  const body = ledger.transaction(() => {
    const stepIds = new Set<string>();
    for (const finding of question.findings) {
      const answer = answers[finding.resource];
      if (answer === 'rerun') for (const stepId of finding.rerunSteps) stepIds.add(stepId);
      if (answer === 'undo') for (const stepId of finding.rerunSteps) stepIds.add(stepId);
    }
    const reruns = [...stepIds].map((stepId) => {
      const generation = (ledger.highestGeneration(jobId, stepId) ?? 0) + 1;
      ledger.issueGeneration(jobId, stepId, generation);
      return { stepId, generation };
    });
    const adopts = question.findings.flatMap((finding) =>
      answers[finding.resource] === 'keep' && finding.recordedBy !== undefined ? [finding.recordedBy.seq] : [],
    );
    openCalls(ledger, jobId, again, reruns, decision);
    const sealed: SealedRepair = {
      schemaVersion: 1,
      decision,
      answers: { ...answers },
      found,
      reruns,
      adopts,
      digest: decision.digest,
      ...(Object.keys(results).length === 0 ? {} : { results: { ...results } }),
      ...(again.length === 0 ? {} : { again: [...again] }),
    };
    ledger.putRepair(decision.digest, jobId, sealed);
    return sealed;
  });
  faultPoint('repair.sealed-after');
  return body;
}

/** Rolls every sealed repair forward. Call under the lock, before anything is compared. */
export async function rollForwardRepairs(parts: RepairParts): Promise<void> {
  for (const digest of parts.ledger.sealedRepairs(parts.jobId)) {
    await rollForward(parts, SealedRepairSchema.parse(parts.ledger.repairBody(digest)!.body));
  }
}

async function rollForward(parts: RepairParts, sealed: SealedRepair): Promise<RepairResult> {
  const { ledger, jobId, workspace, settings, caller } = parts;
  const asked = ledger.question(sealed.digest);
  if (asked === undefined)
    throw new HoldfastError('ledger-damaged', 'A sealed repair names a question that the ledger does not have.', {
      question: sealed.digest,
    });
  const repaired = await carryOut(parts, asked.question, sealed);
  const answers = Object.values(sealed.answers);
  const job = ledger.job(jobId);
  const raises =
    job !== undefined &&
    answers.some((answer) => RAISES_TERM.includes(answer)) &&
    asked.question.kind !== 'foreign' &&
    asked.question.kind !== 'undo' &&
    !isOwnRerun(asked.question, sealed);
  const raised = raises ? await raiseFences(workspace, settings, jobId, job.term + 1) : undefined;
  if (raised !== undefined && 'unreachable' in raised) {
    throw new HoldfastError(
      'storage-unreachable',
      `The decision cannot be completed: ${unreachableFindings(raised.unreachable)
        .map(({ found }) => found.text)
        .join('; ')}`,
    );
  }
  await faultPointAsync('repair.term-raised');
  faultPoint('repair.record-before');
  const result = ledger.transaction(() => {
    const at =
      job === undefined
        ? { seq: 0, head: '0'.repeat(64) }
        : ledger.append(jobId, caller.runId, recordOf(asked.question, sealed, repaired)).at;
    if (raised !== undefined) ledger.raiseTerm(jobId, raised.term);
    ledger.closeQuestion(sealed.digest);
    const outcome: RepairResult = {
      kind: 'repaired',
      question: sealed.digest,
      term: raised?.term ?? job?.term ?? 0,
      at,
      answers: [...new Set(answers)],
      reruns: sealed.reruns,
      notes: repaired.notes.slice(0, 50),
    };
    ledger.finishRepair(sealed.digest, { ...sealed, result: outcome });
    return outcome;
  });
  faultPoint('repair.record-after');
  return result;
}

/** A stuck step that has no record yet is only run again: nothing of the world is changed. */
function isOwnRerun(question: Question, { reruns }: SealedRepair): boolean {
  return question.kind === 'stuck' && reruns.every(({ stepId }) => stepId === question.stepId);
}

function recordOf(
  question: Question,
  sealed: SealedRepair,
  repaired: Repaired,
): Omit<DecisionRecord, 'schemaVersion' | 'seq' | 'jobId' | 'at' | 'runId'> {
  const [finding] = question.findings;
  const approves =
    answered(sealed.answers, 'approve').length > 0 && finding?.found.digest != null
      ? { approves: finding.found.digest }
      : {};
  const rejects =
    answered(sealed.answers, 'reject').length > 0 && question.token !== undefined
      ? { rejects: { token: question.token } }
      : {};
  return {
    kind: 'decision',
    question: question.digest,
    questionKind: question.kind,
    answers: sealed.answers,
    by: sealed.decision.by,
    reason: sealed.decision.reason,
    ...approves,
    ...rejects,
    reruns: sealed.reruns,
    adopts: sealed.adopts,
    changes: [...repaired.changes] as Change[],
    ...(sealed.results === undefined ? {} : { results: sealed.results }),
    ...(sealed.again === undefined ? {} : { again: sealed.again }),
    ...(sealed.decision.compensate === true ? { compensates: true as const } : {}),
    kept: repaired.kept as Record<string, Digest>,
    notes: [...repaired.notes],
  };
}

function done(
  { ledger, jobId }: RepairParts,
  decision: Decision,
  answers: Readonly<Record<string, Answer>>,
  reruns: SealedRepair['reruns'],
  notes: readonly string[],
): RepairResult {
  const job = ledger.job(jobId);
  return {
    kind: 'repaired',
    question: decision.digest,
    term: job?.term ?? 0,
    at: job?.at ?? { seq: 0, head: '0'.repeat(64) },
    answers: [...new Set(Object.values(answers))],
    reruns,
    notes: [...notes],
  };
}

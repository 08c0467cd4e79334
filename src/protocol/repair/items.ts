/**
 * What each answer of a decision does to the world, the intents and the claims. Every act may be repeated: a repair that
 * was killed half-way goes on, and finds what is done already as it is wanted.
 */
import type { Answer } from '../../model/question/answer.ts';
import { digestOf, type Digest } from '../../model/digest.ts';
import { changesKind, uriOf, type Effect } from '../../model/record/effect.ts';
import type { Intent } from '../../model/record/intent.ts';
import { formatResource, parseResource } from '../../model/record/resource.ts';
import type { Finding } from '../../model/question/finding.ts';
import type { Question } from '../../model/question/question.ts';
import type { AppliedEffect, Change, StepRecord } from '../../model/record/record.ts';
import { ABSENT, sameState, type FileState, type ResourceState, type RowState } from '../../model/record/world.ts';
import { isFailure } from '../../model/failure.ts';
import type { Database, DatabaseTransaction } from '../../effects/database/database.ts';
import { faultPointAsync } from '../../store/fault-point.ts';
import type { IntentRow } from '../../store/ledger/intents.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { IDLE_TIMEOUT_MS, LOCK_TIMEOUT_MS, STATEMENT_TIMEOUT_MS } from '../workspace/limits.ts';
import { removeIntentLeftovers } from '../commit/leftovers.ts';
import { readRecorded, recordedRows } from '../commit/recorded-rows.ts';
import { isWithoutLostColumns } from '../compare/lost-columns.ts';
import { countAsNotMade, keptCallNotes, settleCall } from './settle-calls.ts';
import { lookAt } from '../look/look.ts';
import type { RepairParts, SealedRepair } from './sealed-repair.ts';
import { withdraw } from '../question/ask.ts';
import { takeOver } from '../end/release.ts';
import { StepHistory } from '../compare/step-history.ts';

export interface Repaired {
  readonly changes: readonly Change[];
  /** What was found and replaced: resource → blob. */
  readonly kept: Readonly<Record<string, Digest>>;
  readonly notes: readonly string[];
}

/** One row that a repair puts to a state, if it is what the question showed, or what the step that is undone had left. */
interface RowRepair {
  readonly database: string;
  readonly table: string;
  readonly key: Readonly<Record<string, never>>;
  readonly shown: RowState;
  readonly wanted: RowState;
  readonly resource: string;
}

class Work implements Repaired {
  readonly #token: Digest;
  #files = 0;

  constructor(token: Digest) {
    this.#token = token;
  }

  /** The same names in the same order each time the repair is rolled forward. */
  nextName(): { readonly token: string; readonly index: number } {
    return { token: this.#token, index: this.#files++ };
  }

  /** Tokens of intents whose undo is already among the rest: several findings may name one intent. */
  readonly undone = new Set<Digest>();
  /** Files that were put to a state: attempts that were killed may have left something beside them. */
  readonly paths: string[] = [];
  /** What the ledger says only once the databases have it: until then the repair is found as it was. */
  readonly afterwards: (() => void)[] = [];

  readonly changes: Change[] = [];
  readonly kept: Record<string, Digest> = {};
  readonly notes: string[] = [];
  readonly rows: RowRepair[] = [];
  readonly statements: {
    readonly database: string;
    readonly text: string;
    readonly params: readonly never[];
    readonly writes: readonly string[];
  }[] = [];
  readonly droppedTokens: { readonly database: string; readonly token: string }[] = [];
}

export async function carryOut(parts: RepairParts, question: Question, sealed: SealedRepair): Promise<Repaired> {
  const work = new Work(sealed.digest);
  // Another job's workspace is taken last: the other answers say how what it had half applied is finished.
  for (const finding of question.findings.toSorted(
    (a, b) => Number(a.class === 'foreign') - Number(b.class === 'foreign'),
  )) {
    await faultPointAsync('repair.item-before');
    const act = finding.class === 'undo' ? ruleOnUndoing : ITEM[sealed.answers[finding.resource]!];
    await act(parts, question, finding, sealed, work);
    await faultPointAsync('repair.item-after');
  }
  // Newest first: what is half applied, then what is recorded.
  for (const { intent } of parts.ledger.openIntents(parts.jobId).filter(({ state }) => state === 'applying')) {
    if (sealed.reruns.some(({ stepId }) => stepId === intent.stepId))
      await undoIntent(parts, parts.ledger.intent(intent.token), sealed, work);
  }
  if (sealed.reruns.length > 0) await undoSteps(parts, question, sealed, work);
  work.notes.push(...keptCallNotes(parts.ledger, parts.jobId, sealed.reruns, sealed.again ?? []));
  await changeDatabases(parts, sealed, work);
  for (const act of work.afterwards) act();
  await dropReruns(parts, sealed);
  await parts.workspace.files.removeLeftovers(sealed.digest, work.paths);
  return work;
}

type ItemAct = (
  parts: RepairParts,
  question: Question,
  finding: Finding,
  sealed: SealedRepair,
  work: Work,
) => Promise<void> | void;

const NOTHING: ItemAct = () => undefined;

const ITEM: Readonly<Record<Answer, ItemAct>> = {
  recheck: NOTHING,
  abort: NOTHING,
  keep: (_parts, _question, finding, _sealed, work) =>
    void work.notes.push(`${finding.resource}: the recorded result is adopted`),
  accept: async (parts, _question, finding, sealed, work) => {
    if (finding.class === 'foreign') return await takeOver(parts, work.notes);
    await acceptFound(parts, finding, sealed, work);
  },
  rerun: async (parts, _question, finding, sealed, work) => {
    // Its own step's stuckness has no state to accept; a resource's drift becomes the record.
    if (finding.class === 'discrepancy') await acceptFound(parts, finding, sealed, work);
  },
  restore: restoreRecorded,
  happened: ({ ledger }, question, finding, sealed, work) =>
    void work.notes.push(settleCall(ledger, question, finding, 'happened', sealed)),
  repeat: ({ ledger }, question, finding, sealed, work) =>
    void work.notes.push(settleCall(ledger, question, finding, 'repeat', sealed)),
  approve: (_parts, question, _finding, _sealed, work) =>
    void work.notes.push(`step ${question.stepId ?? ''} applies exactly what was shown`),
  reject: ({ ledger }, question, _finding, sealed, work) => {
    const claim = question.token === undefined ? undefined : ledger.claim(question.token);
    if (claim === undefined) return;
    ledger.transaction(() => {
      ledger.setIntentState(claim.token, 'dropped');
      ledger.putClaim({
        ...claim,
        state: 'closed',
        draft: claim.draft + 1,
        rejection: { reason: sealed.decision.reason, by: sealed.decision.by },
      });
    });
    work.notes.push(`step ${claim.stepId} runs again and is told the reason`);
  },
  skip: (parts, question, finding, sealed, work) => markConflict(parts, question, finding, sealed, work, 'skipped'),
  overwrite: (parts, question, finding, sealed, work) =>
    markConflict(parts, question, finding, sealed, work, 'overwrite'),
  undo: async (parts, question, finding, sealed, work) => {
    await undoIntent(parts, intentInConflict(parts.ledger, question, finding.resource), sealed, work);
    // It is neither before nor after, so it stays, and is what the step finds when it runs again.
    await acceptFound(parts, finding, sealed, work);
  },
};

/** What an undoing asked: kept in the ledger, for the undoing to go by when it is asked for again. */
async function ruleOnUndoing(
  { ledger, jobId, workspace }: RepairParts,
  question: Question,
  finding: Finding,
  sealed: SealedRepair,
  work: Work,
): Promise<void> {
  const { resource } = finding;
  const answer = sealed.answers[resource]!;
  const { by, reason } = sealed.decision;
  const { token } = question;
  if (token === undefined || answer === 'abort' || answer === 'recheck') return;
  if (finding.kind === 'outcome-unknown')
    return void work.notes.push(
      answer === 'happened'
        ? settleCall(ledger, question, finding, 'happened', sealed)
        : countAsNotMade(ledger, question, finding, sealed),
    );
  const intent = ledger.intent(token);
  ledger.transaction(() => {
    // What was sealed before the answer doesn't know of it; nothing of it is applied.
    if (intent?.state === 'sealed') ledger.setIntentState(token, 'dropped');
    if (answer === 'skip' || answer === 'overwrite')
      ledger.putUndoRuling({ token, jobId, resource, answer, found: sealed.found[resource] ?? null, by, reason });
    const claim = ledger.claim(token);
    // Its attempts count anew.
    if (claim !== undefined) ledger.putClaim({ ...claim, state: 'closed', failures: 0, dropped: 0 });
  });
  if (intent?.state === 'sealed') await removeIntentLeftovers(workspace, intent.intent);
  if (intent?.state === 'applying')
    return void work.notes.push(
      `${resource}: its undoing is half applied, and can only be finished; it is tried again`,
    );
  work.notes.push(
    `${resource}: ${answer === 'skip' ? 'it is left as it is' : answer === 'overwrite' ? 'it is put back all the same; what was found is kept' : 'it is tried again'}`,
  );
}

async function acceptFound(parts: RepairParts, finding: Finding, sealed: SealedRepair, work: Work): Promise<void> {
  if (finding.kind === 'database-restored') {
    work.notes.push(`${finding.resource}: taken as it is`);
    return;
  }
  const state = sealed.found[finding.resource];
  if (state === undefined) return;
  const resource = parseResource(finding.resource);
  if (resource.kind === 'file') {
    // Gone since the repair was sealed: the comparison that follows says so.
    const kept = await orLeft(() => parts.workspace.files.capture(resource.path, state as FileState));
    if (typeof kept === 'string') work.kept[finding.resource] = kept;
    else if (kept !== undefined) work.notes.push(`${finding.resource}: what was found is not kept (${kept.reason})`);
  }
  work.changes.push({ resource: finding.resource, role: 'accepted', state });
  const left =
    sealed.answers[finding.resource] === 'accept'
      ? finding.staleSteps.filter((stepId) => !sealed.reruns.some((rerun) => rerun.stepId === stepId))
      : [];
  const stale = left.length > 0 ? `; left as they are: ${left.join(', ')}` : '';
  work.notes.push(`${finding.resource}: what was found is the record now${stale}`);
  if (state.kind === 'schema' || finding.kind === 'table-missing') await rebaseRows(parts, finding.resource, work);
}

/** Rows that lost columns, or their table, with the schema: implied by its finding, accepted with it. */
async function rebaseRows(parts: RepairParts, schemaUri: string, work: Work): Promise<void> {
  const schema = parseResource(schemaUri) as { readonly database: string; readonly table: string };
  const prefix = formatResource({ kind: 'row', database: schema.database, table: schema.table, key: {} }).slice(
    0,
    -'{}'.length,
  );
  const entries = [...parts.ledger.manifest(parts.jobId).values()].filter(({ resource }) =>
    resource.startsWith(prefix),
  );
  const sightings = await lookAt(
    parts,
    entries.map(({ resource, state }) => ({ resource, recorded: state })),
  );
  for (const { resource, state } of entries) {
    const sighting = sightings.get(resource);
    if (sighting?.outcome !== 'seen' || sameState(sighting.state, state)) continue;
    const isImplied =
      sighting.state.kind === 'absent' ||
      (state.kind === 'row' &&
        sighting.state.kind === 'row' &&
        isWithoutLostColumns(state.columns, sighting.state.columns));
    if (isImplied) work.changes.push({ resource, role: 'accepted', state: sighting.state });
  }
}

async function restoreRecorded(
  { ledger, jobId, workspace }: RepairParts,
  _question: Question,
  finding: Finding,
  sealed: SealedRepair,
  work: Work,
): Promise<void> {
  const entry = ledger.manifestEntry(jobId, finding.resource);
  if (entry === undefined) return;
  const resource = parseResource(finding.resource);
  if (resource.kind === 'row') {
    work.rows.push({
      database: resource.database,
      table: resource.table,
      key: resource.key as never,
      shown: sealed.found[finding.resource] as RowState,
      wanted: entry.state as RowState,
      resource: finding.resource,
    });
  } else if (resource.kind === 'file') {
    await putFile(
      workspace,
      resource.path,
      entry.state as FileState,
      sealed.found[finding.resource] as FileState,
      work,
    );
  }
}

async function putFile(
  workspace: RepairParts['workspace'],
  path: string,
  wanted: FileState,
  shown: FileState,
  work: Work,
): Promise<boolean> {
  work.paths.push(path);
  const outcome = await orLeft(() => workspace.files.put(path, wanted, shown, work.nextName()));
  if (outcome.kept !== undefined) work.kept[`file:${path}`] = outcome.kept;
  if (outcome.kind === 'done') {
    work.notes.push(`file:${path}: put back`);
    return true;
  }
  work.notes.push(`file:${path}: left as it is (${outcome.reason})`);
  return false;
}

/** What won't pass leaves the resource as it is; the next comparison asks about it. What may pass ends the attempt. */
async function orLeft<T>(
  work: () => Promise<T>,
): Promise<T | { readonly kind: 'left'; readonly reason: string; readonly kept?: undefined }> {
  try {
    return await work();
  } catch (error) {
    if (!isFailure(error) || error.retryable) throw error;
    return { kind: 'left', reason: error.message };
  }
}

/** Undefined, and noted: it can't be looked at, so that nothing is done about it. */
async function stateOrLeft(
  workspace: RepairParts['workspace'],
  path: string,
  work: Work,
): Promise<FileState | undefined> {
  const now = await orLeft(() => workspace.files.stateNow(path));
  if (!('reason' in now)) return now;
  work.notes.push(`file:${path}: left as it is (${now.reason})`);
  return undefined;
}

function markConflict(
  { ledger }: RepairParts,
  question: Question,
  finding: Finding,
  sealed: SealedRepair,
  work: Work,
  outcome: 'skipped' | 'overwrite',
): void {
  const row = intentInConflict(ledger, question, finding.resource);
  const found = sealed.found[finding.resource] ?? ABSENT;
  if (row === undefined) return;
  const index = row.intent.effects.findIndex((effect) => uriOf(effect) === finding.resource);
  if (index < 0) return;
  ledger.transaction(() => ledger.markEffect(row.intent.token, index, { outcome, after: found }));
  work.notes.push(
    outcome === 'skipped'
      ? `${finding.resource}: left out; what was found stays`
      : `${finding.resource}: will be replaced; what was found is kept`,
  );
}

/** Undoes what an intent has applied, newest first, and drops it. */
async function undoIntent(
  { ledger, workspace, jobId, settings }: RepairParts,
  row: IntentRow | undefined,
  sealed: SealedRepair,
  work: Work,
): Promise<void> {
  if (row === undefined || row.state === 'dropped' || work.undone.has(row.intent.token)) return;
  work.undone.add(row.intent.token);
  const marks = ledger.effectMarks(row.intent.token);
  const planned = ledger.preparedAfters(row.intent.token).afters;
  for (const [index, effect] of [...row.intent.effects.entries()].reverse()) {
    if (!('path' in effect)) continue;
    const now = (await stateOrLeft(workspace, effect.path, work)) ?? effect.before;
    const isHalf = now.kind === 'absent' && changesKind(effect);
    if (isHalf || marks.get(index)?.outcome === 'applied' || sameState(effect.after, now)) {
      await putFile(workspace, effect.path, effect.before, isHalf ? ABSENT : effect.after, work);
    }
  }
  for (const name of new Set(row.intent.effects.flatMap((effect) => ('database' in effect ? [effect.database] : [])))) {
    const database = await workspace.database(name, settings);
    // Its token row says that it was applied here; the repair's own, that an earlier attempt has undone it.
    const tokens = await database.tokens([row.intent.token, sealed.digest]);
    if (![...tokens.values()].some(({ kind }) => kind === 'token')) continue;
    for (const [index, effect] of [...row.intent.effects.entries()].reverse())
      undoDatabaseEffect(effect, name, planned[index], work);
    work.droppedTokens.push({ database: name, token: row.intent.token });
  }
  await removeIntentLeftovers(workspace, row.intent);
  work.afterwards.push(() =>
    ledger.transaction(() => {
      ledger.setIntentState(row.intent.token, 'dropped');
      ledger.clearEffectMarks(row.intent.token);
    }),
  );
  work.notes.push(`step ${row.intent.stepId} of job ${jobId}: what it had applied is undone`);
}

function undoDatabaseEffect(effect: Effect, database: string, shown: ResourceState | undefined, work: Work): void {
  if (!('database' in effect) || effect.database !== database) return;
  if (effect.kind === 'sql') {
    if (effect.undo === undefined)
      work.notes.push(`a statement on ${database} has no undo and stays: ${effect.text.slice(0, 100)}`);
    else
      work.statements.push({
        database,
        text: effect.undo.text,
        params: effect.undo.params as never,
        writes: effect.writes,
      });
    return;
  }
  work.rows.push({
    database,
    table: effect.table,
    key: effect.key as never,
    shown: (shown ?? ABSENT) as RowState,
    wanted: effect.before,
    resource: uriOf(effect)!,
  });
}

/** Undoes the steps that run again, newest first; each effect only where the world shows it, or what the question showed. */
async function undoSteps(parts: RepairParts, question: Question, sealed: SealedRepair, work: Work): Promise<void> {
  const { ledger, jobId, workspace } = parts;
  const history = await StepHistory.of(ledger, jobId);
  const again = new Set(sealed.reruns.map(({ stepId }) => stepId));
  const records = history.latest.filter(({ stepId }) => again.has(stepId)).reverse();
  const drifted = new Map(question.findings.map((finding) => [finding.resource, sealed.found[finding.resource]]));
  for (const record of records) {
    for (const applied of [...record.effects].reverse()) {
      const uri = uriOf(applied.effect);
      const entry = uri === undefined ? undefined : ledger.manifestEntry(jobId, uri);
      if (uri !== undefined && entry?.stepId !== undefined && !again.has(entry.stepId)) {
        work.notes.push(`${uri}: step ${entry.stepId} has changed it since; it is not undone`);
        continue;
      }
      await undoEffect(workspace, record, applied, drifted, work);
    }
  }
}

async function undoEffect(
  workspace: RepairParts['workspace'],
  record: StepRecord,
  { effect, after, outcome }: AppliedEffect,
  drifted: ReadonlyMap<string, ResourceState | undefined>,
  work: Work,
): Promise<void> {
  if (outcome !== 'applied' || effect.kind === 'perform') return;
  if (!('path' in effect)) {
    undoDatabaseEffect(effect, effect.database, drifted.get(uriOf(effect) ?? '') ?? after, work);
    return;
  }
  const uri = uriOf(effect)!;
  const shown = (drifted.get(uri) ?? after) as FileState;
  const now = await stateOrLeft(workspace, effect.path, work);
  if (now === undefined) return;
  if (effect.kind === 'directory.create' && now.kind === 'directory') {
    // It may hold what a person put there; it is removed only when it is empty.
    const outcomeOfFolder = await orLeft(() => workspace.files.put(effect.path, effect.before, now, work.nextName()));
    if (outcomeOfFolder.kind === 'done') work.changes.push({ resource: uri, role: 'undone', state: effect.before });
    return;
  }
  if (await putFile(workspace, effect.path, effect.before, shown, work))
    work.changes.push({ resource: uri, role: 'undone', state: effect.before });
  else work.notes.push(`step ${record.stepId}: ${uri} could not be undone`);
}

/** All row repairs of a database in one transaction with the repair's own token: exactly once, however often it is killed. */
async function changeDatabases(parts: RepairParts, sealed: SealedRepair, work: Work): Promise<void> {
  const names = new Set([...work.rows, ...work.statements, ...work.droppedTokens].map(({ database }) => database));
  for (const name of [...names].sort()) {
    const done = await orLeft(() => changeDatabase(parts, name, sealed, work));
    // The transaction is one: what can't be undone in it leaves the rest as it is, too.
    if (done !== undefined) work.notes.push(`database ${name}: left as it is (${done.reason})`);
  }
}

async function changeDatabase(
  { workspace, settings, jobId, ledger }: RepairParts,
  name: string,
  sealed: SealedRepair,
  work: Work,
): Promise<undefined> {
  const database = await workspace.database(name, settings);
  const rows = work.rows.filter((row) => row.database === name);
  const statements = work.statements.filter((statement) => statement.database === name);
  const transaction = await database.begin({
    lockTimeoutMs: LOCK_TIMEOUT_MS,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    idleTimeoutMs: IDLE_TIMEOUT_MS,
  });
  try {
    const taken = await transaction.takeToken(sealed.digest, jobId, digestOf(sealed.decision));
    if (taken.outcome === 'taken') {
      const own = new Set(rows.map(({ resource }) => resource));
      const recorded = recordedRows(
        ledger,
        jobId,
        name,
        statements.map(({ writes }) => ({ kind: 'sql', writes })),
      ).filter(({ resource }) => !own.has(resource));
      const asRecorded = new Set(
        (await readRecorded(transaction, recorded)).flatMap(({ resource, isAsRecorded }) =>
          isAsRecorded ? [resource] : [],
        ),
      );
      // In the order in which they are undone: of two changes to one row the newer first.
      for (const row of rows)
        if (await isAsShown(transaction, row)) await transaction.putRow(row.table, row.key, row.wanted);
      for (const { text, params } of statements) await transaction.applySql({ text, params: [...params] });
      await transaction.settle();
      for (const { token } of work.droppedTokens.filter((dropped) => dropped.database === name))
        await transaction.dropToken(token);
      const undone = (await readRecorded(transaction, recorded)).filter(
        ({ resource, isAsRecorded }) => asRecorded.has(resource) && !isAsRecorded,
      );
      await transaction.noteRows(sealed.digest, '');
      await transaction.commit();
      for (const { resource, state } of undone) work.changes.push({ resource, role: 'undone', state });
    }
  } finally {
    await transaction.rollback();
  }
  await noteDatabase(database, rows, statements, work);
  work.changes.push({
    resource: formatResource({ kind: 'token', database: name, token: sealed.digest }),
    role: 'written',
    state: { kind: 'token', intent: digestOf(sealed.decision), rows: '' },
  });
  return undefined;
}

/** Somebody else's change since is never replaced unseen. */
async function isAsShown(
  transaction: Pick<DatabaseTransaction, 'rows'>,
  { table, key, shown }: RowRepair,
): Promise<boolean> {
  const [found] = await transaction.rows([{ table, key, columns: columnsOf(shown, key) }]);
  return found !== undefined && sameState(found, shown);
}

function columnsOf(state: RowState, key: RowRepair['key']): string[] {
  return Object.keys(state.kind === 'row' ? state.columns : key);
}

/** What came of it, told from the world: the last change of a row says what it should look like now. */
async function noteDatabase(
  database: Database,
  rows: readonly RowRepair[],
  statements: Work['statements'],
  work: Work,
): Promise<void> {
  const last = [...new Map(rows.map((row) => [row.resource, row])).values()];
  const states = await database.rows(
    last.map(({ table, key, wanted }) => ({ table, key, columns: columnsOf(wanted, key) })),
  );
  last.forEach(({ resource, wanted }, index) => {
    if (sameState(states[index]!, wanted)) work.changes.push({ resource, role: 'undone', state: wanted });
    else work.notes.push(`${resource}: left as it is (it is not what the question showed, or what the step had left)`);
  });
  for (const table of new Set(statements.flatMap(({ writes }) => writes))) {
    work.changes.push({
      resource: formatResource({ kind: 'schema', database: database.name, table }),
      role: 'undone',
      state: await database.schema(table),
    });
  }
}

/** Attempts in flight of a step that runs again are refused at their next durable act. */
async function dropReruns({ ledger, jobId, caller, workspace }: RepairParts, sealed: SealedRepair): Promise<void> {
  if (sealed.reruns.length === 0) return;
  const again = new Set(sealed.reruns.map(({ stepId }) => stepId));
  const dropped: Intent[] = [];
  ledger.transaction(() => {
    for (const claim of ledger.openClaims(jobId))
      if (again.has(claim.stepId)) ledger.putClaim({ ...claim, state: 'closed', nonce: `void-${sealed.digest}` });
    for (const { intent, state, details } of ledger.openIntents(jobId)) {
      // What was sealed from a void output is void; nothing of it is applied. An approval dies with its draft.
      const isVoid =
        again.has(intent.stepId) || details.uses === null || details.uses.some((stepId) => again.has(stepId));
      if (state !== 'sealed' || !isVoid) continue;
      ledger.setIntentState(intent.token, 'dropped');
      dropped.push(intent);
      for (const question of ledger.openQuestions(jobId))
        if (question.token === intent.token && question.digest !== sealed.digest)
          withdraw(ledger, question, caller.runId, 'what the step was given is void');
    }
  });
  for (const intent of dropped) await removeIntentLeftovers(workspace, intent);
}

/** The step's own question names its token; a comparison finds the intent that is being applied to the resource. */
export function intentInConflict(ledger: Ledger, question: Question, resource: string): IntentRow | undefined {
  if (question.token !== undefined) return ledger.intent(question.token);
  const jobId = question.kind === 'foreign' ? ledger.boundJobId() : question.jobId;
  return ledger
    .openIntents(jobId ?? question.jobId)
    .find(({ state, intent }) => state === 'applying' && intent.effects.some((effect) => uriOf(effect) === resource));
}

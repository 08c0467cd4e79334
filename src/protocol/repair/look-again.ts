/** Does the world still show what the question showed, or already what is wanted? Reads only. */
import type { Answer, Answers } from '../../model/question/answer.ts';
import type { Question } from '../../model/question/question.ts';
import type { Finding } from '../../model/question/finding.ts';
import { parseResource } from '../../model/record/resource.ts';
import { uriOf } from '../../model/record/effect.ts';
import { rowColumnsOf } from '../compare/row-columns.ts';
import { tokenOf } from '../../model/record/token.ts';
import { stateDigest, type ResourceState } from '../../model/record/world.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { lookAt } from '../look/look.ts';
import { whyNotRead } from '../look/sighting.ts';
import { expectRecordedDatabases } from '../workspace/expected-databases.ts';
import { isCallAsShown } from './answers/call-shown.ts';
import { intentInConflict } from './answers/conflict.ts';
import { changedSinceDrafted } from './approved-draft.ts';
import type { RepairContext } from './running/context.ts';
import type { SealedRepair } from './running/sealed-repair.ts';

export interface SecondLook {
  /** Resources that show something else by now. */
  readonly moved: readonly string[];
  /** Why resources can't be read: nobody knows whether they show what was shown. */
  readonly notRead: readonly string[];
  /** What each resource shows that was looked at. */
  readonly found: SealedRepair['found'];
}

/** @throws HoldfastError `storage-failed` where a file can't be read at this moment */
export async function lookAgain(context: RepairContext, question: Question, answers: Answers): Promise<SecondLook> {
  const looked = question.findings.filter((finding) => isLookedAt(finding, answers[finding.resource]));
  const manifest = context.ledger.manifest(context.jobId);
  const whole = await wholeRows(context, looked);
  const sightings = await lookAt(
    { ...contextOfLook(context, question), recorded: (resource) => manifest.get(resource)?.state },
    looked.map(({ resource }) => ({
      resource,
      recorded: whole.get(resource) ?? rowOfEffect(context.ledger, question, resource) ?? manifest.get(resource)?.state,
    })),
  );
  const moved: string[] = [];
  const notRead: string[] = [];
  const found: SealedRepair['found'] = {};
  for (const finding of looked) {
    const { resource } = finding;
    const sighting = sightings.get(resource);
    if (sighting?.outcome !== 'seen') {
      const unread = whyNotRead(resource, sighting);
      if (unread === undefined) moved.push(resource);
      else notRead.push(unread);
      continue;
    }
    if (!isAsShown(finding, sighting.state, answers[resource])) moved.push(resource);
    found[resource] = sighting.state;
  }
  const approvals = question.findings.filter((finding) => hasApprovalMoved(context.ledger, question, finding));
  const calls = question.findings.filter(
    (finding) => isAboutCall(finding, answers[finding.resource]) && !isCallAsShown(context.ledger, question, finding),
  );
  const drafts = await changedSinceDrafted(context, question, answers);
  const shownOtherwise = [...moved, ...[...approvals, ...calls].map(({ resource }) => resource), ...drafts.moved];
  return { moved: shownOtherwise, notRead: [...notRead, ...drafts.notRead], found };
}

/** Rows that an undoing would take along: nothing says which columns count, so that all of them were shown. */
async function wholeRows(
  { workspace, settings }: RepairContext,
  looked: readonly Finding[],
): Promise<ReadonlyMap<string, ResourceState>> {
  const rows = new Map<string, ResourceState>();
  for (const { resource: uri, class: findingClass, recordedBy } of looked) {
    if (findingClass !== 'undo' || recordedBy !== undefined || !uri.startsWith('row:')) continue;
    const resource = parseResource(uri);
    if (resource.kind !== 'row') continue;
    const schema = await (await workspace.database(resource.database, settings)).schema(resource.table);
    if (schema.kind !== 'schema') continue;
    const names = schema.columns.filter(({ generated }) => generated === null).map(({ name }) => name);
    rows.set(uri, { kind: 'row', columns: Object.fromEntries(names.map((name) => [name, null])) });
  }
  return rows;
}

/** A question about another job's half-applied intents is looked at with that job's settings. */
function contextOfLook(context: RepairContext, question: Question): RepairContext {
  const bound = question.kind === 'foreign' ? context.ledger.boundJobId() : undefined;
  if (bound === undefined) return context;
  const settings = context.ledger.job(bound)?.settings ?? context.settings;
  expectRecordedDatabases(context.workspace, settings, context.ledger, bound);
  return { ...context, settings };
}

function isLookedAt({ class: findingClass, kind }: Finding, answer: Answer | undefined): boolean {
  if (answer === 'abort' || kind === 'database-restored') return false;
  if (findingClass === 'discrepancy' || findingClass === 'conflict') return true;
  return kind === 'changed-since' || kind === 'blob-damaged';
}

function isAsShown({ found, expected }: Finding, state: ResourceState, answer: Answer | undefined): boolean {
  const digest = stateDigest(state);
  return digest === found.digest || (answer === 'restore' && digest === expected.digest);
}

/** An approval is of one sealed intent, by its digest. */
function hasApprovalMoved(ledger: Ledger, { token }: Question, { class: findingClass, found }: Finding): boolean {
  if (findingClass !== 'approval') return false;
  const intent = token === undefined ? undefined : ledger.intent(token);
  return intent?.state !== 'sealed' || intent.digest !== found.digest;
}

function isAboutCall({ class: findingClass, kind }: Finding, answer: Answer | undefined): boolean {
  if (answer === 'abort') return false;
  return findingClass === 'in-doubt' || (findingClass === 'undo' && kind === 'outcome-unknown');
}

/** A row with the columns of the effect that the question is about; undefined: those of the record. */
function rowOfEffect(ledger: Ledger, question: Question, resource: string): ResourceState | undefined {
  if (!resource.startsWith('row:')) return undefined;
  return undoneRow(ledger, question, resource) ?? rowInConflict(ledger, question, resource);
}

function undoneRow(ledger: Ledger, question: Question, resource: string): ResourceState | undefined {
  if (question.kind !== 'undo') return undefined;
  const recordedBy = question.findings.find((finding) => finding.resource === resource)?.recordedBy;
  if (recordedBy === undefined) return undefined;
  const record = ledger.stepRecord(tokenOf({ jobId: question.jobId, ...recordedBy }))?.record;
  return record === undefined ? undefined : rowColumnsOf(record, resource);
}

function rowInConflict(ledger: Ledger, question: Question, resource: string): ResourceState | undefined {
  const row = intentInConflict(ledger, question, resource);
  const effect = row?.intent.effects.find((candidate) => uriOf(candidate) === resource);
  if (effect === undefined || !('columns' in effect)) return undefined;
  return { kind: 'row', columns: Object.fromEntries(effect.columns.map((column) => [column, null])) };
}

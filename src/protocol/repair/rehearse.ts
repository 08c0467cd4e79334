/**
 * Can what a decision puts back or takes back be? Found out before it is sealed: rows and statements in transactions
 * that are rolled back, files by what the file system allows. A decision that would change nothing is refused, and its
 * question stays; so is one that would run a step again whose work is still there.
 */
import { isFailure } from '../../model/failure.ts';
import { wayToName } from '../../model/question/unrepeatable.ts';
import { answered } from '../../model/question/answer.ts';
import { parseResource } from '../../model/record/resource.ts';
import { onlyColumns, sameState, type RowState } from '../../model/record/world.ts';
import { IDLE_TIMEOUT_MS, LOCK_TIMEOUT_MS, STATEMENT_TIMEOUT_MS } from '../workspace/limits.ts';
import { restoredRow } from './answers/restore.ts';
import { takenBackBy } from './answers/rerun.ts';
import { halfAppliedInDatabases } from './answers/undo-intent.ts';
import { applyChange, columnsOf, isRow } from './changes/databases.ts';
import { orUnchanged, Unchanged } from './changes/unchanged.ts';
import { reinstatedFiles, reinstateRows } from './reinstate.ts';
import type { ReinstatePlan } from './reinstate-plan.ts';
import type { RepairContext } from './running/context.ts';
import type { DatabaseChange } from './running/database-changes.ts';
import { RunningRepair } from './running/running-repair.ts';
import { unsealedRepair, type RepairDraft } from './seal.ts';

const IGNORED = 'the database takes it and shows something else then (a policy, a trigger)';

/** Why not; empty: all can. Changes nothing. @throws HoldfastError for what may pass */
export async function rehearse(context: RepairContext, draft: RepairDraft): Promise<readonly string[]> {
  const repair = new RunningRepair(context, draft.question, unsealedRepair(draft));
  const problems = await rehearseRestores(repair);
  if (repair.sealed.reruns.length > 0) {
    await halfAppliedInDatabases(repair);
    const { reinstating } = draft;
    if (reinstating === undefined) problems.push(...(await rehearseTakingBack(repair)));
    else problems.push(...(await rehearseReinstating(repair, reinstating)));
  }
  for (const change of repair.databases.byDatabase())
    problems.push(...(await rehearseChange(repair, change, draft.ruling.again)));
  return problems;
}

/** Files are looked at; rows are collected. */
async function rehearseRestores(repair: RunningRepair): Promise<string[]> {
  const { ledger, jobId } = repair.context;
  const problems: string[] = [];
  for (const uri of answered(repair.sealed.answers, 'restore')) {
    const wanted = ledger.manifestEntry(jobId, uri)?.state;
    const found = repair.found(uri);
    if (wanted === undefined || found === undefined || sameState(found, wanted)) continue;
    const resource = parseResource(uri);
    if (resource.kind === 'row') repair.databases.reset(restoredRow(uri, resource, { shown: found, wanted }));
    else if (resource.kind === 'file') problems.push(...(await fileProblems(repair, resource.path)));
  }
  return problems;
}

/** Files are looked at where they would be changed; rows and statements are collected. */
async function rehearseTakingBack(repair: RunningRepair): Promise<string[]> {
  const { files } = repair.context.workspace;
  const problems: string[] = [];
  for (const { record, effect, shown } of await takenBackBy(repair)) {
    if ('database' in effect) repair.databases.undo(record.stepId, effect, shown);
    else {
      const now = await orUnchanged(() => files.stateNow(effect.path));
      const isChanged = !(now instanceof Unchanged) && now.kind !== 'absent' && sameState(now, shown);
      if (isChanged) problems.push(...(await fileProblems(repair, effect.path)));
    }
  }
  return problems;
}

/** Files are looked at; rows and statements are collected. */
async function rehearseReinstating(repair: RunningRepair, plan: ReinstatePlan): Promise<string[]> {
  const { files, blobs } = repair.context.workspace;
  await reinstateRows(repair, plan);
  const problems: string[] = [];
  for (const { path, wanted } of reinstatedFiles(repair, plan)) {
    const now = await orUnchanged(() => files.stateNow(path));
    if (!(now instanceof Unchanged) && sameState(now, wanted)) continue;
    if (wanted.kind === 'file' && !(await blobs.hasIntact(wanted.content)))
      problems.push(`file:${path} cannot be put back: what it held then (${wanted.content}) is not kept`);
    problems.push(...(await fileProblems(repair, path)));
  }
  return problems;
}

async function fileProblems({ context }: RunningRepair, path: string): Promise<readonly string[]> {
  const outcome = await orUnchanged(async () => context.workspace.files.mustBeReplaceable(path));
  return outcome instanceof Unchanged ? [`file:${path} cannot be put back: ${outcome.reason}`] : [];
}

/** `again`: statements that the person has named, to be run again also where they can't be taken back. */
async function rehearseChange(
  repair: RunningRepair,
  change: DatabaseChange,
  again: readonly string[],
): Promise<readonly string[]> {
  const { workspace, settings } = repair.context;
  const database = await workspace.database(change.name, settings);
  const transaction = await database.begin({
    lockTimeoutMs: LOCK_TIMEOUT_MS,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    idleTimeoutMs: IDLE_TIMEOUT_MS,
  });
  try {
    const { spared, put } = await applyChange(repair, change, transaction);
    const last = [...new Map(change.changes.filter(isRow).map((row) => [row.resource, row])).values()];
    const states = await transaction.rows(
      last.map(({ table, key, shown, wanted }) => ({
        table,
        key,
        columns: [...new Set([...columnsOf(shown, key), ...columnsOf(wanted, key)])],
      })),
    );
    return last.flatMap((row, index) => {
      const shows = (state: RowState): boolean =>
        sameState(onlyColumns(states[index]!, columnsOf(state, row.key)), state);
      const { answers, undoesRewind } = repair.sealed;
      // A rewind is undone wholly: what its steps had made counts again only where it is there again.
      const isRestored = answers[row.resource] === 'restore' || undoesRewind !== undefined;
      // What others have changed since is left alone by a rerun; so is what triggers make of the rest.
      const isRefused = isRestored || (put.has(row) && shows(row.shown));
      if (shows(row.wanted) || !isRefused) return [];
      return [`${row.resource} cannot be put back: ${spared.get(row.resource) ?? IGNORED}`];
    });
  } catch (error) {
    if (!isFailure(error) || error.retryable) throw error;
    const statements = (error.details['statements'] ?? []) as readonly string[];
    const unnamed = statements.filter((name) => !again.includes(name));
    if (statements.length > 0 && unnamed.length === 0) return [];
    const hints = unnamed.map((name) => ` Its step would do it a second time; ${wayToName(name)}.`);
    return [`${error.message}${hints.join('')}`];
  } finally {
    await transaction.rollback();
  }
}

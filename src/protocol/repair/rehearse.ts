/**
 * Can what `restore` puts back be put back? Found out before the decision is sealed: rows in transactions that are
 * rolled back, files by what the file system allows. A decision that would change nothing is refused, and its question
 * stays.
 */
import type { RowRequest } from '../../effects/database/database.ts';
import { answered, type Answers } from '../../model/question/answer.ts';
import { rowState } from '../../model/record/narrowed-state.ts';
import { parseResource } from '../../model/record/resource.ts';
import { sameState, type RowState } from '../../model/record/world.ts';
import { IDLE_TIMEOUT_MS, LOCK_TIMEOUT_MS, STATEMENT_TIMEOUT_MS } from '../workspace/limits.ts';
import { orUnchanged, Unchanged } from './changes/unchanged.ts';
import type { RepairContext } from './running/context.ts';
import type { SealedRepair } from './running/sealed-repair.ts';

interface RestoredRow extends RowRequest {
  readonly resource: string;
  readonly database: string;
  readonly wanted: RowState;
}

/** Why not; empty: all can. Changes nothing. @throws HoldfastError for what may pass */
export async function restoreProblems(
  context: RepairContext,
  answers: Answers,
  found: SealedRepair['found'],
): Promise<readonly string[]> {
  const problems: string[] = [];
  const rows: RestoredRow[] = [];
  for (const uri of answered(answers, 'restore')) {
    const wanted = context.ledger.manifestEntry(context.jobId, uri)?.state;
    if (wanted === undefined || found[uri] === undefined || sameState(found[uri], wanted)) continue;
    const resource = parseResource(uri);
    if (resource.kind === 'row') {
      const { database, table, key } = resource;
      const state = rowState(wanted);
      rows.push({ resource: uri, database, table, key, columns: columnsOf(state, key), wanted: state });
    } else if (resource.kind === 'file') {
      const outcome = await orUnchanged(async () => context.workspace.files.mustBeReplaceable(resource.path));
      if (outcome instanceof Unchanged) problems.push(`${uri} cannot be put back: ${outcome.reason}`);
    }
  }
  for (const [name, group] of Map.groupBy(rows, ({ database }) => database)) {
    const outcome = await orUnchanged(() => rehearseRows(context, name, group));
    if (!(outcome instanceof Unchanged)) problems.push(...outcome);
    else problems.push(`${group.map(({ resource }) => resource).join(', ')} cannot be put back: ${outcome.reason}`);
  }
  return problems;
}

/** The rows that show something else than was put there: policies and triggers may see to that. */
async function rehearseRows(
  { workspace, settings }: RepairContext,
  name: string,
  rows: readonly RestoredRow[],
): Promise<readonly string[]> {
  const database = await workspace.database(name, settings);
  const transaction = await database.begin({
    lockTimeoutMs: LOCK_TIMEOUT_MS,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    idleTimeoutMs: IDLE_TIMEOUT_MS,
  });
  try {
    for (const { table, key, wanted } of rows) await transaction.putRow(table, key, wanted);
    await transaction.settle();
    const states = await transaction.rows(rows);
    return rows.flatMap(({ resource, wanted }, index) =>
      sameState(states[index]!, wanted)
        ? []
        : [`${resource} cannot be put back: the database takes it and shows something else then (a policy, a trigger)`],
    );
  } finally {
    await transaction.rollback();
  }
}

function columnsOf(state: RowState, key: RowRequest['key']): string[] {
  return Object.keys(state.kind === 'row' ? state.columns : key);
}

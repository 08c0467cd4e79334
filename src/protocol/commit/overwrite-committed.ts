/**
 * Rows that somebody has changed after the COMMIT, and that a person says shall be as the step wants them. The token
 * row keeps the step's own transaction from being made again, so they are put in one of their own.
 *
 * Invariants
 * 1. A row is put only while it shows what the person saw; one that is as wanted was put by an earlier attempt.
 * 2. It is not marked as applied before it is.
 */
import type { Database } from '../../effects/database/database.ts';
import { rowState } from '../../model/record/narrowed-state.ts';
import { formatResource } from '../../model/record/resource.ts';
import { resourceOfEffect, type RowChange } from '../../model/record/effect.ts';
import { sameState } from '../../model/record/world.ts';
import type { Conflict } from '../question/conflict.ts';
import { IDLE_TIMEOUT_MS, LOCK_TIMEOUT_MS, STATEMENT_TIMEOUT_MS } from '../workspace/limits.ts';
import type { Application, PlacedEffect } from './application.ts';
import type { ApplyObstacle } from './apply-outcome.ts';

/** Call under the lock, for a database that has committed the intent. Safe to repeat. */
export async function overwriteCommitted(
  { job, intent, marks }: Application,
  database: Database,
  changes: readonly PlacedEffect<RowChange>[],
): Promise<ApplyObstacle | undefined> {
  const rows = changes.filter(([index]) => marks.of(index)?.outcome === 'overwrite');
  if (rows.length === 0) return undefined;
  const { afters } = job.ledger.preparedAfters(intent.token);
  const transaction = await database.begin({
    changes: [...new Set(rows.map(([, { table }]) => table))],
    lockTimeoutMs: LOCK_TIMEOUT_MS,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    idleTimeoutMs: IDLE_TIMEOUT_MS,
  });
  try {
    if (!(await transaction.passFence(intent.jobId, job.term, intent.token)))
      return { kind: 'must-verify', detail: `database ${database.name} has another term than ${job.term}` };
    const found = await transaction.rows(rows.map(([, { table, key, columns }]) => ({ table, key, columns })));
    const conflicts: Conflict[] = [];
    for (const [place, [index, change]] of rows.entries()) {
      const now = found[place]!;
      const wanted = rowState(afters[index]);
      if (sameState(now, wanted)) continue;
      if (sameState(now, marks.of(index)!.after)) await transaction.putRow(change.table, change.key, wanted);
      else
        conflicts.push({
          effect: index,
          resource: formatResource(resourceOfEffect(change)!),
          expectedBefore: change.before,
          expectedAfter: wanted,
          found: now,
        });
    }
    if (conflicts.length > 0) return { kind: 'conflicts', conflicts };
    await transaction.settle();
    await transaction.commit();
    return undefined;
  } finally {
    await transaction.rollback();
  }
}

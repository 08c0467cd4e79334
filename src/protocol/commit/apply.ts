/**
 * Applies a sealed intent in two phases, under the workspace's lock.
 *
 * Prepare: a transaction on each database in canonical order, in which the token row decides whether the intent was
 * applied already; the state before every effect and every observation is checked; nothing is visible yet.
 * Commit: the ledger says `applying`, durably; then only COMMITs, in order, and renames, each marked once it is made.
 *
 * Invariants
 * 1. Nothing is applied under another term, by another claim, or while a question about the world is open.
 * 2. Before `applying` anything stale leaves the world untouched. From `applying` on the intent only rolls forward:
 *    what is not made is prepared again, and a target that is neither as before nor as wanted is a conflict for a
 *    person.
 */
import { defined } from '../../model/defined.ts';
import { invariant } from '../../model/invariant.ts';
import type { AppliedEffect } from '../../model/record/record.ts';
import type { IntentRow } from '../../store/ledger/intents.ts';
import { applicationOf, type Application, type IntentFiles } from './application.ts';
import { commitDatabases, prepareDatabases } from './apply-databases.ts';
import { checkFiles, commitFiles } from './apply-files.ts';
import type { ApplyObstacle, ApplyOutcome } from './apply-outcome.ts';
import { checkReads } from './apply-reads.ts';
import { beginApplying } from './begin-applying.ts';
import type { JobUnderLock } from './job-under-lock.ts';
import { keepAlive } from './keep-alive.ts';
import { discardFiles } from './prepare.ts';
import { afterOf, appliedWith, outcomeOf, type Applied } from './step-record.ts';

/**
 * Call under the lock, after `prepareFiles`. Uses the prepared files up. Safe to repeat.
 * @throws HoldfastError for what may pass (`busy`, `storage-unreachable`, …) or is the step's fault (`sql-failed`)
 */
export async function applyIntent(job: JobUnderLock, row: IntentRow, files: IntentFiles): Promise<ApplyOutcome> {
  invariant(
    files.prepared.length === row.intent.effects.length,
    `intent ${row.intent.token} is applied with the files of another intent`,
  );
  const application = applicationOf(job, row, files);
  const letIdle = keepAlive(application.open);
  try {
    const obstacle = await prepareIntent(application);
    if (obstacle !== undefined) return obstacle;
    for (const file of files.prepared) await file?.durable;
    for (const { noted } of application.open) await noted;
    const planned = beginApplying(application);
    letIdle();
    await commitDatabases(application);
    const conflict = await commitFiles(application);
    if (conflict !== undefined) return { kind: 'conflicts', conflicts: [conflict] };
    return { kind: 'applied', ...appliedBy(application), ...defined({ planned }) };
  } finally {
    letIdle();
    for (const { transaction } of application.open) await transaction.rollback();
    // What was committed has used its prepared file up; the next attempt prepares the others again.
    discardFiles(job.workspace, files.prepared);
  }
}

async function prepareIntent(application: Application): Promise<ApplyObstacle | undefined> {
  return (
    (await prepareDatabases(application)) ??
    (await checkFiles(application)) ??
    (application.isRollForward ? undefined : await checkReads(application))
  );
}

function appliedBy({ intent, marks, open, changes, byDatabase }: Application): Applied {
  invariant(open.length === 0, `intent ${intent.token} is to be recorded and has transactions that are not committed`);
  marks.mustBeComplete();
  const effects = intent.effects.map((effect, index): AppliedEffect => ({
    effect,
    after: marks.of(index)?.after ?? afterOf(effect),
    outcome: marks.isSkipped(index) ? 'skipped' : outcomeOf(intent, effect),
  }));
  return appliedWith(intent, effects, { changes, byDatabase });
}

/** `undo`: what a half-applied intent has applied is undone, newest first, and the intent is dropped. */
import { changesKind, type FileEffect } from '../../../model/record/effect.ts';
import type { Finding } from '../../../model/question/finding.ts';
import type { EffectMark } from '../../../store/ledger/effect-marks.ts';
import type { IntentRow } from '../../../store/ledger/intents.ts';
import { ABSENT, sameState } from '../../../model/record/world.ts';
import { removeIntentLeftovers } from '../../commit/leftovers.ts';
import { acceptFound } from './accept.ts';
import { intentInConflict } from './conflict.ts';
import { fileNow, noteNotJoined, resetFile } from '../changes/files.ts';
import type { RepairPart, RunningRepair } from '../running/running-repair.ts';

/** The target that is in conflict stays as it was found: it is what the step finds when it runs again. */
export async function undoInConflict(repair: RunningRepair, finding: Finding): Promise<void> {
  await undoIntent(repair, intentInConflict(repair.context.ledger, repair.question, finding.resource));
  await acceptFound(repair, finding);
}

/** What is half applied of the steps that run again is undone. */
export async function undoHalfApplied(repair: RunningRepair): Promise<void> {
  for (const row of halfApplied(repair)) await undoIntent(repair, row);
}

/** Collects what `undoHalfApplied` is to change in databases; reads only. */
export async function halfAppliedInDatabases(repair: RunningRepair): Promise<void> {
  for (const row of halfApplied(repair)) await undoInDatabases(repair, row);
}

/** Of the steps that run again, the last that was sealed first. */
function halfApplied(repair: RunningRepair): readonly IntentRow[] {
  const { ledger, jobId } = repair.context;
  const applying = ledger.openIntents(jobId).filter(({ state }) => state === 'applying');
  return applying.toReversed().flatMap(({ intent }) => {
    const row = repair.rerunsStep(intent.stepId) ? ledger.intent(intent.token) : undefined;
    return row === undefined ? [] : [row];
  });
}

async function undoIntent(repair: RunningRepair, row: IntentRow | undefined): Promise<void> {
  if (row === undefined || row.state === 'dropped' || !repair.beginUndoOf(row.intent.token)) return;
  const { ledger, workspace, jobId } = repair.context;
  const { token, stepId } = row.intent;
  await undoFiles(repair, row);
  await undoInDatabases(repair, row);
  await removeIntentLeftovers(workspace, row.intent);
  repair.afterDatabases.push(() =>
    ledger.transaction(() => {
      ledger.dropIntent(token);
      ledger.clearEffectMarks(token);
    }),
  );
  repair.note(`step ${stepId} of job ${jobId}: what it had applied is undone`);
}

async function undoFiles(repair: RunningRepair, { intent }: IntentRow): Promise<void> {
  const marks = repair.context.ledger.effectMarks(intent.token);
  for (const [index, effect] of [...intent.effects.entries()].reverse())
    if ('path' in effect)
      await undoFile(repair, effect, { kind: 'intent', token: intent.token, effect: index }, marks.get(index));
}

/** A file is put back where it was applied: marked as applied, as wanted, or taken away on the way to another kind. */
async function undoFile(
  repair: RunningRepair,
  effect: FileEffect,
  part: RepairPart,
  mark: EffectMark | undefined,
): Promise<void> {
  const { path, before, after } = effect;
  const now = (await fileNow(repair, path)) ?? before;
  const isHalf = now.kind === 'absent' && changesKind(effect);
  if (!isHalf && mark?.outcome !== 'applied' && !sameState(after, now)) return;
  if (await resetFile(repair, { path, part, shown: isHalf ? ABSENT : after, wanted: before }))
    noteNotJoined(repair, effect);
}

async function undoInDatabases(
  { context, sealed, databases, notes }: RunningRepair,
  { intent }: IntentRow,
): Promise<void> {
  const effects = [...intent.effects.entries()].flatMap(([index, effect]) =>
    'database' in effect ? [{ index, effect }] : [],
  );
  const { afters, byDatabase } = context.ledger.preparedAfters(intent.token);
  for (const [name, group] of Map.groupBy(effects, ({ effect }) => effect.database)) {
    const database = await context.workspace.database(name, context.settings);
    // The intent's token row says that it was applied here; the repair's own, that an earlier attempt has undone it.
    const tokens = await database.tokens([intent.token, sealed.digest]);
    if (![...tokens.values()].some(({ kind }) => kind === 'token')) continue;
    for (const { index, effect } of group.toReversed()) {
      const note = databases.undo(intent.stepId, effect, afters[index]);
      if (note !== undefined) notes.push(note);
    }
    for (const { effect, after } of byDatabase?.[name]?.effects ?? [])
      if ('database' in effect) databases.undo(intent.stepId, effect, after);
    for (const { what, why } of byDatabase?.[name]?.unrecorded ?? []) notes.push(`${what} stays: ${why}`);
    databases.dropToken(name, intent.token);
  }
}

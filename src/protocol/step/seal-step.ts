/**
 * Seals a draft: its intent is in the ledger, complete, before anything of it is applied.
 *
 * Invariant: only the attempt that holds the token's claim seals, and only what its own draft has staged.
 */
import type { Digest } from '../../model/digest.ts';
import { invariant } from '../../model/invariant.ts';
import { isToApply, type FileEffect } from '../../model/record/effect.ts';
import { intentDigest, type Intent } from '../../model/record/intent.ts';
import { faultPoint } from '../../store/fault-point.ts';
import type { IntentRow } from '../../store/ledger/intents.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { MAX_CONTENT_IN_LEDGER_BYTES } from '../attempt/small-contents.ts';
import type { Stage } from '../attempt/stage.ts';
import { refuseParallelWriters } from '../commit/parallel-writers.ts';
import { spelledAsRecorded } from '../commit/table-spelling.ts';
import { refuseShared } from './shared-with-outer.ts';
import { mustNotBeVoid } from './obstacles.ts';
import type { StepAttempt } from './step-run.ts';

/** At most so many files are prepared while the lock is held. */
const MAX_SMALL_FILES = 8;

/**
 * The intent as it may be sealed now: its tables are named as the record names them. Call under the lock.
 * @throws HoldfastError `fenced`, `same-target-twice`; MustVerify
 */
export function toBeSealed(attempt: StepAttempt, ledger: Ledger, row: IntentRow): IntentRow {
  attempt.claim.mustBeCurrent(ledger);
  mustNotBeVoid(attempt, ledger);
  const spelled = withRecordedTables(attempt, ledger, row);
  refuseShared(attempt, spelled.intent);
  refuseParallelWriters(ledger, spelled.intent, { ...attempt.request, siblingsSince: attempt.since });
  return spelled;
}

/** Call in the same hold of the lock as `toBeSealed`. One commit. */
export function sealIntent(attempt: StepAttempt, ledger: Ledger, row: IntentRow): void {
  const { intent, approval } = row;
  faultPoint('seal.before');
  // A step without effects has nothing to roll forward: its record is its seal.
  if (intent.effects.some(isToApply) || approval) {
    ledger.transaction(
      () => {
        putSeal(attempt, ledger, row);
        if (approval) attempt.claim.update(ledger, { state: 'closed' });
      },
      // Nothing leans on an unapproved seal before `applying` is durable, and the seal with it.
      { relaxed: !approval },
    );
  }
  faultPoint('seal.after');
}

/** Writes the intent and the contents that only memory holds. Call in a transaction. */
export function putSeal(attempt: StepAttempt, ledger: Ledger, row: IntentRow): void {
  const { intent, digest, approval, details } = withContents(attempt, ledger, row);
  ledger.putIntent(intent, digest, approval, details);
}

/**
 * The intent, once the contents that only memory holds are written. Call in the transaction that writes it. What is
 * applied in the hold of the lock in which it would be sealed is sealed in the commit that says `applying`: nothing of
 * it is in the world before.
 */
export function withContents({ claim, stage }: StepAttempt, ledger: Ledger, row: IntentRow): IntentRow {
  const { intent, digest } = row;
  const { token, args } = claim.row;
  invariant(
    intent.token === token && intent.args === args,
    `intent ${digest} of step ${intent.stepId} is sealed under the claim of another token`,
  );
  for (const [content, bytes] of contentsOf(intent, stage)) ledger.putContent(content, bytes);
  return row;
}

/** Few files, all of whose contents are at hand: preparing them takes no longer than taking the lock again. */
export function isSmall(intent: Intent, stage: Stage): boolean {
  const files = intent.effects.filter((effect) => 'path' in effect);
  return (
    files.length <= MAX_SMALL_FILES &&
    files.every(
      ({ before, after }) =>
        isAtHand(after, stage) && (before.kind !== 'file' || before.sizeBytes <= MAX_CONTENT_IN_LEDGER_BYTES),
    )
  );
}

function withRecordedTables(attempt: StepAttempt, ledger: Ledger, row: IntentRow): IntentRow {
  const { workspace, settings, claim, admittedAt } = attempt;
  const intent = spelledAsRecorded(ledger, row.intent, {
    recordedIn: (database) => claim.recordedTablesNow(ledger, database, admittedAt),
    dialectOf: (database) => workspace.dialectOf(database, settings),
  });
  return intent === row.intent ? row : { ...row, intent, digest: intentDigest(intent) };
}

function isAtHand(state: FileEffect['after'], stage: Stage): boolean {
  return state.kind !== 'file' || stage.contents.has(state.content);
}

/** The contents that the intent's writes need and that only memory holds. */
function contentsOf(intent: Intent, stage: Stage): ReadonlyMap<Digest, Uint8Array> {
  const contents = new Map<Digest, Uint8Array>();
  for (const effect of intent.effects) {
    if (effect.kind !== 'file.write' || effect.after.kind !== 'file') continue;
    const bytes = stage.contents.get(effect.after.content);
    if (bytes !== undefined) contents.set(effect.after.content, bytes);
  }
  return contents;
}

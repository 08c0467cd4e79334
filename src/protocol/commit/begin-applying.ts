/**
 * The point of no return: the intent is `applying`, durably, and from here on it only rolls forward.
 *
 * Invariant: the ledger then has what every open transaction read back, and the record that follows if all goes as
 * prepared, so that the record needs no fsync of its own.
 */
import { defined } from '../../model/defined.ts';
import { invariant } from '../../model/invariant.ts';
import { isToApply } from '../../model/record/effect.ts';
import type { ResourceState } from '../../model/record/world.ts';
import { faultPoint } from '../../store/fault-point.ts';
import type { PlannedRecord } from '../../store/ledger/chain.ts';
import type { PreparedAfters } from '../../store/ledger/intents.ts';
import type { Application } from './application.ts';
import { asPrepared, stepFields } from './step-record.ts';

/** Returns the planned record, unless the intent is rolled forward or has nothing to apply. */
export function beginApplying(application: Application): PlannedRecord | undefined {
  mustBePrepared(application);
  faultPoint('applying.before');
  const planned = application.intent.effects.some(isToApply) ? noteApplying(application) : undefined;
  faultPoint('applying.after');
  return planned;
}

function noteApplying({ job, row, intent, open, files, isRollForward }: Application): PlannedRecord | undefined {
  const { ledger, runId } = job;
  const afters: Record<number, ResourceState> = {};
  for (const one of open) for (const [index, state] of one.afters) afters[index] = state;
  const own = open.filter(({ byDatabase: { effects, unrecorded } }) => effects.length > 0 || unrecorded.length > 0);
  const byDatabase =
    own.length === 0 ? undefined : Object.fromEntries(own.map((one) => [one.database.name, one.byDatabase]));
  const changes = open.flatMap((one) => one.changes);
  const prepared: PreparedAfters = { afters, changes, ...defined({ byDatabase }) };
  return ledger.transaction(() => {
    const planned = isRollForward
      ? undefined
      : ledger.plan(intent.jobId, runId, stepFields(row, asPrepared(intent, prepared)));
    const record = planned === undefined ? undefined : { runId, at: planned.record.at, head: planned.at.head };
    ledger.beginApplying(intent.token, { ...prepared, ...defined({ record }) }, files.unsealed?.());
    return planned;
  });
}

/** Every effect that is still to be made has its prepared file, or its transaction, open and read back. */
function mustBePrepared({ intent, files, marks, open }: Application): void {
  const openEffects = new Set(open.flatMap(({ effects }) => effects.map(([index]) => index)));
  const readBack = new Set(open.flatMap(({ afters }) => [...afters.keys()]));
  for (const [index, effect] of intent.effects.entries()) {
    // A database that an earlier attempt committed has no transaction for its skipped rows.
    if (marks.isMade(index) || marks.isSkipped(index)) continue;
    const isReady =
      'path' in effect
        ? files.prepared[index] !== undefined
        : openEffects.has(index) && (effect.kind === 'sql' || readBack.has(index));
    invariant(isReady, `effect ${index} of intent ${intent.token} is to be applied and is not prepared`);
  }
}

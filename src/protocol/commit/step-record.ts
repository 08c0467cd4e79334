/**
 * The record of an applied step: what it says, planned before the first COMMIT, appended after the last rename.
 *
 * Invariants
 * 1. Whatever goes into the record is known once the transactions have been read back, so the plan (in the ledger's
 *    fsynced `applying`) and the intent give the record word for word, its place in the chain included.
 * 2. So appending it needs no fsync of its own. A power loss may take the last record; if the Workflow has heard of it,
 *    all its effects were durable, and the comparison that every new worker begins with appends it again.
 */
import { codeNameOf } from '../../model/sub-step-id.ts';
import type { Json } from '../../model/canonical-json.ts';
import { defined } from '../../model/defined.ts';
import { resourceOfEffect, type Effect } from '../../model/record/effect.ts';
import type { Intent, NotUndone, Undoes } from '../../model/record/intent.ts';
import type { AppliedEffect, Change, StepRecord } from '../../model/record/record.ts';
import { formatResource } from '../../model/record/resource.ts';
import { ABSENT, type ResourceState } from '../../model/record/world.ts';
import type { ByDatabase, IntentRow, PreparedAfters } from '../../store/ledger/intents.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { NewRecord } from '../../store/ledger/chain.ts';
import { versionState } from '../look/digests.ts';

export interface Applied {
  /** What databases did by themselves comes last. */
  readonly effects: readonly AppliedEffect[];
  readonly changes: readonly Change[];
  /** What databases changed and the record does not have. */
  readonly unrecorded: readonly NotUndone[];
}

/** What the record will say if everything is applied as prepared. */
export function asPrepared(
  intent: Intent,
  { afters, changes, byDatabase }: Pick<PreparedAfters, 'afters' | 'changes' | 'byDatabase'>,
): Applied {
  const asked = intent.effects.map((effect, index): AppliedEffect => ({
    effect,
    after: afters[index] ?? afterOf(effect),
    outcome: outcomeOf(intent, effect),
  }));
  return appliedWith(intent, asked, { changes, byDatabase: new Map(Object.entries(byDatabase ?? {})) });
}

/** `asked`: the intent's own effects. */
export function appliedWith(
  intent: Intent,
  asked: readonly AppliedEffect[],
  {
    changes,
    byDatabase,
  }: { readonly changes: readonly Change[]; readonly byDatabase: ReadonlyMap<string, ByDatabase> },
): Applied {
  const own = [...byDatabase.keys()].sort().map((name) => byDatabase.get(name)!);
  const effects = [...asked, ...own.flatMap((one) => one.effects)];
  return {
    effects,
    changes: [...changesOf(intent, effects), ...changes],
    unrecorded: own.flatMap(({ unrecorded }) => unrecorded),
  };
}

/** What the step read, and what its effects wrote. */
export function changesOf(intent: Intent, effects: readonly AppliedEffect[]): Change[] {
  const changes: Change[] = intent.observations.map(({ resource, state }) => ({ resource, role: 'read', state }));
  for (const { resource, state } of intent.left ?? []) changes.push({ resource, role: 'written', state });
  for (const { effect, after } of effects) {
    const resource = resourceOfEffect(effect);
    if (resource !== undefined)
      changes.push({
        resource: formatResource(resource),
        role: intent.undoes === undefined ? 'written' : 'undone',
        state: after,
      });
  }
  return intent.undoes === undefined ? changes : [...changes, ...intent.undoes.settled];
}

/** What comes of an effect that nothing stands in the way of. A call of an earlier generation is not made anew. */
export function outcomeOf(intent: Pick<Intent, 'generation'>, effect: Effect): 'applied' | 'kept' {
  return effect.kind === 'perform' && effect.generation < intent.generation ? 'kept' : 'applied';
}

export function afterOf(effect: Effect): ResourceState {
  return 'after' in effect ? effect.after : ABSENT;
}

/** The record of an intent, without its place in the chain. */
export function stepFields(row: IntentRow, applied: Applied): NewRecord {
  const { undoes } = row.intent;
  return undoes === undefined ? recordOfStep(row, applied) : recordOfUndoing(row, undoes, applied);
}

/** Call in the transaction that appends the record: nothing more is to be applied of the intent. */
export function closeIntent(ledger: Ledger, { intent }: IntentRow): void {
  ledger.finishIntent(intent.token);
}

function recordOfStep({ intent, digest, details }: IntentRow, { effects, changes, unrecorded }: Applied): NewRecord {
  const code = formatResource({ kind: 'code', step: codeNameOf(intent.step) });
  return {
    kind: 'step',
    stepId: intent.stepId,
    step: intent.step,
    version: details.version,
    generation: intent.generation,
    token: intent.token,
    args: intent.args,
    intent: digest,
    output: intent.output as Json,
    uses: details.uses === null ? null : [...details.uses],
    effects: [...effects],
    ...(unrecorded.length === 0 ? {} : { unrecorded: [...unrecorded] }),
    changes: [...changes, { resource: code, role: 'read', state: versionState(details.version) }],
    logs: details.logs as StepRecord['logs'],
    ...defined({ subSteps: details.subSteps, resumed: details.resumed && [...details.resumed] }),
  };
}

function recordOfUndoing(
  { intent, digest, details }: IntentRow,
  { stepId, generation, seq, left, notes }: Undoes,
  { effects, changes, unrecorded }: Applied,
): NewRecord {
  return {
    kind: 'undone',
    stepId,
    step: intent.step,
    generation,
    undoes: seq,
    token: intent.token,
    intent: digest,
    effects: [...effects],
    left: [...left, ...unrecorded],
    notes: [...notes],
    changes: [...changes],
    logs: details.logs as StepRecord['logs'],
  };
}

/**
 * Intents that are being applied: what their targets may look like meanwhile, and which of them used what has changed.
 *
 * Invariant: a target may be as before or as after while its effect is not marked, and only as after then. A file that
 * becomes a folder, or a folder a file, is absent on the way.
 */
import { usesOneOf } from '../../model/item-id.ts';
import { isPartOf, requestedStepOf } from '../../model/sub-step-id.ts';
import {
  changesKind,
  resourceOfEffect,
  type Effect,
  type FileEffect,
  type RowChange,
} from '../../model/record/effect.ts';
import type { Intent } from '../../model/record/intent.ts';
import { formatResource } from '../../model/record/resource.ts';
import { ABSENT, type ResourceState } from '../../model/record/world.ts';
import type { IntentRow } from '../../store/ledger/intents.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { AppliedTarget } from '../question/conflict.ts';
import type { StepHistory } from './step-history.ts';

export interface HalfAppliedTarget {
  readonly resource: string;
  /** Each state that it may show. */
  readonly acceptable: readonly ResourceState[];
  readonly applying: AppliedTarget & { readonly after: ResourceState };
}

type EffectMark = NonNullable<ReturnType<ReturnType<Ledger['effectMarks']>['get']>>;

/** What an intent changes that is being applied, and what each may look like: before, after, or as a person decided. */
export function halfAppliedTargets(ledger: Ledger, { intent }: Pick<IntentRow, 'intent'>): HalfAppliedTarget[] {
  const marks = ledger.effectMarks(intent.token);
  const planned = ledger.preparedAfters(intent.token).afters;
  return [...intent.effects.entries()].flatMap(([index, effect]) => {
    const target = resourceOfEffect(effect);
    if (target === undefined || !hasStates(effect)) return [];
    const after = 'after' in effect ? effect.after : (planned[index] ?? ABSENT);
    return [
      {
        resource: formatResource(target),
        acceptable: acceptableStates(effect, after, marks.get(index)),
        applying: { stepId: intent.stepId, before: effect.before, after },
      },
    ];
  });
}

/**
 * Half-applied intents that used what has changed: they read the resource, or an output or a target of a step that is
 * to run again. They only roll forward, with what they had read, unless a rerun undoes them first.
 */
export function halfAppliedUsers(
  { ledger, jobId }: { readonly ledger: Ledger; readonly jobId: string },
  history: StepHistory,
  resource: string,
  reruns: readonly string[],
): readonly Intent[] {
  const changed = new Set([resource, ...reruns.flatMap((stepId) => writtenBy(history, stepId))]);
  return ledger
    .openIntents(jobId)
    .filter((row) => row.state === 'applying')
    .filter((row) => isSubStepOf(row, reruns) || usesOutputOf(row, reruns) || hasRead(row, changed))
    .map(({ intent }) => intent);
}

function hasStates(effect: Effect): effect is FileEffect | RowChange {
  return effect.kind !== 'sql' && effect.kind !== 'perform';
}

function acceptableStates(
  effect: FileEffect | RowChange,
  after: ResourceState,
  mark: EffectMark | undefined,
): readonly ResourceState[] {
  if (mark?.outcome === 'applied') return [after];
  if (mark !== undefined) return [effect.before, after, mark.after];
  const onTheWay = 'path' in effect && changesKind(effect) ? [ABSENT] : [];
  return [effect.before, after, ...onTheWay];
}

function isSubStepOf({ intent: { stepId } }: IntentRow, stepIds: readonly string[]): boolean {
  const requested = requestedStepOf(stepId);
  return requested !== stepId && stepIds.some((one) => isPartOf(one, requested));
}

function usesOutputOf({ details: { uses } }: IntentRow, stepIds: readonly string[]): boolean {
  // Null: nobody knows which outputs it used.
  return stepIds.length > 0 && (uses === null || usesOneOf(uses, new Set(stepIds)));
}

function hasRead({ intent }: IntentRow, resources: ReadonlySet<string>): boolean {
  return intent.observations.some(({ resource }) => resources.has(resource));
}

function writtenBy(history: StepHistory, stepId: string): readonly string[] {
  const changes = history.record(stepId)?.changes ?? [];
  return changes.filter(({ role }) => role === 'written').map(({ resource }) => resource);
}

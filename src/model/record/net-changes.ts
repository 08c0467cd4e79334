/**
 * What changed between two places of a chain, resource by resource: the state before the first change and after the
 * last. Pure.
 *
 * Invariants
 * 1. What changed and was changed back is no change.
 * 2. A state that no record tells is undefined, never taken for absence.
 */
import { defined } from '../defined.ts';
import { isOfSteps } from '../sub-step-id.ts';
import { isToApply, uriOf } from './effect.ts';
import type { Change, ChainRecord } from './record.ts';
import { sameState, type ResourceState } from './world.ts';

type Row = Extract<ResourceState, { kind: 'row' }>;

/** Who made a change: a step, in one of its generations, or a person who decided. */
export interface ChangedBy {
  /** The number of the record. */
  readonly seq: number;
  /** Absent: a person decided. */
  readonly stepId?: string;
  /** Of the step. */
  readonly generation?: number;
  /** A decision's person. */
  readonly by?: string;
  /**
   * `written` by a step; `accepted`, or `undone`, by a decision; `watched`: the job found it so when its watch was
   * compared.
   */
  readonly role: Change['role'];
}

export interface NetChange {
  readonly resource: string;
  /** Undefined: no record tells it. */
  readonly before: ResourceState | undefined;
  readonly after: ResourceState;
  /** The first first. */
  readonly by: readonly ChangedBy[];
}

export interface ChainRange {
  /** Of the last record before the changes that count. 0: from the job's beginning. */
  readonly from: number;
  /** Of the last record that counts. */
  readonly to: number;
  /** Only changes by these steps, and by sub-steps in their code, count. Default: all, and what people decided. */
  readonly steps?: ReadonlySet<string>;
}

/** In the order in which the resources were changed first. */
export function netChanges(chain: Iterable<ChainRecord>, { from, to, steps }: ChainRange): readonly NetChange[] {
  const world = new Map<string, ResourceState>();
  const changes = new Map<string, NetChange>();
  for (const record of chain) {
    if (record.seq > to) break;
    const before = statesBefore(record);
    const counts =
      record.seq > from && (steps === undefined || ('stepId' in record && isOfSteps(record.stepId, steps)));
    for (const { resource, role, state } of record.changes) {
      const known = world.get(resource);
      if (role === 'read' || (role === 'watched' && known === undefined)) {
        if (known === undefined) world.set(resource, state);
        continue;
      }
      if (counts) {
        const earlier = changes.get(resource);
        changes.set(resource, {
          resource,
          before: firstOf(earlier, before.get(resource) ?? known),
          after: lastOf(earlier?.after, state),
          by: [...(earlier?.by ?? []), { seq: record.seq, role, ...makerOf(record) }],
        });
      }
      world.set(resource, state);
    }
  }
  return [...changes.values()].filter(({ before, after }) => before === undefined || !sameState(before, after));
}

/** Each resource as the job first met it; undefined: no record tells it. */
export function firstStates(chain: Iterable<ChainRecord>): ReadonlyMap<string, ResourceState | undefined> {
  const first = new Map<string, ResourceState | undefined>();
  for (const record of chain) {
    const before = statesBefore(record);
    for (const { resource, role, state } of record.changes)
      if (!first.has(resource))
        first.set(resource, role === 'read' || role === 'watched' ? state : before.get(resource));
  }
  return first;
}

/** What each resource showed before the record's own effects. */
function statesBefore(record: ChainRecord): ReadonlyMap<string, ResourceState> {
  const states = new Map<string, ResourceState>();
  if (!('effects' in record)) return states;
  for (const { effect, outcome } of record.effects) {
    const resource = uriOf(effect);
    if (resource === undefined || !isToApply(effect) || !('before' in effect) || outcome !== 'applied') continue;
    if (!states.has(resource)) states.set(resource, effect.before);
  }
  return states;
}

/** Two records of a row may cover different columns: what the one doesn't tell, the other one does. */
function firstOf(earlier: NetChange | undefined, now: ResourceState | undefined): ResourceState | undefined {
  if (earlier === undefined) return now;
  return earlier.before?.kind === 'row' && now?.kind === 'row' ? rowOf(now, earlier.before) : earlier.before;
}

function lastOf(earlier: ResourceState | undefined, now: ResourceState): ResourceState {
  return earlier?.kind === 'row' && now.kind === 'row' ? rowOf(earlier, now) : now;
}

function rowOf(under: Row, over: Row): Row {
  return { kind: 'row', columns: { ...under.columns, ...over.columns } };
}

function makerOf(record: ChainRecord): Omit<ChangedBy, 'seq' | 'role'> {
  if (record.kind === 'step' || record.kind === 'undone')
    return { stepId: record.stepId, generation: record.generation };
  return defined({ by: record.kind === 'decision' || record.kind === 'undoing' ? record.by : undefined });
}

/**
 * What the job itself has made of a resource since a step: a statement of a later step, or what it set off, changes
 * rows of which the later step has no effect to undo.
 */
import { uriOf } from '../../../model/record/effect.ts';
import type { ChainRecord, StepRecord } from '../../../model/record/record.ts';
import { onlyColumns, sameState, type ResourceState } from '../../../model/record/world.ts';
import type { Ledger } from '../../../store/ledger/ledger.ts';

/** Of one undone step. The chain is read when something is otherwise than the step left it. */
export class OwnChanges {
  readonly #ledger: Ledger;
  readonly #record: StepRecord;
  #others: ReadonlySet<string> | undefined;

  constructor(ledger: Ledger, record: StepRecord) {
    this.#ledger = ledger;
    this.#record = record;
  }

  /** Is what is found what the job has left, and has nobody else had a say in it since? */
  has(resource: string, found: ResourceState): boolean {
    const entry = this.#ledger.manifestEntry(this.#record.jobId, resource);
    if (entry === undefined || entry.seq <= this.#record.seq) return false;
    if (entry.role !== 'written' && entry.role !== 'undone') return false;
    const recorded =
      entry.state.kind === 'row' && found.kind === 'row'
        ? onlyColumns(entry.state, Object.keys(found.columns))
        : entry.state;
    return sameState(found, recorded) && !this.#ruledOn.has(resource);
  }

  /** Resources that a decision has accepted since, or that effects of later steps still hold. */
  get #ruledOn(): ReadonlySet<string> {
    this.#others ??= ruledOn(this.#ledger.records(this.#record.jobId, this.#record.seq));
    return this.#others;
  }
}

function ruledOn(records: Iterable<{ readonly record: ChainRecord }>): ReadonlySet<string> {
  const accepted = new Set<string>();
  /** By resource: the steps whose effects on it are in force. */
  const held = new Map<string, Set<string>>();
  for (const { record } of records) {
    const step = 'stepId' in record ? `${record.stepId}/${record.generation}` : undefined;
    for (const { resource, role } of record.changes) {
      if (role === 'accepted') accepted.add(resource);
      if (role !== 'undone') continue;
      if (step === undefined) held.delete(resource);
      else held.get(resource)?.delete(step);
    }
    if (record.kind !== 'step') continue;
    for (const { effect, outcome } of record.effects) {
      const resource = outcome === 'applied' ? uriOf(effect) : undefined;
      if (resource !== undefined) held.set(resource, (held.get(resource) ?? new Set()).add(step!));
    }
  }
  const inForce = [...held].filter(([, steps]) => steps.size > 0).map(([resource]) => resource);
  return new Set([...accepted, ...inForce]);
}

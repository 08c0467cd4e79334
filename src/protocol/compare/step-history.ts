/**
 * Which steps are in force, and which of them used what has changed. A pure function of the chain's records.
 *
 * A step and its sub-steps are one in this: who runs the one again runs the others, too.
 */
import { usesOneOf } from '../../model/item-id.ts';
import { isPartOf, requestedStepOf } from '../../model/sub-step-id.ts';
import { canBeUndone } from '../../model/record/effect.ts';
import { endPlanStep } from '../../model/step/built-in/plan-run.ts';
import type { ChainRecord, StepRecord } from '../../model/record/record.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';

export class StepHistory {
  /** The latest record of each step that is still in force, in chain order. */
  readonly latest: readonly StepRecord[];
  readonly #void: ReadonlySet<string>;
  /** By resource: steps that read it and did not write it. A comparison may ask about thousands, under the lock. */
  #readers: ReadonlyMap<string, readonly StepRecord[]> | undefined;
  /** By the steps that were asked for. */
  readonly #dependents = new Map<string, readonly string[]>();

  /** From the chain as it is now. The event loop gets its turns meanwhile. */
  static async of(ledger: Pick<Ledger, 'visitRecords'>, jobId: string): Promise<StepHistory> {
    const records: ChainRecord[] = [];
    await ledger.visitRecords(jobId, 0, ({ record }) => void records.push(record));
    return new StepHistory(records);
  }

  constructor(records: Iterable<ChainRecord>) {
    const latest = new Map<string, StepRecord>();
    const voided = new Set<string>();
    for (const record of records) {
      if (record.kind === 'step') {
        latest.delete(record.stepId);
        latest.set(record.stepId, record);
        voided.delete(record.stepId);
      } else if (record.kind === 'undone') {
        if (latest.get(record.stepId)?.seq === record.undoes) latest.delete(record.stepId);
      } else if (record.kind === 'decision') {
        for (const { stepId } of record.reruns) {
          voided.add(stepId);
          for (const done of latest.keys()) if (isPartOf(done, stepId)) voided.add(done);
        }
      }
    }
    this.#void = voided;
    this.latest = [...latest.values()].filter(({ stepId }) => !voided.has(stepId)).sort((a, b) => a.seq - b.seq);
  }

  /** Is the step to run again, as a decision says, and has not since? */
  isVoid(stepId: string): boolean {
    return this.#void.has(stepId);
  }

  /** Steps that read a resource at or after its latest record, and those that used their output. */
  usersOf(resource: string, recordedSeq: number): readonly string[] {
    // The step that recorded it by reading is a reader itself.
    this.#readers ??= readersOf(this.latest);
    const readers = (this.#readers.get(resource) ?? []).filter(({ seq }) => seq >= recordedSeq);
    return this.withDependents(readers.map(({ stepId }) => stepId));
  }

  /** Adds everything that used an output of these, or read what they wrote; in chain order. */
  withDependents(stepIds: readonly string[]): readonly string[] {
    if (stepIds.length === 0) return [];
    const key = JSON.stringify(stepIds);
    const known = this.#dependents.get(key) ?? this.#findDependents(stepIds);
    this.#dependents.set(key, known);
    return known;
  }

  #findDependents(stepIds: readonly string[]): readonly string[] {
    const stale = new Set(stepIds.map(requestedStepOf));
    // Records are in chain order, so that one pass finds dependents of dependents. What a step turns out to be late, it
    // also is for its sub-steps, which were recorded before it.
    while (this.#addDependents(stale)) continue;
    return this.latest.filter(({ stepId }) => stale.has(requestedStepOf(stepId))).map(({ stepId }) => stepId);
  }

  /** One pass. True: a step has become stale of which the pass had met a sub-step before. */
  #addDependents(stale: Set<string>): boolean {
    /** Stale steps that the pass has met, and what they wrote. */
    const earlier = new Set<string>();
    const written = new Set<string>();
    const met = new Set<string>();
    let isLate = false;
    for (const record of this.latest) {
      const requested = requestedStepOf(record.stepId);
      if (!stale.has(requested) && (usesOutputOf(record, earlier) || hasRead(record, written))) {
        stale.add(requested);
        isLate ||= met.has(requested);
      }
      met.add(requested);
      if (!stale.has(requested)) continue;
      // Nobody sees the output of a sub-step but the step around it.
      if (requested === record.stepId) earlier.add(requested);
      for (const { resource, role } of record.changes) if (role === 'written') written.add(resource);
    }
    return isLate;
  }

  /**
   * Has each statement that it and its sub-steps have applied an undo? Files and rows always have one, a sub-plan whose
   * job has ended has none.
   */
  canBeUndone(stepId: string): boolean {
    const records = this.latest.filter((record) => isPartOf(record.stepId, requestedStepOf(stepId)));
    if (records.some(({ step }) => step === endPlanStep.name)) return false;
    const effects = records.flatMap((record) => record.effects);
    return canBeUndone(effects.filter(({ outcome }) => outcome === 'applied').map(({ effect }) => effect));
  }

  record(stepId: string): StepRecord | undefined {
    return this.latest.find((record) => record.stepId === stepId);
  }
}

function readersOf(records: readonly StepRecord[]): ReadonlyMap<string, readonly StepRecord[]> {
  const readers = new Map<string, StepRecord[]>();
  for (const record of records) {
    const written = new Set(record.changes.flatMap(({ resource, role }) => (role === 'written' ? [resource] : [])));
    const read = new Set(record.changes.flatMap(({ resource, role }) => (role === 'read' ? [resource] : [])));
    for (const resource of read) {
      if (written.has(resource)) continue;
      const others = readers.get(resource);
      if (others === undefined) readers.set(resource, [record]);
      else others.push(record);
    }
  }
  return readers;
}

/** Null: nobody knows which outputs the step used. */
function usesOutputOf({ uses }: StepRecord, stepIds: ReadonlySet<string>): boolean {
  return stepIds.size > 0 && (uses === null || usesOneOf(uses, stepIds));
}

function hasRead({ changes }: StepRecord, resources: ReadonlySet<string>): boolean {
  return changes.some(({ resource, role }) => role === 'read' && resources.has(resource));
}

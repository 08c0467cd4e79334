/** Which steps used what has changed, from the chain. Pure over records. */
import { canBeUndone } from '../../model/record/effect.ts';
import type { ChainRecord, StepRecord } from '../../model/record/record.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';

export class StepHistory {
  /** The latest record of each step that is still in force, in chain order. */
  readonly latest: readonly StepRecord[];
  readonly #void: ReadonlySet<string>;

  /** Of the chain as it is now; others get a turn meanwhile. */
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
        for (const { stepId } of record.reruns) voided.add(stepId);
      }
    }
    this.#void = voided;
    this.latest = [...latest.values()].filter(({ stepId }) => !voided.has(stepId)).sort((a, b) => a.seq - b.seq);
  }

  isVoid(stepId: string): boolean {
    return this.#void.has(stepId);
  }

  /** Steps that read a resource at or after its latest record, and those that used their output. */
  usersOf(resource: string, recordedSeq: number): readonly string[] {
    // The step that recorded it by reading is a reader itself.
    const readers = this.latest.filter(
      (record) =>
        record.seq >= recordedSeq &&
        record.changes.some((change) => change.resource === resource && change.role === 'read') &&
        !wrote(record, resource),
    );
    return this.withDependents(readers.map(({ stepId }) => stepId));
  }

  /** Adds everything that used an output of these, or read what they wrote; in chain order. */
  withDependents(stepIds: readonly string[]): readonly string[] {
    const stale = new Set(stepIds);
    const before = new Set<string>();
    const written = new Set<string>();
    // Records are in chain order, so that one pass finds dependents of dependents.
    for (const record of this.latest) {
      const uses = before.size > 0 && (record.uses === null || record.uses.some((stepId) => before.has(stepId)));
      if (uses || record.changes.some(({ resource, role }) => role === 'read' && written.has(resource)))
        stale.add(record.stepId);
      if (!stale.has(record.stepId)) continue;
      before.add(record.stepId);
      for (const { resource, role } of record.changes) if (role === 'written') written.add(resource);
    }
    return this.latest.filter(({ stepId }) => stale.has(stepId)).map(({ stepId }) => stepId);
  }

  /** Has every statement of it an undo? Files and rows always have one. */
  canBeUndone(stepId: string): boolean {
    return canBeUndone(
      this.record(stepId)
        ?.effects.filter(({ outcome }) => outcome === 'applied')
        .map(({ effect }) => effect) ?? [],
    );
  }

  record(stepId: string): StepRecord | undefined {
    return this.latest.find((record) => record.stepId === stepId);
  }
}

function wrote(record: StepRecord, resource: string): boolean {
  return record.changes.some((change) => change.resource === resource && change.role === 'written');
}

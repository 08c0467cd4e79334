/**
 * What of a job is to be undone, newest first, from its records. Pure over records, but for the calls, which the ledger
 * has apart from the records.
 *
 * Invariants
 * 1. An effect is undone once: what a decision has undone (a step that ran again), or an undoing, is not in the plan.
 * 2. A step's own compensation has one turn: with its newest record, or with the calls of a generation that was not
 *    finished. It is told of the calls of all generations.
 */
import { invariant } from '../../../model/invariant.ts';
import type { UndoItem, UndoReport } from '../../../model/job/undo.ts';
import type { ChainRecord, DecisionRecord, StepRecord, UndoneRecord } from '../../../model/record/record.ts';
import type { StepImplementation } from '../../../model/step/step.ts';
import { isPartOf, isPartOfCode } from '../../../model/sub-step-id.ts';
import { undoTokenOf } from '../../../model/record/token.ts';
import type { Ledger } from '../../../store/ledger/ledger.ts';
import type { PerformRow } from '../../../store/ledger/perform-row.ts';
import { ChangesInForce } from './changes-in-force.ts';
import { RecordedStep } from './recorded-step.ts';
import { argumentsOf } from './step-arguments.ts';
import { callsOf } from './undone-calls.ts';
import { UndoTally } from './tally.ts';

/** Whether a step has a compensation. */
export type KnownSteps = ReadonlyMap<string, Pick<StepImplementation, 'compensate'>>;

export class UndoPlan {
  /** By sequence number, in chain order. */
  readonly #records = new Map<number, RecordedStep>();
  /** The newest of each step. */
  readonly #latest = new Map<string, RecordedStep>();
  /** Steps that a decision made run again and that have not done so. */
  readonly #void = new Set<string>();
  readonly #changes = new ChangesInForce();
  readonly #tally = new UndoTally();

  /** Reads all records of a job, in order; others get a turn meanwhile. */
  static async of(ledger: Pick<Ledger, 'visitRecords'>, jobId: string): Promise<UndoPlan> {
    const plan = new UndoPlan();
    await ledger.visitRecords(jobId, 0, ({ record }) => plan.read(record));
    return plan;
  }

  read(record: ChainRecord): void {
    if (record.kind === 'forked') this.#forget();
    else if (record.kind === 'step') this.#readStep(record);
    else if (record.kind === 'decision') this.#readDecision(record);
    else if (record.kind === 'undone') this.#readUndone(record);
  }

  /** What is before was done by another job, which alone may undo it. */
  #forget(): void {
    this.#records.clear();
    this.#latest.clear();
    this.#void.clear();
  }

  #readStep(record: StepRecord): void {
    const { stepId, seq } = record;
    const recorded = new RecordedStep(record);
    invariant(seq > (this.#latest.get(stepId)?.seq ?? -1), 'records are read in the order of the chain');
    this.#changes.add(recorded, record);
    this.#records.set(seq, recorded);
    this.#latest.set(stepId, recorded);
    this.#void.delete(stepId);
  }

  #readDecision(record: DecisionRecord): void {
    if (record.reruns.length === 0) return;
    this.#changes.takeBack(record, this.#latest);
    for (const { stepId } of record.reruns) {
      this.#void.add(stepId);
      for (const done of this.#latest.keys()) if (isPartOf(done, stepId)) this.#void.add(done);
    }
  }

  #readUndone(record: UndoneRecord): void {
    const recorded = record.undoes === null ? undefined : this.#records.get(record.undoes);
    if (recorded !== undefined) recorded.isUndone = true;
    this.#tally.add(record);
  }

  /** What is to be undone yet, newest first. */
  items(ledger: Ledger, jobId: string, steps: KnownSteps): readonly UndoItem[] {
    const calls = Map.groupBy(callsOf(ledger, jobId), ({ stepId }) => stepId);
    const unfinished = [...calls.values()].flatMap((rows) => this.#unfinished(ledger, rows) ?? []);
    const isUnfinished = new Set(unfinished.map(({ stepId }) => stepId));
    const recorded = [...this.#records.values()].reverse().flatMap((one): UndoItem[] => {
      const { stepId, open, isUndone, isRebuilt } = one;
      if (isUndone) return [];
      const isNewest = this.#latest.get(stepId) === one && !isUnfinished.has(stepId);
      const compensates = isNewest && (calls.has(stepId) || this.#mayCompensate(one, steps));
      return open.size > 0 || compensates || isRebuilt ? [one.item(compensates)] : [];
    });
    return [...unfinished, ...recorded];
  }

  #mayCompensate({ step, stepId }: RecordedStep, steps: KnownSteps): boolean {
    if (this.#void.has(stepId) || isPartOfCode(step)) return false;
    const implementation = steps.get(step);
    // Code that this worker doesn't have may compensate; whoever undoes the step will say that the code is missing.
    return implementation === undefined || implementation.compensate !== undefined;
  }

  /** Calls of a generation that has no record: they happened all the same, or may have. `rows`: all of one step. */
  #unfinished(ledger: Ledger, rows: readonly PerformRow[]): UndoItem | undefined {
    const newest = rows.reduce((latest, row) => (row.generation > latest.generation ? row : latest));
    const { stepId, generation, token } = newest;
    const latest = this.#latest.get(stepId);
    const isFinished =
      ledger.stepRecord(token) !== undefined ||
      (latest !== undefined && latest.generation >= generation) ||
      ledger.undoneRecord(undoTokenOf(token)) !== undefined;
    const step = isFinished ? undefined : argumentsOf(ledger, token)?.step;
    return step === undefined ? undefined : { stepId, step, generation, seq: null, skip: [], compensates: true };
  }

  get report(): UndoReport {
    return this.#tally.report;
  }
}

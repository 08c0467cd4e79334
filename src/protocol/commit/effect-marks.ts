/**
 * Which effects of an intent are in the world already, as the ledger says.
 *
 * Invariants
 * 1. An effect is marked only after it was made, so that a person's change after it can be told from an effect that is
 *    still to come.
 * 2. Marks need no fsync: after a power loss the token row, or a file that is as wanted, says the same. The marks of a
 *    database wait for those of the next file, as its token row says the same after a kill, too. The marks that
 *    complete the intent are not even written: its record follows in the next transaction.
 */
import { invariant } from '../../model/invariant.ts';
import { isToApply } from '../../model/record/effect.ts';
import type { Intent } from '../../model/record/intent.ts';
import type { EffectMark } from '../../store/ledger/effect-marks.ts';
import type { IntentRow } from '../../store/ledger/intents.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';

/** A mark with the place of its effect in the intent. */
export type PlacedMark = readonly [index: number, mark: EffectMark];

export class EffectMarks {
  readonly #ledger: Ledger;
  readonly #intent: Intent;
  readonly #marks: Map<number, EffectMark>;
  /** Effects that are still to be made. */
  readonly #pending: Set<number>;

  /** Of databases that have committed, not written yet. */
  #unwritten: readonly PlacedMark[] = [];

  constructor(ledger: Ledger, { intent, state }: Pick<IntentRow, 'intent' | 'state'>) {
    this.#ledger = ledger;
    this.#intent = intent;
    this.#marks = new Map(state === 'applying' ? ledger.effectMarks(intent.token) : []);
    this.#pending = new Set([...intent.effects.keys()].filter((index) => !this.isMade(index)));
  }

  of(index: number): EffectMark | undefined {
    return this.#marks.get(index);
  }

  /** Is nothing more to be made of this effect? A row that is skipped still goes through its transaction. */
  isMade(index: number): boolean {
    const effect = this.#intent.effects[index];
    invariant(effect !== undefined, `intent ${this.#intent.token} has no effect ${index}`);
    if (!isToApply(effect)) return true;
    const outcome = this.#marks.get(index)?.outcome;
    return outcome === 'applied' || (outcome === 'skipped' && 'path' in effect);
  }

  isSkipped(index: number): boolean {
    return this.#marks.get(index)?.outcome === 'skipped';
  }

  /** Did a person decide on this target, whatever it shows? */
  isRuledOn(index: number): boolean {
    return this.isSkipped(index) || this.#marks.get(index)?.outcome === 'overwrite';
  }

  /** For files that were just put in place. */
  add(marks: readonly PlacedMark[]): void {
    this.addLater(marks);
    if (this.#pending.size > 0) this.writeNow();
  }

  /** For effects of a database that has just committed: its token row says so by itself until the next are written. */
  addLater(marks: readonly PlacedMark[]): void {
    for (const [index, mark] of marks) {
      this.#marks.set(index, mark);
      this.#pending.delete(index);
    }
    this.#unwritten = [...this.#unwritten, ...marks];
  }

  /** Before a person is asked about what is not made. */
  writeNow(): void {
    const marks = this.#unwritten;
    if (marks.length === 0) return;
    this.#ledger.transaction(() => this.#write(marks), { relaxed: true });
    this.#unwritten = [];
  }

  /** For effects that an earlier attempt made without saying so. One fsynced commit. */
  addDurably(marks: readonly PlacedMark[]): void {
    this.#ledger.transaction(() => this.#write(marks));
  }

  /** Before the intent is recorded. @throws HoldfastError `defect` unless every effect is made or skipped */
  mustBeComplete(): void {
    for (const [index, effect] of this.#intent.effects.entries()) {
      const outcome = this.#marks.get(index)?.outcome;
      invariant(
        !isToApply(effect) || outcome === 'applied' || outcome === 'skipped',
        `effect ${index} of intent ${this.#intent.token} is to be recorded and was not made`,
      );
    }
  }

  #write(marks: readonly PlacedMark[]): void {
    for (const [index, mark] of marks) {
      this.#marks.set(index, mark);
      this.#pending.delete(index);
      this.#ledger.markEffect(this.#intent.token, index, mark);
    }
  }
}

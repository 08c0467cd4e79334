/** What came of a job's undoing so far, counted from its records: for people, bounded. */
import { defined } from '../../../model/defined.ts';
import type { UndoReport } from '../../../model/job/undo.ts';
import type { NotUndone } from '../../../model/record/intent.ts';
import type { AppliedEffect, UndoneRecord } from '../../../model/record/record.ts';
import { subStepDepth } from '../../../model/sub-step-id.ts';
import { effectsText } from '../../../model/record/effects-text.ts';

const MAX_NOT_UNDONE_TOLD = 50;

export class UndoTally {
  readonly #effects: Pick<AppliedEffect, 'effect' | 'outcome'>[] = [];
  readonly #notUndone: (NotUndone & { readonly stepId: string })[] = [];
  #steps = 0;
  #subSteps = 0;
  #notUndoneTotal = 0;

  add({ effects, left, stepId }: UndoneRecord): void {
    // A step of which nothing could be undone does not count as undone.
    if (left.length === 0 || effects.some(({ outcome }) => outcome === 'applied')) {
      if (subStepDepth(stepId) === 0) this.#steps += 1;
      else this.#subSteps += 1;
    }
    this.#effects.push(...effects.map(({ effect, outcome }) => ({ effect, outcome })));
    this.#notUndoneTotal += left.length;
    const told = left.slice(0, MAX_NOT_UNDONE_TOLD - this.#notUndone.length);
    this.#notUndone.push(...told.map((one) => ({ ...one, stepId })));
  }

  get report(): UndoReport {
    return {
      steps: this.#steps,
      ...defined({ subSteps: this.#subSteps === 0 ? undefined : this.#subSteps }),
      effects: effectsText(this.#effects),
      left: [...this.#notUndone],
      leftTotal: this.#notUndoneTotal,
    };
  }
}

/** One record of a step, as a plan of its undoing sees it. */
import type { StepRecord } from '../../../model/record/record.ts';
import type { UndoItem } from '../../../model/job/undo.ts';

export class RecordedStep {
  readonly seq: number;
  readonly stepId: string;
  readonly step: string;
  readonly generation: number;
  /** Places of effects that are in force. */
  readonly open = new Set<number>();
  /** Places of effects that a decision has undone. */
  readonly undone = new Set<number>();
  /** Has an undoing of it been recorded? */
  isUndone = false;

  /** Is what it changed not known, so that all there is to say is that it stays? */
  readonly isRebuilt: boolean;

  constructor({ seq, stepId, step, generation, rebuilt }: StepRecord) {
    this.isRebuilt = rebuilt === true;
    this.seq = seq;
    this.stepId = stepId;
    this.step = step;
    this.generation = generation;
  }

  item(compensates: boolean): UndoItem {
    const { stepId, step, generation, seq } = this;
    return { stepId, step, generation, seq, skip: [...this.undone], compensates };
  }
}

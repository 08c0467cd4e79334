/** What undoing a job would do, for a person: newest first. */
import type { NotUndone } from '../record/intent.ts';

/** What undoing would do about one step. */
export interface UndoPreview {
  /** The step's id in the job. */
  readonly stepId: string;
  /** The generation that would be undone. */
  readonly generation: number;
  /** Does the step's own compensation run first? Null: its code is not known here. */
  readonly compensates: boolean | null;
  /** What would be put back, one a line. */
  readonly undoes: readonly string[];
  /** What would stay, and why. */
  readonly leaves: readonly NotUndone[];
}

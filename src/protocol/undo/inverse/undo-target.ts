/** A record whose effects are undone, and what the undoing must know for it. */
import type { JobSettings } from '../../../model/job/settings.ts';
import type { StepRecord } from '../../../model/record/record.ts';
import type { UndoRuling } from '../../../store/ledger/undo-rulings.ts';
import type { Stage } from '../../attempt/stage.ts';
import type { Workspace } from '../../workspace/workspace.ts';

export interface UndoTarget {
  readonly workspace: Workspace;
  readonly settings: JobSettings;
  readonly record: StepRecord;
  /** The undoing's own. */
  readonly token: string;
  /** Places of effects that a decision has undone. */
  readonly skip: ReadonlySet<number>;
  readonly rulings: readonly UndoRuling[];
  /** What the step's own compensation has staged: the resources that it changes are its own matter. */
  readonly stage: Stage;
  /** Has the compensation seen to what cannot be undone by itself? */
  readonly isCompensated: boolean;
}

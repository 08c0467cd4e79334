/** What a job asks of a plan's scheduler. */
import type { Editable } from '../gate/editing.ts';
import type { StateOfNow } from './checkpoint-queries.ts';
import type { CarriedPlan } from './continue-as-new.ts';

/** Beyond `Job`. */
export interface PlanHooks extends StateOfNow, Editable {
  /** Steps that became void while the body goes on; taking them over means the Workflow isn't restarted. */
  readonly onRewound: (stepIds: readonly string[]) => void;
  /** How many steps the plan has. */
  readonly steps: number;
  /** What a new Run goes on from, wherever the plan stands, with at most so many bytes of results. */
  readonly carried: (resultBytes: number) => CarriedPlan;
}

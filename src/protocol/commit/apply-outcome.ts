/** What comes of applying an intent. */
import type { PlannedRecord } from '../../store/ledger/chain.ts';
import type { Conflict } from '../question/conflict.ts';
import type { Applied } from './step-record.ts';

/** Why an intent is not applied, or not to its end. */
export type ApplyObstacle =
  /** Nothing was applied: something that was read or is replaced is not as it was when the intent was sealed. */
  | { readonly kind: 'stale'; readonly resource: string }
  | { readonly kind: 'conflicts'; readonly conflicts: readonly Conflict[] }
  /** A database has another term or a token row of another intent, or something is not as recorded. */
  | {
      readonly kind: 'must-verify';
      readonly detail: string;
      /** What is not as recorded. */
      readonly resource?: string;
    };

export interface AppliedIntent extends Applied {
  readonly kind: 'applied';
  /** Absent where the intent was rolled forward: then what was found counts, too. */
  readonly planned?: PlannedRecord;
}

export type ApplyOutcome = AppliedIntent | ApplyObstacle;

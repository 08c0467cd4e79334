/** The changes that put a step's effects back: what they are made from, and what they leave as it is. */
import type { JobSettings } from '../../../model/job/settings.ts';
import type { DatabaseEffect, FileEffect } from '../../../model/record/effect.ts';
import type { NotUndone, Undoes } from '../../../model/record/intent.ts';
import type { StepRecord } from '../../../model/record/record.ts';
import type { UndoRuling } from '../../../store/ledger/undo-rulings.ts';
import type { Claim } from '../../attempt/claim.ts';
import type { Stage } from '../../attempt/stage.ts';
import type { Workspace } from '../../workspace/workspace.ts';
import type { OwnChanges } from './own-changes.ts';

/** A record whose effects are undone, and what the undoing must know for it. */
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
  readonly known: Pick<Claim, 'manifestEntry' | 'recordedTables'>;
  /** What the job itself has made of resources since. */
  readonly ownChanges: OwnChanges;
  /** Has the compensation seen to what cannot be undone by itself? */
  readonly isCompensated: boolean;
}

export interface Inverse {
  /** Newest first, as the database effects are. */
  readonly files: readonly FileEffect[];
  readonly changes: readonly DatabaseEffect[];
  readonly notUndone: readonly NotUndone[];
  readonly notes: readonly string[];
  /** What the record says of resources that nothing is to be done to. */
  readonly settled: Undoes['settled'];
}

/** Nothing is put back. */
export const NO_INVERSE: Inverse = { files: [], changes: [], notUndone: [], notes: [], settled: [] };

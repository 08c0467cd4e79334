/** The changes that put a step's effects back, and what they leave as it is. */
import type { DatabaseEffect, FileEffect } from '../../../model/record/effect.ts';
import type { NotUndone, Undoes } from '../../../model/record/intent.ts';

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

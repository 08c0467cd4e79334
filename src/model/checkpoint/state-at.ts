/** What a job's state was at a checkpoint: the fold of what the checkpoints that led to it tell. Pure. */
import type { JsonObject } from '../canonical-json.ts';
import { foldWrites } from '../state/fold-writes.ts';
import type { StateWrite } from '../state/state-write.ts';
import type { CheckpointNote } from './note.ts';

type Noted = Pick<CheckpointNote, 'begins' | 'writes'>;

/**
 * @param checkpoints from the job's first to the one asked for, each going on from the one before
 * @throws HoldfastError `bad-input` for what is no state of these checkpoints
 */
export function stateAfter(checkpoints: readonly Noted[]): JsonObject {
  const from = checkpoints.findLastIndex(({ begins }) => begins !== undefined);
  if (from < 0) return {};
  const writes: readonly StateWrite[] = checkpoints.slice(from).flatMap((one) => one.writes);
  return foldWrites(checkpoints[from]!.begins!, writes);
}

interface Placed {
  readonly seq: number;
  readonly parent: number | null;
}

/**
 * The checkpoints that led to one, from the first on, and that one. What a Workflow went on from anew, or a reset, has
 * left behind is not among them.
 * @param all in the record's order
 */
export function pathTo<T extends Placed>(all: readonly T[], last: T): readonly T[] {
  const path: T[] = [];
  let wanted: number | null = last.seq;
  // A parent is recorded before what goes on from it.
  for (const one of all.toReversed()) {
    if (one.seq !== wanted) continue;
    path.push(one);
    wanted = one.parent;
  }
  return path.reverse();
}

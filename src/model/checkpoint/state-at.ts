/** What a job's state was at a checkpoint: the fold of what the checkpoints up to it tell. Pure. */
import type { JsonObject } from '../canonical-json.ts';
import { foldWrites } from '../state/fold-writes.ts';
import type { StateWrite } from '../state/state-write.ts';
import type { CheckpointNote } from './note.ts';

type Noted = Pick<CheckpointNote, 'begins' | 'writes'>;

/**
 * @param checkpoints from the job's first to the one asked for
 * @throws HoldfastError `bad-input` for what is no state of these checkpoints
 */
export function stateAfter(checkpoints: readonly Noted[]): JsonObject {
  const from = checkpoints.findLastIndex(({ begins }) => begins !== undefined);
  if (from < 0) return {};
  const writes: readonly StateWrite[] = checkpoints.slice(from).flatMap((one) => one.writes);
  return foldWrites(checkpoints[from]!.begins!, writes);
}

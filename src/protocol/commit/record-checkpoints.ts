/**
 * Checkpoints that a request brings become records of the chain, each once.
 *
 * Invariant: a checkpoint is recorded behind the one that it went on from, and no step of the next super-step is
 * recorded before it.
 */
import { isWhole, type CheckpointNote } from '../../model/checkpoint/note.ts';
import { shortDigest } from '../../model/digest.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';

/**
 * In a transaction. Safe to repeat: what the record has already is passed over.
 * @returns their numbers, in order
 * @throws HoldfastError `bad-input` for one that is not what its digest says, or follows one that nobody has
 */
export function recordCheckpoints(
  ledger: Ledger,
  { jobId, runId }: { readonly jobId: string; readonly runId: string },
  notes: readonly CheckpointNote[],
): readonly number[] {
  return notes.map((note) => {
    const known = ledger.checkpointSeq(jobId, note.digest);
    if (known !== undefined) return known;
    if (!isWhole(note)) throw unusable(note, 'its digest is that of something else');
    const { parent: parentDigest, ...noted } = note;
    const parent = parentDigest === null ? null : (ledger.checkpointSeq(jobId, parentDigest) ?? undefined);
    if (parent === undefined) throw unusable(note, `the record has none ${shortDigest(parentDigest!)} before it`);
    return ledger.append(jobId, runId, { kind: 'checkpoint', ...noted, parent, changes: [] }).at.seq;
  });
}

function unusable({ digest }: CheckpointNote, why: string): HoldfastError {
  return new HoldfastError('bad-input', `Checkpoint ${shortDigest(digest)} can't be recorded: ${why}.`, { digest });
}

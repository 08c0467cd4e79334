/**
 * Calls that no record tells of: of a job whose record was made of a checkpoint, attempts may have made some after it.
 *
 * A checkpoint is in the store before any code of the next super-step runs. So what is not in the record was done in
 * one super-step beyond the last stored one at most; once the job has a checkpoint of its own behind that, nothing is
 * unknown any more. Of a job that stores as well as it can (`best-effort`) that is never known.
 */
import * as z from 'zod';
import type { JobSettings } from '../../model/job/settings.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { SealedCheckpoint } from '../../model/job/sealed-checkpoint.ts';

const LostCallsSchema = z.strictObject({
  /** The last super-step of which calls may be lost. Null: of every one. */
  upToStep: z.int().nullable(),
});

/** What a ledger that is made of a checkpoint notes, as a value of its own. */
export function lostCallsNote(
  { jobId, metadata }: Pick<SealedCheckpoint, 'jobId' | 'metadata'>,
  later: number,
  { checkpoint }: Pick<JobSettings, 'checkpoint'>,
): Readonly<Record<string, string>> {
  const upToStep = checkpoint?.mode === 'best-effort' ? null : metadata.step + later + 1;
  return { [keyOf(jobId)]: JSON.stringify({ upToStep } satisfies z.infer<typeof LostCallsSchema>) };
}

/** May a call have been made that the record does not have? */
export function mayHaveLostCalls(ledger: Ledger, jobId: string): boolean {
  const text = ledger.meta.find(keyOf(jobId));
  if (text === undefined) return false;
  const { upToStep } = LostCallsSchema.parse(JSON.parse(text));
  return upToStep === null || (ledger.latestCheckpoint(jobId)?.step ?? -1) < upToStep;
}

function keyOf(jobId: string): string {
  return `lostCalls:${jobId}`;
}

/** What a job that ends leaves open: calls in doubt, and calls that no record names. */
import { undoTokenOf } from '../../../model/record/token.ts';
import type { Ledger } from '../../../store/ledger/ledger.ts';
import type { PerformRow } from '../../../store/ledger/perform-row.ts';

/** A line for each, for people. */
export function openCallNotes(ledger: Ledger, jobId: string): string[] {
  return ledger
    .performsInForce(jobId)
    .filter(({ inDoubt }) => inDoubt !== 'safe')
    .flatMap((row) => {
      const note = noteOf(ledger, row);
      return note === undefined ? [] : [`step ${row.stepId}: \`${row.name}\` ${note}`];
    });
}

/** Undefined: nothing of the call is open. */
function noteOf(ledger: Ledger, row: PerformRow): string | undefined {
  switch (row.state) {
    case 'withdrawn':
      return undefined;
    case 'about':
      return unknown(row);
    case 'repeat':
      return row.nonce === '' ? 'was to be made anew, and was not' : unknown(row);
    case 'done':
    case 'kept':
      return isRecorded(ledger, row) ? undefined : 'happened, and its step was not finished';
  }
}

function unknown({ key, at }: PerformRow): string {
  return `was begun; whether it happened is not known (idempotency key ${key}, ${at})`;
}

/** By its step's record, or by that of an undoing: of the call's own token, or of its step. */
function isRecorded(ledger: Ledger, { token }: PerformRow): boolean {
  return (
    ledger.stepRecord(token) !== undefined ||
    ledger.undoneRecord(token) !== undefined ||
    ledger.undoneRecord(undoTokenOf(token)) !== undefined
  );
}

/** A fork that was made before and has not begun: the same command finds it. */
import { existsSync, readdirSync } from 'node:fs';
import { HoldfastError } from '../model/failure.ts';
import { PendingForkSchema, type PendingFork } from '../model/job/fork.ts';
import { hasLedger, LedgerCopy } from '../protocol/inspect/ledger-copy.ts';

/** Undefined: the folder is empty, or not there. @throws HoldfastError `bad-input` for one that holds anything else */
export async function pendingForkIn(folder: string): Promise<PendingFork | undefined> {
  if (!existsSync(folder) || readdirSync(folder).length === 0) return undefined;
  if (!hasLedger(folder)) throw notEmpty(folder);
  using copy = await LedgerCopy.of(folder);
  const text = copy.ledger.forks.find();
  if (text === undefined) throw notEmpty(folder);
  return PendingForkSchema.parse(JSON.parse(text));
}

export function notEmpty(folder: string): HoldfastError {
  return new HoldfastError('bad-input', `${folder} is not empty. Expected an empty folder, or one to be made.`, {
    folder,
    nextStep: 'Name another folder, or move what is in it away.',
  });
}

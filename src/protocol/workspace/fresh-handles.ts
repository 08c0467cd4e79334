/** Trouble of the record itself is believed only when it is met again. */
import { isFailure } from '../../model/failure.ts';
import type { Finding } from '../../model/question/finding.ts';
import type { Workspace } from './workspace.ts';

/** What the first look calls damaged. */
class Doubted extends Error {
  override readonly name = 'Doubted';
}

/**
 * Once more where the record could not be used, or looks damaged: what failed was dropped, so that this time everything
 * is opened anew. A descriptor that was missing for a moment, or a page that was read wrongly (SQLite calls a page
 * malformed that could not be read), is then no question to a person. `isFirstLook`: `doubtDamage` may be called.
 */
export async function onFreshHandles<T>(work: (isFirstLook: boolean) => Promise<T>): Promise<T> {
  try {
    return await work(true);
  } catch (error) {
    if (!(error instanceof Doubted) && !isFailure(error, 'ledger-damaged', 'permission-denied')) throw error;
    return await work(false);
  }
}

/** Call it at the first look, under the lock. @throws Doubted where a finding says that the record is damaged */
export function doubtDamage(workspace: Pick<Workspace, 'letGoOfLedger'>, findings: readonly Finding[]): void {
  if (!findings.some(isDamage)) return;
  workspace.letGoOfLedger();
  throw new Doubted(findings.map(({ found }) => found.text).join('; '));
}

export function isDamage({ class: cls }: Finding): boolean {
  return cls === 'damaged';
}

/**
 * A workspace or a record that can't be used as it is: what a person is asked, where nothing else can be.
 *
 * Invariant: a failure that neither passes by itself nor is a Run's own end is asked about, so that no trouble of a
 * disk ends a job.
 */
import type { FailureType } from '../../model/failures.ts';
import { isFailure, type HoldfastError } from '../../model/failure.ts';
import type { Finding } from '../../model/question/finding.ts';
import { clipped, finding, textSide, withoutAnswer } from './finding.ts';
import { damagedLedgerFinding } from './ledger.ts';

export const WORKSPACE = 'workspace:';

/** Not a person's matter: another Run has taken over, the job ends, Holdfast is at fault, or it is told already. */
const NOT_ASKED: ReadonlySet<FailureType> = new Set([
  'not-current-run',
  'fenced',
  'cancelled',
  'aborted',
  'defect',
  'decision-refused',
]);

const RECORD_TROUBLE: ReadonlySet<FailureType> = new Set([
  'ledger-damaged',
  'workspace-unusable',
  'network-filesystem',
]);

const ADVICE: Partial<Record<FailureType, string>> = {
  'permission-denied': 'Give the worker access to it, then answer recheck.',
  'workspace-unusable':
    'Put the folder there as it was (mv it back, mount its disk, mend the link, move what stands there away); the ' +
    'worker may stay up, and has made nothing in its place. Then answer recheck.',
};

/** May it be put to a person? */
export function isForPerson(error: unknown): error is HoldfastError {
  return isFailure(error) && !error.retryable && !NOT_ASKED.has(error.type);
}

/** Is it the workspace or its record that can't be used, and not a content, or something that is done in it? */
export function isRecordTrouble(error: unknown): error is HoldfastError {
  if (!isForPerson(error)) return false;
  const isDamage = error.type === 'ledger-damaged' && error.details['digest'] === undefined;
  return isDamage || RECORD_TROUBLE.has(error.type) || error.details['record'] === true;
}

export function unusableWorkspaceFinding(error: HoldfastError): Finding {
  const { type, message, nextStep } = error;
  if (type === 'ledger-damaged') return damagedLedgerFinding([message]);
  return finding({
    resource: WORKSPACE,
    class: 'unverifiable',
    kind: type === 'workspace-unusable' ? 'workspace-missing' : 'unreadable',
    expected: textSide('a workspace whose record can be read and written'),
    found: textSide(clipped(message)),
    advice: ADVICE[type] ?? `${withoutAnswer(nextStep)} Then answer recheck.`,
  });
}

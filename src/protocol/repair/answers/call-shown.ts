/** The call that a question is about, as the ledger has it now. */
import type { Finding } from '../../../model/question/finding.ts';
import type { Question } from '../../../model/question/question.ts';
import { parseResource } from '../../../model/record/resource.ts';
import type { Ledger } from '../../../store/ledger/ledger.ts';
import { basisDigest, performDigest, type PerformRow } from '../../../store/ledger/perform-row.ts';

type CallQuestion = Pick<Question, 'token' | 'jobId' | 'kind'>;

export function callOf(ledger: Ledger, question: CallQuestion, resource: string): PerformRow | undefined {
  const parsed = parseResource(resource);
  if (parsed.kind !== 'perform') return undefined;
  // An undoing asks about calls of the step, under its own token.
  if (question.kind === 'undo')
    return ledger.performInForce(question.jobId, parsed.stepId, parsed.name, Number.MAX_SAFE_INTEGER);
  return question.token === undefined ? undefined : ledger.perform(question.token, parsed.name);
}

/** Is it still what the question showed? */
export function isCallAsShown(ledger: Ledger, question: CallQuestion, shown: Finding): boolean {
  const row = callOf(ledger, question, shown.resource);
  if (row === undefined || performDigest(row) !== shown.found.digest) return false;
  // An undoing shows no side of what the step wants: the step asks for nothing any more.
  if (shown.class === 'undo') return true;
  return (row.wanted === null ? null : basisDigest(row.wanted)) === shown.expected.digest;
}

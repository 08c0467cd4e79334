/** An edit as a question that is answered already, as a rewind is: stored with the repair, and asked of nobody. */
import type { Digest } from '../../model/digest.ts';
import type { Question } from '../../model/question/question.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { unsavedQuestion, withWhatStays } from './ask.ts';
import { finding, textSide } from './finding.ts';

export interface EditAsked {
  readonly jobId: string;
  /** Of the request: the question's digest, and the token of the repair. */
  readonly token: Digest;
  /** The step that counts as done. */
  readonly stepId: string;
  /** What runs again, that step among it: what a person gave runs in place of its code. */
  readonly steps: readonly string[];
}

export function editQuestion(ledger: Ledger, { jobId, token, stepId, steps }: EditAsked): Question {
  const asked = finding({
    resource: `edit:${stepId}`,
    class: 'stuck',
    kind: 'step-cannot-go-on',
    expected: textSide(`step ${stepId} comes to what a person has put in`),
    found: textSide('it has come to something else, or to nothing yet'),
    rerunSteps: steps,
  });
  const findings = withWhatStays(ledger, jobId, [asked]);
  return { ...unsavedQuestion({ jobId, why: 'a person edits the state', findings }), digest: token };
}

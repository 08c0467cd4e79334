/**
 * A rewind as a question that is answered already: so it is carried out by what carries out a decision to run steps
 * again. It is stored with the repair alone, and nobody is ever asked it.
 */
import type { Digest } from '../../model/digest.ts';
import type { Question } from '../../model/question/question.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { unsavedQuestion, withWhatStays } from './ask.ts';
import { finding, textSide } from './finding.ts';

export interface RewindAsked {
  readonly jobId: string;
  /** Of the request: the question's digest, and the token of the repair. */
  readonly token: Digest;
  /** The number of the checkpoint. */
  readonly to: number;
  /** The number of the rewind that is undone. */
  readonly undoes?: number;
  /** What runs again, or counts again. */
  readonly steps: readonly string[];
}

export function rewindQuestion(ledger: Ledger, { jobId, token, to, undoes, steps }: RewindAsked): Question {
  const asked = finding({
    resource: rewindResource(to),
    class: 'stuck',
    kind: 'step-cannot-go-on',
    expected: textSide(undoes === undefined ? `the job is at checkpoint ${to}` : `record ${undoes} is undone`),
    found: textSide('the job has gone on'),
    rerunSteps: steps,
  });
  const findings = withWhatStays(ledger, jobId, [asked]);
  const why = undoes === undefined ? 'a person rewinds the job' : 'a person undoes a rewind';
  return { ...unsavedQuestion({ jobId, why, findings }), digest: token };
}

/** How the decision names what is rewound. */
export function rewindResource(to: number): string {
  return `checkpoint:${to}`;
}

/** The failure of a job that a person aborts. */
import { ApplicationFailure } from '@temporalio/workflow';
import type { Undoing } from './ending.ts';

export function abortedBy({ by, reason, question, notes }: Undoing): ApplicationFailure {
  return ApplicationFailure.create({
    message: `Aborted by ${by}: ${reason}`,
    type: 'aborted',
    nonRetryable: true,
    details: [{ question, notes: [...notes] }],
  });
}

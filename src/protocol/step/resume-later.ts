/**
 * A failure after which the step is tried again by itself, with all its attempts anew, once the world has been
 * compared: so often as its request says. Each is in the ledger before anybody is told of it, so that neither a lost
 * worker nor a reset makes them more.
 *
 * Invariant: nothing is half applied and no call is in doubt: whoever resumes meets what a first attempt would.
 */
import * as z from 'zod';
import { canonicalJson } from '../../model/canonical-json.ts';
import { digestOf, type Digest } from '../../model/digest.ts';
import type { HoldfastError } from '../../model/failure.ts';
import type { FailureType } from '../../model/failures.ts';
import type { RunStepResult } from '../../model/job/run-step.ts';
import { ResumedFailureSchema, type ResumedFailure } from '../../model/record/record.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { StepAttempt } from './step-run.ts';

/** Of what the step's own code, statement or command came to. Nothing else passes without a person. */
const OF_ITS_OWN: readonly FailureType[] = [
  'step-failed',
  'step-timeout',
  'command-failed',
  'bad-output',
  'not-json',
  'too-large',
  'sql-failed',
  'changed-meanwhile',
  'processes-left',
];

/** Among the values of `ctx.once`: of the token, whatever draft. */
const DRAFT = 0;
const nameOf = (number: number): string => `holdfast: resume ${number}`;
const READS = digestOf('holdfast: resume');
const RowSchema = z.strictObject({ ...ResumedFailureSchema.shape, failures: z.int() });

/** Call under the lock. Undefined: it does not resume, or has done so as often as it may. */
export function resumeLater(attempt: StepAttempt, ledger: Ledger, failure: HoldfastError): RunStepResult | undefined {
  const { claim, request } = attempt;
  const { resumeAtMost: atMost = 0, stepId } = request;
  const { token, failures } = claim.row;
  const { type, message } = failure;
  if (atMost === 0 || !OF_ITS_OWN.includes(type) || ledger.intent(token)?.state === 'applying') return undefined;
  const number = rowsOf(ledger, token).length + 1;
  if (number > atMost) return undefined;
  const failed: ResumedFailure = { at: new Date().toISOString(), type, message: message.slice(0, 4_000) };
  ledger.transaction(() => {
    claim.mustBeCurrent(ledger);
    const value = canonicalJson({ ...failed, failures }, `the failure of step ${stepId}`);
    ledger.once.put(token, DRAFT, nameOf(number), { value, reads: READS });
  });
  return { kind: 'resumes', number, atMost, ...failed };
}

/** What the step failed with before each resume, the oldest first. Undefined: it has not resumed. */
export function resumedFailures({ claim, request }: StepAttempt): readonly ResumedFailure[] | undefined {
  if (request.resumeAtMost === undefined) return undefined;
  const rows = claim.read((ledger) => rowsOf(ledger, claim.row.token));
  return rows.length === 0 ? undefined : rows.map(({ at, type, message }) => ({ at, type, message }));
}

/** How many of the claim's failures count no more: those before the last resume. */
export function failuresForgiven({ claim, request }: StepAttempt): number {
  if (request.resumeAtMost === undefined) return 0;
  return claim.read((ledger) => rowsOf(ledger, claim.row.token)).at(-1)?.failures ?? 0;
}

function rowsOf(ledger: Ledger, token: Digest): readonly z.infer<typeof RowSchema>[] {
  const rows: z.infer<typeof RowSchema>[] = [];
  for (;;) {
    const kept = ledger.once.find(token, DRAFT, nameOf(rows.length + 1));
    if (kept === undefined) return rows;
    rows.push(RowSchema.parse(JSON.parse(kept.value)));
  }
}

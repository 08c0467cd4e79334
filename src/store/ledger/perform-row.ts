/**
 * What the ledger knows of a call that a step makes while its code runs.
 *
 * about: it is about to be made, or may have been. done: it happened, with its answer. kept: it happened, and a person
 * said that it stays although the step no longer asks for it. repeat: a person said that it is made (once more).
 * withdrawn: it was about to be made, and certainly was not.
 */
import { digestOf, type Digest } from '../../model/digest.ts';

export interface PerformRow {
  readonly token: Digest;
  readonly name: string;
  readonly jobId: string;
  readonly stepId: string;
  readonly generation: number;
  readonly state: 'about' | 'done' | 'kept' | 'repeat' | 'withdrawn';
  readonly key: Digest;
  /** How often a person decided that it is made anew although it had happened. */
  readonly round: number;
  /** safe: it changes nothing on the other side, and so is never in doubt. */
  readonly inDoubt: 'ask' | 'repeat' | 'probe' | 'safe';
  /** What was, or is about to be, sent: its digest, and its text cut to a bound. */
  readonly request: { readonly digest: Digest; readonly text: string };
  /** What a step must ask for, and must have been given and read before, to be answered by this row. Null: whatever it asks for. */
  readonly answers: PerformBasis | null;
  /** Canonical JSON. */
  readonly answer: string | null;
  readonly known: 'called' | 'probed' | 'told' | null;
  /** The generation that made the call. */
  readonly calledIn: number;
  /** Of the claim that began the call under this key; '': none has. */
  readonly nonce: string;
  /** For people. */
  readonly note: string | null;
  readonly at: string;
  /** What the step asks for now, where a person is asked about it. */
  readonly wanted: (PerformBasis & { readonly text: string }) | null;
}

export interface PerformBasis {
  readonly request: Digest;
  /** The step's arguments, and what it had read. */
  readonly reads: Digest;
}

/** What a person is shown of it: a decision holds for exactly that. */
export function performDigest({ state, key, request, answers, answer, nonce, at }: PerformRow): Digest {
  return digestOf({
    state,
    key,
    request: request.digest,
    answers: answers === null ? null : basisDigest(answers),
    answer,
    nonce,
    at,
  });
}

export function basisDigest({ request, reads }: PerformBasis): Digest {
  return digestOf({ request, reads });
}

export function performRowFrom(row: Record<string, unknown>): PerformRow {
  const basis = (column: string): unknown => (row[column] === null ? null : JSON.parse(row[column] as string));
  return {
    token: row['token'] as string,
    name: row['name'] as string,
    jobId: row['job_id'] as string,
    stepId: row['step_id'] as string,
    generation: row['generation'] as number,
    state: row['state'] as PerformRow['state'],
    key: row['key'] as string,
    round: row['round'] as number,
    inDoubt: row['in_doubt'] as PerformRow['inDoubt'],
    request: { digest: row['request_digest'] as string, text: row['request'] as string },
    answers: basis('answers') as PerformRow['answers'],
    answer: row['answer'] as string | null,
    known: row['known'] as PerformRow['known'],
    calledIn: row['called_in'] as number,
    nonce: row['nonce'] as string,
    note: row['note'] as string | null,
    at: row['at'] as string,
    wanted: basis('wanted') as PerformRow['wanted'],
  };
}

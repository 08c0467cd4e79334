/**
 * What the ledger has of a call that a step makes while its code runs, and the digests that decisions about it hold
 * for.
 *
 * State of a call
 * about      it is about to be made, or may have been
 * done       it happened, with its answer
 * kept       it happened, and a person said that its answer counts although the step no longer requests it
 * repeat     a person said that it is made (once more)
 * withdrawn  it was about to be made, and certainly was not
 */
import { digestOf, type Digest } from '../../model/digest.ts';

export const CALL_STATES = ['about', 'done', 'kept', 'repeat', 'withdrawn'] as const;
/**
 * What is to be done about a call in doubt. `safe`: it changes nothing on the remote side, and so is never in doubt.
 */
export const DOUBT_POLICIES = ['ask', 'repeat', 'probe', 'safe'] as const;
export const KNOWN_BY = ['called', 'probed', 'told'] as const;

export interface PerformRow {
  readonly token: Digest;
  readonly name: string;
  readonly jobId: string;
  readonly stepId: string;
  readonly generation: number;
  readonly state: (typeof CALL_STATES)[number];
  /** The idempotency key. */
  readonly key: Digest;
  /** How often a person decided that it is made anew although it had happened. */
  readonly round: number;
  readonly inDoubt: (typeof DOUBT_POLICIES)[number];
  /** What was, or is about to be, sent: its digest, and its text cut to a bound. */
  readonly request: { readonly digest: Digest; readonly text: string };
  /** The basis on which this row answers a step's request. Null: whatever the step requests. */
  readonly answers: PerformBasis | null;
  /** Canonical JSON. */
  readonly answer: string | null;
  readonly known: (typeof KNOWN_BY)[number] | null;
  /** The generation that made the call. */
  readonly calledIn: number;
  /** Of the claim that began the call under this key; '': none has. */
  readonly nonce: string;
  /** For people. */
  readonly note: string | null;
  readonly at: string;
  /** What the step requests now, where a person is asked about it. */
  readonly wanted: (PerformBasis & { readonly text: string }) | null;
}

export interface PerformBasis {
  readonly request: Digest;
  /** The step's arguments, and what it had read. */
  readonly reads: Digest;
}

/** What a person is shown of a call: a decision holds for exactly that. */
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

/** `ctx.perform`: a call that can't be staged. */
import type { Json } from '../canonical-json.ts';

/** What `run` of `ctx.perform` is given. */
export interface PerformCall {
  /**
   * The same for every attempt, and for a repeat: hand it on as the Idempotency-Key. 64 hex digits. Another one where
   * the call is made anew on purpose: the step runs again, or a person has it made again though it had happened.
   */
  readonly key: string;
  /** Aborted when the job is cancelled, the step times out or the worker stops. */
  readonly signal: AbortSignal;
  /** Was it begun before, so that it may have happened already? Then the other side must know it by its key. */
  readonly isRepeat: boolean;
}

/** What `probe` of `ctx.perform` is given. */
export interface ProbeCall {
  /** The key that the call in doubt was made with. */
  readonly key: string;
  /** What was sent, as `request` has it. */
  readonly request: Json;
  /** Aborted when the job is cancelled, the step times out or the worker stops. */
  readonly signal: AbortSignal;
}

/**
 * What a probe found out: the call happened and this was its answer; it did not happen; or nobody can tell, and a
 * person is asked.
 */
export type ProbeResult<T> =
  | {
      /** False: it certainly did not. */
      readonly happened: true;
      /** What the call answered, plain JSON. */
      readonly answer: T;
    }
  | { readonly happened: false }
  | { readonly happened: 'unknown' };

/** One call of `ctx.perform`. */
export interface PerformOptions<T extends Json> {
  /**
   * What is about to be sent: a person sees it when the call is in doubt, and a retry that wants to send something
   * else is asked about. Plain JSON that is the same on every attempt (a clock or a random number: `ctx.once`); no
   * secrets. Default: null.
   */
  readonly request?: Json;
  /**
   * Makes the call and returns its answer, plain JSON. Throws `NotPerformed` when the call certainly did not happen;
   * any other error leaves it in doubt.
   */
  run(call: PerformCall): Promise<T> | T;
  /** For `inDoubt: 'probe'`: finds out whether the call happened. If it throws, a person is asked. */
  probe?(call: ProbeCall): Promise<ProbeResult<T>> | ProbeResult<T>;
  /**
   * It changes nothing on the other side (a search, a model's answer): it is made again without a question wherever
   * the record has no answer for the very same request, and anew where the step runs again. Default: false.
   */
  readonly readOnly?: boolean;
  /**
   * When nobody can know whether it happened (the worker died, `run` threw): `ask` a person; `repeat` it, since the
   * other side honours the key; or `probe`. Default: `ask`.
   */
  readonly inDoubt?: 'ask' | 'repeat' | 'probe';
}

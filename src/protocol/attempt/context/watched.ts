/**
 * Promises of the context that a step's code may forget to wait for.
 *
 * Invariants
 * 1. None of them ends the worker: a failure that nobody takes is the attempt's, by name.
 * 2. What is under way when the code ends is waited for: nothing that it staged is lost without a word.
 */
import { HoldfastError } from '../../../model/failure.ts';
import type { Attempt } from '../attempt.ts';

/** A promise that knows whether anybody waits for it. */
class WatchedPromise<T> extends Promise<T> {
  isTaken = false;

  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  // oxlint-disable-next-line unicorn/no-thenable -- to see whether it is waited for is what it is for
  override then<A = T, B = never>(
    onResolved?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.isTaken = true;
    return super.then(onResolved, onRejected);
  }
}

/** The methods, each promise of which is watched. @param of as the code calls them: `ctx.files` */
export function watchedMethods<T extends object>(attempt: Pick<Attempt, 'stage' | 'claim'>, of: string, methods: T): T {
  return new Proxy(methods, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return (...given: unknown[]): unknown => {
        const result: unknown = Reflect.apply(member, undefined, given);
        return result instanceof Promise ? watched(attempt, `${of}.${String(name)}`, result) : result;
      };
    },
  });
}

/** @param what as the code calls it, for the message */
export function watched<T>(
  { stage, claim }: Pick<Attempt, 'stage' | 'claim'>,
  what: string,
  work: Promise<T>,
): Promise<T> {
  const promise = new WatchedPromise<T>((resolve, reject) => void work.then(resolve, reject));
  const ended = work.then(
    () => undefined,
    (error: unknown) => {
      stage.unawaited.push({ isTaken: () => promise.isTaken, error: notAwaited(claim.row.stepId, what, error) });
    },
  );
  stage.running.add(ended);
  void ended.finally(() => stage.running.delete(ended));
  // Handled here, without being taken: nobody need take it.
  void Promise.prototype.then.call(promise, undefined, () => undefined);
  return promise;
}

function notAwaited(stepId: string, what: string, error: unknown): HoldfastError {
  const said = error instanceof Error ? error.message : String(error);
  const text = /[.!?]$/.test(said) ? said : `${said}.`;
  return new HoldfastError(
    'step-failed',
    `Step ${stepId} does not wait for ${what}, which failed: ${text} Await what the step calls.`,
    { stepId },
    { cause: error },
  );
}

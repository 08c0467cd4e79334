/** How a call is made: that it is about to be made is durable before, what came of it after. */
import type { Json } from '../../../model/canonical-json.ts';
import { HoldfastError } from '../../../model/failure.ts';
import { performKeyOf } from '../../../model/record/token.ts';
import { isNotPerformed } from '../../../model/step/not-performed.ts';
import { faultPointAsync } from '../../../store/fault-point.ts';
import type { PerformRow } from '../../../store/ledger/perform-row.ts';
import { askAbout, errorText } from './ask-about.ts';
import type { Call } from './call.ts';
import type { Fallback } from './next-act.ts';
import { recordAnswer } from './record-answer.ts';

/** What the ledger says of the call again if this one certainly did nothing: a doubt from before it stays. */
type FallbackState = Pick<PerformRow, 'state' | 'nonce'>;

/**
 * @param earlier what the ledger has of the call
 * @param seen the same as the ledger has it, where it goes on under another key
 * @param otherwise its state again if this call certainly did not happen
 * @throws HoldfastError `fenced`, `in-doubt`; what `run` throws; what stands in the way of an effect now
 */
export async function makeCall<T extends Json>(
  call: Call<T>,
  earlier: PerformRow | undefined,
  otherwise: Fallback,
  seen: PerformRow | undefined = earlier,
): Promise<T> {
  const { attempt, kind, options } = call;
  const { claim, signal, mayAct } = attempt;
  // A probe that says no doesn't take it back: what was begun may be under way still.
  const isRepeat = !kind.isSafe && earlier !== undefined && earlier.state !== 'withdrawn' && earlier.nonce !== '';
  const fallback = { state: otherwise, nonce: isRepeat && otherwise !== 'withdrawn' ? earlier.nonce : '' };
  const about = aboutToBeMade(call, earlier);
  await faultPointAsync('perform.about-before');
  await claim.putPerform(seen, about, mayAct);
  await faultPointAsync('perform.about-after');
  // Nothing is between here and the call: a process that stood still meanwhile looks once more.
  const isGivenUp = attempt.caller.isGivenUp?.() === true;
  if (signal.aborted || isGivenUp || !claim.isCurrent) {
    await withdraw(call, about, fallback, 'the attempt ended before it was called').catch(() => undefined);
    signal.throwIfAborted();
    const { stepId } = about;
    if (isGivenUp) throw givenUp(call, stepId);
    throw new HoldfastError('fenced', `Another attempt has taken over step ${stepId}; ${call.name} is not called.`, {
      stepId,
    });
  }
  await faultPointAsync('perform.call-before');
  let answer: unknown;
  try {
    answer = await options.run({ key: about.key, signal, isRepeat });
  } catch (error) {
    return await endFailed(call, about, fallback, error);
  }
  await faultPointAsync('perform.call-after');
  return await recordAnswer(call, { seen: about, row: about, known: 'called', answer });
}

/** Its workspace may be elsewhere by now, with a record that this process can't see. */
function givenUp<T extends Json>({ name }: Call<T>, stepId: string): HoldfastError {
  return new HoldfastError(
    'busy',
    `The server has heard nothing of this attempt at step ${stepId} for longer than its heartbeat timeout, as ` +
      `after a host that slept: it counts as lost, and ${name} is not called. Whoever tries the step again calls it.`,
    { stepId },
  );
}

/** The row of a call under this claim, before it is made. */
export function aboutToBeMade<T extends Json>(
  { attempt, name, options, kind, wanted }: Call<T>,
  earlier: PerformRow | undefined,
): PerformRow {
  const { token, jobId, stepId, generation, nonce } = attempt.claim.row;
  const round = earlier?.round ?? 0;
  return {
    token,
    name,
    jobId,
    stepId,
    generation,
    state: 'about',
    key: earlier?.key ?? performKeyOf({ token, name, round }),
    round,
    inDoubt: kind.isSafe ? 'safe' : (options.inDoubt ?? 'ask'),
    request: { digest: wanted.request, text: wanted.text },
    answers: { request: wanted.request, reads: wanted.reads },
    answer: null,
    known: null,
    calledIn: generation,
    nonce,
    note: null,
    at: new Date().toISOString(),
    wanted: null,
  };
}

/**
 * Did the call say that it did not happen? If nobody knows, the step's policy decides; the default is to ask a person.
 */
async function endFailed<T extends Json>(
  call: Call<T>,
  about: PerformRow,
  fallback: FallbackState,
  thrown: unknown,
): Promise<never> {
  const { attempt, kind, options } = call;
  const error = ownError(call, thrown);
  if (isNotPerformed(error)) {
    attempt.stage.attributedErrors.add(error);
    await withdraw(call, about, fallback, error.message);
    throw error;
  }
  const isLeftAsItIs =
    // Cut off from outside: the next attempt finds it so.
    attempt.signal.aborted || kind.isSafe || options.inDoubt === 'repeat' || options.inDoubt === 'probe';
  if (isLeftAsItIs) throw error;
  const why = `the call failed, which does not tell whether it took effect: ${errorText(attempt, error)}`;
  return askAbout(call, about, 'outcome-unknown', why);
}

/** The error of a call within this call says nothing of this one. */
function ownError<T extends Json>({ attempt, name }: Call<T>, thrown: unknown): unknown {
  const { attributedErrors } = attempt.stage;
  const isOfAnotherCall = isNotPerformed(thrown) && attributedErrors.has(thrown);
  if (!isOfAnotherCall) return thrown;
  return new HoldfastError(
    'step-failed',
    `A call within ${name} was not made, which says nothing of ${name}: ${thrown.message}`,
    { name },
    { cause: thrown },
  );
}

/** The call certainly did not happen; if it was in doubt before, it still is. */
async function withdraw<T extends Json>(
  { attempt: { claim, workspace } }: Call<T>,
  about: PerformRow,
  { state, nonce }: FallbackState,
  why: string,
): Promise<void> {
  await faultPointAsync('perform.withdrawn-before');
  const note = `not made: ${workspace.secrets.redact(why).slice(0, 500)}`;
  await claim.putPerform(about, { ...about, state, nonce, note });
  await faultPointAsync('perform.withdrawn-after');
}

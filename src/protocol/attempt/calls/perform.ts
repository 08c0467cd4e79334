/**
 * `ctx.perform`: a call that can't be staged. Write-ahead: "about to" is durable before it, its answer after it.
 *
 * Invariants
 * 1. `run` is called only while the ledger says, durably and by this very claim, that it is about to be.
 * 2. A call that may have happened is never made again unless the step's own policy (`repeat`), the probe or a
 *    person says so. A retry that would send something else than what was begun is always a question for a person.
 * 3. A call that is not over ends its attempt, whatever the code makes of the error; no further call begins, and no
 *    value of `ctx.once` is recorded.
 * 4. At most two ledger commits a call.
 * 5. A safe call (a GET) changes nothing on the remote side: the record answers it for the very same request and
 *    reads, else it is made again. It is never in doubt, and a step that runs again on purpose makes it anew.
 * 6. A call that is under way still is not made beside itself: it is ended first, or waited for.
 * 7. The record of a call names the secrets that it was made with; an answer that repeats one is recorded, and given
 *    to the code, with the name in its place.
 */
import type { Json } from '../../../model/canonical-json.ts';
import { HoldfastError } from '../../../model/failure.ts';
import { performKeyOf } from '../../../model/record/token.ts';
import type { PerformOptions } from '../../../model/step/step-call.ts';
import type { PerformRow } from '../../../store/ledger/perform-row.ts';
import type { Attempt } from '../attempt.ts';
import { askAbout } from './ask-about.ts';
import type { CallKind } from './call.ts';
import { makeCall } from './make-call.ts';
import { nextAct } from './next-act.ts';
import { probeCall } from './probe-call.ts';
import { recordedAnswer } from './recorded-answer.ts';
import { requestCall } from './request-call.ts';
import { trackCall } from './running-calls.ts';
import { unrecordedCall } from './unrecorded-call.ts';

/**
 * Makes a call, or answers from the record. Whoever ends the attempt waits for it: it is among `stage.runningCalls`.
 */
export function perform<T extends Json>(
  attempt: Attempt,
  name: string,
  options: PerformOptions<T>,
  kind: CallKind = { isSafe: options.readOnly === true },
): Promise<T> {
  const { stage, claim } = attempt;
  if (stage.isOver)
    return refused(
      new HoldfastError(
        'fenced',
        `Step ${claim.row.stepId} has ended; ctx.perform("${name}") came after its end and is not made. ` +
          'Await what the step calls.',
        { name },
      ),
    );
  // The code may have caught the error that ends the attempt: no fallback is called while the first choice may have
  // happened.
  if (stage.mustEnd !== undefined) return refused(stage.mustEnd.error);
  return trackCall(stage, answer(attempt, name, options, kind));
}

/** Code that doesn't wait for its call must not end the worker by it. */
function refused(error: unknown): Promise<never> {
  const rejection = Promise.reject<never>(error as Error);
  rejection.catch(() => undefined);
  return rejection;
}

async function answer<T extends Json>(
  attempt: Attempt,
  name: string,
  options: PerformOptions<T>,
  kind: CallKind,
): Promise<T> {
  const call = requestCall(attempt, name, options, kind);
  attempt.signal.throwIfAborted();
  const row = attempt.claim.callInForce(name) ?? (await unrecordedCall(call));
  const act = nextAct(call, row);
  const underway = isBegun(row) ? await kind.underway?.(row) : undefined;
  switch (act.kind) {
    case 'answer':
      return recordedAnswer<T>(attempt, act.row);
    case 'make':
      await underway?.end();
      return await makeCall(call, act.earlier, act.otherwise);
    case 'make-anew':
      return await makeCall(call, anew(act.earlier), 'withdrawn', act.earlier);
    case 'probe':
      return await probeCall(call, act.row);
    case 'ask':
      return askAbout(call, act.row, act.doubt, { why: act.why, underway });
  }
}

/** For its old key the other side would repeat its old answer. */
function anew(row: PerformRow): PerformRow {
  const { token, name } = row;
  const round = row.round + 1;
  return { ...row, round, key: performKeyOf({ token, name, round }), state: 'withdrawn', nonce: '' };
}

function isBegun(row: PerformRow | undefined): row is PerformRow {
  return row?.state === 'about' || row?.state === 'repeat';
}

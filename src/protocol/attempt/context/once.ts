/**
 * `ctx.once`: a value that is recorded before it is used. A retry is given the recorded value while everything that the
 * step had read before it is the same.
 */
import { canonicalJson, type Json } from '../../../model/canonical-json.ts';
import { HoldfastError } from '../../../model/failure.ts';
import { faultPointAsync } from '../../../store/fault-point.ts';
import type { Attempt } from '../attempt.ts';
import { mustNotBeOver } from '../must-not-be-over.ts';
import { takeName } from '../take-name.ts';

export const MAX_ONCE_CHARACTERS = 16 * 1024 * 1024;

/**
 * @param fn computes the value where none is recorded
 * @throws HoldfastError `once-name-twice`, `not-json`, `too-large`, `secret-in-output`, `fenced`; what `fn` throws
 */
export async function once<T extends Json>(attempt: Attempt, name: string, fn: () => T | Promise<T>): Promise<T> {
  const { claim, stage, signal } = attempt;
  mustNotBeOver(attempt, `ctx.once("${name}")`);
  // A call that the code has caught ends the attempt: a value computed now would rest on an outcome that nobody knows.
  if (stage.mustEnd !== undefined) throw stage.mustEnd.error;
  takeName(attempt, name, `ctx.once("${name}")`);
  const reads = stage.onceDigest();
  const recorded = await claim.recordedValue(name);
  if (recorded !== undefined && recorded.reads === reads) {
    stage.usedValues.add(name);
    return JSON.parse(recorded.value) as T;
  }
  // What the value was computed from has changed: a new draft begins, and the old values stay as evidence. Values that
  // the code has already gone on with move to the new draft: the next attempt must not be given different ones.
  if (recorded !== undefined)
    await claim.newDraft(
      [...stage.usedValues],
      `what step ${claim.row.stepId} read before "${name}" has changed since the value was recorded`,
    );
  signal.throwIfAborted();
  const value = textOf(attempt, name, await fn());
  mustNotBeOver(attempt, `ctx.once("${name}")`);
  await faultPointAsync('once.before');
  await claim.recordValue(name, value, reads);
  stage.usedValues.add(name);
  await faultPointAsync('once.after');
  return JSON.parse(value) as T;
}

/** Canonical JSON that may be recorded. @throws HoldfastError `not-json`, `secret-in-output`, `too-large` */
function textOf({ workspace: { secrets } }: Attempt, name: string, value: Json): string {
  const text = canonicalJson(value, `once("${name}")`);
  secrets.refuse(name, 'the name of a value of ctx.once');
  secrets.refuse(text, `the value of ctx.once("${name}")`);
  if (text.length > MAX_ONCE_CHARACTERS)
    throw new HoldfastError(
      'too-large',
      `ctx.once("${name}") returned ${text.length} characters; at most ${MAX_ONCE_CHARACTERS} are recorded.`,
      { name },
    );
  return text;
}

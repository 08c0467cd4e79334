/**
 * `ctx.perform`: a call that can't be staged. Write-ahead: "about to" is durable before it, its answer after it.
 *
 * Invariants
 * 1. `run` is called only while the ledger says, durably and by this very claim, that it is about to be.
 * 2. What may have happened is never called again without the step's word (`repeat`), the probe's or a person's; and a
 *    retry that would send something else than what was begun is always a person's matter.
 * 3. A call that is not over ends its attempt, whatever the code makes of the error; no further call begins, and no value of
 *    `ctx.once` is recorded.
 * 4. At most two ledger commits a call.
 * 5. A safe call (a GET) changes nothing on the other side: it is answered by the record for the very same request and reads,
 *    else made again; it is never in doubt, and a step that runs again on purpose makes it anew.
 * 6. The record of a call names the secrets that it was made with; an answer that repeats one is recorded, and given to the
 *    code, with the name in its place.
 */
import { canonicalJson, type Json } from '../../../model/canonical-json.ts';
import { digestOf, sha256Hex } from '../../../model/digest.ts';
import { HoldfastError } from '../../../model/failure.ts';
import { isNotPerformed } from '../../../model/step/not-performed.ts';
import type { PerformOptions, ProbeResult } from '../../../model/step/step-call.ts';
import { performKeyOf } from '../../../model/record/token.ts';
import { faultPointAsync } from '../../../store/fault-point.ts';
import type { PerformBasis, PerformRow } from '../../../store/ledger/perform-row.ts';
import type { Attempt } from '../attempt.ts';
import { inDoubtError, type DoubtKind } from '../doubt.ts';
import type { Secrets } from '../../secrets/secrets.ts';

export const MAX_PERFORM_CHARACTERS = 16 * 1024 * 1024;
/** Of a request the text that people see; its digest covers the whole. */
export const MAX_REQUEST_TEXT_CHARACTERS = 4_000;
const MAX_NAME_CHARACTERS = 100;
const MAX_ERROR_CHARACTERS = 1_000;
const NAME = /^[A-Za-z0-9_][\w.#/@:+-]*$/;

export interface CallKind {
  /** Does it change nothing on the other side? */
  readonly isSafe: boolean;
  /** For a person who answers `happened`: what an answer looks like. */
  readonly told?: string;
}

/** Makes a call, or answers from the record. Whoever ends the attempt waits for it: it is among `stage.performing`. */
export function perform<T extends Json>(
  parts: Attempt,
  name: string,
  options: PerformOptions<T>,
  kind: CallKind = { isSafe: false },
): Promise<T> {
  const { stage, claim } = parts;
  if (stage.isOver)
    return refused(
      new HoldfastError(
        'fenced',
        `Step ${claim.row.stepId} has ended; ctx.perform("${name}") came after its end and is not made. Await what the step calls.`,
        { name },
      ),
    );
  // The code may have caught what ends the attempt: a fallback is not called while the first choice may have happened.
  if (stage.mustEnd !== undefined) return refused(stage.mustEnd.error);
  const work = new Call(parts, name, options, kind).make();
  const noted = work.catch((error: unknown) => {
    // What the code has caught ends the attempt all the same, unless the call certainly did not happen.
    if (!isNotPerformed(error)) stage.mustEnd ??= { error };
  });
  stage.runningCalls.add(noted);
  void noted.finally(() => stage.runningCalls.delete(noted));
  return work;
}

/** Code that doesn't wait for its call must not end the worker by it. */
function refused(error: unknown): Promise<never> {
  const rejection = Promise.reject<never>(error as Error);
  rejection.catch(() => undefined);
  return rejection;
}

class Call<T extends Json> {
  readonly #parts: Attempt;
  readonly #name: string;
  readonly #options: PerformOptions<T>;
  readonly #kind: CallKind;

  constructor(parts: Attempt, name: string, options: PerformOptions<T>, kind: CallKind) {
    this.#parts = parts;
    this.#name = name;
    this.#options = options;
    this.#kind = kind;
  }

  async make(): Promise<T> {
    const { claim, signal } = this.#parts;
    this.#takeName();
    const wanted = this.#wanted();
    signal.throwIfAborted();
    const row = claim.callInForce(this.#name);
    if (row?.inDoubt === 'safe')
      return this.#isAnsweredSafely(row, wanted) ? this.#answerFrom(row) : await this.#call(wanted, row, 'withdrawn');
    if (row === undefined || row.state === 'withdrawn') return await this.#call(wanted, row, 'withdrawn');
    if (row.state === 'done' || row.state === 'kept')
      return this.#isAnswered(row, wanted)
        ? this.#answerFrom(row)
        : this.#ask(
            row,
            wanted,
            'performed-otherwise',
            'an earlier attempt made it with another request, or after it had been given or had read something else',
          );
    if (!this.#isAnswered(row, wanted))
      return this.#ask(
        row,
        wanted,
        'outcome-unknown',
        'an earlier attempt began it and ended without a word; now something else is asked for, or the step was given or has read something else',
      );
    if (row.state === 'repeat') return await this.#call(wanted, row, 'repeat');
    switch (this.#options.inDoubt ?? 'ask') {
      case 'ask':
        return this.#ask(row, wanted, 'outcome-unknown', 'an earlier attempt began it and ended without a word');
      case 'repeat':
        return await this.#call(wanted, row, 'about');
      case 'probe':
        return await this.#probe(wanted, row);
    }
  }

  #takeName(): void {
    const { claim, stage } = this.#parts;
    const name = this.#name;
    if (name.length > MAX_NAME_CHARACTERS || !NAME.test(name)) {
      throw new HoldfastError(
        'bad-input',
        `ctx.perform was given the name ${JSON.stringify(name.slice(0, 200))}. Expected at most ${MAX_NAME_CHARACTERS} letters, digits and _ . # / @ : + -, the first a letter, a digit or _.`,
        { name },
      );
    }
    this.#secrets.refuse(name, `the name of a call of ctx.perform`);
    if (stage.takenNames.has(name))
      throw new HoldfastError(
        'once-name-twice',
        `ctx.perform("${name}"): step ${claim.row.stepId} has used the name before.`,
        { name },
      );
    stage.takenNames.add(name);
    if (this.#options.inDoubt === 'probe' && this.#options.probe === undefined) {
      throw new HoldfastError(
        'bad-input',
        `ctx.perform("${name}") says inDoubt: 'probe' and has no probe. Expected a function that finds out whether the call happened.`,
        { name },
      );
    }
  }

  #wanted(): Wanted {
    const { claim, stage } = this.#parts;
    const text = canonicalJson(
      this.#secrets.redactJson(this.#options.request ?? null),
      `perform("${this.#name}").request`,
    );
    if (text.length > MAX_PERFORM_CHARACTERS)
      throw new HoldfastError(
        'too-large',
        `The request of ctx.perform("${this.#name}") has ${text.length} characters; at most ${MAX_PERFORM_CHARACTERS} are taken. Hand large contents over by a file or a table.`,
        { name: this.#name },
      );
    return {
      request: sha256Hex(text),
      reads: digestOf({ args: claim.row.args, reads: stage.readsDigest() }),
      text: text.length <= MAX_REQUEST_TEXT_CHARACTERS ? text : `${text.slice(0, MAX_REQUEST_TEXT_CHARACTERS)}…`,
    };
  }

  /** Is the row about what is asked for now? A step that runs again on purpose was given something else; then the request alone says it, if there is one. */
  #isAnswered({ answers, generation, state }: PerformRow, wanted: Wanted): boolean {
    if (answers === null) return true;
    if (answers.request !== wanted.request) return false;
    const isEarlierGeneration = generation < this.#parts.claim.row.generation;
    return (
      answers.reads === wanted.reads ||
      (isEarlierGeneration && (state === 'done' || state === 'kept' || this.#options.request !== undefined))
    );
  }

  #isAnsweredSafely({ state, token, answers }: PerformRow, wanted: Wanted): boolean {
    return (
      state === 'done' &&
      token === this.#parts.claim.row.token &&
      answers?.request === wanted.request &&
      answers.reads === wanted.reads
    );
  }

  #answerFrom(row: PerformRow): T {
    const { claim, stage } = this.#parts;
    const recorded =
      row.token === claim.row.token
        ? undefined
        : claim
            .stepRecordOf(row.token)
            ?.effects.find(({ effect }) => effect.kind === 'perform' && effect.name === row.name)?.effect;
    if (row.answer === null || (recorded?.kind === 'perform' && recorded.answer !== sha256Hex(row.answer))) {
      throw new HoldfastError(
        'ledger-damaged',
        `The ledger's answer of ${row.name} of step ${row.stepId} is not the one that its record names.`,
        { name: row.name },
      );
    }
    stage.performed.set(row.name, row);
    return JSON.parse(row.answer) as T;
  }

  /** `before`: what the ledger has of it; `otherwise`: what it is (again) if this call certainly does not happen. */
  async #call(wanted: Wanted, before: PerformRow | undefined, otherwise: 'withdrawn' | 'about' | 'repeat'): Promise<T> {
    const { claim, signal, mayAct } = this.#parts;
    const { token, jobId, stepId, generation, nonce } = claim.row;
    const round = before?.round ?? 0;
    // A probe that says no doesn't take it back: what was begun may be under way still.
    const isRepeat = !this.#kind.isSafe && before !== undefined && before.state !== 'withdrawn' && before.nonce !== '';
    const withdrawn: Withdrawn = { state: otherwise, nonce: isRepeat && otherwise !== 'withdrawn' ? before.nonce : '' };
    const about: PerformRow = {
      token,
      name: this.#name,
      jobId,
      stepId,
      generation,
      state: 'about',
      key: before?.key ?? performKeyOf({ token, name: this.#name, round }),
      round,
      inDoubt: this.#kind.isSafe ? 'safe' : (this.#options.inDoubt ?? 'ask'),
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
    await faultPointAsync('perform.about-before');
    await claim.putPerform(before, about, mayAct);
    await faultPointAsync('perform.about-after');
    // Nothing is between here and the call: a process that stood still meanwhile looks once more.
    if (signal.aborted || !claim.isCurrent) {
      await this.#withdraw(about, withdrawn, 'the attempt ended before it was called').catch(() => undefined);
      signal.throwIfAborted();
      throw new HoldfastError('fenced', `Another attempt has taken over step ${stepId}; ${this.#name} is not called.`, {
        stepId,
      });
    }
    await faultPointAsync('perform.call-before');
    let answer: unknown;
    try {
      answer = await this.#options.run({ key: about.key, signal, isRepeat });
    } catch (error) {
      return await this.#threw(about, withdrawn, wanted, error);
    }
    await faultPointAsync('perform.call-after');
    return await this.#happened(about, about, wanted, 'called', answer);
  }

  async #threw(about: PerformRow, withdrawn: Withdrawn, wanted: Wanted, thrown: unknown): Promise<never> {
    const { attributedErrors } = this.#parts.stage;
    const isOfAnother = isNotPerformed(thrown) && attributedErrors.has(thrown);
    const error = isOfAnother
      ? new HoldfastError(
          'step-failed',
          `A call within ${this.#name} was not made, which says nothing of ${this.#name}: ${thrown.message}`,
          { name: this.#name },
          { cause: thrown },
        )
      : thrown;
    if (isNotPerformed(error)) {
      attributedErrors.add(error);
      await this.#withdraw(about, withdrawn, error.message);
      throw error;
    }
    // Cut off from outside: it stays as it is, and the next attempt finds it so.
    if (
      this.#parts.signal.aborted ||
      this.#kind.isSafe ||
      this.#options.inDoubt === 'repeat' ||
      this.#options.inDoubt === 'probe'
    )
      throw error;
    return this.#ask(
      about,
      wanted,
      'outcome-unknown',
      `the call failed and does not say that nothing happened: ${this.#errorText(error)}`,
    );
  }

  /** It certainly did not happen; what was in doubt before it still is. */
  async #withdraw(about: PerformRow, { state, nonce }: Withdrawn, why: string): Promise<void> {
    await faultPointAsync('perform.withdrawn-before');
    await this.#parts.claim.putPerform(about, {
      ...about,
      state,
      nonce,
      note: `not made: ${this.#secrets.redact(why).slice(0, 500)}`,
    });
    await faultPointAsync('perform.withdrawn-after');
  }

  async #happened(
    seen: PerformRow,
    row: PerformRow,
    wanted: Wanted,
    known: 'called' | 'probed',
    answer: unknown,
  ): Promise<T> {
    const { claim, stage } = this.#parts;
    let text: string;
    try {
      // A call that answers nothing is no mistake.
      text = canonicalJson(this.#secrets.redactJson(answer ?? null), `perform("${this.#name}")`);
      if (text.length > MAX_PERFORM_CHARACTERS)
        throw new HoldfastError(
          'too-large',
          `it has ${text.length} characters; at most ${MAX_PERFORM_CHARACTERS} are recorded`,
        );
    } catch (error) {
      return this.#ask(
        row,
        wanted,
        'outcome-unknown',
        `it happened, but its answer cannot be recorded: ${this.#errorText(error)}`,
      );
    }
    const done: PerformRow = { ...row, state: 'done', answer: text, known, wanted: null };
    await faultPointAsync('perform.done-before');
    await claim.putPerform(seen, done);
    await faultPointAsync('perform.done-after');
    stage.performed.set(this.#name, done);
    return JSON.parse(text) as T;
  }

  async #probe(wanted: Wanted, row: PerformRow): Promise<T> {
    const { claim, signal } = this.#parts;
    const { token, generation, nonce } = claim.row;
    let found: ProbeResult<T>;
    try {
      found = await this.#options.probe!({ key: row.key, request: this.#options.request ?? null, signal });
    } catch (error) {
      if (signal.aborted) throw error;
      return this.#ask(
        row,
        wanted,
        'outcome-unknown',
        `an earlier attempt began it, and the probe failed: ${this.#errorText(error)}`,
      );
    }
    const happened = (found as { readonly happened?: unknown } | undefined)?.happened;
    if (happened === true)
      return await this.#happened(
        row,
        { ...row, token, generation, nonce },
        wanted,
        'probed',
        (found as { readonly answer?: unknown }).answer,
      );
    if (happened === false) return await this.#call(wanted, row, 'withdrawn');
    return this.#ask(
      row,
      wanted,
      'outcome-unknown',
      happened === 'unknown'
        ? 'an earlier attempt began it, and the probe could not find out'
        : `an earlier attempt began it, and the probe answered ${this.#errorText(found)}; expected { happened: true, answer }, { happened: false } or { happened: 'unknown' }`,
    );
  }

  get #secrets(): Secrets {
    return this.#parts.workspace.secrets;
  }

  /** Redacted before it is cut. */
  #errorText(error: unknown): string {
    return this.#secrets.redact(errorText(error)).slice(0, MAX_ERROR_CHARACTERS);
  }

  #ask(row: PerformRow, wanted: Wanted, kind: DoubtKind, why: string): never {
    const { claim, stage } = this.#parts;
    const { told } = this.#kind;
    stage.inDoubt.set(this.#name, { row, wanted, kind, why, ...(told === undefined ? {} : { told }) });
    throw inDoubtError(claim.row.stepId, [this.#name]);
  }
}

type Wanted = PerformBasis & { readonly text: string };
type Withdrawn = Pick<PerformRow, 'state' | 'nonce'>;

function errorText(error: unknown): string {
  return error instanceof Error
    ? `${error.name}: ${error.message}${error.cause instanceof Error ? ` (${error.cause.message})` : ''}`
    : (JSON.stringify(error) ?? String(error));
}

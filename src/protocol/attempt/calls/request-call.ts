/** What is checked and noted of a call before anything is done about it. */
import { canonicalJson, type Json } from '../../../model/canonical-json.ts';
import { digestOf, sha256Hex } from '../../../model/digest.ts';
import { HoldfastError } from '../../../model/failure.ts';
import { refuseUnknownOptions, type OptionNames } from '../../../model/options.ts';
import type { PerformOptions } from '../../../model/step/step-call.ts';
import type { Attempt } from '../attempt.ts';
import { takeName } from '../take-name.ts';
import type { CallRequest } from '../../question/doubt.ts';
import type { Call, CallKind } from './call.ts';

export const MAX_PERFORM_CHARACTERS = 16 * 1024 * 1024;
/** Of a request the text that people see; its digest covers the whole. */
export const MAX_REQUEST_TEXT_CHARACTERS = 4_000;
const MAX_NAME_CHARACTERS = 100;
const NAME = /^[A-Za-z0-9_][\w.#/@:+-]*$/;

const PERFORM_OPTIONS: OptionNames<PerformOptions<Json>> = {
  request: true,
  run: true,
  probe: true,
  readOnly: true,
  inDoubt: true,
};
const IN_DOUBT: readonly string[] = ['ask', 'repeat', 'probe'];

/**
 * Takes the call's name.
 * @throws HoldfastError `bad-input`, `once-name-twice`, `secret-in-output`, `not-json`, `too-large`
 */
export function requestCall<T extends Json>(
  attempt: Attempt,
  name: string,
  options: PerformOptions<T>,
  kind: CallKind,
): Call<T> {
  checkName(attempt, name);
  refuseUnknownOptions(`ctx.perform("${name}")`, options, PERFORM_OPTIONS);
  if (options.inDoubt !== undefined && !IN_DOUBT.includes(options.inDoubt))
    throw new HoldfastError(
      'bad-input',
      `ctx.perform("${name}") was given inDoubt ${JSON.stringify(options.inDoubt)}. ` +
        `Expected one of ${IN_DOUBT.join(', ')}.`,
      { name },
    );
  takeName(attempt, name, `ctx.perform("${name}")`);
  if (options.inDoubt === 'probe' && options.probe === undefined)
    throw new HoldfastError(
      'bad-input',
      `ctx.perform("${name}") says inDoubt: 'probe' and has no probe. ` +
        'Expected a function that finds out whether the call happened.',
      { name },
    );
  return { attempt, name, options, kind, wanted: wantedOf(attempt, name, options.request ?? null) };
}

function checkName({ workspace: { secrets } }: Attempt, name: string): void {
  if (name.length > MAX_NAME_CHARACTERS || !NAME.test(name))
    throw new HoldfastError(
      'bad-input',
      `ctx.perform was given the name ${JSON.stringify(name.slice(0, 200))}. Expected at most ` +
        `${MAX_NAME_CHARACTERS} letters, digits and _ . # / @ : + -, the first a letter, a digit or _.`,
      { name },
    );
  secrets.refuse(name, 'the name of a call of ctx.perform');
}

function wantedOf({ claim, stage, workspace: { secrets } }: Attempt, name: string, request: Json): CallRequest {
  const text = canonicalJson(secrets.redactJson(request), `perform("${name}").request`);
  if (text.length > MAX_PERFORM_CHARACTERS)
    throw new HoldfastError(
      'too-large',
      `The request of ctx.perform("${name}") has ${text.length} characters; at most ${MAX_PERFORM_CHARACTERS} ` +
        'are taken. Hand large contents over by a file or a table.',
      { name },
    );
  return {
    request: sha256Hex(text),
    reads: digestOf({ args: claim.row.args, reads: stage.readsDigest() }),
    text: text.length <= MAX_REQUEST_TEXT_CHARACTERS ? text : `${text.slice(0, MAX_REQUEST_TEXT_CHARACTERS)}…`,
  };
}

/** How the answer of a call is recorded: durably, before the code has it. */
import { canonicalJson, type Json } from '../../../model/canonical-json.ts';
import { HoldfastError } from '../../../model/failure.ts';
import { faultPointAsync } from '../../../store/fault-point.ts';
import type { PerformRow } from '../../../store/ledger/perform-row.ts';
import { askAbout, errorText } from './ask-about.ts';
import type { Call } from './call.ts';
import { MAX_PERFORM_CHARACTERS } from './request-call.ts';

export interface CallAnswer {
  /** What the ledger has of the call. */
  readonly seen: PerformRow;
  /** What it becomes, with the answer. */
  readonly row: PerformRow;
  readonly known: 'called' | 'probed';
  /** As the code, or its probe, gave it. */
  readonly answer: unknown;
}

/** @throws HoldfastError `fenced`; `in-doubt` for an answer that cannot be recorded */
export async function recordAnswer<T extends Json>(
  call: Call<T>,
  { seen, row, known, answer }: CallAnswer,
): Promise<T> {
  const { claim, stage } = call.attempt;
  let text: string;
  try {
    text = recordableText(call, answer);
  } catch (error) {
    const why = `it happened, but its answer cannot be recorded: ${errorText(call.attempt, error)}`;
    return askAbout(call, row, 'outcome-unknown', why);
  }
  const done: PerformRow = { ...row, state: 'done', answer: text, known, wanted: null };
  await faultPointAsync('perform.done-before');
  await claim.putPerform(seen, done);
  await faultPointAsync('perform.done-after');
  stage.performed.set(call.name, done);
  return JSON.parse(text) as T;
}

/** A call that answers nothing is no mistake. @throws HoldfastError `not-json`, `too-large` */
function recordableText<T extends Json>({ attempt: { workspace }, name }: Call<T>, answer: unknown): string {
  const text = canonicalJson(workspace.secrets.redactJson(answer ?? null), `perform("${name}")`);
  if (text.length > MAX_PERFORM_CHARACTERS)
    throw new HoldfastError(
      'too-large',
      `it has ${text.length} characters; at most ${MAX_PERFORM_CHARACTERS} are recorded`,
    );
  return text;
}

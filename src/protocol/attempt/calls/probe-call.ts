/** How the step's own probe finds out whether a call in doubt happened. */
import type { Json } from '../../../model/canonical-json.ts';
import { invariant } from '../../../model/invariant.ts';
import type { ProbeResult } from '../../../model/step/step-call.ts';
import type { PerformRow } from '../../../store/ledger/perform-row.ts';
import { askAbout, errorText } from './ask-about.ts';
import type { Call } from './call.ts';
import { makeCall } from './make-call.ts';
import { recordAnswer } from './record-answer.ts';

/** @throws HoldfastError `in-doubt` where the probe did not find out; as `makeCall` */
export async function probeCall<T extends Json>(call: Call<T>, row: PerformRow): Promise<T> {
  const { attempt, options } = call;
  const { claim, signal } = attempt;
  const { token, generation, nonce } = claim.row;
  invariant(options.probe !== undefined, 'a call that is probed has a probe');
  let found: ProbeResult<T>;
  try {
    found = await options.probe({ key: row.key, request: options.request ?? null, signal });
  } catch (error) {
    if (signal.aborted) throw error;
    const why = `an earlier attempt began it, and the probe failed: ${errorText(attempt, error)}`;
    return askAbout(call, row, 'outcome-unknown', why);
  }
  const { happened, answer } = asFound(found);
  if (happened === true)
    return await recordAnswer(call, { seen: row, row: { ...row, token, generation, nonce }, known: 'probed', answer });
  if (happened === false) return await makeCall(call, row, 'withdrawn');
  const why =
    happened === 'unknown'
      ? 'an earlier attempt began it, and the probe could not find out'
      : `an earlier attempt began it, and the probe answered ${errorText(attempt, found)}; ` +
        "expected { happened: true, answer }, { happened: false } or { happened: 'unknown' }";
  return askAbout(call, row, 'outcome-unknown', why);
}

/** Code without types may return anything. */
function asFound(found: unknown): { readonly happened?: unknown; readonly answer?: unknown } {
  return typeof found === 'object' && found !== null ? found : {};
}

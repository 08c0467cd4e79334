/** Calls of steps that run again: their recorded answers are kept, unless the decision names them. */
import { invariant } from '../../model/invariant.ts';
import type { Decision } from '../../model/question/decision.ts';
import { parseResource } from '../../model/record/resource.ts';
import { performKeyOf, tokenOf } from '../../model/record/token.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { PerformRow } from '../../store/ledger/perform-row.ts';
import { isPartOf } from '../../model/sub-step-id.ts';
import { callsInForce, isKept, resourceOfCall } from '../question/kept-calls.ts';
import { noteOf } from './answers/settle-calls.ts';
import type { SealedRepair } from './running/sealed-repair.ts';

type Reruns = SealedRepair['reruns'];

export interface RepeatedCalls {
  readonly decision: Pick<Decision, 'by' | 'reason'>;
  readonly reruns: Reruns;
  /** By resource. */
  readonly again: readonly string[];
}

/** The calls that the decision names are made anew. In the transaction that seals the repair. */
export function repeatCalls(ledger: Ledger, jobId: string, { decision, reruns, again }: RepeatedCalls): void {
  for (const resource of again) {
    // Statements are named, too, which nothing holds back when their step runs again.
    if (!resource.startsWith('perform:')) continue;
    const parsed = parseResource(resource);
    invariant(parsed.kind === 'perform', `${resource} names a call`);
    const rerun = reruns.find(({ stepId }) => isPartOf(parsed.stepId, stepId));
    if (rerun === undefined) continue;
    const row = ledger.performInForce(jobId, parsed.stepId, parsed.name, rerun.generation);
    if (row === undefined) continue;
    const token = tokenOf({ jobId, stepId: parsed.stepId, generation: rerun.generation });
    ledger.putPerform({ ...anew(row, token), generation: rerun.generation, note: noteOf('repeat', decision) });
  }
}

/** For the decision's record, one note a call. `again`: the calls that are made anew, by resource. */
export function keptCallNotes(
  { ledger, jobId }: { readonly ledger: Ledger; readonly jobId: string },
  reruns: Reruns,
  again: readonly string[],
): string[] {
  return reruns.flatMap(({ stepId, generation }) =>
    callsInForce(ledger, jobId, stepId, generation)
      .filter(isKept)
      .map((row) => {
        const resource = resourceOfCall(row);
        return `${resource}: ${again.includes(resource) ? 'it is made again, as decided' : whyKept(row)}`;
      }),
  );
}

/**
 * A call that may have happened keeps its key, by which the other side tells a repeat; a call that did happen gets a
 * new key.
 */
function anew(row: PerformRow, token: string): PerformRow {
  const repeated: PerformRow = {
    ...row,
    token,
    state: 'repeat',
    answers: null,
    answer: null,
    known: null,
    wanted: null,
  };
  if (row.state === 'about' || row.state === 'repeat') return repeated;
  return { ...repeated, nonce: '', round: 0, key: performKeyOf({ token, name: row.name, round: 0 }) };
}

function whyKept({ state }: PerformRow): string {
  return state === 'done' || state === 'kept'
    ? 'it cannot be undone; its recorded answer is kept'
    : 'whether it happened is not known; the step asks when it comes to it';
}

/** Calls of steps that run again which a decision names: they are made anew; their recorded answers do not count. */
import type { Decision } from '../../model/question/decision.ts';
import { parseResource } from '../../model/record/resource.ts';
import { performKeyOf, tokenOf } from '../../model/record/token.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { PerformRow } from '../../store/ledger/perform-row.ts';
import type { SealedRepair } from './sealed-repair.ts';
import { noteOf } from './settle-calls.ts';

type Reruns = SealedRepair['reruns'];

export interface RepeatedCalls {
  readonly decision: Pick<Decision, 'by' | 'reason'>;
  readonly reruns: Reruns;
  /** By resource. */
  readonly again: readonly string[];
}

/** In the transaction that seals the repair. */
export function repeatCalls(ledger: Ledger, jobId: string, { decision, reruns, again }: RepeatedCalls): void {
  for (const resource of again) {
    const parsed = parseResource(resource);
    if (parsed.kind !== 'perform') continue;
    const rerun = reruns.find(({ stepId }) => stepId === parsed.stepId);
    if (rerun === undefined) continue;
    const row = ledger.performInForce(jobId, parsed.stepId, parsed.name, rerun.generation);
    if (row === undefined) continue;
    const token = tokenOf({ jobId, ...rerun });
    ledger.putPerform({ ...anew(row, token), generation: rerun.generation, note: noteOf('repeat', decision) });
  }
}

/** A call that may have happened keeps its key, by which the other side tells a repeat; one that did gets a new key. */
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

/** Makes a repair complete and durable, before anything of it is done. */
import type { Ruling } from '../../model/question/ruling.ts';
import { defined } from '../../model/defined.ts';
import { invariant } from '../../model/invariant.ts';
import type { Decision } from '../../model/question/decision.ts';
import type { Question } from '../../model/question/question.ts';
import { findingsIdentity } from '../../model/question/finding.ts';
import { faultPoint } from '../../store/fault-point.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { ReinstatePlan } from './reinstate-plan.ts';
import { repeatCalls } from './rerun-calls.ts';
import type { RepairContext } from './running/context.ts';
import type { SealedRepair } from './running/sealed-repair.ts';

type UsableRuling = Extract<Ruling, { usable: true }>;

export interface RepairDraft {
  readonly question: Question;
  readonly decision: Decision;
  readonly ruling: UsableRuling;
  /** What the answered resources show now. */
  readonly found: SealedRepair['found'];
  /** Of a rewind, whose question nobody was asked: it is stored with the repair. */
  readonly rewoundTo?: SealedRepair['rewoundTo'];
  /** Of the undoing of a rewind. */
  readonly reinstating?: ReinstatePlan;
  /** Of a rewind: rows that go, with all their columns. */
  readonly keptRows?: SealedRepair['keptRows'];
  /** Of an edit, likewise. */
  readonly edits?: SealedRepair['edits'];
}

/** Call under the lock, for an open question. */
export function sealRepair({ ledger, jobId }: RepairContext, draft: RepairDraft): SealedRepair {
  const { decision, question, rewoundTo, edits } = draft;
  invariant(decision.digest === question.digest, 'a repair is sealed for the question that its decision answers');
  faultPoint('repair.sealed-before');
  const sealed = ledger.transaction(() => {
    if (rewoundTo !== undefined || edits !== undefined)
      ledger.openQuestion(question, findingsIdentity(question.findings));
    const reruns = issueReruns(ledger, jobId, draft);
    const { results, again, answers } = draft.ruling;
    repeatCalls(ledger, jobId, { decision, reruns, again });
    const body: SealedRepair = {
      schemaVersion: 1,
      decision,
      answers: { ...answers },
      found: draft.found,
      reruns,
      adopts: adoptedRecords(draft),
      digest: decision.digest,
      ...defined({
        results: Object.keys(results).length === 0 ? undefined : { ...results },
        again: again.length === 0 ? undefined : [...again],
        rewoundTo,
        undoesRewind: draft.reinstating?.rewind.seq,
        keptRows: Object.keys(draft.keptRows ?? {}).length === 0 ? undefined : draft.keptRows,
        edits,
      }),
    };
    ledger.repairs.seal(decision.digest, jobId, body);
    return body;
  });
  faultPoint('repair.sealed-after');
  return sealed;
}

/** A new generation for each step that runs again. */
function issueReruns(ledger: Ledger, jobId: string, draft: RepairDraft): SealedRepair['reruns'] {
  return stepsThatRunAgain(draft).map((stepId) => {
    const highest = ledger.generations.highest(jobId, stepId) ?? 0;
    const generation = highest + 1;
    ledger.generations.issue(jobId, stepId, generation);
    return { stepId, generation };
  });
}

function stepsThatRunAgain({ question, ruling }: RepairDraft): readonly string[] {
  const stepIds = question.findings.flatMap(({ resource, rerunSteps }) => {
    const answer = ruling.answers[resource];
    return answer === 'rerun' || answer === 'undo' ? rerunSteps : [];
  });
  return [...new Set(stepIds)];
}

/** A repair that is not sealed: nothing is carried out with it, and no generation is issued for it. */
export function unsealedRepair(draft: RepairDraft): SealedRepair {
  const { decision, ruling, found, rewoundTo, reinstating, edits } = draft;
  const reruns = stepsThatRunAgain(draft).map((stepId) => ({ stepId, generation: 0 }));
  const { digest } = decision;
  const answers = { ...ruling.answers };
  const how = defined({ rewoundTo, undoesRewind: reinstating?.rewind.seq, edits });
  return { schemaVersion: 1, decision, answers, found, reruns, adopts: [], digest, ...how };
}

/** Records that the Workflow had forgotten, by sequence number. */
function adoptedRecords({ question, ruling }: RepairDraft): number[] {
  return question.findings.flatMap(({ resource, recordedBy }) =>
    ruling.answers[resource] === 'keep' && recordedBy !== undefined ? [recordedBy.seq] : [],
  );
}

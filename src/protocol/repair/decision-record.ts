/** What the chain says of a decision that was carried out. */
import { defined } from '../../model/defined.ts';
import { answered } from '../../model/question/answer.ts';
import type { DecisionRecord } from '../../model/record/record.ts';
import type { RunningRepair } from './running/running-repair.ts';

export type DecisionFields = Omit<DecisionRecord, 'schemaVersion' | 'seq' | 'jobId' | 'at' | 'runId'>;

export function decisionFields(repair: RunningRepair): DecisionFields {
  const { question, sealed } = repair;
  const { answers, decision, results, again, rewoundTo, undoesRewind, keptRows, edits } = sealed;
  return {
    kind: 'decision',
    question: question.digest,
    questionKind: kindOf(repair),
    answers,
    by: decision.by,
    reason: decision.reason,
    ...defined({ approves: approvedIntent(repair), rejects: rejectedToken(repair) }),
    reruns: sealed.reruns,
    adopts: sealed.adopts,
    changes: [...repair.changes],
    ...defined({
      results,
      again,
      compensates: decision.compensate === true ? (true as const) : undefined,
      rewindsTo: rewoundTo?.seq,
      undoesRewind,
      keptRows,
      edits,
    }),
    kept: repair.captured,
    notes: [...repair.notes],
  };
}

function kindOf({ question, sealed }: RunningRepair): string {
  if (sealed.edits !== undefined) return 'edit';
  return sealed.rewoundTo === undefined ? question.kind : 'rewind';
}

function approvedIntent({ question, sealed }: RunningRepair): DecisionRecord['approves'] {
  if (answered(sealed.answers, 'approve').length === 0) return undefined;
  return question.findings[0]?.found.digest ?? undefined;
}

function rejectedToken({ question: { token }, sealed }: RunningRepair): DecisionRecord['rejects'] {
  return token === undefined || answered(sealed.answers, 'reject').length === 0 ? undefined : { token };
}

/** What people have put in by hand, as the chain has it. Pure. */
import { asPutIns, type PutIn } from '../../model/record/put-in.ts';
import type { ChainRecord, StepRecord } from '../../model/record/record.ts';
import { editStep } from '../../model/step/built-in/edit.ts';

/** For those of these records that stand for code that never ran. @param chain in its order */
export function putInsOf(chain: readonly ChainRecord[], records: readonly StepRecord[]): Record<string, PutIn> {
  const found: Record<string, PutIn> = {};
  for (const { step, stepId, seq } of records) {
    if (step !== editStep.name) continue;
    const edit = chain.findLast((one) => one.seq < seq && isEditOf(one, stepId));
    if (edit?.kind === 'decision' && edit.edits !== undefined) Object.assign(found, asPutIns(edit.edits));
  }
  return found;
}

/** For each step that counts as done, or will, with what a person gave, at the chain's end. */
export function putInsInForce(chain: readonly ChainRecord[]): Record<string, PutIn> {
  const inForce = new Map<string, PutIn>();
  for (const record of chain) {
    if (record.kind === 'step' && record.step === editStep.name && !inForce.has(record.stepId))
      for (const [stepId, putIn] of Object.entries(putInsOf(chain, [record]))) inForce.set(stepId, putIn);
    if (record.kind !== 'decision') continue;
    for (const { stepId } of record.reruns) inForce.delete(stepId);
    if (record.edits !== undefined)
      for (const [stepId, putIn] of Object.entries(asPutIns(record.edits))) inForce.set(stepId, putIn);
  }
  return Object.fromEntries(inForce);
}

function isEditOf(record: ChainRecord, stepId: string): boolean {
  return record.kind === 'decision' && record.edits?.stepId === stepId;
}

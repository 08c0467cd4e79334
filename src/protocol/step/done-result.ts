/** The result of a step that is recorded, as its record says: the same however often it is requested. */
import type { Digest } from '../../model/digest.ts';
import type { StepDone } from '../../model/job/run-step.ts';
import type { StepRecord } from '../../model/record/record.ts';
import { faultPoint } from '../../store/fault-point.ts';
import { doneText } from '../../model/record/effects-text.ts';

export function doneResult(record: StepRecord, at: { readonly seq: number; readonly head: Digest }): StepDone {
  faultPoint('step.answer');
  return {
    kind: 'done',
    stepId: record.stepId,
    generation: record.generation,
    at,
    output: record.output,
    effects: doneText(record),
  };
}

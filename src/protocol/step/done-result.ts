/** The result of a step that is recorded, as its record says: the same however often it is requested. */
import type { Digest } from '../../model/digest.ts';
import type { StepDone } from '../../model/job/run-step.ts';
import type { StepRecord } from '../../model/record/record.ts';
import { faultPoint } from '../../store/fault-point.ts';
import { effectsText, subStepsText } from '../question/effects-text.ts';

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

function doneText({ effects, subSteps = 0 }: StepRecord): string {
  return [effectsText(effects), ...(subSteps === 0 ? [] : [subStepsText(subSteps)])]
    .filter((text) => text !== '')
    .join(', ');
}

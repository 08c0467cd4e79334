/** Steps that are done, as a Workflow that goes on with a record is told them for people. Pure. */
import { doneText } from '../../model/record/effects-text.ts';
import { requestedStepOf } from '../../model/sub-step-id.ts';
import type { StepRecord } from '../../model/record/record.ts';
import type { StepHistory } from './step-history.ts';

/** The latest. */
const MAX_TOLD = 1_000;

/** Id, step, generation, effects. */
export type ToldStep = [stepId: string, step: string, generation: number, effects: string];

/** Those that the Workflow requests, in force, in chain order. */
export function requestedSteps(history: StepHistory): readonly StepRecord[] {
  return history.latest.filter(({ stepId }) => requestedStepOf(stepId) === stepId);
}

/** Of them, the latest. */
export function toldSteps(requested: readonly StepRecord[]): ToldStep[] {
  return requested.slice(-MAX_TOLD).map((record) => [record.stepId, record.step, record.generation, doneText(record)]);
}

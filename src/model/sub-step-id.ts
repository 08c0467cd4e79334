/** Ids of sub-steps, and whose they are. Pure; the same for ever. */
import * as z from 'zod';

/** Between the id of a step and the name of a sub-step in it; no other part of an id has it. */
export const SUB_STEP_MARK = ':';

export const SubStepNameSchema = z
  .string()
  .min(1)
  .max(120)
  .regex(/^[A-Za-z0-9][\w.#/-]*$/, 'expected a letter or digit, then letters, digits, _ . # / -');

/** The id of a sub-step: that of the step whose code runs it, and its name. */
export function subStepIdOf(stepId: string, name: string): string {
  return `${stepId}${SUB_STEP_MARK}${name}`;
}

/** The step that a Workflow requests: of a sub-step, the one in whose code it runs; of a step, itself. */
export function requestedStepOf(stepId: string): string {
  const place = stepId.indexOf(SUB_STEP_MARK);
  return place === -1 ? stepId : stepId.slice(0, place);
}

/** Is it this step, or a sub-step in its code, however deep? @param requestedId of a step that a Workflow requests */
export function isPartOf(stepId: string, requestedId: string): boolean {
  return requestedStepOf(stepId) === requestedId;
}

/** Is it a sub-step in the code of this step, or sub-step? */
export function isWithin(stepId: string, outerId: string): boolean {
  return stepId.startsWith(`${outerId}${SUB_STEP_MARK}`);
}

/** Is it one of these steps, or a sub-step in the code of one? */
export function isOfSteps(stepId: string, steps: ReadonlySet<string>): boolean {
  const parts = stepId.split(SUB_STEP_MARK);
  return parts.some((_, depth) => steps.has(parts.slice(0, depth + 1).join(SUB_STEP_MARK)));
}

/** Is it the name of code without a contract, a part of another step's? */
export function isPartOfCode(step: string): boolean {
  return step.includes(SUB_STEP_MARK);
}

/** ` (file.write)`: the code of a step, for people; '' where the step's name says it. */
export function codeText(stepId: string, step: string): string {
  return isPartOfCode(step) || step === stepId || stepId.endsWith(`${SUB_STEP_MARK}${step}`) ? '' : ` (${step})`;
}

/** 0: a step that a Workflow requests; 1: a sub-step in its code; … */
export function subStepDepth(stepId: string): number {
  return stepId.split(SUB_STEP_MARK).length - 1;
}

/** The contract whose code this is: of a sub-step without a contract, that of the step whose code it is a part of. */
export function codeNameOf(step: string): string {
  return requestedStepOf(step);
}

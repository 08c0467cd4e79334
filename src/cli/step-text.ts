/** How a step is named for people. */
import { codeText } from '../model/sub-step-id.ts';
import { againText } from '../model/record/try-text.ts';

/** `draft`, `draft (file.write) · second try`. */
export function stepText(stepId: string, generation: number, code: string = stepId): string {
  return `${stepId}${codeText(stepId, code)}${againText(generation)}`;
}

/** `step draft, record 3, 2026-11-27T17:09:12.396Z`. */
export function recordedByText(by: {
  readonly stepId: string;
  readonly generation: number;
  readonly seq: number;
  readonly at: string;
}): string {
  return `step ${stepText(by.stepId, by.generation)}, record ${by.seq}, ${by.at}`;
}

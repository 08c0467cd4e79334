/** How a step is named for people. */

/** `draft`, `draft (file.write) · generation 1`. */
export function stepText(stepId: string, generation: number, code: string = stepId): string {
  const use = code === stepId ? '' : ` (${code})`;
  const again = generation === 0 ? '' : ` · generation ${generation}`;
  return `${stepId}${use}${again}`;
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

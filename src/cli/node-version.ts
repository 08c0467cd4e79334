/** Is this Node new enough? Imports nothing: an older one must be able to read this file. */

const NODE_NEEDED = 24;

/** Why the program can't begin, and what to do. */
export interface StartProblem {
  readonly message: string;
  readonly nextStep: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** What to print for a Node that can't run Holdfast; undefined: it can. `version` as `process.versions.node` has it. */
export function nodeProblem(version: string, json: boolean): string | undefined {
  if (Number(version.split('.')[0]) >= NODE_NEEDED) return undefined;
  const message = `Node ${NODE_NEEDED} or newer is needed; this is Node ${version}.`;
  const nextStep = `Install Node ${NODE_NEEDED} (https://nodejs.org), and run the same command with it.`;
  return startProblemText({ message, nextStep, details: { version } }, json);
}

export function startProblemText({ message, nextStep, details }: StartProblem, json: boolean): string {
  if (json) return JSON.stringify({ error: { type: 'bad-input', message, nextStep, details } }, null, 2);
  return `holdfast: ${message}\nNext: ${nextStep}`;
}

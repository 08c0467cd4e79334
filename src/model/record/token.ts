/**
 * Idempotency tokens. A token names *which* unit of work this is, never what it was given: an agent words its call
 * differently after a restore, and a key derived from arguments would miss (arXiv 2603.20625). The arguments' digest is
 * stored beside the token and only tells conflicts.
 */
import { digestOf, type Digest } from '../digest.ts';
import { SubStepNameSchema } from '../sub-step-id.ts';

/** A step's id has the form that the name of a sub-step has. */
export const StepIdSchema = SubStepNameSchema;

export interface TokenParts {
  readonly jobId: string;
  readonly stepId: string;
  /** 0 for the first time; raised only when the step is deliberately run again. */
  readonly generation: number;
}

/** SHA-256 over canonical JSON of job id, step id and generation. Pure; the same for ever. */
export function tokenOf({ jobId, stepId, generation }: TokenParts): Digest {
  return digestOf({ generation, jobId, stepId });
}

/**
 * The idempotency key of a call that a step makes: the same for every attempt of a generation. `round`: how many
 * times a person decided that a call that had happened is made again. Pure; the same for ever.
 */
export function performKeyOf({
  token,
  name,
  round,
}: {
  readonly token: Digest;
  readonly name: string;
  readonly round: number;
}): Digest {
  return digestOf({ perform: name, round, token });
}

/** Names the undoing of a step. Pure; the same for ever. */
export function undoTokenOf(token: Digest): Digest {
  return digestOf({ compensate: token });
}

/** Stands for the undoing of a step wherever a step's id does; no step can have it. */
export function undoIdOf(stepId: string): string {
  return `${stepId}${UNDO_SUFFIX}`;
}

const UNDO_SUFFIX = '@undo';

export function isUndoId(stepId: string): boolean {
  return stepId.endsWith(UNDO_SUFFIX);
}

/** Of an undoing's id: the step that it undoes. Undefined: it is a step's own. */
export function undoneStepOf(stepId: string): string | undefined {
  return isUndoId(stepId) ? stepId.slice(0, -UNDO_SUFFIX.length) : undefined;
}

/** A job's id: Workflow id and first execution run id, which reset and continue-as-new carry along unchanged. */
export function jobIdOf(workflowId: string, firstExecutionRunId: string): string {
  return `${workflowId}@${firstExecutionRunId}`;
}

/** The Workflow of a job, by its id. */
export function workflowIdOf(jobId: string): string {
  return jobId.slice(0, jobId.lastIndexOf('@'));
}

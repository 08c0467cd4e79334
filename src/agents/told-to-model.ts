/**
 * What a failed tool call tells the model, so that it goes on otherwise. What ends or restarts the job is no news to
 * the model.
 */
import { ApplicationFailure, isCancellation } from '@temporalio/workflow';
import { HoldfastError } from '../model/failure.ts';

/** The AI SDK gives the message to the model. */
export class ToolFailure extends Error {
  override readonly name = 'ToolFailure';
}

/** Undefined: the job ends, or starts anew. */
export function asToldToModel(stepId: string, error: unknown): ToolFailure | undefined {
  if (isCancellation(error)) return undefined;
  if (error instanceof HoldfastError)
    return error.type === 'too-large' || error.type === 'not-json' ? new ToolFailure(error.message) : undefined;
  if (!(error instanceof ApplicationFailure) || error.type === 'aborted') return undefined;
  if (error.type === 'rejected') return new ToolFailure(rejectionText(error));
  return new ToolFailure(`It failed, and changed nothing. ${withoutStep(stepId, error.message)}`);
}

/** Who rejected a step, and why; undefined: it failed otherwise. */
export function rejectionIn(error: unknown): { readonly by: string; readonly reason: string } | undefined {
  if (!(error instanceof ApplicationFailure) || error.type !== 'rejected') return undefined;
  return error.details?.[0] as { readonly by: string; readonly reason: string } | undefined;
}

function rejectionText(error: ApplicationFailure): string {
  const rejection = rejectionIn(error);
  if (rejection === undefined) return error.message;
  return `A person (${rejection.by}) rejected this, and nothing of it was changed. The reason: ${rejection.reason}`;
}

/** A model has no use for ids of steps. */
function withoutStep(stepId: string, message: string): string {
  return message.replaceAll(`Step ${stepId}: `, '').replace(`Step ${stepId} failed: `, '');
}

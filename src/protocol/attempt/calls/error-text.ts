/** What a call threw, in the words of a question. */
import type { Attempt } from '../attempt.ts';

const MAX_ERROR_CHARACTERS = 1_000;

/** Redacted before it is cut. */
export function errorText({ workspace }: Attempt, error: unknown): string {
  return workspace.secrets.redact(textOf(error)).slice(0, MAX_ERROR_CHARACTERS);
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return JSON.stringify(error) ?? String(error);
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : '';
  return `${error.name}: ${error.message}${cause}`;
}

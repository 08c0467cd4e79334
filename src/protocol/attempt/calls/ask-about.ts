/** How a call ends its attempt when a person is to be asked about it. */
import type { Json } from '../../../model/canonical-json.ts';
import { defined } from '../../../model/defined.ts';
import { isFailure } from '../../../model/failure.ts';
import type { PerformRow } from '../../../store/ledger/perform-row.ts';
import type { Attempt } from '../attempt.ts';
import { inDoubtError } from '../in-doubt.ts';
import type { DoubtKind } from '../../question/doubt.ts';
import type { Call, Underway } from './call.ts';

const MAX_ERROR_CHARACTERS = 1_000;

export interface DoubtReason {
  readonly why: string;
  readonly underway?: Underway | undefined;
}

/** @throws HoldfastError `in-doubt`, always */
export function askAbout<T extends Json>(
  { attempt: { claim, stage }, name, kind: { told }, wanted }: Call<T>,
  row: PerformRow,
  kind: DoubtKind,
  reason: string | DoubtReason,
): never {
  const { why, underway } = typeof reason === 'string' ? { why: reason } : reason;
  stage.inDoubt.set(name, { row, wanted, kind, why, ...defined({ told, underway }) });
  throw inDoubtError(claim.row.stepId, [name]);
}

/** What a call, or its probe, threw or answered, in the words of a question. Redacted before it is cut. */
export function errorText({ workspace }: Attempt, error: unknown): string {
  return workspace.secrets.redact(textOf(error)).slice(0, MAX_ERROR_CHARACTERS);
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return JSON.stringify(error) ?? String(error);
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : '';
  const name = isFailure(error) ? '' : `${error.name}: `;
  return `${name}${error.message}${cause}`;
}

/** How a look ends. */
import { HoldfastError, isFailure } from '../../model/failure.ts';
import type { ResourceState, Sighting } from '../../model/record/world.ts';

export type UnseenSighting = Extract<Sighting, { reason: string }>;

export function seen(state: ResourceState): Sighting {
  return { outcome: 'seen', state };
}

/** What a failure to look says of the resource. @throws whatever is no HoldfastError: a defect */
export function unseen(error: unknown): UnseenSighting {
  if (!(error instanceof HoldfastError)) throw error;
  if (error.type === 'database-damaged') return { outcome: 'unreadable', reason: error.message, isDamaged: true };
  const isUnreadable = isFailure(
    error,
    'permission-denied',
    'missing-variable',
    'undeclared-database',
    'sql-failed',
    'unknown-table',
    'bad-input',
  );
  return { outcome: isUnreadable ? 'unreadable' : 'unreachable', reason: error.message };
}

/** How a look ends. */
import { HoldfastError, isFailure } from '../../model/failure.ts';
import type { ResourceState, Sighting } from '../../model/record/world.ts';

export type UnseenSighting = Extract<Sighting, { reason: string }>;

export function seen(state: ResourceState): Sighting {
  return { outcome: 'seen', state };
}

/**
 * Why a file can't be read, for whoever would decide by what it shows: it has not changed by that. Undefined: it was
 * seen, or it is of those whose absence is told otherwise.
 * @throws HoldfastError `storage-failed` where it may be read a moment later
 */
export function whyNotRead(resource: string, sighting: Sighting | undefined): string | undefined {
  if (sighting === undefined || sighting.outcome === 'seen' || !resource.startsWith('file:')) return undefined;
  const why = `${resource} cannot be read: ${sighting.reason}`;
  if (sighting.outcome === 'unreachable') throw new HoldfastError('storage-failed', `${why}.`, { resource });
  // A link that leads out has come in the place of a folder.
  return sighting.leadsOutside === true ? undefined : why;
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

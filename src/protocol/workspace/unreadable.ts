/** A path of the workspace that cannot be looked at. */
import type { FileSighting } from '../../effects/files/index.ts';
import { HoldfastError } from '../../model/failure.ts';

/** To be thrown where only a seen state will do. */
export function cannotRead(
  path: string,
  { reason, leadsOutside }: Extract<FileSighting, { outcome: 'unreadable' }>,
): HoldfastError {
  return new HoldfastError(
    leadsOutside === true ? 'outside-workspace' : 'permission-denied',
    `${path} cannot be read: ${reason}.`,
    { path },
  );
}

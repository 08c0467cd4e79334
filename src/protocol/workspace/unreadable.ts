/** A path of the workspace that cannot be looked at. */
import type { FileSighting } from '../../effects/files/index.ts';
import { systemFailureType } from '../../model/error-table.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { FailureType } from '../../model/failures.ts';

/** To be thrown where only a seen state will do. */
export function cannotRead(
  path: string,
  { reason, code, leadsOutside }: Extract<FileSighting, { outcome: 'unreadable' }>,
): HoldfastError {
  return new HoldfastError(typeOf(code, leadsOutside), `${path} cannot be read: ${reason}.`, { path });
}

/** Without the system's code it is a rule of Holdfast's: a declared database is no file. */
function typeOf(code: string | undefined, leadsOutside: true | undefined): FailureType {
  if (leadsOutside === true) return 'outside-workspace';
  return code === undefined ? 'permission-denied' : systemFailureType(code);
}

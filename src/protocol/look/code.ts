/** The version of a step's code that this worker has. */
import type { Sighting } from '../../model/record/world.ts';
import type { ProtocolHost } from '../host.ts';
import { versionState } from './digests.ts';
import { seen } from './sighting.ts';

/** A worker that has no code for a step can't say whether it is the same. */
export function lookAtCode({ steps }: Pick<ProtocolHost, 'steps'>, step: string): Sighting {
  const version = steps.get(step)?.version;
  if (version !== undefined) return seen(versionState(version));
  return {
    outcome: 'unreadable',
    reason: `this worker has no code for step "${step}"; register it and start the worker again`,
  };
}

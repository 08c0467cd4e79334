/** A target of a half-applied intent that somebody else has changed. */
import type { ResourceState } from '../../model/record/world.ts';

/** A target found neither before nor after, once the intent has begun to be applied. */
export interface Conflict {
  readonly effect: number;
  readonly resource: string;
  readonly expectedBefore: ResourceState;
  readonly expectedAfter: ResourceState | undefined;
  readonly found: ResourceState;
}

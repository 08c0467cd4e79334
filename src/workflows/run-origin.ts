/** What holds for a whole Run of a job. */
import type { ChainPlace } from '../model/job/chain-place.ts';
import type { JobSettings } from '../model/job/settings.ts';

/** Which job, in which workspace: in every Activity's request. */
export interface JobIdentity {
  readonly jobId: string;
  readonly workspace: string;
}

export interface RunOrigin extends JobIdentity {
  readonly settings: JobSettings;
  /** Where this Run's history begins. */
  readonly base: ChainPlace;
  /** The Run that this one continues as new. */
  readonly continuedFrom?: string | undefined;
}

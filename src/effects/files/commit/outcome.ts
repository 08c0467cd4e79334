/** What a commit of one file change ends with, and where it stands meanwhile. */
import type { Digest } from '../../../model/digest.ts';
import type { FileSighting } from '../sighting.ts';

export type CommitOutcome = AppliedOutcome | ConflictOutcome | WrittenMeanwhileOutcome;

export interface AppliedOutcome {
  readonly outcome: 'applied';
  /** An earlier attempt had placed it already, or nothing had to change. */
  readonly wasThere: boolean;
  /** How many names (hard links) the file had that was replaced or removed, where it had several. */
  readonly names?: number;
}

/** Nothing was changed. */
export interface ConflictOutcome {
  readonly outcome: 'conflict';
  readonly found: FileSighting;
  readonly reason: string;
  /** Bytes that could not be put back where they were found, now in the store. */
  readonly stored?: Digest;
}

/** The change is in place; somebody wrote into the old file while it was replaced, and this is what they wrote. */
export interface WrittenMeanwhileOutcome {
  readonly outcome: 'written-meanwhile';
  readonly stored: Digest;
  readonly sizeBytes: number;
}

/** Where a commit stands; tests let somebody else act there. */
export type CommitMoment = 'opened' | 'captured' | 'hashed' | 'compared' | 'placed' | 'synced';

export interface CommitOptions {
  /** Leave the folder's fsync to `syncFolders`, once for many changes. Nothing is durable before it. Default: false. */
  readonly deferSync?: boolean;
  readonly onMoment?: (moment: CommitMoment) => void;
}

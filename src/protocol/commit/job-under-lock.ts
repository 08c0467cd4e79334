/** A job while the workspace's lock is held: whoever has this object holds the lock until the call that got it ends. */
import type { JobSettings } from '../../model/job/settings.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { Workspace } from '../workspace/workspace.ts';

export interface JobUnderLock {
  readonly workspace: Workspace;
  readonly ledger: Ledger;
  readonly settings: JobSettings;
  /** Every database that is changed must have this term. */
  readonly term: number;
  /** The Run that the record will name. */
  readonly runId: string;
}

/** A step's code has ended; what it staged is about to become an intent. */
import type { Json } from '../../model/canonical-json.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import type { PerformEffect } from '../../model/record/effect.ts';
import type { Claim } from '../attempt/claim.ts';
import type { Stage } from '../attempt/stage.ts';
import type { Workspace } from '../workspace/workspace.ts';

/** What an attempt has staged by the end of its code. */
export interface EndedDraft {
  readonly workspace: Workspace;
  readonly settings: JobSettings;
  readonly claim: Claim;
  readonly stage: Stage;
  readonly step: string;
  readonly output: Json;
  /** Calls that were made while the code ran. */
  readonly performed: readonly PerformEffect[];
}

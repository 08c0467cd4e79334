/** One attempt at a step, as everything that its code calls shares it. */
import type { JobSettings } from '../../model/job/settings.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { Caller } from '../host.ts';
import type { StepContext } from '../../model/step/step-context.ts';
import type { RunSubStep } from '../../model/step/sub-step.ts';
import type { WorkerEnv } from '../workspace/database-url.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { Claim } from './claim.ts';
import type { Stage } from './stage.ts';

export interface Attempt {
  readonly workspace: Workspace;
  readonly settings: JobSettings;
  readonly claim: Claim;
  readonly stage: Stage;
  readonly caller: Caller;
  readonly signal: AbortSignal;
  /** Of the worker: what a command may be given of it. */
  readonly env: WorkerEnv;
  /** As `StepContext.secret`. */
  readonly secret: (name: string) => string;
  /**
   * Runs under the lock before a call is made; throws the obstacle, if there is one (the world is to be compared first,
   * a question about it is open).
   */
  readonly mayAct: (ledger: Ledger) => void;
  /** As `StepContext.step`, but for what happens to a promise that nobody awaits. */
  readonly subStep: RunSubStep<StepContext>;
}

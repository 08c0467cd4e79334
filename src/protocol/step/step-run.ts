/** What the parts of a guarded step share: the request, the attempt under way, and the attempt with its intent. */
import type { RunStepRequest, RunStepResult } from '../../model/job/run-step.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import type { IntentRow } from '../../store/ledger/intents.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { Claim } from '../attempt/claim.ts';
import type { Stage } from '../attempt/stage.ts';
import type { Caller, ProtocolHost } from '../host.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { StepWork } from './step-work.ts';

/** A request for a piece of work, with what it is carried out with. */
export interface StepRun {
  readonly host: ProtocolHost;
  readonly workspace: Workspace;
  readonly caller: Caller;
  readonly request: RunStepRequest;
  readonly work: StepWork;
  /** Runs another piece of work as this one is run: a sub-step. */
  readonly runWork: (run: StepRun) => Promise<RunStepResult>;
  /** Of a sub-step: in which attempt's code it runs. */
  readonly within?: { readonly attempt: StepAttempt };
  /** Of a sub-step that runs: where the chain ended when it began. */
  readonly since?: number;
}

/** An attempt under way: it holds the claim of its token until another attempt takes it. */
export interface StepAttempt extends StepRun {
  readonly claim: Claim;
  readonly stage: Stage;
  /** As they were when the claim was taken. */
  readonly settings: JobSettings;
  /** How many records the chain had then. */
  readonly admittedAt: number;
}

/** An attempt under the workspace's lock, with the intent that it is to apply. */
export interface SealedAttempt extends StepAttempt {
  readonly ledger: Ledger;
  readonly row: IntentRow;
}

/** `again`: the draft was dropped, and the step begins anew. */
export type AttemptResult = RunStepResult | 'again';

/**
 * The work under one token: a step's code, or the undoing of a step. `run-step.ts` guards both alike: claimed, run,
 * sealed, applied in two phases, recorded.
 */
import type { Digest } from '../../model/digest.ts';
import type { HoldfastError } from '../../model/failure.ts';
import type { Intent } from '../../model/record/intent.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import type { RunStepResult } from '../../model/job/run-step.ts';
import type { Finding } from '../../model/question/finding.ts';
import type { ChainRecord } from '../../model/record/record.ts';
import type { StepContext } from '../../model/step/step-context.ts';
import type { IntentDetails } from '../../store/ledger/intents.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { Claim } from '../attempt/claim.ts';
import type { MustVerify } from '../attempt/must-verify.ts';
import type { StuckKind } from '../question/stuck.ts';
import type { Stage } from '../attempt/stage.ts';

/** What a draft is made with. */
export interface DraftTools {
  readonly settings: JobSettings;
  readonly claim: Claim;
  readonly stage: Stage;
  /** The value of a secret that the job declares. @throws HoldfastError `undeclared-secret`, `missing-secret` */
  readonly secretOf: (name: string) => string;
  /** Runs user code with a context, to its end and that of the calls that it began. */
  readonly run: (code: (context: StepContext) => unknown) => Promise<unknown>;
}

/** What a draft comes to: an intent, or a question. */
export type StepDraft = SealableDraft | DraftQuestion;

/** An intent that is complete and not sealed yet. */
export interface SealableDraft {
  readonly intent: Intent;
  readonly details: IntentDetails;
}

/** What a person is asked before anything is sealed. */
export interface DraftQuestion {
  readonly findings: readonly Finding[];
  readonly why: string;
}

export interface StepWork {
  readonly token: Digest;
  /** The digest of what the work is given. A token that was recorded with another one is refused. */
  readonly args: Digest;
  /** What `args` is the digest of, where a compensation may need it. */
  readonly argsBytes?: Uint8Array | undefined;
  /** Why the work does not begin (any more), whatever the world shows. Call under the lock. */
  obstacle(ledger: Ledger): RunStepResult | undefined;
  /** Runs the code and reads what sealing needs of the world. @throws what the code throws; MustVerify; InDoubt */
  make(tools: DraftTools): Promise<StepDraft>;
  /** What the caller is told once the work is recorded. Call under the lock. */
  result(record: ChainRecord, at: { readonly seq: number; readonly head: Digest }, ledger: Ledger): RunStepResult;
  /** What a person is asked where the work cannot go on. */
  stuck(failure: HoldfastError, kind?: StuckKind): Finding;
  /** What a person is asked where something is not as recorded. Absent: the whole world is compared. */
  driftFindings?(
    ledger: Ledger,
    settings: JobSettings,
    drift: Pick<MustVerify, 'message' | 'resource'>,
  ): Promise<readonly Finding[]>;
}

/**
 * What is done under one token: a step's code, or the undoing of a step. `run-step.ts` guards both alike: claimed,
 * run, sealed, applied in two phases, recorded.
 */
import type { Digest } from '../../model/digest.ts';
import type { HoldfastError } from '../../model/failure.ts';
import type { Intent } from '../../model/record/intent.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import type { RunStepResult } from '../../model/job/run-step.ts';
import type { Finding, FindingKind } from '../../model/question/finding.ts';
import type { ChainRecord } from '../../model/record/record.ts';
import type { StepContext } from '../../model/step/step-context.ts';
import type { IntentDetails } from '../../store/ledger/intents.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { Claim } from '../attempt/claim.ts';
import type { MustVerify } from '../attempt/manifest-check.ts';
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

/** What the work has made, ready to be sealed; or what a person is asked before anything is sealed. */
export type StepDraft =
  | { readonly intent: Intent; readonly details: IntentDetails }
  | { readonly findings: readonly Finding[]; readonly why: string };

export interface StepWork {
  readonly token: Digest;
  /** Of what it is given; a token that meets others is refused. */
  readonly args: Digest;
  /** What `args` is the digest of, where a compensation may ask for it. */
  readonly argsBytes?: Uint8Array | undefined;
  /** Why nothing is to be done (any more). Call under the lock. */
  obstacle(ledger: Ledger): RunStepResult | undefined;
  /** @throws whatever the user's code throws; HoldfastError, MustVerify, InDoubt */
  make(tools: DraftTools): Promise<StepDraft>;
  result(record: ChainRecord, at: { readonly seq: number; readonly head: Digest }): RunStepResult;
  /** What a person is asked where it can't go on. */
  stuck(failure: HoldfastError, kind?: FindingKind): Finding;
  /** What is asked where something is not as recorded. Left out: the whole world is compared. */
  driftFindings?(
    ledger: Ledger,
    settings: JobSettings,
    drift: Pick<MustVerify, 'message' | 'resource'>,
  ): Promise<readonly Finding[]>;
}

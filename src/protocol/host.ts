/**
 * What the protocol needs from whoever runs it: a Temporal worker, the test kit, or the command line. The protocol
 * itself knows no Temporal.
 */
import type { StepImplementation } from '../model/step/step.ts';
import type { ProcessIdentity } from '../store/life/process-identity.ts';

export interface BootClock {
  readonly bootId: string;
  /** A clock that runs while the host sleeps. */
  readonly bootMs: number;
}

/** What a Workflow has asked a worker to do, as the server's history has it. */
export interface HistoryEntry {
  /** The Activity's name. */
  readonly activity: string;
  readonly request: unknown;
  /** Undefined: it has not ended, or not well. */
  readonly result?: unknown;
  /** How many attempts it took, as far as that is known. */
  readonly attempts?: number;
  /** When it ended, or was requested; ISO 8601. */
  readonly at: string;
}

/** One Run. */
export interface RunHistory {
  /** The Run before it. */
  readonly continuedFrom?: string;
}

export interface ProtocolHost {
  readonly steps: ReadonlyMap<string, StepImplementation>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Relative workspaces resolve against it. */
  readonly workspaceRoot: string;
  readonly worker: { readonly id: string; readonly identity: ProcessIdentity };
  clock(): BootClock;
  /**
   * The current Run of a Workflow, asked of the server; undefined: there is none.
   * @throws HoldfastError `server-unreachable`
   */
  currentRunId(workflowId: string): Promise<string | undefined>;
  /**
   * Is this job's Workflow still open?
   * @param resumedIn first Runs of chains in which it was started from a store since
   * @throws HoldfastError `server-unreachable`
   */
  isJobOpen(jobId: string, resumedIn?: readonly string[]): Promise<boolean>;
  /**
   * What one Run has asked of workers, in the order in which it was answered; what was not answered comes last.
   * Undefined: there is no server.
   * @throws HoldfastError `server-unreachable`; `not-found` where the server does not have that Run any more
   */
  history?(workflowId: string, runId: string, visit: (entry: HistoryEntry) => void): Promise<RunHistory>;
  /** For how long what can't be reached is looked at again before a person is asked. Default: `OUTAGE_PATIENCE_MS`. */
  readonly outagePatienceMs?: number;
  /** Are Holdfast's search attributes registered, so that a Workflow may set them? */
  readonly searchAttributes: boolean;
}

/** Who calls: one attempt of one Activity. */
export interface Caller {
  readonly workflowId: string;
  readonly runId: string;
  readonly signal: AbortSignal;
  /** Is the attempt made again if it fails with what may pass? Default: no. */
  readonly isTriedAgain?: boolean;
  /** Has the server heard nothing of the attempt for so long that it has given it up? Default: no. */
  isGivenUp?(): boolean;
  progress(message: string, fraction?: number): void;
  /** So many sub-steps are done, this one last. Default: nobody is told. */
  subStepDone?(count: number, latest: string): void;
  log(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

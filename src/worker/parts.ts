/**
 * What one Worker has of Holdfast: the Activities, and what they share while it runs.
 *
 * Invariants
 * 1. A worker that starts fails the Activities of its own host's dead predecessors at once, so that a lost worker costs
 *    its successor's start, not a heartbeat timeout.
 * 2. What is opened is opened when the worker runs, and closed when it has ended: one that is made and never run leaves
 *    nothing behind.
 */
import { randomBytes } from 'node:crypto';
import { Context } from '@temporalio/activity';
import type { ConnectionLike } from '@temporalio/client';
import type { LoadedDataConverter } from '@temporalio/common';
import { makeActivities } from '../activities/index.ts';
import type { EncryptionKeys } from '../codec/keys.ts';
import { defined } from '../model/defined.ts';
import type { Activities } from '../model/job/activities.ts';
import { invariant } from '../model/invariant.ts';
import type { StepImplementation } from '../model/step/step.ts';
import type { ProtocolHost } from '../protocol/host.ts';
import { Workspaces } from '../protocol/workspace/workspaces.ts';
import { bootMoment } from '../store/life/boot-clock.ts';
import { thisProcess } from '../store/life/process-identity.ts';
import { stateDirectory, WorkerRegister } from '../store/register/register.ts';
import { openRun } from './executions.ts';
import { readRunHistory } from './run-history.ts';
import { subPlanOutcome } from './sub-plan-outcome.ts';
import { tellWorker } from './log.ts';
import { takeOverFromDead } from './take-over.ts';
import { tellUnawaited } from './unawaited.ts';

/** What its user has chosen, read and checked. */
export interface PartsChoice {
  readonly steps: ReadonlyMap<string, StepImplementation>;
  /** Absolute. */
  readonly workspaceRoot: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly keys: EncryptionKeys;
  readonly outagePatienceMs?: number;
  readonly heartbeatIntervalMs: number;
}

/** The server that a running Worker polls. */
export interface PolledServer {
  /** Tells servers apart; the same for all workers of one. */
  readonly name: string;
  readonly namespace: string;
  readonly connection: Pick<ConnectionLike, 'workflowService' | 'operatorService'>;
  readonly hasSearchAttributes: boolean;
}

export class WorkerParts {
  readonly activities: Activities;
  readonly #choice: PartsChoice;
  readonly #identity: string;
  readonly #workspaces: Workspaces;
  #register: WorkerRegister | undefined;
  #server: PolledServer | undefined;
  #dataConverter: LoadedDataConverter | undefined;

  /** @param identity what the server and people call the Worker */
  constructor(choice: PartsChoice, identity: string) {
    this.#choice = choice;
    this.#identity = identity;
    this.#workspaces = new Workspaces(choice.workspaceRoot, choice.env);
    this.activities = makeActivities({
      host: this.#host(),
      workspaces: this.#workspaces,
      heartbeatIntervalMs: choice.heartbeatIntervalMs,
      outcomeOf: (request) => subPlanOutcome(Context.current().client, request),
      register: { begin: (attempt) => this.#running(this.#register).begin(attempt) },
    });
  }

  /** Around the Worker's own run. @param dataConverter the Worker's */
  async run(server: PolledServer, dataConverter: LoadedDataConverter, polling: () => Promise<void>): Promise<void> {
    const { env } = this.#choice;
    invariant(this.#server === undefined, 'A Worker runs once');
    this.#server = server;
    this.#dataConverter = dataConverter;
    this.#register = WorkerRegister.open(stateDirectory(env), `${server.name} ${server.namespace}`);
    const untell = tellUnawaited();
    try {
      // Only once it polls: an Activity that is failed here comes back at once.
      await Promise.all([polling(), this.#takeOver(server, this.#register)]);
    } finally {
      untell();
      await this.#workspaces.close();
      this.#register.close();
    }
  }

  /** What can't be done now is noticed later, by heartbeat timeouts: no reason for this worker to end. */
  async #takeOver({ connection, namespace }: PolledServer, register: WorkerRegister): Promise<void> {
    try {
      await takeOverFromDead(connection, namespace, register.takeDead(), this.#identity);
    } catch (error) {
      tellWorker('WARN', `A dead worker's steps could not be taken over at once: ${(error as Error).message}`);
    }
  }

  #host(): ProtocolHost {
    const { steps, env, workspaceRoot, outagePatienceMs } = this.#choice;
    const server = (): PolledServer => this.#running(this.#server);
    return {
      steps,
      env,
      workspaceRoot,
      ...defined({ outagePatienceMs }),
      // A name that is given may be another process's the next time; each start must be known as one.
      worker: { id: `${this.#identity}#${randomBytes(6).toString('hex')}`, identity: thisProcess() },
      clock: bootMoment,
      currentRunId: async (workflowId) => (await openRun(server().connection, server().namespace, workflowId))?.runId,
      isJobOpen: async (jobId, resumedIn = []) => {
        const at = jobId.lastIndexOf('@');
        const open = await openRun(server().connection, server().namespace, jobId.slice(0, at));
        const firstRuns = [jobId.slice(at + 1), ...resumedIn];
        return open !== undefined && (open.firstRunId === '' || firstRuns.includes(open.firstRunId));
      },
      history: (workflowId, runId, visit) =>
        readRunHistory(
          { ...server(), dataConverter: this.#running(this.#dataConverter) },
          { workflowId, runId },
          visit,
        ),
      get searchAttributes() {
        return server().hasSearchAttributes;
      },
    };
  }

  #running<T>(part: T | undefined): T {
    invariant(part !== undefined, 'An Activity runs in a Worker that runs');
    return part;
  }
}

/** What the server and people call a worker that has been given no name. */
export function ownIdentity(): string {
  const { pid, host, startTime } = thisProcess();
  return `${pid}@${host}:${startTime}`;
}

/**
 * The worker: the one place where the parts are put together. Package entry `holdfast/worker`.
 *
 * Invariants
 * 1. A worker that starts fails the Activities of its own host's dead predecessors at once, so that a lost worker costs
 *    its successor's start, not a heartbeat timeout.
 * 2. Missing search attributes are a warning, not a failure: jobs then run without them.
 * 3. With encryption on, everything that this worker sends is encrypted, or it doesn't start.
 */
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import {
  NativeConnection,
  Worker,
  type NativeConnectionOptions,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import type { Connection } from '@temporalio/client';
import { HEARTBEAT_EVERY_MS } from './activities/heartbeat.ts';
import { makeActivities } from './activities/index.ts';
import { openConnection, readChoice, type ConnectionChoice } from './client/connection.ts';
import { workerDataConverter } from './codec/data-converter.ts';
import { readKeys } from './codec/keys.ts';
import { defined } from './model/defined.ts';
import { HoldfastError } from './model/failure.ts';
import { refuseUnknownOptions, type OptionNames } from './model/options.ts';
import type { StepImplementation } from './model/step/step.ts';
import type { ProtocolHost } from './protocol/host.ts';
import { Workspaces } from './protocol/workspace/workspaces.ts';
import { BUILT_IN_IMPLEMENTATIONS } from './steps/built-in.ts';
import { bootMoment } from './store/life/boot-clock.ts';
import { thisProcess } from './store/life/process-identity.ts';
import { stateDirectory, WorkerRegister } from './store/register/register.ts';
import { assertBundleFits, bundleWorkflows } from './worker/bundle.ts';
import { openRun } from './worker/executions.ts';
import { DEFAULT_TASK_QUEUE } from './model/worker-command.ts';
import { quietTemporal } from './worker/log.ts';
import { ensureSearchAttributes } from './worker/search-attributes.ts';
import { takeOverFromDead } from './worker/take-over.ts';
import { tellUnawaited } from './worker/unawaited.ts';

export { bundleWorkflows, type BundleChoice } from './worker/bundle.ts';
export { DEFAULT_TASK_QUEUE } from './model/worker-command.ts';
export { implementStep } from './model/step/step.ts';

export interface WorkerOptions {
  /** Default: as Temporal's own tools read it (TEMPORAL_ADDRESS, temporal.toml), else 127.0.0.1:7233. */
  readonly address?: string;
  /** In place of `address`; stays open when the worker has ended. */
  readonly connection?: NativeConnection;
  /** For everything but polling; in place of one made from `address`. */
  readonly clientConnection?: Connection;
  readonly namespace?: string;
  /** Default 'holdfast'. */
  readonly taskQueue?: string;
  /** Relative workspaces start here. Default: the current folder. */
  readonly workspaceRoot?: string;
  /** Steps besides the built-in ones. */
  readonly steps?: readonly StepImplementation[];
  /** A module with your own Workflows; `agentJob` is added to it. */
  readonly workflowsPath?: string;
  /**
   * A bundle made ahead of time by `bundleWorkflows`; saves about 2 s. With encryption on, one made with `isEncrypted`.
   */
  readonly workflowBundle?: WorkflowBundleWithSourceMap;
  /**
   * Keys that payloads are encrypted with. Default: HOLDFAST_ENCRYPTION_KEY_FILE, HOLDFAST_ENCRYPTION_KEYS; without
   * any, payloads are not encrypted.
   */
  readonly encryptionKeyFile?: string;
  /** Where database references are looked up. Default: process.env. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What the server and people call this worker. Default: process and host. */
  readonly identity?: string;
  readonly maxConcurrentSteps?: number;
  /**
   * For how long a database or endpoint that can't be reached is looked at again, in a comparison, before a person is
   * asked, in milliseconds. Default 30,000; 0: a person is asked at once.
   */
  readonly outagePatienceMs?: number;
}

const WORKER_OPTIONS: OptionNames<WorkerOptions> = {
  address: true,
  connection: true,
  clientConnection: true,
  namespace: true,
  taskQueue: true,
  workspaceRoot: true,
  steps: true,
  workflowsPath: true,
  workflowBundle: true,
  encryptionKeyFile: true,
  env: true,
  identity: true,
  maxConcurrentSteps: true,
  outagePatienceMs: true,
};

export interface HoldfastWorker {
  /** Runs until `shutdown`, or a fatal error. */
  run(): Promise<void>;
  /** Running steps get 10 s to end; then they are cancelled. */
  shutdown(): void;
  readonly warnings: readonly string[];
  readonly taskQueue: string;
  /** Of the keys, the one that encrypts first; empty: encryption is off. */
  readonly encryptionKeyIds: readonly string[];
}

/**
 * Makes a worker, connected and ready to run.
 * @throws HoldfastError `server-unreachable`; `bad-input` for two steps of one name, keys that can't be used, and a
 * bundle that was made without encryption
 */
export async function createWorker(options: WorkerOptions = {}): Promise<HoldfastWorker> {
  refuseUnknownOptions('createWorker', options, WORKER_OPTIONS);
  const { address, namespace, encryptionKeyFile, env = process.env } = options;
  const choice = { env, ...defined({ address, namespace, encryptionKeyFile }) };
  const access = readChoice(choice);
  const keys = readKeys(choice);
  if (options.workflowBundle !== undefined) assertBundleFits(options.workflowBundle, keys);
  quietTemporal();
  const steps = stepsByName(options.steps ?? []);
  const server = await connected(options, choice, access);
  const warnings: string[] = [];
  const searchAttributes = await ensureSearchAttributes(server.client, server.namespace, warnings);
  const register = WorkerRegister.open(stateDirectory(env), `${server.address} ${server.namespace}`);
  const host = hostOf(options, server, { steps, env, searchAttributes });
  const workspaces = new Workspaces(host.workspaceRoot, env);
  const taskQueue = options.taskQueue ?? DEFAULT_TASK_QUEUE;
  const worker = await Worker.create({
    connection: server.connection,
    namespace: server.namespace,
    taskQueue,
    identity: identityOf(options.identity),
    activities: makeActivities({ host, workspaces, register }),
    workflowBundle:
      options.workflowBundle ?? (await bundleWorkflows(options.workflowsPath, { isEncrypted: keys.isOn })),
    dataConverter: workerDataConverter(keys),
    shutdownGraceTime: '10s',
    // The SDK holds back what comes sooner after the last one than this.
    maxHeartbeatThrottleInterval: HEARTBEAT_EVERY_MS,
    maxConcurrentActivityTaskExecutions: options.maxConcurrentSteps ?? 100,
  });
  const run = async (): Promise<void> => {
    const untell = tellUnawaited();
    try {
      const running = worker.run();
      // Only once it polls: an Activity that is failed here comes back at once.
      await Promise.all([running, takenOver(server, register, identityOf(options.identity))]);
    } finally {
      untell();
      await workspaces.close();
      register.close();
      await server.close();
    }
  };
  return { taskQueue, encryptionKeyIds: keys.ids, warnings, shutdown: () => worker.shutdown(), run };
}

/** The two connections of a worker; `close` ends those that it has opened itself. */
interface Server {
  readonly address: string;
  readonly namespace: string;
  readonly connection: NativeConnection;
  readonly client: Connection;
  close(): Promise<void>;
}

async function connected(
  options: WorkerOptions,
  choice: ConnectionChoice,
  { options: connect, namespace }: ReturnType<typeof readChoice>,
): Promise<Server> {
  const { address } = connect;
  const connection =
    options.connection ?? (await reach(address, () => NativeConnection.connect(connect as NativeConnectionOptions)));
  const client = options.clientConnection ?? (await openConnection(choice)).connection;
  const close = async (): Promise<void> => {
    if (options.clientConnection === undefined) await client.close();
    if (options.connection === undefined) await connection.close();
  };
  return { address, namespace, connection, client, close };
}

function hostOf(
  { identity: name, workspaceRoot = '.', outagePatienceMs }: WorkerOptions,
  { client, namespace }: Server,
  known: Pick<ProtocolHost, 'steps' | 'env' | 'searchAttributes'>,
): ProtocolHost {
  const identity = thisProcess();
  return {
    ...known,
    ...defined({ outagePatienceMs }),
    workspaceRoot: resolve(workspaceRoot),
    // A name that is given may be another process's the next time; each start must be known as one.
    worker: { id: `${identityOf(name)}#${randomBytes(6).toString('hex')}`, identity },
    clock: bootMoment,
    currentRunId: async (workflowId) => (await openRun(client, namespace, workflowId))?.runId,
    isJobOpen: async (jobId) => {
      const at = jobId.lastIndexOf('@');
      const open = await openRun(client, namespace, jobId.slice(0, at));
      return open !== undefined && (open.firstRunId === '' || open.firstRunId === jobId.slice(at + 1));
    },
  };
}

/** What the server and people call this worker. */
function identityOf(name: string | undefined): string {
  const { pid, host, startTime } = thisProcess();
  return name ?? `${pid}@${host}:${startTime}`;
}

/** What can't be done now is noticed later, by heartbeat timeouts: no reason for this worker to end. */
async function takenOver({ client, namespace }: Server, register: WorkerRegister, identity: string): Promise<void> {
  try {
    await takeOverFromDead(client, namespace, register.takeDead(), identity);
  } catch (error) {
    const message = `A dead worker's steps could not be taken over at once: ${(error as Error).message}`;
    process.stderr.write(`${new Date().toISOString()} WARN ${message}\n`);
  }
}

function stepsByName(given: readonly StepImplementation[]): ReadonlyMap<string, StepImplementation> {
  const steps = new Map<string, StepImplementation>();
  for (const step of [...BUILT_IN_IMPLEMENTATIONS, ...given]) {
    const { name } = step.contract;
    if (steps.has(name))
      throw new HoldfastError(
        'bad-input',
        `Two steps are named "${name}". Each step of a worker needs a name of its own.`,
        { name },
      );
    steps.set(name, step);
  }
  return steps;
}

async function reach<T>(address: string, connect: () => Promise<T>): Promise<T> {
  try {
    return await connect();
  } catch (cause) {
    throw new HoldfastError(
      'server-unreachable',
      `No Temporal server answers at ${address}: ${(cause as Error).message}.`,
      { address },
      { cause },
    );
  }
}

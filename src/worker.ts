/**
 * The worker: the one place where the parts are put together. Package entry `holdfast/worker`.
 *
 * Invariants
 * 1. Missing search attributes are a warning, not a failure: jobs then run without them.
 * 2. It is a Worker of Temporal's with Holdfast's plugin (see worker/guarding-plugin.ts): nothing here that somebody
 *    with a Worker of their own would lack.
 */
import {
  NativeConnection,
  Worker,
  type NativeConnectionOptions,
  type TelemetryOptions,
  type WorkerOptions as TemporalOptions,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import type { Connection } from '@temporalio/client';
import { openConnection, readChoice, type ConnectionChoice } from './client/connection.ts';
import { defined } from './model/defined.ts';
import { HoldfastError } from './model/failure.ts';
import { refuseUnknownOptions, type OptionNames } from './model/options.ts';
import { isBundleChanged, modulePathOf, ownBundle } from './worker/bundle.ts';
import { assertBundleFits } from './worker/fitting-bundle.ts';
import { GuardingPlugin } from './worker/guarding-plugin.ts';
import { DEFAULT_TASK_QUEUE } from './model/worker-command.ts';
import { installRuntime, tellWorker, type LogFormat } from './worker/log.ts';
import { readPartsChoice, type PartsOptions } from './worker/parts-options.ts';
import { readPassedOn, type PassedOnOptions } from './worker/passed-on.ts';
import { checkTelemetry } from './worker/telemetry.ts';
import { ensureSearchAttributes } from './worker/search-attributes.ts';

export { bundleWorkflows, type BundleChoice } from './worker/bundle.ts';
export type { DeploymentChoice, VersioningBehavior } from './worker/deployment.ts';
export type { LogFormat } from './worker/log.ts';
export type { PassedOnOptions } from './worker/passed-on.ts';
export { DEFAULT_TASK_QUEUE } from './model/worker-command.ts';
export { implementStep } from './model/step/step.ts';

/** How a worker is made. */
export interface WorkerOptions extends PartsOptions {
  /** Default: as Temporal's own tools read it (TEMPORAL_ADDRESS, temporal.toml), else 127.0.0.1:7233. */
  readonly address?: string;
  /** In place of `address`; stays open when the worker has ended. */
  readonly connection?: NativeConnection;
  /** For everything but polling; in place of one made from `address`. */
  readonly clientConnection?: Connection;
  /** Default: TEMPORAL_NAMESPACE, the profile's, `default`. */
  readonly namespace?: string;
  /** Default 'holdfast'. */
  readonly taskQueue?: string;
  /** A module with your own Workflows; `agentJob` is added to it. */
  readonly workflowsPath?: string;
  /**
   * A bundle made ahead of time by `bundleWorkflows`; saves about 2 s. With encryption on, one made with `isEncrypted`.
   */
  readonly workflowBundle?: WorkflowBundleWithSourceMap;
  /** What the server and people call this worker. Default: process and host. */
  readonly identity?: string;
  /** Default 100. In place of it: `temporal.tuner`. */
  readonly maxConcurrentSteps?: number;
  /**
   * Handed to Temporal's Worker as they are: plugins, interceptors, sinks, a tuner, pollers, caches, rates, Worker
   * Versioning, grace times, Activities of your own.
   */
  readonly temporal?: PassedOnOptions;
  /**
   * Of the SDK's `Runtime`, one a process: metrics (a Prometheus endpoint or OpenTelemetry), what is logged of its
   * core. Default: nothing is measured.
   */
  readonly telemetry?: TelemetryOptions;
  /** How lines are written to standard error. Default `text`. */
  readonly logFormat?: LogFormat;
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
  heartbeatIntervalMs: true,
  temporal: true,
  telemetry: true,
  logFormat: true,
};

/** A worker, connected. */
export interface HoldfastWorker {
  /** Runs until `shutdown`, then closes the connection that it made. Once. @throws what has ended it otherwise */
  run(): Promise<void>;
  /** Begins the end of `run`. Running steps get 10 s, or `temporal.shutdownGraceTime`; then they are cancelled. */
  shutdown(): void;
  /** What it lacks and can do without, in words: search attributes that could not be registered. */
  readonly warnings: readonly string[];
  /** The Task Queue that it polls. */
  readonly taskQueue: string;
  /** Of the keys, the one that encrypts first; empty: encryption is off. */
  readonly encryptionKeyIds: readonly string[];
}

const DEFAULT_CONCURRENT_STEPS = 100;

/**
 * Makes a worker, connected and ready to run.
 * @throws HoldfastError `server-unreachable`; `bad-input` for options that contradict each other, two steps of one
 * name, keys that can't be used, and a bundle that was made without encryption
 */
export async function createWorker(options: WorkerOptions = {}): Promise<HoldfastWorker> {
  refuseUnknownOptions('createWorker', options, WORKER_OPTIONS);
  const { address, namespace, encryptionKeyFile, env = process.env, workflowBundle, workflowsPath } = options;
  const choice = { env, ...defined({ address, namespace, encryptionKeyFile }) };
  const access = readChoice(choice);
  const parts = readPartsChoice('createWorker', options);
  const passedOn = readPassedOn(options);
  if (options.telemetry !== undefined) checkTelemetry(options.telemetry);
  if (workflowBundle !== undefined) assertBundleFits(workflowBundle, { ...parts, hasAgentJob: true });
  installRuntime(options);
  const bundle = workflowBundle ?? (await bundleAhead(options, passedOn, parts.keys.isOn));
  const server = await connected(options, choice, access);
  const warnings: string[] = [];
  const hasSearchAttributes = await ensureSearchAttributes(server.client, server.namespace, warnings);
  const polled = { name: server.address, namespace: server.namespace, connection: server.client, hasSearchAttributes };
  const taskQueue = options.taskQueue ?? DEFAULT_TASK_QUEUE;
  const holdfast = new GuardingPlugin({ ...parts, hasAgentJob: true, server: polled });
  const worker = await Worker.create({
    ...passedOn,
    ...concurrency(options, passedOn),
    ...defined({ identity: options.identity, workflowBundle: bundle, workflowsPath: modulePathOf(workflowsPath) }),
    connection: server.connection,
    namespace: server.namespace,
    taskQueue,
    plugins: [...(passedOn.plugins ?? []), holdfast],
  });
  const run = async (): Promise<void> => {
    try {
      await worker.run();
    } finally {
      await server.close();
    }
  };
  return { taskQueue, encryptionKeyIds: parts.keys.ids, warnings, shutdown: () => worker.shutdown(), run };
}

/** A connection that was given may bring plugins, which are known only to the Worker. */
async function bundleAhead(
  { connection, workflowsPath }: WorkerOptions,
  passedOn: PassedOnOptions,
  isEncrypted: boolean,
): Promise<WorkflowBundleWithSourceMap | undefined> {
  if (connection !== undefined || workflowsPath !== undefined || isBundleChanged(passedOn)) return undefined;
  return await ownBundle(isEncrypted, (message) => tellWorker('INFO', message));
}

/** The SDK takes either a tuner or numbers. */
function concurrency({ maxConcurrentSteps }: WorkerOptions, { tuner }: PassedOnOptions): Partial<TemporalOptions> {
  if (tuner !== undefined) return {};
  return { maxConcurrentActivityTaskExecutions: maxConcurrentSteps ?? DEFAULT_CONCURRENT_STEPS };
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

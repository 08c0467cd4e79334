/**
 * The worker: the one place where the parts are put together. Package entry `holdfast/worker`.
 *
 * Invariants
 * 1. A worker that starts fails the Activities of its own host's dead predecessors at once, so that a lost worker costs
 *    its successor's start, not a heartbeat timeout.
 * 2. Missing search attributes are a warning, not a failure: jobs then run without them.
 * 3. With encryption on, everything that this worker sends is encrypted, or it doesn't start.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  bundleWorkflowCode,
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  type NativeConnectionOptions,
  type BundleOptions,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import type { Connection } from '@temporalio/client';
import { IllegalStateError } from '@temporalio/common';
import protos from '@temporalio/proto';
import { BUILT_IN_IMPLEMENTATIONS } from './steps/built-in.ts';
import { makeActivities } from './activities/index.ts';
import type { ProtocolHost } from './protocol/host.ts';
import { Workspaces } from './protocol/workspace/workspaces.ts';
import { openConnection, readChoice } from './client/connection.ts';
import { FAILURE_CONVERTER_PATH, workerDataConverter } from './codec/data-converter.ts';
import { ENCODED_FAILURES } from './codec/failure-converter.ts';
import { readKeys, type EncryptionKeys } from './codec/keys.ts';
import { HoldfastError } from './model/failure.ts';
import type { StepImplementation } from './model/step/step.ts';
import { bootClockMs, thisProcess } from './store/lock/process-identity.ts';
import { stateDirectory } from './store/register/state-directory.ts';
import { WorkerRegister } from './store/register/register.ts';
import type { DeadWorker } from './store/register/folder.ts';

type WebpackConfig = Parameters<NonNullable<BundleOptions['webpackConfigHook']>>[0];

export const DEFAULT_TASK_QUEUE = 'holdfast';

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
  /** A bundle made ahead of time by `bundleWorkflows`; saves about 2 s. With encryption on it must be made for it (`isEncrypted`). */
  readonly workflowBundle?: WorkflowBundleWithSourceMap;
  /** Keys that payloads are encrypted with. Default: HOLDFAST_ENCRYPTION_KEY_FILE, HOLDFAST_ENCRYPTION_KEYS; without any, payloads are not encrypted. */
  readonly encryptionKeyFile?: string;
  /** Where database references are looked up. Default: process.env. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly identity?: string;
  readonly maxConcurrentSteps?: number;
}

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
 * @throws HoldfastError `server-unreachable`, `bad-input` for two steps of one name, keys that can't be used, a bundle made without encryption
 */
export async function createWorker(options: WorkerOptions = {}): Promise<HoldfastWorker> {
  const env = options.env ?? process.env;
  const choice = {
    env,
    ...(options.address === undefined ? {} : { address: options.address }),
    ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
    ...(options.encryptionKeyFile === undefined ? {} : { encryptionKeyFile: options.encryptionKeyFile }),
  };
  const { options: connect, namespace } = readChoice(choice);
  const { address } = connect;
  const taskQueue = options.taskQueue ?? DEFAULT_TASK_QUEUE;
  const keys = readKeys(choice);
  if (options.workflowBundle !== undefined) assertBundleFits(options.workflowBundle, keys);
  quietTemporal();
  const steps = stepsByName(options.steps ?? []);
  const connection =
    options.connection ?? (await reach(address, () => NativeConnection.connect(connect as NativeConnectionOptions)));
  const client = options.clientConnection ?? (await openConnection(choice)).connection;
  const warnings: string[] = [];
  const searchAttributes = await ensureSearchAttributes(client, namespace, warnings);
  const register = WorkerRegister.open(stateDirectory(env), `${address} ${namespace}`);
  const identity = thisProcess();
  const host: ProtocolHost = {
    steps,
    env,
    workspaceRoot: resolve(options.workspaceRoot ?? '.'),
    worker: { id: options.identity ?? `${identity.pid}@${identity.host}:${identity.startTime}`, identity },
    clock: () => ({ bootId: identity.bootId, bootMs: Math.round(bootClockMs()) }),
    currentRunId: async (workflowId) => (await describe(client, namespace, workflowId))?.runId,
    isJobOpen: async (jobId) => {
      const at = jobId.lastIndexOf('@');
      const open = await describe(client, namespace, jobId.slice(0, at));
      return open !== undefined && (open.firstRunId === '' || open.firstRunId === jobId.slice(at + 1));
    },
    searchAttributes,
  };
  const workspaces = new Workspaces(host.workspaceRoot, env);
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue,
    identity: host.worker.id,
    activities: makeActivities({ host, workspaces, register }),
    workflowBundle:
      options.workflowBundle ?? (await bundleWorkflows(options.workflowsPath, { isEncrypted: keys.isOn })),
    dataConverter: workerDataConverter(keys),
    shutdownGraceTime: '10s',
    // A cancellation reaches a step with its next heartbeat.
    maxHeartbeatThrottleInterval: '2s',
    maxConcurrentActivityTaskExecutions: options.maxConcurrentSteps ?? 100,
  });
  const end = async (): Promise<void> => {
    await workspaces.close();
    register.close();
    if (options.clientConnection === undefined) await client.close();
    if (options.connection === undefined) await connection.close();
  };
  return {
    taskQueue,
    encryptionKeyIds: keys.ids,
    warnings,
    shutdown: () => worker.shutdown(),
    run: async () => {
      try {
        const running = worker.run();
        // Only once it polls: what is failed here comes back at once.
        // What can't be done now is noticed by heartbeat timeouts, later: no reason for this worker to end.
        const taken = (async () => takeOverFromDead(client, namespace, register.takeDead(), host.worker.id))().catch(
          (error: unknown) => {
            process.stderr.write(
              `${new Date().toISOString()} WARN A dead worker's steps could not be taken over at once: ${(error as Error).message}\n`,
            );
          },
        );
        await Promise.all([running, taken]);
      } finally {
        await end();
      }
    },
  };
}

/** What Temporal's worker says of its own comings and goings is left out; steps' messages and warnings are one line each. */
function quietTemporal(): void {
  const logger = new DefaultLogger('INFO', ({ level, timestampNanos, message, meta }) => {
    const { sdkComponent, stepId, error } = (meta ?? {}) as {
      readonly sdkComponent?: string;
      readonly stepId?: string;
      readonly error?: unknown;
    };
    if (level === 'INFO' && sdkComponent === 'worker') return;
    const at = new Date(Number(timestampNanos / 1_000_000n)).toISOString();
    const cause = error instanceof Error ? `: ${error.message}` : '';
    process.stderr.write(`${at} ${level} ${stepId === undefined ? '' : `${stepId}: `}${message}${cause}\n`);
  });
  try {
    Runtime.install({ logger });
  } catch (error) {
    // The program that embeds the worker has its own.
    if (!(error instanceof IllegalStateError)) throw error;
  }
}

export interface BundleChoice {
  /** For workers with encryption on: messages of Workflows' failures are encrypted, too. Default: false. */
  readonly isEncrypted?: boolean;
}

/** Bundles Holdfast's Workflows, and yours, ahead of time. */
export async function bundleWorkflows(
  workflowsPath?: string,
  { isEncrypted = false }: BundleChoice = {},
): Promise<WorkflowBundleWithSourceMap> {
  const fromSources = import.meta.url.endsWith('.ts');
  const own = fileURLToPath(new URL(`./workflows/index${fromSources ? '.ts' : '.js'}`, import.meta.url));
  const common: Omit<BundleOptions, 'workflowsPath'> = {
    logger: new DefaultLogger('WARN'),
    webpackConfigHook: (config) => resolving(config, fromSources),
    ...(isEncrypted ? { failureConverterPath: FAILURE_CONVERTER_PATH } : {}),
  };
  if (workflowsPath === undefined) return await bundleWorkflowCode({ ...common, workflowsPath: own });
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-workflows-'));
  try {
    const entry = join(directory, 'entry.mjs');
    const theirs = workflowsPath.startsWith('file:') ? fileURLToPath(workflowsPath) : resolve(workflowsPath);
    writeFileSync(
      entry,
      `export * from ${JSON.stringify(theirs)};\nexport { agentJob } from ${JSON.stringify(own)};\n`,
    );
    return await bundleWorkflowCode({ ...common, workflowsPath: entry });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Failures are converted inside of the bundle: one that was made without encryption would send their messages in the clear. */
function assertBundleFits({ code }: WorkflowBundleWithSourceMap, keys: EncryptionKeys): void {
  if (!keys.isOn || code.includes(ENCODED_FAILURES)) return;
  throw new HoldfastError(
    'bad-input',
    `Encryption is on (keys from ${keys.source}), but the bundle of Workflows was made without it: messages of failures would be sent in the clear.`,
    { nextStep: 'Make it with bundleWorkflows(workflowsPath, { isEncrypted: true }).' },
  );
}

/** The entry lies in a temporary folder, which has no packages; in the checkout the package's own name means its sources. */
function resolving(config: WebpackConfig, fromSources: boolean): WebpackConfig {
  const packages = join(dirname(createRequire(import.meta.url).resolve('@temporalio/workflow/package.json')), '../..');
  const conditionNames = fromSources ? { conditionNames: ['holdfast-source', '...'] } : {};
  return {
    ...config,
    resolve: {
      ...config.resolve,
      modules: [...(config.resolve?.modules ?? ['node_modules']), packages],
      ...conditionNames,
    },
  };
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

/** Fails what dead predecessors had in hand, by attempt-bound task token: a token of an older attempt does nothing. */
async function takeOverFromDead(
  client: Connection,
  namespace: string,
  dead: readonly DeadWorker[],
  identity: string,
): Promise<void> {
  for (const { attempts, workflows } of dead) {
    await Promise.all(
      workflows
        .filter((workflow) => workflow.namespace === namespace)
        .map(({ workflowId, runId }) =>
          // The server holds Workflow Tasks back for the dead worker's sticky queue until it is told.
          ignoreMissing(client.workflowService.resetStickyTaskQueue({ namespace, execution: { workflowId, runId } })),
        ),
    );
    await Promise.all(
      attempts
        .filter((attempt) => attempt.namespace === namespace)
        .map(({ taskToken }) =>
          ignoreMissing(
            client.workflowService.respondActivityTaskFailed({
              namespace,
              taskToken,
              identity,
              failure: {
                message: 'The worker died; its successor on the same host says so.',
                source: 'holdfast',
                applicationFailureInfo: { type: 'worker-lost', nonRetryable: false },
              },
            }),
          ),
        ),
    );
  }
}

/** NOT_FOUND: the Workflow or the attempt has ended meanwhile. INVALID_ARGUMENT: a token of another server. */
const GONE_CODES = new Set([3, 5]);

async function ignoreMissing(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!GONE_CODES.has((error as { code?: number }).code ?? -1)) throw error;
  }
}

async function describe(
  client: Connection,
  namespace: string,
  workflowId: string,
): Promise<{ readonly runId: string; readonly firstRunId: string } | undefined> {
  try {
    const { workflowExecutionInfo: info } = await client.workflowService.describeWorkflowExecution({
      namespace,
      execution: { workflowId },
    });
    if (info?.status !== protos.temporal.api.enums.v1.WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING)
      return undefined;
    return { runId: info.execution?.runId ?? '', firstRunId: info.firstRunId ?? '' };
  } catch (cause) {
    if ((cause as { code?: number }).code === 5) return undefined;
    throw new HoldfastError(
      'server-unreachable',
      `The Temporal server did not say which Run of ${workflowId} is the current one: ${(cause as Error).message}.`,
      { workflowId },
      { cause },
    );
  }
}

async function ensureSearchAttributes(client: Connection, namespace: string, warnings: string[]): Promise<boolean> {
  const { INDEXED_VALUE_TYPE_KEYWORD: keyword, INDEXED_VALUE_TYPE_INT: int } =
    protos.temporal.api.enums.v1.IndexedValueType;
  const wanted = { HoldfastState: keyword, HoldfastDiscrepancies: int };
  try {
    const { customAttributes } = await client.operatorService.listSearchAttributes({ namespace });
    const missing = Object.fromEntries(Object.entries(wanted).filter(([name]) => !(name in (customAttributes ?? {}))));
    if (Object.keys(missing).length === 0) return true;
    await client.operatorService.addSearchAttributes({ namespace, searchAttributes: missing });
    return true;
  } catch (error) {
    warnings.push(
      `Search attributes HoldfastState and HoldfastDiscrepancies are not registered and could not be (${(error as Error).message}); jobs run without them. ` +
        'Register them with: temporal operator search-attribute create --name HoldfastState --type Keyword --name HoldfastDiscrepancies --type Int',
    );
    return false;
  }
}

export { implementStep } from './model/step/step.ts';

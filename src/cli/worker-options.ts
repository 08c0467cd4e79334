/** What `holdfast worker` and `holdfast dev` have in common: options, and how the worker is made from them. */
import path from 'node:path';
import { Option } from 'commander';
import type { LoadedConfig } from '../config.ts';
import type { HoldfastWorker, LogFormat } from '../worker.ts';
import { CONFIG_OPTIONS, TASK_QUEUE_OPTION, type Context } from './command.ts';
import { deploymentText, withDeployment, type DeploymentFlags, type DeploymentText } from './deployment-options.ts';
import { wholeNumber } from './numbers.ts';
import { counted } from '../model/counted.ts';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
import type { WorkerOptions } from '../worker.ts';
import { BIND_ADDRESS, isBindAddress } from '../worker/telemetry.ts';

type TelemetryOptions = NonNullable<WorkerOptions['telemetry']>;

export interface WorkerChoice extends DeploymentFlags {
  readonly workspaceRoot?: string;
  readonly workflows?: string;
  readonly outagePatience?: string;
  readonly logFormat?: LogFormat;
  readonly prometheus?: string;
}

export const WORKER_OPTIONS: readonly Option[] = [
  new Option('--workspace-root <folder>', "where relative workspaces start; default: the configuration's, this folder"),
  new Option('--workflows <file>', "a module with your own Workflows; default: the configuration's"),
  new Option(
    '--outage-patience <seconds>',
    'how long what cannot be reached is looked at again before a person is asked; default: 30',
  ),
  new Option('--log-format <format>', "how lines are written; default: the configuration's, text").choices([
    'text',
    'json',
  ]),
  new Option('--prometheus <host:port>', "serve the worker's metrics there; default: the configuration's telemetry"),
  TASK_QUEUE_OPTION,
  ...CONFIG_OPTIONS,
];

const MAX_PATIENCE_S = 3_600;

export interface MadeWorker {
  readonly worker: HoldfastWorker;
  /** For the end of a sentence; empty: encryption is off. */
  readonly encryptionText: string;
  readonly workspaceRoot: string;
  readonly config: LoadedConfig;
  /** `2 steps of yours (holdfast.config.ts)`. */
  readonly stepsText: string;
  /** Which version of a deployment it is, and what makes the server send it jobs; undefined: no Worker Versioning. */
  readonly deployment: DeploymentText | undefined;
  /** How long running steps get when the worker is to end: `10 s`. */
  readonly graceText: string;
}

export interface WorkerServer {
  readonly address: string;
  readonly namespace: string;
  /** Where the connection's API key and TLS are read, and the databases' URLs. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export async function makeWorker(context: Context<WorkerChoice>, server: WorkerServer): Promise<MadeWorker> {
  const { options, terminal } = context;
  const config = await context.config();
  const workspaceRoot = path.resolve(terminal.cwd, options.workspaceRoot ?? config.workspaceRoot ?? '.');
  const workflowsPath =
    options.workflows === undefined ? config.workflowsPath : path.resolve(terminal.cwd, options.workflows);
  const taskQueue = options.taskQueue ?? config.taskQueue;
  const outagePatienceMs =
    options.outagePatience === undefined
      ? undefined
      : wholeNumber(options.outagePatience, '--outage-patience', 0, MAX_PATIENCE_S) * 1_000;
  const temporal = withDeployment(config.temporal, options);
  const { heartbeatIntervalMs, maxConcurrentSteps } = config;
  const configured = defined({ temporal, heartbeatIntervalMs, maxConcurrentSteps });
  await refuseConfigured(config.files[0], configured);
  const telemetry = options.prometheus === undefined ? config.telemetry : prometheusAt(options.prometheus);
  const logFormat = options.logFormat ?? config.logFormat;
  const { createWorker } = await import('../worker.ts');
  const worker = await createWorker({
    ...server,
    workspaceRoot,
    steps: config.steps,
    ...context.encryptionChoice,
    ...defined({ taskQueue, workflowsPath, outagePatienceMs, telemetry, logFormat }),
    ...configured,
  });
  for (const warning of worker.warnings) terminal.err(`${terminal.style('yellow', 'Warning:')} ${warning}\n`);
  const files = config.files.map((file) => path.relative(terminal.cwd, file)).join(', ');
  const encryptionText =
    worker.encryptionKeyIds.length === 0 ? '' : `; payloads are encrypted under ${worker.encryptionKeyIds[0]!}`;
  return {
    worker,
    encryptionText,
    workspaceRoot,
    config,
    deployment: deploymentText(temporal),
    graceText: graceOf(temporal as { readonly shutdownGraceTime?: string | number } | undefined),
    stepsText:
      config.files.length === 0
        ? 'the built-in steps (no holdfast.config.ts here)'
        : `${counted(config.steps.length, 'step')} of yours (${files}) and the built-in ones`,
  };
}

type Configured = Pick<WorkerOptions, 'temporal' | 'heartbeatIntervalMs' | 'maxConcurrentSteps'>;

/** By the name of the file that the user has written; `createWorker` would name itself. @throws HoldfastError */
async function refuseConfigured(file: string | undefined, configured: Configured): Promise<void> {
  if (file === undefined) return;
  const { readPassedOn } = await import('../worker/passed-on.ts');
  const { refuseUnfitting } = await import('../worker/parts-options.ts');
  readPassedOn(configured, {
    name: file,
    instead: (option) => INSTEAD_OF[option] ?? 'Leave it out: holdfast worker sets it.',
    insteadOfVersion: ', or --deployment-name and --build-id',
  });
  refuseUnfitting(file, defined({ heartbeatIntervalMs: configured.heartbeatIntervalMs }));
}

const INSTEAD_OF: Readonly<Record<string, string>> = {
  namespace: 'Set namespace in the configuration itself.',
  taskQueue: 'Set taskQueue in the configuration itself.',
  workflowsPath: 'Set workflowsPath in the configuration itself.',
  maxConcurrentActivityTaskExecutions: 'Set maxConcurrentSteps in the configuration itself.',
};

/** @throws HoldfastError `bad-input` */
function prometheusAt(bindAddress: string): TelemetryOptions {
  if (isBindAddress(bindAddress)) return { metrics: { prometheus: { bindAddress } } };
  throw new HoldfastError('bad-input', `--prometheus ${bindAddress}: expected ${BIND_ADDRESS}.`);
}

function graceOf({ shutdownGraceTime: grace = '10 s' }: { readonly shutdownGraceTime?: string | number } = {}): string {
  return typeof grace === 'number' ? `${grace} ms` : grace;
}

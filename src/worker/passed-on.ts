/**
 * Options of Temporal's Worker that `createWorker` hands on as they are.
 *
 * Invariants
 * 1. What Holdfast itself sets has one name. Given under both, or under Temporal's name alone, it is refused with the
 *    name that serves.
 * 2. A name that the SDK does not have is refused: its Worker would pass it over without a word.
 */
import type { WorkerOptions as TemporalOptions } from '@temporalio/worker';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
import { refuseUnknownOptions, type OptionNames } from '../model/options.ts';
import { readDeployment, type DeploymentChoice } from './deployment.ts';

/** What is given to `createWorker` itself, or can't be given at all. */
type OwnName =
  | 'connection'
  | 'namespace'
  | 'taskQueue'
  | 'identity'
  | 'workflowsPath'
  | 'workflowBundle'
  | 'maxConcurrentActivityTaskExecutions';

/** Every option of Temporal's Worker in the version of the SDK that is installed, but for those above. */
export interface PassedOnOptions extends Omit<TemporalOptions, OwnName | 'workerDeploymentOptions'> {
  /** Worker Versioning. Default: off. */
  readonly workerDeploymentOptions?: DeploymentChoice;
}

/** What the SDK has; the compiler sees that none is missing. */
export const PASSED_ON: OptionNames<PassedOnOptions> = {
  buildId: true,
  useVersioning: true,
  workerDeploymentOptions: true,
  activities: true,
  patchActivationCallback: true,
  nexusServices: true,
  shutdownGraceTime: true,
  shutdownForceTime: true,
  dataConverter: true,
  tuner: true,
  maxConcurrentLocalActivityExecutions: true,
  maxConcurrentNexusTaskExecutions: true,
  enableNonLocalActivities: true,
  disablePayloadErrorLimit: true,
  maxActivitiesPerSecond: true,
  maxTaskQueueActivitiesPerSecond: true,
  maxEagerActivityReservationsPerWorkflowTask: true,
  maxConcurrentWorkflowTaskExecutions: true,
  nonStickyToStickyPollRatio: true,
  maxConcurrentWorkflowTaskPolls: true,
  workflowTaskPollerBehavior: true,
  activityTaskPollerBehavior: true,
  nexusTaskPollerBehavior: true,
  maxConcurrentActivityTaskPolls: true,
  maxConcurrentNexusTaskPolls: true,
  stickyQueueScheduleToStartTimeout: true,
  maxCachedWorkflows: true,
  workflowThreadPoolSize: true,
  maxHeartbeatThrottleInterval: true,
  defaultHeartbeatThrottleInterval: true,
  interceptors: true,
  plugins: true,
  sinks: true,
  workflowFailureErrorTypes: true,
  enableSDKTracing: true,
  showStackTraceSources: true,
  debugMode: true,
  reuseV8Context: true,
  bundlerOptions: true,
};

/** By Temporal's name: Holdfast's, which is given to `createWorker` itself. */
export const INSTEAD: Readonly<Record<OwnName, string>> = {
  connection: 'connection',
  namespace: 'namespace',
  taskQueue: 'taskQueue',
  identity: 'identity',
  workflowsPath: 'workflowsPath',
  workflowBundle: 'workflowBundle',
  maxConcurrentActivityTaskExecutions: 'maxConcurrentSteps',
};

interface Given {
  readonly temporal?: PassedOnOptions;
  readonly maxConcurrentSteps?: number;
  readonly workflowBundle?: unknown;
  readonly workflowsPath?: string;
}

/** @throws HoldfastError `bad-input`: options that contradict each other */
export function readPassedOn({
  temporal = {},
  maxConcurrentSteps,
  workflowBundle,
  workflowsPath,
}: Given): Omit<TemporalOptions, OwnName> {
  refuseUnknownOptions('temporal of createWorker', temporal, { ...PASSED_ON, ...INSTEAD });
  for (const [name, instead] of Object.entries(INSTEAD)) {
    if (!Object.hasOwn(temporal, name)) continue;
    throw contradiction(`temporal.${name} is set`, `Give createWorker ${instead} itself.`);
  }
  if (temporal.tuner !== undefined && maxConcurrentSteps !== undefined)
    throw contradiction('temporal.tuner and maxConcurrentSteps are both set', 'Leave one of them out.');
  if (workflowBundle !== undefined && workflowsPath !== undefined)
    throw contradiction('workflowBundle and workflowsPath are both set', 'A bundle is made already: leave one out.');
  const { workerDeploymentOptions: deployment, ...others } = temporal;
  if (deployment === undefined) return others;
  const older = (['buildId', 'useVersioning'] as const).find((name) => others[name] !== undefined);
  if (older !== undefined)
    throw contradiction(
      `temporal.${older} and temporal.workerDeploymentOptions are both set`,
      `temporal.${older} belongs to a Worker Versioning that Temporal has given up: leave it out.`,
    );
  return { ...others, ...defined({ workerDeploymentOptions: readDeployment(deployment) }) };
}

function contradiction(what: string, nextStep: string): HoldfastError {
  return new HoldfastError('bad-input', `createWorker: ${what}.`, { nextStep });
}

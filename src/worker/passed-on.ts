/**
 * Options of Temporal's Worker that `createWorker` hands on as they are.
 *
 * Invariants
 * 1. What Holdfast itself sets has one name. Given under both, or under Temporal's name alone, it is refused with the
 *    name that serves.
 * 2. A name that the SDK does not have is refused: its Worker would pass it over without a word.
 */
import { inspect } from 'node:util';
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

/** Who was given the options, for messages: what a program calls, or the file that it has written. */
export interface Giver {
  readonly name: string;
  /** What is to be done in place of setting this option of Temporal's. */
  readonly instead: (option: OwnName) => string;
  /** Another way to say which version a worker is. */
  readonly insteadOfVersion?: string;
}

const CREATE_WORKER: Giver = {
  name: 'createWorker',
  instead: (option) => `Give createWorker ${INSTEAD[option]} itself.`,
};

/** @throws HoldfastError `bad-input`: options that contradict each other */
export function readPassedOn(
  { temporal = {}, maxConcurrentSteps, workflowBundle, workflowsPath }: Given,
  giver: Giver = CREATE_WORKER,
): Omit<TemporalOptions, OwnName> {
  const wrong = (what: string, nextStep: string): HoldfastError =>
    new HoldfastError('bad-input', `${giver.name}: ${what}.`, { nextStep });
  refuseUnknownOptions(`temporal of ${giver.name}`, temporal, { ...PASSED_ON, ...INSTEAD });
  for (const name of Object.keys(INSTEAD) as OwnName[])
    if (Object.hasOwn(temporal, name)) throw wrong(`temporal.${name} is set`, giver.instead(name));
  if (maxConcurrentSteps !== undefined && !(Number.isInteger(maxConcurrentSteps) && maxConcurrentSteps > 0))
    throw wrong(
      `maxConcurrentSteps is ${inspect(maxConcurrentSteps)}. Expected a whole number, 1 or more`,
      'Correct it, or leave it out.',
    );
  if (temporal.tuner !== undefined && maxConcurrentSteps !== undefined)
    throw wrong('temporal.tuner and maxConcurrentSteps are both set', 'Leave one of them out.');
  if (workflowBundle !== undefined && workflowsPath !== undefined)
    throw wrong('workflowBundle and workflowsPath are both set', 'A bundle is made already: leave one out.');
  const { workerDeploymentOptions: _, ...others } = temporal;
  const place = { before: `${giver.name}: temporal.`, ...defined({ instead: giver.insteadOfVersion }) };
  return { ...others, ...defined({ workerDeploymentOptions: readDeployment(temporal, place) }) };
}

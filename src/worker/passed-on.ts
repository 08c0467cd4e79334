/**
 * Options of Temporal's Worker that `createWorker` hands on as they are.
 *
 * Invariant: what Holdfast itself sets has one name. Given under both, or under Temporal's name alone, it is refused
 * with the name that serves.
 */
import type { WorkerOptions as TemporalOptions } from '@temporalio/worker';
import { HoldfastError } from '../model/failure.ts';

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
export type PassedOnOptions = Omit<TemporalOptions, OwnName>;

const INSTEAD: Readonly<Record<OwnName, string>> = {
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
}: Given): PassedOnOptions {
  for (const [name, instead] of Object.entries(INSTEAD)) {
    if (!Object.hasOwn(temporal, name)) continue;
    throw contradiction(`temporal.${name} is set`, `Give createWorker ${instead} itself.`);
  }
  if (temporal.tuner !== undefined && maxConcurrentSteps !== undefined)
    throw contradiction('temporal.tuner and maxConcurrentSteps are both set', 'Leave one of them out.');
  if (workflowBundle !== undefined && workflowsPath !== undefined)
    throw contradiction('workflowBundle and workflowsPath are both set', 'A bundle is made already: leave one out.');
  const { useWorkerVersioning = false, version } = temporal.workerDeploymentOptions ?? {};
  if (useWorkerVersioning && (isEmpty(version?.deploymentName) || isEmpty(version?.buildId)))
    throw contradiction(
      'temporal.workerDeploymentOptions turn Worker Versioning on without a deployment name and a build id',
      'Give version: { deploymentName, buildId }.',
    );
  return temporal;
}

function isEmpty(text: string | undefined): boolean {
  return text === undefined || text === '';
}

function contradiction(what: string, nextStep: string): HoldfastError {
  return new HoldfastError('bad-input', `createWorker: ${what}.`, { nextStep });
}

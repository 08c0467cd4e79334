/**
 * Options of Temporal's Worker that `createWorker` hands on as they are.
 *
 * Invariant: what Holdfast itself sets has one name. Given under both, or under Temporal's name alone, it is refused
 * with the name that serves.
 */
import type { WorkerOptions as TemporalOptions } from '@temporalio/worker';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
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
}: Given): Omit<TemporalOptions, OwnName> {
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

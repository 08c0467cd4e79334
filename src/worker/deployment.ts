/**
 * Worker Versioning: which version of a deployment a Worker is, and what a Workflow does when there is a newer one.
 *
 * Invariant: a version has a deployment name and a build id, or the Worker is not made. Half a version would register
 * a deployment that nobody can name, and its jobs would wait for it.
 */
import type { WorkerDeploymentOptions } from '@temporalio/worker';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
import { unknownOption } from '../model/options.ts';

/** What a Workflow does when its Worker has a newer version. */
export type VersioningBehavior = 'AUTO_UPGRADE' | 'PINNED';

/** As Temporal's SDK has it, with a default of its own. */
export interface DeploymentChoice {
  /** False: the version is told to the server, and nothing follows from it. */
  readonly useWorkerVersioning: boolean;
  /** Both are needed. */
  readonly version: { readonly deploymentName: string; readonly buildId: string };
  /**
   * Of Workflows that say nothing else by `setWorkflowOptions`, `agentJob` among them. `AUTO_UPGRADE`: a job goes on
   * with the version that is current. `PINNED`: with its own, until it goes on in a new Run. Default `AUTO_UPGRADE`:
   * a job may wait for a person for weeks, and a pinned one holds its version's workers that long.
   */
  readonly defaultVersioningBehavior?: VersioningBehavior;
}

const BEHAVIORS: readonly string[] = ['AUTO_UPGRADE', 'PINNED'] satisfies readonly VersioningBehavior[];
const NAMES = { useWorkerVersioning: true, version: true, defaultVersioningBehavior: true };
/** What the server puts between a deployment's name and a build id, and what it begins names of its own with. */
const RESERVED = /^__|[.:]/;
const WHERE = 'temporal.workerDeploymentOptions';

/**
 * The options for Temporal's Worker.
 * @throws HoldfastError `bad-input`
 */
export function readDeployment(given: DeploymentChoice): WorkerDeploymentOptions {
  // A program without types may give anything.
  if (typeof given !== 'object' || (given as object | null) === null)
    throw wrong(`${WHERE} are ${JSON.stringify(given)}`, 'Give { useWorkerVersioning, version }.');
  const unknown = unknownOption(given, NAMES);
  if (unknown !== undefined) throw wrong(`${WHERE} have ${unknown.replace(/\.$/, '')}`, 'Correct the name.');
  const { useWorkerVersioning, defaultVersioningBehavior } = given;
  const version = (given.version ?? {}) as Partial<DeploymentChoice['version']>;
  if (useWorkerVersioning !== true) {
    if (defaultVersioningBehavior !== undefined)
      throw wrong(
        `${WHERE} say ${JSON.stringify(defaultVersioningBehavior)} without turning Worker Versioning on`,
        'Set useWorkerVersioning: true, or leave defaultVersioningBehavior out.',
      );
    return given as WorkerDeploymentOptions;
  }
  refuseHalfVersion(version);
  if (defaultVersioningBehavior !== undefined && !BEHAVIORS.includes(defaultVersioningBehavior))
    throw wrong(
      `${WHERE}.defaultVersioningBehavior is ${JSON.stringify(defaultVersioningBehavior)}`,
      `Expected "AUTO_UPGRADE" or "PINNED".`,
    );
  return {
    useWorkerVersioning: true,
    version: given.version,
    defaultVersioningBehavior: defaultVersioningBehavior ?? 'AUTO_UPGRADE',
  };
}

function refuseHalfVersion({ deploymentName, buildId }: Partial<DeploymentChoice['version']>): void {
  const missing = [isName(deploymentName) ? [] : 'a deployment name', isName(buildId) ? [] : 'a build id'].flat();
  if (missing.length > 0) {
    const found = JSON.stringify(defined({ deploymentName, buildId }));
    throw wrong(
      `${WHERE} turn Worker Versioning on without ${missing.join(' and ')}: version is ${found}`,
      'Give version: { deploymentName, buildId }; on the command line --deployment-name and --build-id.',
    );
  }
  if (RESERVED.test(deploymentName!))
    throw wrong(
      `the server takes no deployment name like ${JSON.stringify(deploymentName)}`,
      'Give it a name without "." and ":" that does not begin with "__".',
    );
}

function isName(text: unknown): boolean {
  return typeof text === 'string' && text.trim() !== '';
}

function wrong(what: string, nextStep: string): HoldfastError {
  return new HoldfastError('bad-input', `createWorker: ${what}.`, { nextStep });
}

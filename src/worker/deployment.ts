/**
 * Worker Versioning: which version of a deployment a Worker is, and what a Workflow does when there is a newer one.
 *
 * Invariant: a version has a deployment name and a build id, or the Worker is not made. Half a version would register
 * a deployment that nobody can name, and its jobs would wait for it. The message names what the program has called.
 */
import type { WorkerDeploymentOptions, WorkerOptions as TemporalOptions } from '@temporalio/worker';
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

/** Where a program has given its options, for messages. */
export interface VersionPlace {
  /** `createWorker: temporal.` */
  readonly before: string;
  /** Another way to give the version. */
  readonly instead?: string;
}

/** What a Worker has of it; the older two belong to a Worker Versioning that Temporal has given up. */
type GivenVersion = Pick<TemporalOptions, 'buildId' | 'useVersioning'> & {
  readonly workerDeploymentOptions?: DeploymentChoice;
};

/** A Worker of the program's own. */
const OWN_WORKER: VersionPlace = { before: 'Worker.create: ' };

/**
 * The options for Temporal's Worker. Undefined: none are given.
 * @throws HoldfastError `bad-input`
 */
export function readDeployment(options: GivenVersion, place: VersionPlace): WorkerDeploymentOptions | undefined {
  const { workerDeploymentOptions: given } = options;
  if (given === undefined) return undefined;
  refuseOlder(options, place);
  const where = `${place.before}workerDeploymentOptions`;
  // A program without types may give anything.
  if (typeof given !== 'object' || (given as object | null) === null)
    throw wrong(`${where} are ${JSON.stringify(given)}`, 'Give { useWorkerVersioning, version }.');
  const unknown = unknownOption(given, NAMES);
  if (unknown !== undefined) throw new HoldfastError('bad-input', `${where} have ${unknown}`);
  const { useWorkerVersioning, defaultVersioningBehavior } = given;
  const version = (given.version as Partial<DeploymentChoice['version']> | undefined) ?? {};
  if (useWorkerVersioning !== true) {
    refuseOff(given, where);
    return given as WorkerDeploymentOptions;
  }
  refuseHalfVersion(version, where, place);
  if (defaultVersioningBehavior !== undefined && !BEHAVIORS.includes(defaultVersioningBehavior))
    throw wrongBehavior(defaultVersioningBehavior, where);
  return {
    useWorkerVersioning: true,
    version: given.version,
    defaultVersioningBehavior: defaultVersioningBehavior ?? 'AUTO_UPGRADE',
  };
}

/**
 * The same of a Worker that a program makes itself. Nothing is filled in: its own Workflows go by it, too.
 * @throws HoldfastError `bad-input`
 */
export function assertDeploymentStands(options: TemporalOptions): void {
  const workerDeploymentOptions = knownOf(options.workerDeploymentOptions);
  const { buildId, useVersioning } = options;
  readDeployment({ ...defined({ buildId, useVersioning }), ...defined({ workerDeploymentOptions }) }, OWN_WORKER);
  const { useWorkerVersioning, defaultVersioningBehavior } = workerDeploymentOptions ?? {};
  if (useWorkerVersioning === true && defaultVersioningBehavior === undefined)
    throw wrongBehavior(undefined, `${OWN_WORKER.before}workerDeploymentOptions`);
}

/** A newer SDK may have more, which its own compiler looks at. */
function knownOf(given: Partial<WorkerDeploymentOptions> | undefined): DeploymentChoice | undefined {
  if (typeof given !== 'object' || (given as object | null) === null) return given as DeploymentChoice | undefined;
  const { useWorkerVersioning, version, defaultVersioningBehavior } = given;
  return defined({ useWorkerVersioning, version, defaultVersioningBehavior }) as DeploymentChoice;
}

function refuseOlder(options: GivenVersion, { before }: VersionPlace): void {
  const older = (['buildId', 'useVersioning'] as const).find((name) => options[name] !== undefined);
  if (older !== undefined)
    throw wrong(
      `${before}${older} and ${before.replace(/^.*: /, '')}workerDeploymentOptions are both set`,
      `${older} belongs to a Worker Versioning that Temporal has given up: leave it out.`,
    );
}

/** What says something of a version must say whether it counts. */
function refuseOff({ useWorkerVersioning: isOn, version, defaultVersioningBehavior }: DeploymentChoice, where: string) {
  if (defaultVersioningBehavior !== undefined)
    throw wrong(
      `${where} say ${JSON.stringify(defaultVersioningBehavior)} without turning Worker Versioning on`,
      'Set useWorkerVersioning: true, or leave defaultVersioningBehavior out.',
    );
  if (version !== undefined && (isOn as boolean | undefined) !== false)
    throw wrong(
      `${where} have a version, and useWorkerVersioning is ${JSON.stringify(isOn)}`,
      'Expected true: jobs go by the version; or false: it is told to the server, and nothing follows from it.',
    );
}

function refuseHalfVersion(
  { deploymentName, buildId }: Partial<DeploymentChoice['version']>,
  where: string,
  { instead = '' }: VersionPlace,
): void {
  const missing = [isName(deploymentName) ? [] : 'a deployment name', isName(buildId) ? [] : 'a build id'].flat();
  if (missing.length > 0) {
    const found = JSON.stringify(defined({ deploymentName, buildId }));
    throw wrong(
      `${where} turn Worker Versioning on without ${missing.join(' and ')}: version is ${found}`,
      `Give version: { deploymentName, buildId }${instead}.`,
    );
  }
  if (RESERVED.test(deploymentName!))
    throw wrong(
      `${where}: the server takes no deployment name like ${JSON.stringify(deploymentName)}`,
      'Give it a name without "." and ":" that does not begin with "__".',
    );
}

function isName(text: unknown): boolean {
  return typeof text === 'string' && text.trim() !== '';
}

function wrongBehavior(found: unknown, where: string): HoldfastError {
  return wrong(
    `${where}.defaultVersioningBehavior is ${JSON.stringify(found)}`,
    'Give "AUTO_UPGRADE": a job goes on with the version that is current, or "PINNED": with its own.',
  );
}

function wrong(what: string, nextStep: string): HoldfastError {
  return new HoldfastError('bad-input', `${what}.`, { nextStep });
}

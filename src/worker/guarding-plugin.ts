/**
 * Holdfast as a plugin of Temporal's SDK: what it adds to a Worker, to a replaying one, to the bundler and to a Client.
 * `HoldfastPlugin` and `createWorker` are both made of it.
 *
 * Invariants
 * 1. What the program itself has given stands: Holdfast adds, or refuses by name what it can't stand beside.
 * 2. One plugin may serve several Workers, as one that a connection hands on does; each has parts of its own.
 * 3. With encryption on, everything that the Worker sends is encrypted, or it isn't made.
 */
import { readFileSync } from 'node:fs';
import type { ClientOptions } from '@temporalio/client';
import { SimplePlugin } from '@temporalio/plugin';
import {
  Runtime,
  type BundleOptions,
  type ReplayWorkerOptions,
  type Worker,
  type WorkerOptions,
} from '@temporalio/worker';
import {
  clientDataConverter,
  isHoldfastConverter,
  isWorkerConverter,
  workerDataConverter,
} from '../codec/data-converter.ts';
import { HoldfastError } from '../model/failure.ts';
import { invariant } from '../model/invariant.ts';
import { isBundleChanged, OWN_WORKFLOWS, readyBundle, withHoldfast } from './bundle.ts';
import { assertDeploymentStands } from './deployment.ts';
import { assertBundleFits } from './fitting-bundle.ts';
import { ownIdentity, WorkerParts, type PartsChoice, type PolledServer } from './parts.ts';
import { assertConverterStands, lookLast, partsAmong, partsStanding, rememberParts } from './replaced.ts';
import { ensureSearchAttributes } from './search-attributes.ts';
import { telling } from './telling.ts';

export interface GuardingChoice extends PartsChoice {
  /** Does the Worker run `agentJob`? */
  readonly hasAgentJob: boolean;
  /** Known already. Default: asked over the Worker's own connection. */
  readonly server?: PolledServer;
}

/** Running steps get so long to end before they are cancelled. */
const SHUTDOWN_GRACE = '10s';

/** What a Worker and a replaying one have in common. */
type WorkflowSide = Pick<
  WorkerOptions,
  'workflowsPath' | 'workflowBundle' | 'interceptors' | 'plugins' | 'bundlerOptions' | 'dataConverter'
>;

export class GuardingPlugin extends SimplePlugin {
  readonly #choice: GuardingChoice;

  constructor(choice: GuardingChoice) {
    super({ name: 'holdfast' });
    this.#choice = choice;
  }

  override configureWorker(options: WorkerOptions): WorkerOptions {
    const { identity = ownIdentity(), activities = {}, interceptors = {} } = options;
    refuseTwice(options, activities);
    assertDeploymentStands(options);
    const parts = new WorkerParts(this.#choice, identity);
    const own = { ...parts.activities };
    for (const name of Object.keys(own)) refuseSameName(name, activities);
    rememberParts(parts);
    lookLast(options.plugins, this.#choice.keys.isOn);
    return super.configureWorker({
      shutdownGraceTime: SHUTDOWN_GRACE,
      // The SDK holds back what comes sooner after the last one than this.
      maxHeartbeatThrottleInterval: this.#choice.heartbeatIntervalMs,
      ...options,
      ...this.#workflowSide(options),
      identity,
      activities: { ...activities, ...own },
      // Behind the tracer's, whose spans it names.
      interceptors: { ...interceptors, activity: [...(interceptors.activity ?? []), telling] },
    });
  }

  override configureReplayWorker(options: ReplayWorkerOptions): ReplayWorkerOptions {
    const { dataConverter } = options;
    if (dataConverter !== undefined && isHoldfastConverter(dataConverter)) throw twice('a replaying Worker');
    return super.configureReplayWorker({ ...options, ...this.#workflowSide(options) });
  }

  override configureBundler(options: BundleOptions): BundleOptions {
    const { keys, hasAgentJob } = this.#choice;
    return withHoldfast(super.configureBundler(options), { isEncrypted: keys.isOn, hasAgentJob });
  }

  override configureClient(options: ClientOptions): ClientOptions {
    const { dataConverter = {}, plugins } = options;
    const { keys } = this.#choice;
    // The SDK makes a Worker's own Client of its converter, and asks the plugins of the connection again.
    if (isWorkerConverter(dataConverter)) return super.configureClient(options);
    if (isHoldfastConverter(dataConverter)) throw twice('a Client');
    lookLast(plugins, keys.isOn);
    return super.configureClient({ ...options, dataConverter: clientDataConverter(keys, dataConverter) });
  }

  override async runWorker(worker: Worker, next: (worker: Worker) => Promise<void>): Promise<void> {
    const parts = partsStanding(worker.options.activities);
    assertConverterStands('Worker', worker.options.loadedDataConverter, this.#choice.keys.isOn);
    const server = this.#choice.server ?? (await serverOf(worker));
    await parts.run(server, worker.options.loadedDataConverter, () => super.runWorker(worker, next));
  }

  #workflowSide(options: WorkflowSide): WorkflowSide {
    const { keys } = this.#choice;
    const { workflowBundle } = options;
    if (workflowBundle !== undefined) assertBundleFits(codeOf(workflowBundle), this.#choice);
    return { ...this.#workflowsOf(options), dataConverter: workerDataConverter(keys, options.dataConverter) };
  }

  /** The Worker makes a bundle of `workflowsPath` by itself, and asks `configureBundler`. */
  #workflowsOf(options: WorkflowSide): WorkflowSide {
    const { keys, hasAgentJob } = this.#choice;
    const { workflowsPath, workflowBundle, plugins = [] } = options;
    if (workflowsPath !== undefined || workflowBundle !== undefined || !hasAgentJob) return {};
    const others = plugins.filter((plugin) => plugin !== this);
    const ready = isBundleChanged({ ...options, plugins: others }) ? undefined : readyBundle(keys.isOn);
    return ready === undefined ? { workflowsPath: OWN_WORKFLOWS } : { workflowBundle: ready };
  }
}

function codeOf(bundle: NonNullable<WorkerOptions['workflowBundle']>): { readonly code: string } {
  return 'code' in bundle ? bundle : { code: readFileSync(bundle.codePath, 'utf8') };
}

function refuseTwice({ dataConverter }: WorkerOptions, activities: object): void {
  const isThere = partsAmong(activities) !== undefined;
  if (isThere || (dataConverter !== undefined && isHoldfastConverter(dataConverter))) throw twice('a Worker');
}

function twice(whom: string): HoldfastError {
  return new HoldfastError('bad-input', `Holdfast's plugin is there twice for ${whom}.`, {
    nextStep:
      'Give it once: to the Worker or Client itself, or to its connection, which hands its plugins on. createWorker ' +
      'brings it by itself.',
  });
}

function refuseSameName(name: string, activities: object): void {
  if (!Object.hasOwn(activities, name)) return;
  throw new HoldfastError('bad-input', `An Activity of yours is named "${name}", as one of Holdfast's is.`, {
    name,
    nextStep: 'Give it another name.',
  });
}

/** What the Worker's own connection tells. */
async function serverOf(worker: Worker): Promise<PolledServer> {
  const { connection } = worker;
  const { namespace } = worker.options;
  invariant(connection !== undefined, 'The SDK gives a Worker that polls a connection, of its own if need be');
  const warnings: string[] = [];
  const hasSearchAttributes = await ensureSearchAttributes(connection, namespace, warnings);
  for (const warning of warnings) Runtime.instance().logger.warn(warning);
  return { name: await clusterId(connection), namespace, connection, hasSearchAttributes };
}

/** Where that may not be asked, all such servers count as one: a token of another one does nothing. */
async function clusterId({ workflowService }: PolledServer['connection']): Promise<string> {
  try {
    return (await workflowService.getClusterInfo({})).clusterId;
  } catch {
    return 'unknown';
  }
}

/** A deployment of workers in two versions, on a server of its own whose versions are drained within seconds. */
import { randomBytes } from 'node:crypto';
import { after } from 'node:test';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { startDevServer } from '../../src/dev-server/start.ts';
import { defined } from '../../src/model/defined.ts';
import { until, untilTrue } from './until.ts';
import type { Killing } from './killing.ts';
import { workerProcesses, type WorkerProcess } from './worker-process.ts';

const NAMESPACE = 'default';
const LIMIT_MS = 60_000;
/** WORKER_DEPLOYMENT_VERSION_STATUS_DRAINED */
const DRAINED = 5;
/** The first server that tells a pinned Workflow of a newer version. */
const UPGRADES_SINCE = [1, 31];

export interface Deployment {
  readonly address: string;
  readonly client: Client;
  readonly taskQueue: string;
  /** Does the server offer a pinned Workflow that it goes on with another version? */
  readonly canUpgrade: boolean;
  startWorker(
    buildId: string,
    behavior?: 'PINNED' | 'AUTO_UPGRADE',
    /** Where it ends itself. Default: nowhere. */
    killing?: Killing,
  ): Promise<WorkerProcess>;
  /** Once the server knows the version. */
  setCurrent(buildId: string): Promise<void>;
  /** New jobs wait for workers without Worker Versioning. */
  setNoneCurrent(): Promise<void>;
  setRamp(buildId: string, percentage: number): Promise<void>;
  endRamp(): Promise<void>;
  untilDrained(buildId: string): Promise<void>;
  moveToCurrent(workflowId: string): Promise<void>;
}

/** @param workflows a module with Workflows of one's own */
export async function testDeployment(root: string, workflows?: string): Promise<Deployment> {
  const server = await startDevServer({
    ui: false,
    dynamicConfig: {
      'matching.wv.VersionDrainageStatusVisibilityGracePeriod': '1s',
      'matching.wv.VersionDrainageStatusRefreshInterval': '1s',
    },
  });
  const { address } = server;
  const connection = await Connection.connect({ address });
  after(async () => {
    await connection.close();
    await server.stop();
  });
  const suffix = randomBytes(4).toString('hex');
  const [taskQueue, deploymentName] = [`versions-${suffix}`, `reports-${suffix}`];
  const service = connection.workflowService;
  const { serverVersion } = await service.getSystemInfo({});
  const [major = 0, minor = 0] = (serverVersion ?? '').split('.').map(Number);
  const known = async (buildId: string): Promise<void> =>
    untilTrue(
      async () => {
        const deploymentVersion = { deploymentName, buildId };
        const described = service.describeWorkerDeploymentVersion({ namespace: NAMESPACE, deploymentVersion });
        const queues = await described.then(
          ({ workerDeploymentVersionInfo: info }) => info?.taskQueueInfos?.length ?? 0,
          () => 0,
        );
        return queues >= 2;
      },
      { limitMs: LIMIT_MS },
    );
  return {
    address,
    client: new Client({ connection, namespace: NAMESPACE }),
    taskQueue,
    canUpgrade: major > UPGRADES_SINCE[0]! || (major === UPGRADES_SINCE[0] && minor >= UPGRADES_SINCE[1]!),
    async startWorker(buildId, behavior = 'PINNED', killing) {
      const deployment = { version: { deploymentName, buildId }, defaultVersioningBehavior: behavior };
      const order = { address, namespace: NAMESPACE, taskQueue, root, identity: `worker-${buildId}`, deployment };
      const start = await workerProcesses({ ...order, ...defined({ workflows, killing }) });
      return await start();
    },
    async setCurrent(buildId) {
      await known(buildId);
      await service.setWorkerDeploymentCurrentVersion({ namespace: NAMESPACE, deploymentName, buildId });
    },
    async setNoneCurrent() {
      await service.setWorkerDeploymentCurrentVersion({ namespace: NAMESPACE, deploymentName, buildId: '' });
    },
    async setRamp(buildId, percentage) {
      await known(buildId);
      await service.setWorkerDeploymentRampingVersion({ namespace: NAMESPACE, deploymentName, buildId, percentage });
    },
    async endRamp() {
      await service.setWorkerDeploymentRampingVersion({ namespace: NAMESPACE, deploymentName, buildId: '' });
    },
    async untilDrained(buildId) {
      const deploymentVersion = { deploymentName, buildId };
      await until(
        async () =>
          (await service.describeWorkerDeploymentVersion({ namespace: NAMESPACE, deploymentVersion }))
            .workerDeploymentVersionInfo?.status,
        (status) => status === DRAINED,
        { limitMs: LIMIT_MS, everyMs: 500, what: `version ${buildId} drained` },
      );
    },
    async moveToCurrent(workflowId) {
      await service.updateWorkflowExecutionOptions({
        namespace: NAMESPACE,
        workflowExecution: { workflowId },
        workflowExecutionOptions: { versioningOverride: { autoUpgrade: true } },
        updateMask: { paths: ['versioning_override'] },
      });
    },
  };
}

/** The names of the workers that ran a job's Activities, without repetition, in the order of the history. */
export async function workersOf(handle: WorkflowHandle): Promise<readonly string[]> {
  const { events } = await handle.fetchHistory();
  const started = (events ?? []).flatMap(({ activityTaskStartedEventAttributes: at }) => at?.identity ?? []);
  return [...new Set(started)];
}

/** Is a timer among the events of a job's latest Run? */
export async function hasTimer(handle: WorkflowHandle, which: 'started' | 'fired' = 'started'): Promise<boolean> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).some((event) =>
    which === 'started' ? event.timerStartedEventAttributes != null : event.timerFiredEventAttributes != null,
  );
}

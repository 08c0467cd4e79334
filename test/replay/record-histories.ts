/**
 * Records the histories of scenarios from real runs, as Temporal's own JSON. Records only missing histories, unless
 * they are named: a recorded history is evidence of a released behaviour.
 */
import { existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { NativeConnection, Worker } from '@temporalio/worker';
import { agentSteps } from '../../src/agents-worker/index.ts';
import { workerDataConverter } from '../../src/codec/data-converter.ts';
import { readKeys } from '../../src/codec/keys.ts';
import { startDevServer } from '../../src/dev-server/start.ts';
import { bundleWorkflows, createWorker } from '../../src/worker.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { SCENARIOS } from './scenarios.ts';
import type { SetCurrent, Workers as ScenarioWorkers } from './scenario.ts';

/** It says the same each time. */
const MODEL = {
  doGenerate: () => Promise.resolve({ content: [{ type: 'text', text: 'Done.' }], finishReason: 'stop', warnings: [] }),
} as never;
const folder = new URL('./histories/', import.meta.url).pathname;
const named = process.argv.slice(2);
const wanted =
  named.length > 0 ? named : Object.keys(SCENARIOS).filter((name) => !existsSync(join(folder, `${name}.json`)));
const UNVERSIONED: Pick<ScenarioWorkers, 'setCurrent' | 'whileAway'> = {
  setCurrent: () => Promise.resolve(),
  whileAway: (happens) => happens(),
};
const root = mkdtempSync(join(tmpdir(), 'holdfast-histories-'));
const server = await startDevServer({ ui: false });
const connection = await Connection.connect({ address: server.address });
const client = new Client({ connection });
const workflowBundle = await bundleWorkflows(new URL('./own-workflows.ts', import.meta.url).pathname);
const workers: Pick<Worker, 'run' | 'shutdown'>[] = [await makeWorker('histories')];
const running = workers.map((worker) => worker.run());
try {
  for (const name of wanted) {
    const scenario = SCENARIOS[name];
    if (scenario === undefined)
      throw new Error(`There is no scenario "${name}"; there are ${Object.keys(SCENARIOS).join(', ')}.`);
    // A path that every recording has, so that a history holds nothing of the machine it was recorded on.
    const workspace = `/tmp/holdfast-recorded/${name}`;
    rmSync(workspace, { recursive: true, force: true });
    await scenario.before?.(workspace, async (workflowId, input) => {
      await client.workflow.start('agentJob', { workflowId, taskQueue: 'histories', args: [input] });
      return client.workflow.getHandle(workflowId);
    });
    // A deployment a scenario: which version is current is the deployment's.
    const { setCurrent, whileAway } = scenario.isPinned === true ? await startVersions(name) : UNVERSIONED;
    const handle = await client.workflow.start(scenario.workflow ?? 'agentJob', {
      workflowId: name,
      taskQueue: scenario.isPinned === true || scenario.untaken !== undefined ? name : 'histories',
      args: [{ ...scenario.input, workspace }],
    });
    if (scenario.untaken !== undefined) await startWorkflowsAlone(name, scenario.untaken);
    const takeSteps = async (): Promise<void> => void start(await makeWorker(name));
    await scenario.during?.(client.workflow.getHandle(name), workspace, { setCurrent, takeSteps, whileAway });
    await handle.result().catch(() => undefined);
    setFaultHook(undefined);
    const runId = scenario.run === 'first' ? handle.firstExecutionRunId : undefined;
    const history = await client.workflow.getHandle(name, runId).fetchHistory();
    writeFileSync(
      join(folder, `${name}.json`),
      `${withoutThisMachine(JSON.stringify(JSON.parse(historyToJSON(history)), null, 1))}\n`,
    );
    process.stdout.write(`${name}: ${history.events?.length} events\n`);
  }
} finally {
  for (const worker of workers) worker.shutdown();
  await Promise.all(running);
  await connection.close();
  await server.stop();
  rmSync(root, { recursive: true, force: true });
  rmSync('/tmp/holdfast-recorded', { recursive: true, force: true });
}

async function makeWorker(taskQueue: string, version?: { deploymentName: string; buildId: string }) {
  return await createWorker({
    address: server.address,
    workspaceRoot: '/tmp/holdfast-recorded',
    taskQueue,
    workflowBundle,
    env: { HOLDFAST_STATE_DIR: join(root, 'state') },
    identity: 'recorder',
    steps: agentSteps({ modelProvider: { languageModel: () => MODEL } }),
    ...(version !== undefined && {
      temporal: {
        workerDeploymentOptions: { useWorkerVersioning: true, version, defaultVersioningBehavior: 'PINNED' },
      },
    }),
  });
}

function start(worker: Pick<Worker, 'run' | 'shutdown'>): Promise<void> {
  workers.push(worker);
  const ended = worker.run();
  running.push(ended);
  return ended;
}

async function startWorkflowsAlone(taskQueue: string, alter: (code: string) => string): Promise<void> {
  void start(
    await Worker.create({
      connection: await NativeConnection.connect({ address: server.address }),
      taskQueue,
      identity: 'recorder',
      workflowBundle: { ...workflowBundle, code: alter(workflowBundle.code) },
      dataConverter: workerDataConverter(readKeys({ env: { HOLDFAST_STATE_DIR: join(root, 'state') } })),
    }),
  );
}

/** Versions 1 and 2 beside each other, of which 1 is current. */
async function startVersions(name: string): Promise<Pick<ScenarioWorkers, 'setCurrent' | 'whileAway'>> {
  const startVersion = async (buildId: string): Promise<() => Promise<void>> => {
    const worker = await makeWorker(name, { deploymentName: name, buildId });
    const ended = start(worker);
    return async () => {
      workers.splice(workers.indexOf(worker), 1);
      worker.shutdown();
      await ended;
    };
  };
  const stopFirst = await startVersion('1');
  await startVersion('2');
  // The versions are known once their workers have polled.
  await delay(3_000);
  const setCurrent: SetCurrent = async (buildId) => {
    await connection.workflowService.setWorkerDeploymentCurrentVersion({
      namespace: 'default',
      deploymentName: name,
      buildId,
    });
  };
  await setCurrent('1');
  const whileAway = async (happens: () => Promise<void>): Promise<void> => {
    await stopFirst();
    await happens();
    await startVersion('1');
  };
  return { setCurrent, whileAway };
}

/** Removes the paths of the checkout and its packages, and the recording user from a history. */
function withoutThisMachine(json: string): string {
  const checkout = new URL('../..', import.meta.url).pathname.replace(/\/$/, '');
  // The packages may be linked into the checkout from elsewhere.
  const packages = realpathSync(join(checkout, 'node_modules'));
  return json
    .replaceAll(packages, '/holdfast/node_modules')
    .replaceAll(checkout, '/holdfast')
    .replaceAll(`${process.pid}@${hostname()}`, 'recorder');
}

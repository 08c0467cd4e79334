/** A real worker in a process of its own, to be killed. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defined } from '../../src/model/defined.ts';
import { createWorker } from '../../src/worker.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import type { DeploymentChoice } from '../../src/worker/deployment.ts';
import { testBundle } from './bundle.ts';
import { inContainer, type Container } from './container.ts';
import { killingHook, type Killing } from './killing.ts';

interface WorkerOrder {
  readonly address: string;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly root: string;
  readonly bundle: string;
  /** Default: a name of its own. */
  readonly identity?: string;
  /** Module of Workflows of one's own. Default: Holdfast's alone. */
  readonly workflows?: string;
  /** Where it ends itself. Default: nowhere. */
  readonly killing?: Killing;
  /** Of the worker besides. Default: nothing. */
  readonly env?: Readonly<Record<string, string>>;
  /** With Worker Versioning, as this version. */
  readonly deployment?: Omit<DeploymentChoice, 'useWorkerVersioning'>;
}

export interface WorkerProcess {
  readonly pid: number;
  /** SIGKILL; resolves when it is dead. */
  kill(): Promise<void>;
  /** Ends by itself. */
  end(): Promise<void>;
}

/** Bundles once; each call of the result starts a worker and resolves when it polls. */
export async function workerProcesses(
  order: Omit<WorkerOrder, 'bundle'>,
): Promise<(container?: Container) => Promise<WorkerProcess>> {
  const bundle = join(order.root, 'bundle.js');
  writeFileSync(bundle, (await testBundle(order.workflows)).code);
  const worker = [fileURLToPath(import.meta.url), 'worker', JSON.stringify({ ...order, bundle })];
  const line = [process.execPath, ...process.execArgv, ...worker];
  return async (container) => {
    const [command, ...args] = container === undefined ? line : inContainer(container, line);
    const child = spawn(command!, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const ended = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
    await new Promise<void>((resolve, reject) => {
      child.once('message', () => resolve());
      child.once('exit', (code) => reject(new Error(`the worker ended with ${code}`)));
    });
    return {
      pid: child.pid!,
      async kill() {
        child.kill('SIGKILL');
        await ended;
      },
      async end() {
        child.disconnect();
        await ended;
      },
    };
  };
}

if (process.argv[2] === 'worker') {
  const { address, namespace, taskQueue, root, bundle, identity, deployment, env, killing } = JSON.parse(
    process.argv[3]!,
  ) as WorkerOrder;
  if (killing !== undefined) setFaultHook(killingHook(killing));
  const worker = await createWorker({
    address,
    namespace,
    taskQueue,
    workspaceRoot: root,
    ...defined({
      identity,
      temporal: deployment && {
        workerDeploymentOptions: { useWorkerVersioning: true, ...deployment },
        activities: await import('./marking-activities.ts'),
      },
    }),
    workflowBundle: { code: readFileSync(bundle, 'utf8'), sourceMap: '' },
    env: { HOLDFAST_STATE_DIR: join(root, 'state'), ...env },
  });
  process.once('disconnect', () => worker.shutdown());
  const running = worker.run();
  process.send?.('polls');
  await running;
}

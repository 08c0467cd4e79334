/**
 * What the demo sets up and takes down: folder, data, database, service, Temporal server, worker.
 *
 * Invariant: what was set up is taken down in the reverse order, also after an interrupt or a failure.
 */
import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectHoldfast, type HoldfastClient } from '../src/client.ts';
import { findTemporal } from '../src/dev-server/find.ts';
import { describeTemporal } from '../src/dev-server/found.ts';
import { startDevServer } from '../src/dev-server/start.ts';
import { bundleWorkflows } from '../src/worker.ts';
import { openOffice, type Office } from './office.ts';
import type { DemoOptions } from './options.ts';
import { sha256sum, startService, watchFolder, type FolderEvents, type Service } from './outside.ts';
import { startWorkerProcess, type WorkerProcess } from './processes.ts';

/** Of the npm package vega-datasets: NOAA's daily records of Seattle, 2012-2015. */
const DATA = 'seattle-weather.csv';
const QUERY_LIMIT_MS = 1_000;

export interface Stage extends AsyncDisposable {
  readonly id: string;
  /** The job works here. */
  readonly workspace: string;
  readonly csv: { readonly name: string; readonly sha256: string };
  readonly address: string;
  readonly namespace: string;
  readonly uiUrl: string | undefined;
  /** The `temporal` program, where one is at hand. */
  readonly program: string | undefined;
  readonly temporal: string;
  readonly taskQueue: string;
  readonly client: HoldfastClient;
  readonly office: Office;
  readonly service: Service;
  readonly events: FolderEvents;
  /** `dieWhen`: a file of the workspace; once it is there, the worker is lost before its next record. */
  startWorker(dieWhen?: string): Promise<WorkerProcess>;
}

export async function setUp(options: DemoOptions): Promise<Stage> {
  const removals: (() => Promise<void> | void)[] = [];
  const takeDown = async (): Promise<void> => {
    for (const remove of removals.splice(0).reverse()) await remove();
  };
  try {
    const root = makeFolder(options, removals);
    const workspace = path.join(root, 'seattle-weather');
    mkdirSync(workspace);
    // The package exports its loader alone; its data lie beside it.
    const csv = fileURLToPath(new URL(`../node_modules/vega-datasets/data/${DATA}`, import.meta.url));
    copyFileSync(csv, path.join(workspace, DATA));
    const bundle = path.join(root, 'workflows.js');
    // All at once: each takes a second or two. Everything is awaited, so that what did start is taken down.
    const starting = startServer().then((started) => {
      removals.push(() => started.stop());
      return started;
    });
    const opening = openOffice(path.join(root, 'office.db'), options.database).then((opened) => {
      if (!options.keep) removals.push(() => opened.remove());
      return opened;
    });
    const bundling = bundleWorkflows().then(({ code }) => writeFileSync(bundle, code));
    await Promise.allSettled([starting, opening, bundling]);
    const [server, office] = await Promise.all([starting, opening, bundling]);
    const service = await startService();
    removals.push(() => service.stop());
    const namespace = process.env['TEMPORAL_NAMESPACE'] ?? 'default';
    const id = randomBytes(3).toString('hex');
    const taskQueue = `holdfast-demo-${id}`;
    const client = await connectHoldfast({
      address: server.address,
      namespace,
      taskQueue,
      queryTimeoutMs: QUERY_LIMIT_MS,
    });
    removals.push(() => client.close());
    const events = watchFolder(workspace);
    removals.push(() => events.stop());
    return {
      id,
      workspace,
      address: server.address,
      namespace,
      uiUrl: server.uiUrl,
      program: server.program,
      temporal: server.text,
      taskQueue,
      client,
      office,
      service,
      events,
      csv: { name: DATA, sha256: (await sha256sum(path.dirname(csv), [DATA])).get(DATA)! },
      startWorker: async (dieWhen) => {
        const worker = await startWorkerProcess({
          TEMPORAL_ADDRESS: server.address,
          TEMPORAL_NAMESPACE: namespace,
          HOLDFAST_DEMO_QUEUE: taskQueue,
          HOLDFAST_DEMO_ROOT: root,
          HOLDFAST_DEMO_BUNDLE: bundle,
          HOLDFAST_DEMO_DATABASE: office.url,
          HOLDFAST_STATE_DIR: path.join(root, 'state'),
          HOLDFAST_DEMO_DIE_WHEN: dieWhen === undefined ? '' : path.join(workspace, dieWhen),
        });
        removals.push(() => worker.stop());
        return worker;
      },
      [Symbol.asyncDispose]: takeDown,
    };
  } catch (error) {
    await takeDown();
    throw error;
  }
}

function makeFolder({ folder, keep }: DemoOptions, removals: (() => void)[]): string {
  if (folder !== undefined) {
    mkdirSync(folder, { recursive: true });
    if (readdirSync(folder).length > 0) throw new Error(`--folder ${folder} is not empty`);
    return realpathSync(folder);
  }
  const made = realpathSync(mkdtempSync(path.join(tmpdir(), 'holdfast-demo-')));
  if (!keep) removals.push(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

interface Server {
  readonly address: string;
  readonly uiUrl: string | undefined;
  readonly program: string | undefined;
  readonly text: string;
  stop(): Promise<void>;
}

async function startServer(): Promise<Server> {
  const found = await findTemporal({ onProgress: () => undefined });
  if (found.kind === 'address') {
    return {
      address: found.address,
      uiUrl: undefined,
      program: process.env['HOLDFAST_TEMPORAL_BIN'],
      text: describeTemporal(found),
      stop: () => Promise.resolve(),
    };
  }
  const server = await startDevServer({ executable: found.path });
  const { address, uiUrl } = server;
  const stop = async (): Promise<void> => {
    // What it knows is in its memory and goes with it; ending in order would take it five seconds.
    if (process.platform !== 'win32') process.kill(-server.pid, 'SIGKILL');
    await server.stop();
  };
  return { address, uiUrl, program: found.path, text: `Temporal server: ${address}, started for the demo`, stop };
}

/**
 * What every figure on a real server needs: the server, one bundle of Workflows, worker processes, a place for
 * workspaces.
 *
 * Invariant: `close` ends every worker process and the server, and removes what they wrote.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { clientDataConverter } from '../src/codec/data-converter.ts';
import { KEYS_VARIABLE, newKeyLine, readKeys } from '../src/codec/keys.ts';
import { startDevServer, type DevServer } from '../src/dev-server/start.ts';
import { bundleWorkflows } from '../src/worker.ts';
import { BenchPostgres } from './bench-postgres.ts';
import { bareTaskQueue, type JobInput } from './contracts.ts';
import { makeTemporaryDirectory, removeDirectory } from './temporary-directory.ts';
import type { bareJob, guardedJob } from './workflows.ts';
import type { WorkerSettings } from './worker-process.ts';
import { makeWorkspace, POSTGRES_VARIABLE } from './workspace.ts';

const READY_LIMIT_MS = 30_000;

const ENCRYPTED_TASK_QUEUE = 'bench-encrypted';
const POSTGRES_TASK_QUEUE = 'bench-postgres';

/** `encrypted`: `guarded` by a worker and a client with keys. `…-postgres`: with the row on PostgreSQL. */
export type Variant = 'bare' | 'guarded' | 'encrypted' | 'bare-postgres' | 'guarded-postgres';

export interface BenchWorker {
  readonly process: ChildProcess;
  /** When it was about to poll, in milliseconds since the epoch. */
  readonly readyMs: number;
  stop(): Promise<void>;
}

export class BenchServer {
  readonly root: string;
  readonly client: Client;
  readonly taskQueue = 'bench';
  readonly #server: ServerOfBench;
  readonly #connection: Connection;
  readonly #encryptedClient: Client;
  readonly #bundleFile: string;
  readonly #workers = new Set<ChildProcess>();
  readonly #keys = newKeyLine('bench');
  #worker: Promise<BenchWorker> | undefined;
  #encryptedWorker: Promise<BenchWorker> | undefined;
  #postgres: Promise<BenchPostgres> | undefined;
  #postgresWorker: Promise<BenchWorker> | undefined;

  /** @param address of a server that is there; undefined: a development server is started */
  static async start(onProgress: (line: string) => void, address?: string): Promise<BenchServer> {
    const root = makeTemporaryDirectory();
    const what = address === undefined ? 'starting a Temporal server' : `using the Temporal server at ${address}`;
    onProgress(`${what} and bundling the Workflows …`);
    const bundleFile = join(root, 'bundle.json');
    const given = address === undefined ? startDevServer({ ui: false, onProgress }) : serverAt(address);
    const [server] = await Promise.all([given, writeBundle(bundleFile, false)]);
    const connection = await Connection.connect({ address: server.address });
    return new BenchServer(root, server, connection, bundleFile);
  }

  private constructor(root: string, server: ServerOfBench, connection: Connection, bundleFile: string) {
    this.root = root;
    this.#server = server;
    this.#connection = connection;
    this.#bundleFile = bundleFile;
    this.client = new Client({ connection });
    this.#encryptedClient = new Client({
      connection,
      dataConverter: clientDataConverter(readKeys({ env: { [KEYS_VARIABLE]: this.#keys } })),
    });
  }

  /** The worker that serves both variants; started when it is first needed. */
  worker(): Promise<BenchWorker> {
    return (this.#worker ??= this.startWorker());
  }

  /** One that is the same but for its keys, on a Task Queue of its own. */
  encryptedWorker(): Promise<BenchWorker> {
    return (this.#encryptedWorker ??= (async () => {
      await writeBundle(this.#encryptedBundleFile, true);
      return await this.startWorker(ENCRYPTED_TASK_QUEUE, {
        bundleFile: this.#encryptedBundleFile,
        env: { [KEYS_VARIABLE]: this.#keys },
      });
    })());
  }

  /** One that is told of a PostgreSQL server, which is started for it. */
  postgresWorker(): Promise<BenchWorker> {
    return (this.#postgresWorker ??= (async () => {
      const { url } = await (this.#postgres ??= BenchPostgres.start());
      return await this.startWorker(POSTGRES_TASK_QUEUE, { env: { [POSTGRES_VARIABLE]: url } });
    })());
  }

  get #encryptedBundleFile(): string {
    return join(this.root, 'encrypted-bundle.json');
  }

  /** Another worker process; with a Task Queue of its own unless told otherwise. */
  async startWorker(
    taskQueue = this.taskQueue,
    more: Partial<Pick<WorkerSettings, 'bundleFile' | 'env'>> = {},
  ): Promise<BenchWorker> {
    const stateDirectory = join(this.root, 'state', taskQueue);
    mkdirSync(stateDirectory, { recursive: true });
    const child = fork(fileURLToPath(new URL('worker-process.ts', import.meta.url)), {
      execArgv: process.execArgv,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#workers.add(child);
    child.once('exit', () => this.#workers.delete(child));
    const ready = new Promise<number>((resolve, reject) => {
      const limit = setTimeout(
        () => reject(new Error(`a worker process was not ready within ${READY_LIMIT_MS} ms`)),
        READY_LIMIT_MS,
      );
      child.once('message', (message: { readonly ready: number }) => {
        clearTimeout(limit);
        resolve(message.ready);
      });
      child.once('exit', (code) => {
        clearTimeout(limit);
        reject(new Error(`a worker process ended with code ${code} before it was ready`));
      });
    });
    const settings: WorkerSettings = {
      address: this.#server.address,
      taskQueue,
      workspaceRoot: this.root,
      stateDirectory,
      bundleFile: this.#bundleFile,
      ...more,
    };
    child.send(settings);
    return { process: child, readyMs: await ready, stop: () => stop(child) };
  }

  newWorkspace(): string {
    return makeWorkspace(this.root, this.newName('workspace'));
  }

  newName(prefix: string): string {
    return `${prefix}-${randomBytes(6).toString('hex')}`;
  }

  /** Runs one job in a new workspace to its end. */
  async runJob(variant: Variant, steps: number, places?: number): Promise<FinishedJob> {
    const workspace = this.newWorkspace();
    const workflowId = this.newName(variant);
    const onPostgres = isOnPostgres(variant);
    if (onPostgres) await (await this.#postgres)!.empty();
    const args: [JobInput] = [
      { workspace, steps, ...(places !== undefined && { places }), ...(onPostgres && { isOnPostgres: true }) },
    ];
    const { client, taskQueue } = this.#placeOf(variant);
    const startedMs = performance.now();
    await client.workflow.execute<typeof bareJob | typeof guardedJob>(isBare(variant) ? 'bareJob' : 'guardedJob', {
      workflowId,
      taskQueue,
      args,
    });
    const durationMs = performance.now() - startedMs;
    removeDirectory(join(this.root, workspace));
    return { workflowId, durationMs };
  }

  #placeOf(variant: Variant): { readonly client: Client; readonly taskQueue: string } {
    if (variant === 'encrypted') return { client: this.#encryptedClient, taskQueue: ENCRYPTED_TASK_QUEUE };
    const taskQueue = isOnPostgres(variant) ? POSTGRES_TASK_QUEUE : this.taskQueue;
    return { client: this.client, taskQueue: isBare(variant) ? bareTaskQueue(taskQueue) : taskQueue };
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#workers].map((child) => stop(child)));
    await this.#connection.close();
    await this.#server.stop();
    await (await this.#postgres)?.stop();
    removeDirectory(this.root);
  }
}

type ServerOfBench = Pick<DevServer, 'address' | 'stop'>;

/** Whose it is ends it. */
function serverAt(address: string): ServerOfBench {
  return { address, stop: () => Promise.resolve() };
}

export interface FinishedJob {
  readonly workflowId: string;
  readonly durationMs: number;
}

export function isBare(variant: Variant): boolean {
  return variant === 'bare' || variant === 'bare-postgres';
}

function isOnPostgres(variant: Variant): boolean {
  return variant === 'bare-postgres' || variant === 'guarded-postgres';
}

async function writeBundle(file: string, isEncrypted: boolean): Promise<void> {
  writeFileSync(
    file,
    JSON.stringify(await bundleWorkflows(fileURLToPath(new URL('workflows.ts', import.meta.url)), { isEncrypted })),
  );
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  if (child.connected) child.disconnect();
  const limit = setTimeout(() => child.kill('SIGKILL'), 15_000);
  await ended;
  clearTimeout(limit);
}

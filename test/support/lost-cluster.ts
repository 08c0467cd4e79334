/** A Temporal server and a worker that can be lost with everything that the server knew. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { HoldfastClient } from '../../src/client.ts';
import { defined } from '../../src/model/defined.ts';
import { startDevServer, type DevServer } from '../../src/dev-server/start.ts';
import type { Killing } from './killing.ts';
import { workerProcesses, type WorkerProcess } from './worker-process.ts';

export const QUEUE = 'resumed';

interface ClusterOptions {
  readonly root: string;
  /** Of the worker. Default: nothing. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where the worker ends itself. Default: nowhere. */
  readonly killing?: Killing;
}

/** A server with its database in a file, and a worker in a process of its own. */
export class LostCluster {
  readonly #server: DevServer;
  readonly #connection: Connection;
  readonly #worker: WorkerProcess;
  readonly #database: string;
  readonly address: string;
  readonly client: Client;
  readonly holdfast: HoldfastClient;

  private constructor(server: DevServer, connection: Connection, worker: WorkerProcess, database: string) {
    this.#server = server;
    this.#connection = connection;
    this.#worker = worker;
    this.#database = database;
    this.address = server.address;
    this.client = new Client({ connection });
    this.holdfast = new HoldfastClient({ client: this.client, connection, address: server.address, taskQueue: QUEUE });
  }

  /** @param root holds workspaces, bundle and the server's database */
  static async start({ root, env = {}, killing }: ClusterOptions): Promise<LostCluster> {
    const database = join(mkdtempSync(join(root, 'server-')), 'temporal.sqlite');
    const server = await startDevServer({ ui: false, dbFilename: database });
    const connection = await Connection.connect({ address: server.address });
    const workflows = join(import.meta.dirname, 'stored-workflow.ts');
    const start = await workerProcesses({
      address: server.address,
      namespace: 'default',
      taskQueue: QUEUE,
      root,
      workflows,
      env,
      ...defined({ killing }),
    });
    return new LostCluster(server, connection, await start(), database);
  }

  /** Everything of it is gone. */
  async lose(): Promise<void> {
    await this.#worker.kill();
    process.kill(-this.#server.pid, 'SIGKILL');
    await this.#server.ended;
    await this.#connection.close();
    for (const ending of ['', '-wal', '-shm']) rmSync(this.#database + ending, { force: true });
  }

  async end(): Promise<void> {
    await this.#worker.end();
    await this.#connection.close();
    await this.#server.stop();
  }
}

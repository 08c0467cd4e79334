/** What befalls the soak: one trouble after the other, chosen by the seed. Each ends before the next begins. */
import { setTimeout as delay } from 'node:timers/promises';
import { startDevServer, type DevServer } from '../../src/dev-server/start.ts';
import { killed, startChild, type StartedChild } from '../support/child-process.ts';
import type { PostgresCluster } from '../support/postgres.ts';
import type { SoakOrder } from './worker-child.ts';

const CHILD = new URL('./worker-child.ts', import.meta.url).pathname;

export class Chaos {
  readonly #order: SoakOrder;
  readonly #postgres: PostgresCluster;
  readonly #dbFilename: string;
  readonly #random: () => number;
  readonly #workers: StartedChild[] = [];
  #server: DevServer;
  /** Trouble → how often. */
  readonly counts = new Map<string, number>();

  constructor(
    order: SoakOrder,
    parts: {
      readonly server: DevServer;
      readonly dbFilename: string;
      readonly postgres: PostgresCluster;
      readonly random: () => number;
    },
  ) {
    this.#order = order;
    this.#server = parts.server;
    this.#dbFilename = parts.dbFilename;
    this.#postgres = parts.postgres;
    this.#random = parts.random;
  }

  async startWorkers(count: number): Promise<void> {
    for (let started = 0; started < count; started++) await this.#startWorker();
  }

  async #startWorker(): Promise<void> {
    const worker = startChild({ script: CHILD, order: this.#order });
    this.#workers.push(worker);
    await Promise.race([worker.said('ready'), delay(30_000)]);
  }

  /** @throws what a worker has ended by itself with */
  assertAlive(): void {
    for (const worker of this.#workers) {
      const { exitCode, signalCode } = worker.process;
      if (exitCode !== null || (signalCode !== null && signalCode !== 'SIGKILL'))
        throw new Error(`a worker ended by itself (${exitCode ?? signalCode}):\n${worker.printed()}`);
    }
  }

  async trouble(): Promise<void> {
    const troubles = [
      ['worker killed', () => this.#killWorker()],
      ['worker killed', () => this.#killWorker()],
      ['worker killed', () => this.#killWorker()],
      ['worker frozen', () => this.#freezeWorker()],
      ['worker frozen', () => this.#freezeWorker()],
      ['PostgreSQL crashed', () => this.#crashPostgres()],
      ['PostgreSQL stopped', () => this.#stopPostgres()],
      ['Temporal server restarted', () => this.#restartServer()],
    ] as const;
    const [name, act] = troubles[Math.floor(this.#random() * troubles.length)]!;
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    await act();
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#workers.map(async ({ process: child }) => {
        child.kill('SIGCONT');
        await killed(child);
      }),
    );
    await this.#server.stop();
  }

  #one(): number {
    return Math.floor(this.#random() * this.#workers.length);
  }

  async #killWorker(): Promise<void> {
    const [worker] = this.#workers.splice(this.#one(), 1);
    await killed(worker!.process);
    await delay(this.#random() * 2_000);
    await this.#startWorker();
  }

  async #freezeWorker(): Promise<void> {
    const { process: child } = this.#workers[this.#one()]!;
    child.kill('SIGSTOP');
    await delay(1_000 + this.#random() * 20_000);
    child.kill('SIGCONT');
  }

  async #crashPostgres(): Promise<void> {
    await this.#postgres.crash();
    await delay(this.#random() * 3_000);
    await this.#postgres.resume();
  }

  async #stopPostgres(): Promise<void> {
    await this.#postgres.pause();
    await delay(this.#random() * 6_000);
    await this.#postgres.resume();
  }

  async #restartServer(): Promise<void> {
    const port = Number(this.#server.address.split(':').at(-1));
    await this.#server.stop();
    await delay(this.#random() * 4_000);
    this.#server = await startDevServer({ ui: false, ports: { grpc: port }, dbFilename: this.#dbFilename });
  }
}

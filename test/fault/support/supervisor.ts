/**
 * Keeps one real worker alive: whoever dies by SIGKILL gets a successor at once. Nothing restarts a job.
 *
 * Invariant: a worker that ends in any other way is the test's failure, told with what it printed.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkerOrder } from './worker-child.ts';

const CHILD = new URL('./worker-child.ts', import.meta.url).pathname;

export interface RunningWorker {
  readonly process: ChildProcess;
  /** What it printed, for messages. */
  readonly printed: () => string;
}

export async function startWorker(order: WorkerOrder): Promise<RunningWorker> {
  const child = spawn(process.execPath, [CHILD, JSON.stringify(order)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  const ready = new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
      if (printed.includes('ready\n')) resolve();
    });
    child.once('exit', () => resolve());
  });
  child.stderr.on('data', (chunk: Buffer) => (printed = `${printed}${chunk.toString()}`.slice(-20_000)));
  await ready;
  return { process: child, printed: () => printed };
}

export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

export class Supervisor {
  readonly #order: WorkerOrder;
  #current: RunningWorker | undefined;
  #isOver = false;
  #loop: Promise<void> = Promise.resolve();
  /** Successors that were needed. */
  restarts = 0;

  constructor(order: WorkerOrder) {
    this.#order = order;
  }

  start(): void {
    this.#loop = this.#run();
    // Told by `stop`.
    this.#loop.catch(() => undefined);
  }

  /** Kills the worker from outside, whatever it is doing. */
  kill(): void {
    this.#current?.process.kill('SIGKILL');
  }

  /** Kills the worker and waits for its successor. */
  async replace(): Promise<void> {
    const before = this.restarts;
    this.kill();
    while (this.restarts === before || this.#current === undefined) await delay(20);
  }

  /** Rejects when a worker ended otherwise than by SIGKILL. */
  get failure(): Promise<void> {
    return this.#loop;
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    this.#current?.process.kill('SIGKILL');
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const worker = await startWorker(this.#order);
      this.#current = worker;
      // Stopped while it started.
      if (this.#isOver) worker.process.kill('SIGKILL');
      await ended(worker.process);
      if (this.#isOver) return;
      if (worker.process.signalCode !== 'SIGKILL')
        throw new Error(
          `A worker ended by itself (${worker.process.exitCode ?? worker.process.signalCode}):\n${worker.printed()}`,
        );
      this.#current = undefined;
      this.restarts += 1;
    }
  }
}

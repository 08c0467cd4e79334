/**
 * Keeps one real worker alive: whoever dies by SIGKILL gets a successor, at once unless told otherwise. Nothing
 * restarts a job.
 *
 * Invariant: a worker that ends in any other way is the test's failure, told with what it printed.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { ended, startChild, type StartedChild } from '../../support/child-process.ts';
import type { WorkerOrder } from './worker-child.ts';

const CHILD = new URL('./worker-child.ts', import.meta.url).pathname;

export async function startWorker(order: WorkerOrder): Promise<StartedChild> {
  const worker = startChild({ script: CHILD, order });
  await worker.said('ready');
  return worker;
}

export class Supervisor {
  readonly #order: WorkerOrder;
  readonly #untilSuccessor: () => Promise<void>;
  #current: StartedChild | undefined;
  #isOver = false;
  #loop: Promise<void> = Promise.resolve();
  /** The number of successors that were started. */
  restarts = 0;

  /** @param untilSuccessor how long nobody follows a worker that was killed; default: not at all */
  constructor(order: WorkerOrder, untilSuccessor = async (): Promise<void> => {}) {
    this.#order = order;
    this.#untilSuccessor = untilSuccessor;
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
      await this.#untilSuccessor();
      this.restarts += 1;
    }
  }
}

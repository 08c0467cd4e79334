/**
 * The time of a job's steps, and what was computed in it: from the first one's beginning to the last one's.
 *
 * Invariant: reading the kernel's counters is neither in the time nor in what was computed.
 */
import type { Ran, Shares } from './contender.ts';
import { cpuMsOf, withDescendants } from './processes.ts';

interface Reading extends Shares {
  readonly ms: number;
}

export class Stopwatch {
  readonly #postgresPid: number;
  #servers: readonly number[] = [];
  #steps = 0;
  #begun = 0;
  #first: Reading | undefined;
  #last: Reading | undefined;

  constructor(postgresPid: number) {
    this.#postgresPid = postgresPid;
  }

  /** Before a job of so many steps. */
  reset(steps: number): void {
    this.#servers = withDescendants(process.pid).filter((pid) => pid !== process.pid);
    this.#steps = steps;
    this.#begun = 0;
  }

  /** A step's code begins. */
  readonly begins = (): void => {
    this.#begun += 1;
    if (this.#begun === 1) {
      const postgres = this.#postgres();
      this.#first = { postgres, ...this.#own() };
    } else if (this.#begun === this.#steps) {
      this.#last = { ...this.#own(), postgres: this.#postgres() };
    }
  };

  /** @throws an Error when another number of steps has begun */
  read(): Pick<Ran, 'stepMs' | 'cpuMs'> {
    if (this.#begun !== this.#steps) throw new Error(`${this.#steps} steps were to begin, ${this.#begun} did`);
    const each = (of: (reading: Reading) => number): number => (of(this.#last!) - of(this.#first!)) / (this.#steps - 1);
    const cpuMs = { own: each(({ own }) => own), postgres: each(({ postgres }) => postgres) };
    return { stepMs: each(({ ms }) => ms), cpuMs: process.platform === 'linux' ? cpuMs : undefined };
  }

  #own(): Omit<Reading, 'postgres'> {
    const { user, system } = process.cpuUsage();
    return { ms: performance.now(), own: (user + system) / 1000 + cpuMsOf(this.#servers) };
  }

  /** Its connections come and go: those that have ended count with their parent. */
  #postgres(): number {
    return cpuMsOf(withDescendants(this.#postgresPid));
  }
}

/**
 * The workers of one run: the one that a fault meets, and those that follow it. A successor loads while its predecessor
 * still works, and polls once that has gone, or stands still.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { CrashCase, Kill } from './cases.ts';
import type { ChildOrder } from './child/order.ts';
import type { RunEnd } from './ran.ts';
import { isMet, textOfTraces, tracesIn } from './traces.ts';
import { EndedEarly, startWorkerProcess, type Launch, type WorkerProcess } from './worker-process.ts';

/** So long a frozen worker stands still at most: then the server has given up the tasks that were handed to it. */
const FROZEN_MS = 110_000;
/** What its successor does of the step in this time, it does before the frozen one wakes. */
const AFTER_TAKING_OVER_MS = 2_000;
/** What a worker that wakes late would do, it does within this. */
const AFTER_WAKING_MS = 1_000;
const LOOK_EVERY_MS = 50;

export interface Workers {
  /** Resolves when one ended otherwise than by the fault; else never. */
  readonly failed: Promise<RunEnd>;
  /** The job has ended: a worker that still stands still goes on, and has its time. */
  calm(): Promise<void>;
  /** Ends all. Safe to repeat. */
  stop(): Promise<void>;
}

/** @param launch `through`: of the first process alone */
export function startWorkers(order: ChildOrder, test: CrashCase | undefined, { through, ...launch }: Launch): Workers {
  const crew = new Crew(order, launch);
  const work =
    test?.how === 'freeze'
      ? crew.frozen(test.kills[0]!)
      : crew.killed(killsOf(test), {
          through: through ?? [],
          mayEnd: mayEnd(test),
          isInAnyOrder: test?.inAnyOrder === true,
        });
  const failed = work.catch((error: unknown): RunEnd | Promise<never> => {
    if (crew.isOver) return new Promise(() => undefined);
    return { kind: 'worker-ended', text: error instanceof EndedEarly ? error.message : String(error) };
  });
  return { failed, calm: () => crew.calm(), stop: () => crew.stop() };
}

function killsOf(test: CrashCase | undefined): readonly Kill[] {
  return test?.how === 'kill' ? test.kills : [];
}

/** Where the fault is not one of ours, what ends the worker is told by how it ends. */
function mayEnd(test: CrashCase | undefined): 'by a kill' | 'by itself' | undefined {
  if (test?.how === 'syscall') return 'by a kill';
  return test?.how === 'io-error' ? 'by itself' : undefined;
}

interface Ending {
  readonly through: readonly string[];
  /** Besides by the kills. */
  readonly mayEnd: ReturnType<typeof mayEnd>;
  /** Each process may meet any of those that none has met before it. */
  readonly isInAnyOrder: boolean;
}

class Crew {
  readonly #order: ChildOrder;
  readonly #common: Omit<Launch, 'through'>;
  readonly #processes: WorkerProcess[] = [];
  #frozen: WorkerProcess | undefined;
  isOver = false;

  constructor(order: ChildOrder, common: Omit<Launch, 'through'>) {
    this.#order = order;
    this.#common = common;
  }

  async killed(kills: readonly Kill[], { through, mayEnd: also, isInAnyOrder }: Ending): Promise<RunEnd> {
    const ends = Math.max(kills.length, also === undefined ? 0 : 1);
    let current = this.#launch(through);
    for (let count = 1; ; count++) {
      const meant = isInAnyOrder ? this.#unmet(kills) : kills.slice(count - 1, count);
      const polling = current.poll(meant.map((kill) => ({ ...kill, how: 'kill' })));
      if (also === 'by itself') await polling.catch(() => undefined);
      else await polling;
      // Only a run that is to lose its worker needs another.
      const next = count <= ends && also !== 'by itself' ? this.#launch() : undefined;
      const how = await current.ended;
      if (this.isOver) return await new Promise(() => undefined);
      const isMeant = also === 'by itself' ? count === 1 : how === 'SIGKILL' && next !== undefined;
      if (!isMeant) return { kind: 'worker-ended', text: `a worker ended by itself (${how}):\n${current.printed()}` };
      // One that a failing call has ended is started anew, as any service is.
      current = next ?? this.#launch();
    }
  }

  async frozen(at: Kill): Promise<RunEnd> {
    const first = this.#launch();
    await first.poll([{ ...at, how: 'freeze' }]);
    const next = this.#launch();
    while (!this.isOver && !this.#isFaultMet()) await delay(LOOK_EVERY_MS);
    this.#frozen = first;
    await next.poll([]);
    const lateMs = performance.now() + FROZEN_MS;
    while (!this.isOver && performance.now() < lateMs && !this.#isTakenOver(at)) await delay(LOOK_EVERY_MS);
    await delay(AFTER_TAKING_OVER_MS);
    this.#wake();
    const how = await Promise.race([first.ended, next.ended]);
    if (this.isOver) return await new Promise(() => undefined);
    return { kind: 'worker-ended', text: `a worker ended by itself (${how}):\n${first.printed()}${next.printed()}` };
  }

  async calm(): Promise<void> {
    if (this.#frozen === undefined) return;
    this.#wake();
    await delay(AFTER_WAKING_MS);
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.#processes.map((worker) => worker.stop()));
  }

  /** Waking one that is awake does nothing. */
  #wake(): void {
    this.#frozen?.signal('SIGCONT');
  }

  #isFaultMet(): boolean {
    return this.#traces.includes('{"kind":"fault"');
  }

  /** The step's code has begun once more. */
  #isTakenOver({ step }: Kill): boolean {
    return this.#traces.split(`{"kind":"code","step":${JSON.stringify(step)}`).length > 2;
  }

  get #traces(): string {
    return textOfTraces(this.#order.traces);
  }

  #unmet(kills: readonly Kill[]): readonly Kill[] {
    const traces = tracesIn(this.#order.traces);
    return kills.filter((kill) => !isMet(kill, traces));
  }

  #launch(through: readonly string[] = []): WorkerProcess {
    const worker = startWorkerProcess(this.#order, { ...this.#common, through });
    this.#processes.push(worker);
    return worker;
  }
}

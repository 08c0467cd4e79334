/**
 * The real protocol in worker processes of its own, driven one operation of the model at a time: where the model lets
 * everything crash, the process is killed by SIGKILL at that very moment, and another goes on in the same folder.
 */
import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { jobIdOf } from '../../src/model/record/token.ts';
import { ended, killed } from '../support/child-process.ts';
import type { KilledAnswer, KilledOrder } from './killed-child.ts';
import type { Operation } from './operations.ts';
import type { WalkedJob } from './real-job.ts';
import { firstMemory, worldIn, type WalkMemory } from './real-memory.ts';
import type { Rows } from './real-rows.ts';
import type { Resource, Value } from './state.ts';

const CHILD = new URL('./killed-child.ts', import.meta.url).pathname;

interface Worker {
  readonly process: ChildProcess;
  readonly end: Promise<undefined>;
}

export class KilledJob implements WalkedJob {
  readonly jobId = jobIdOf('model', 'run-0');
  readonly #rows: Rows;
  readonly #root: string;
  readonly #onKill: (moment: string) => void;
  #memory: WalkMemory = firstMemory();
  #worker: Worker | undefined;

  /** @param onKill is told each time: in the midst of what */
  constructor(rows: Rows, onKill: (moment: string) => void) {
    this.#rows = rows;
    this.#onKill = onKill;
    this.#root = dirname(this.#memory.folder);
  }

  get workspace(): string {
    return this.#memory.folder;
  }

  async world(): Promise<Record<Resource, Value>> {
    return await worldIn(this.workspace, this.#rows);
  }

  async perform(operation: Operation): Promise<string> {
    if (operation.op === 'crash') return await this.#kill();
    this.#worker ??= this.#start();
    const answer = await answerOf(this.#worker, operation);
    if (answer === undefined) return this.#wasKilled(operation);
    if ('trouble' in answer) throw new Error(answer.trouble);
    this.#memory = answer.memory;
    return answer.result;
  }

  async close(): Promise<void> {
    if (this.#worker !== undefined) await killed(this.#worker.process);
    await this.#rows.close();
    rmSync(this.#root, { recursive: true, force: true });
  }

  get #atDeath(): string {
    return join(this.#root, 'at-death.json');
  }

  #start(): Worker {
    const order: KilledOrder = { memory: this.#memory, urls: this.#rows.urls, atDeath: this.#atDeath };
    const worker = fork(CHILD, [JSON.stringify(order)], {
      execArgv: ['--conditions=holdfast-source'],
      env: { NODE_COMPILE_CACHE: join(this.#root, 'compiled'), ...process.env },
    });
    return { process: worker, end: ended(worker).then(() => undefined) };
  }

  /** Between two operations. */
  async #kill(): Promise<string> {
    if (this.#worker !== undefined) {
      await killed(this.#worker.process);
      this.#onKill('between two operations');
    }
    return this.#another();
  }

  #wasKilled(operation: Operation): string {
    const at = 'at' in operation ? operation.at : undefined;
    assert.equal(at?.act.do, 'crash', `the process ended while ${operation.op} was done`);
    this.#memory = JSON.parse(readFileSync(this.#atDeath, 'utf8')) as WalkMemory;
    this.#onKill(at!.moment);
    return this.#another();
  }

  #another(): string {
    this.#worker = undefined;
    this.#memory = { ...this.#memory, worker: this.#memory.worker + 1 };
    return 'crash';
  }
}

/** Undefined: it was killed. */
async function answerOf({ process: worker, end }: Worker, operation: Operation): Promise<KilledAnswer | undefined> {
  const over = new AbortController();
  const answered = once(worker, 'message', { signal: over.signal }).then(([answer]) => answer as KilledAnswer);
  worker.send(operation);
  try {
    const answer = await Promise.race([answered, end]);
    if (answer === undefined) assert.equal(worker.signalCode, 'SIGKILL', `a worker ended with ${worker.exitCode}`);
    return answer;
  } finally {
    over.abort();
    await answered.catch(() => undefined);
  }
}

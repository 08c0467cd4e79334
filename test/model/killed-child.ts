/** A worker process of a walk: it does one operation after the other, and is killed in the midst of some. */
import { writeFileSync } from 'node:fs';
import { RealJob } from './real-job.ts';
import type { WalkMemory } from './real-memory.ts';
import { rowsAt, type Rows } from './real-rows.ts';
import type { Operation } from './operations.ts';

export interface KilledOrder {
  readonly memory: WalkMemory;
  readonly urls: Rows['urls'];
  /** A file that has what the Workflow knows when the process is killed: it is no part of the worker. */
  readonly atDeath: string;
}

export type KilledAnswer = { readonly result: string; readonly memory: WalkMemory } | { readonly trouble: string };

const { memory, urls, atDeath } = JSON.parse(process.argv[2]!) as KilledOrder;

function die(known: WalkMemory): never {
  writeFileSync(atDeath, JSON.stringify(known));
  process.kill(process.pid, 'SIGKILL');
  // The signal may come to another thread first.
  for (;;);
}

const job = new RealJob(await rowsAt(urls), { memory, die });

async function answerTo(operation: Operation): Promise<KilledAnswer> {
  try {
    const result = await job.perform(operation);
    return { result, memory: job.memory };
  } catch (error) {
    return { trouble: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

process.on('message', (operation: Operation) => {
  void answerTo(operation).then((answer) => process.send!(answer));
});
// Whoever has started it has ended.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

/**
 * What a worker process needs and survives: memory while a step streams, and how fast a killed one's step runs again.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Figure } from '../figure.ts';
import { removeDirectory } from '../temporary-directory.ts';
import type { killedJob, streamJob } from '../workflows.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const RUNS_LIMIT_MS = 60_000;

/** In MiB, from /proc: `VmRSS` now, `VmHWM` the most since it was last reset. */
function memoryMib(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
}

export const memoryGrowth: Figure = {
  name: 'stream-memory',
  what: "growth of a worker's memory when a step streams a file of 1 GiB (the most it had, against before)",
  bound: 64,
  unit: 'MiB',
  measure: async ({ server, isQuick, say }) => {
    const bench = await server();
    const taskQueue = bench.newName('memory');
    const worker = await bench.startWorker(taskQueue);
    const pid = worker.process.pid!;
    const stream = async (sizesBytes: readonly number[]): Promise<void> => {
      const workspace = bench.newWorkspace();
      await bench.client.workflow.execute<typeof streamJob>('streamJob', {
        workflowId: bench.newName('stream'),
        taskQueue,
        args: [{ workspace, sizesBytes }],
      });
      removeDirectory(join(bench.root, workspace));
    };
    const values: number[] = [];
    try {
      // What any first job brings: code compiled, a Workflow's sandbox, pools of threads.
      await stream([16 * MIB]);
      for (let round = 0; round < (isQuick ? 1 : 5); round++) {
        const beforeMib = memoryMib(pid, 'VmRSS');
        writeFileSync(`/proc/${pid}/clear_refs`, '5');
        await stream([GIB]);
        values.push(memoryMib(pid, 'VmHWM') - beforeMib);
        say(
          `  round ${round + 1}: from ${Math.round(beforeMib)} to at most ${Math.round(memoryMib(pid, 'VmHWM'))} MiB`,
        );
      }
    } finally {
      await worker.stop();
    }
    return values;
  },
};

export const takeOver: Figure = {
  name: 'kill-to-rerun',
  what: "from a worker's SIGKILL to its step's code running again, the new worker's start-up aside",
  bound: 2,
  unit: 's',
  measure: async ({ server, isQuick, say }) => {
    const bench = await server();
    const values: number[] = [];
    for (let round = 0; round < (isQuick ? 3 : 7); round++) {
      const taskQueue = bench.newName('killed');
      const journal = join(bench.root, `${taskQueue}.journal`);
      const workflowId = bench.newName('killed');
      const first = await bench.startWorker(taskQueue);
      const done = bench.client.workflow.execute<typeof killedJob>('killedJob', {
        workflowId,
        taskQueue,
        args: [{ workspace: bench.newWorkspace(), journal }],
      });
      await untilRuns(journal, 1);
      const ended = new Promise((resolve) => first.process.once('exit', resolve));
      first.process.kill('SIGKILL');
      await ended;
      const second = await bench.startWorker(taskQueue);
      const seconds = ((await untilRuns(journal, 2)) - second.readyMs) / 1000;
      await done;
      await second.stop();
      say(`  round ${round + 1}: ${seconds.toFixed(2)} s`);
      values.push(seconds);
    }
    return values;
  },
};

/** When the step's code ran for the so-manieth time, in milliseconds since the epoch. */
async function untilRuns(journal: string, count: number): Promise<number> {
  for (const deadlineMs = Date.now() + RUNS_LIMIT_MS; Date.now() < deadlineMs; await delay(10)) {
    const lines = journalLines(journal);
    if (lines.length >= count) return Number(lines[count - 1]);
  }
  throw new Error(`the step's code did not run ${count} times within ${RUNS_LIMIT_MS} ms`);
}

function journalLines(journal: string): readonly string[] {
  try {
    // A line counts once it is whole.
    return readFileSync(journal, 'utf8').split('\n').slice(0, -1);
  } catch {
    return [];
  }
}

/**
 * A real worker process whose steps write a file and a row and make a call, and which stops (SIGSTOP) where it is told
 * to, as a host does that falls asleep. It says `ready` when it polls.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowBundleWithSourceMap } from '@temporalio/worker';
import * as z from 'zod';
import { defineStep, implementStep } from '../../../src/model/step/step.ts';
import { setFaultHook } from '../../../src/store/fault-point.ts';
import { createWorker } from '../../../src/worker.ts';

export interface VisitedOrder {
  readonly address: string;
  readonly namespace: string;
  readonly taskQueue: string;
  /** Holds the workspaces. */
  readonly root: string;
  /** Outside of them: what was called, what has run. */
  readonly outside: string;
  readonly bundlePath: string;
  /** Where it stops, once: a fault point, or `code of STEP`. Default: nowhere. */
  readonly stopAt?: string;
}

const order = JSON.parse(process.argv[2]!) as VisitedOrder;
const stopped = join(order.outside, 'stopped');

function stopOnceAt(place: string): void {
  if (place !== order.stopAt || existsSync(stopped)) return;
  writeFileSync(stopped, place);
  process.kill(process.pid, 'SIGSTOP');
  // The first process of a container can't stop itself: whoever is outside does, and lets it go on.
  while (process.pid === 1 && !existsSync(join(order.outside, 'woken')))
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
}
setFaultHook(stopOnceAt);

const visit = defineStep({
  name: 'visit',
  // `hold`: it waits in its code until the file `go-on ID` is there.
  input: z.object({ id: z.string(), row: z.int(), hold: z.boolean().default(false) }),
  output: z.object({ answer: z.string() }),
});
const visitCode = implementStep(visit, async (ctx, { id, row, hold }) => {
  appendFileSync(join(order.outside, 'runs'), `${id}\n`);
  stopOnceAt(`code of ${id}`);
  while (hold && !existsSync(join(order.outside, `go-on ${id}`))) await delay(50, undefined, { signal: ctx.signal });
  const answer = await ctx.perform('ring', {
    request: { id },
    run: ({ key }) => {
      appendFileSync(join(order.outside, 'calls'), `${id} ${key}\n`);
      return `rung ${id}`;
    },
  });
  await ctx.files.write(`${id}.txt`, `${answer}\n`);
  await ctx.db('main').insert('note', { id: row, text: id });
  return { answer };
});

const worker = await createWorker({
  address: order.address,
  namespace: order.namespace,
  taskQueue: order.taskQueue,
  workspaceRoot: order.root,
  steps: [visitCode] as never,
  // What the server hands to polls of a frozen worker is lost until its time is over: few of them.
  temporal: { maxConcurrentWorkflowTaskPolls: 2, maxConcurrentActivityTaskPolls: 1 },
  workflowBundle: JSON.parse(readFileSync(order.bundlePath, 'utf8')) as WorkflowBundleWithSourceMap,
  env: { HOLDFAST_STATE_DIR: join(order.outside, 'state'), PATH: process.env['PATH'] },
});
process.on('SIGTERM', () => worker.shutdown());
process.stdout.write('ready\n');
await worker.run();

/** A worker of the soak, in a process of its own. */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowBundleWithSourceMap } from '@temporalio/worker';
import * as z from 'zod';
import { defineStep, implementStep } from '../../src/testing.ts';
import { createWorker } from '../../src/worker.ts';

export interface SoakOrder {
  readonly address: string;
  readonly taskQueue: string;
  readonly root: string;
  readonly bundlePath: string;
  readonly postgresUrl: string;
  readonly serviceUrl: string;
}

const order = JSON.parse(process.argv[2]!) as SoakOrder;
const part = defineStep({
  name: 'part',
  input: z.object({ job: z.string(), part: z.int(), takesMs: z.int() }),
  output: z.object({ drawn: z.string(), paid: z.string() }),
});

const steps = [
  /** One of each: a value, a call, files, rows in two databases. */
  implementStep(part, async (ctx, { job, part: number, takesMs }) => {
    const drawn = await ctx.once('drawn', () => crypto.randomUUID());
    const paid = await ctx.perform('pay', {
      inDoubt: 'repeat',
      run: async ({ key, signal }) => {
        const headers = { 'idempotency-key': key };
        const body = JSON.stringify({ job, number });
        const answer = await fetch(`${order.serviceUrl}/pay`, { method: 'POST', headers, body, signal });
        return (await answer.text()).slice(0, 60);
      },
    });
    await delay(takesMs);
    await ctx.files.write(`parts/${number}.txt`, `${drawn}\n`);
    await ctx.files.write('latest.txt', `${number}\n`);
    await ctx.db('office').insert('part', { job, number, drawn });
    await ctx.db('local').insert('part', { number, drawn });
    return { drawn, paid };
  }),
];

for (;;) {
  try {
    const worker = await createWorker({
      address: order.address,
      taskQueue: order.taskQueue,
      workspaceRoot: order.root,
      workflowBundle: JSON.parse(readFileSync(order.bundlePath, 'utf8')) as WorkflowBundleWithSourceMap,
      env: { ...process.env, OFFICE: order.postgresUrl },
      steps,
    });
    process.stdout.write('ready\n');
    await worker.run();
  } catch (error) {
    // As a service manager would: it is started again, the server may be away.
    process.stderr.write(`${String(error)}\n`);
    await delay(500);
  }
}

/** A worker process that makes a fork from a store and begins its job, and may kill itself. It says what came of it. */
import * as z from 'zod';
import { makeForkFromStore } from '../../src/fork/from-store.ts';
import { defined } from '../../src/model/defined.ts';
import { isFailure } from '../../src/model/failure.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { defineStep, implementStep, openTestJob, type TestJob, type TestJobMemory } from '../../src/testing.ts';
import { memoryOfFork } from './forked-job.ts';
import { killingHook, type Killing } from './killing.ts';

export interface ForkStoreOrder extends Killing {
  /** STORE/JOB@SEQ */
  readonly from: string;
  readonly into: string;
  /** Of the fork's only Run. */
  readonly runId: string;
  /** Of an empty PostgreSQL database, and what was in the other job's before it. */
  readonly filled?: { readonly to: string; readonly base: string };
  /** Is the fork there already, and only to begin? */
  readonly memory?: TestJobMemory;
}

export const storedStep = defineStep({
  name: 'stored',
  input: z.object({ n: z.number(), hasRows: z.boolean() }),
  output: z.object({}),
});
const steps = [
  implementStep(storedStep, async (ctx, { n, hasRows }) => {
    await ctx.files.write('over.txt', `${n}\n`);
    await ctx.files.write(`large/${n}.txt`, `${n} a large content\n`.repeat(4_000));
    if (!hasRows) return {};
    await ctx.db('main').upsert('note', { id: 1, text: `${n}` });
    await ctx.db('main').insert('note', { id: 10 + n, text: `${n}` });
    return {};
  }),
];

export function openStoredForkJob(workspace: string, url: string | undefined, resume?: TestJobMemory): TestJob {
  const databases = { main: '${{ env.DB }}' };
  return openTestJob({
    workspace,
    steps,
    ...(url === undefined ? {} : { databases, env: { DB: url } }),
    ...defined({ resume }),
  });
}

async function made({ from, into, runId, filled }: ForkStoreOrder): Promise<TestJobMemory> {
  const rows = filled && { databases: { main: '${{ env.DB }}' }, bases: { main: filled.base } };
  const options = { workspace: into, workflowId: 'forked', by: 'test', ...rows };
  const env = filled === undefined ? {} : { DB: filled.to };
  const fork = await makeForkFromStore(from, options, { base: '/', env });
  return { ...memoryOfFork(fork), firstRunId: runId, runId };
}

if (process.argv[1] === import.meta.filename) {
  const order = JSON.parse(process.argv[2]!) as ForkStoreOrder;
  setFaultHook(killingHook(order));
  try {
    const memory = order.memory ?? (await made(order));
    const job = openStoredForkJob(order.into, order.filled?.to, memory);
    try {
      const { kind } = await job.verify();
      process.stdout.write(JSON.stringify({ kind, jobId: job.jobId }));
    } finally {
      await job.close();
    }
  } catch (error) {
    if (order.filled === undefined || !isFailure(error, 'bad-input')) throw error;
    process.stdout.write(JSON.stringify({ kind: 'refused', message: error.message }));
  }
}

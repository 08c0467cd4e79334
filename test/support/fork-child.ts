/** A worker process that makes a fork and begins its job, and may kill itself. Its answer is what came of it. */
import { makeFork } from '../../src/fork/make-fork.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { memoryOfFork } from './forked-job.ts';
import { killingHook, type Killing } from './killing.ts';
import { openRewoundJob } from './rewound-job.ts';

export interface ForkOrder extends Killing {
  readonly from: string;
  readonly into: string;
  readonly at: number;
  /** Of the fork's only Run. */
  readonly runId: string;
  /** Is the fork there already, and only to begin? */
  readonly memory?: ReturnType<typeof memoryOfFork>;
}

const order = JSON.parse(process.argv[2]!) as ForkOrder;
setFaultHook(killingHook(order));
const { from, into, at, runId } = order;
const memory = order.memory ?? (await made());
const job = openRewoundJob({ workspace: into, memory });
try {
  const { kind } = await job.verify();
  process.stdout.write(JSON.stringify({ kind, jobId: job.jobId }));
} finally {
  await job.close();
}

async function made(): Promise<ReturnType<typeof memoryOfFork>> {
  const fork = await makeFork(from, { at, workspace: into, workflowId: 'forked', by: 'test' }, {});
  return { ...memoryOfFork(fork), firstRunId: runId, runId };
}

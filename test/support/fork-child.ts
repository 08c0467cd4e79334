/** A worker process that makes a fork and begins its job, and may kill itself. Its answer is what came of it. */
import { makeFork } from '../../src/fork/make-fork.ts';
import { isFailure } from '../../src/model/failure.ts';
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
  /** Of a PostgreSQL database beside it, and where the fork's is to be. */
  readonly far?: { readonly from: string; readonly to: string; readonly base?: string };
  /** Is the fork there already, and only to begin? */
  readonly memory?: ReturnType<typeof memoryOfFork>;
}

const order = JSON.parse(process.argv[2]!) as ForkOrder;
setFaultHook(killingHook(order));
const { from, into, at, runId, far } = order;
try {
  const memory = order.memory ?? (await made());
  const job = openRewoundJob({ workspace: into, memory, ...(far === undefined ? {} : { far: far.to }) });
  try {
    const { kind } = await job.verify();
    process.stdout.write(JSON.stringify({ kind, jobId: job.jobId }));
  } finally {
    await job.close();
  }
} catch (error) {
  if (far === undefined || !isFailure(error, 'bad-input')) throw error;
  process.stdout.write(JSON.stringify({ kind: 'refused', message: error.message }));
}

async function made(): Promise<ReturnType<typeof memoryOfFork>> {
  const env: Record<string, string> = far === undefined ? {} : { FAR: far.from, FORK_FAR: far.to };
  const databases: Record<string, string> = far === undefined ? {} : { far: '${{ env.FORK_FAR }}' };
  const bases: Record<string, string> = far?.base === undefined ? {} : { far: far.base };
  const options = { at, workspace: into, workflowId: 'forked', databases, bases, by: 'test' };
  const fork = await makeFork(from, options, env);
  return { ...memoryOfFork(fork), firstRunId: runId, runId };
}

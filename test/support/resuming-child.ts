/** A worker process that begins a job that is started from its store, and may kill itself. It tells what came of it. */
import type { VerifyWorldResult } from '../../src/model/job/verify-world.ts';
import { GENESIS } from '../../src/model/record/chain.ts';
import { verifyWorldProtocol } from '../../src/protocol/verify/verify-world.ts';
import { Workspaces } from '../../src/protocol/workspace/workspaces.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { RememberedJob } from '../../src/testing/remembered-job.ts';
import { testHost } from '../../src/testing/test-host.ts';
import { freshMemory } from './fresh-memory.ts';
import { killingHook, type Killing } from './killing.ts';
import { code } from './sealing-child.ts';

export interface ResumingOrder extends Killing {
  readonly root: string;
  readonly name: string;
  /** Below `root`. */
  readonly workspace: string;
  readonly store: string;
  readonly at?: number;
}

export type ResumingEnd = VerifyWorldResult;

const { root, name, workspace, store, at, ...killing } = JSON.parse(process.argv[2]!) as ResumingOrder;
setFaultHook(killingHook(killing));
const env = { CHECKPOINTS: store };
const job = new RememberedJob({ resume: { ...freshMemory(name), runId: 'run-2' } });
const workspaces = new Workspaces(root, env);
const { workflowId, runId, jobId } = job;
const caller = { workflowId, runId, signal: new AbortController().signal, progress: () => {}, log: () => {} };
const place = { seq: 0, head: GENESIS };
try {
  const result = await verifyWorldProtocol(testHost({ steps: [code], env }, root, job), workspaces, caller, {
    jobId,
    workspace,
    settings: {
      databases: {},
      watch: [],
      verifyAfterMs: 600_000,
      plan: null,
      checkpoint: { store: '${{ env.CHECKPOINTS }}' },
    },
    base: place,
    known: place,
    reason: 'first-of-run',
    detail: 'the job is started from a store',
    resume: { by: 'ada', reason: 'a test', ...(at !== undefined && { at }) },
  });
  process.stdout.write(JSON.stringify(result));
} finally {
  await workspaces.close();
}

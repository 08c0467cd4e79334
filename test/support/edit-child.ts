/** A worker process that edits a job, and may kill itself. Its answer is what came of it. */
import type { Caller } from '../../src/protocol/host.ts';
import { editProtocol } from '../../src/protocol/repair/edit.ts';
import { Workspaces } from '../../src/protocol/workspace/workspaces.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { RememberedJob } from '../../src/testing/remembered-job.ts';
import { testHost } from '../../src/testing/test-host.ts';
import type { TestJobMemory } from '../../src/testing.ts';
import { killingHook, type Killing } from './killing.ts';
import { REWOUND_STEPS } from './rewound-job.ts';

export interface EditOrder extends Killing {
  readonly workspace: string;
  readonly memory: TestJobMemory;
  readonly asNode: string;
}

const order = JSON.parse(process.argv[2]!) as EditOrder;
setFaultHook(killingHook(order));
const { workspace, asNode } = order;
const job = new RememberedJob({ resume: order.memory });
const host = testHost({ steps: REWOUND_STEPS }, workspace, job);
const workspaces = new Workspaces(workspace, host.env);
const caller: Caller = {
  workflowId: job.workflowId,
  runId: job.runId,
  signal: new AbortController().signal,
  progress: () => undefined,
  log: () => undefined,
};
const edit = { asNode, output: {}, values: { note: 'by hand' }, by: 'test', reason: 'test' };
const { jobId, known } = job;
try {
  const result = await editProtocol(host, workspaces, caller, { jobId, workspace, known, edit, step: 'edit' });
  process.stdout.write(JSON.stringify(result));
} finally {
  await workspaces.close();
}

/** A rejection as the answer that a Workflow gets, on a real server. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { defined } from '../../src/model/defined.ts';
import { implementStep } from '../../src/model/step/step.ts';
import { untilStatus } from '../support/job-status.ts';
import { proposeStep, rejectedWorkflow } from '../support/rejected-workflow.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-rejected-'));
const runs: string[] = [];
const LIMIT = { timeout: 30_000 };

testWorker(temporal, {
  taskQueue,
  root,
  steps: [
    implementStep(proposeStep, async (ctx, { path }) => {
      runs.push(path);
      await ctx.files.write(path, 'done\n');
      return {};
    }),
  ],
  workflows: new URL('../support/rejected-workflow.ts', import.meta.url).pathname,
});

after(() => rmSync(root, { recursive: true, force: true }));

/** Rejects what is asked first; returns whether the job went on in a new Run. */
async function rejectIn(workspace: string, continueAsNewAfterEvents?: number): Promise<boolean> {
  mkdirSync(join(root, workspace));
  runs.length = 0;
  const handle = await temporal.client.workflow.start(rejectedWorkflow, {
    workflowId: temporal.unique('rejected'),
    taskQueue,
    args: [{ workspace, ...defined({ continueAsNewAfterEvents }) }],
  });
  const { questions } = await untilStatus(handle, (status) => status.questions.length > 0);
  await handle.signal('decide', { digest: questions[0]!.digest, answer: 'reject', by: 'ada', reason: 'too risky' });
  assert.deepEqual(await handle.result(), [{ by: 'ada', reason: 'too risky' }]);
  assert.deepEqual(runs, ['risky', 'a', 'b', 'c', 'd']);
  assert.equal(existsSync(join(root, workspace, 'risky')), false, 'nothing of it is applied');
  assert.equal(existsSync(join(root, workspace, 'd')), true);
  const last = await temporal.client.workflow.getHandle(handle.workflowId).describe();
  return last.runId !== handle.firstExecutionRunId;
}

test('a rejected step fails with who and why, and is not asked again', LIMIT, async () => {
  assert.equal(await rejectIn('one-run'), false);
});

test('a Workflow that starts anew is told of the same rejection', LIMIT, async () => {
  assert.equal(await rejectIn('new-runs', 30), true);
});

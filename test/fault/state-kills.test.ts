/**
 * A super-step of which one branch fails, on a real server: its finished siblings are not run again, and what all have
 * written joins the state once, although the worker is killed in between.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { PlanResult } from '../../src/model/plan/run/progress.ts';
import { agentJob } from '../../src/workflows/agent-job.ts';
import { branchesUntilMended } from '../support/branching-workflow.ts';
import { untilAsked, untilStatus } from '../support/job-status.ts';
import { linesOf } from '../support/killing.ts';
import { testTemporal } from '../support/temporal.ts';
import { untilTrue } from '../support/until.ts';
import { workerProcesses } from '../support/worker-process.ts';

const temporal = await testTemporal();
const root = mkdtempSync(join(tmpdir(), 'holdfast-state-kills-'));
after(() => rmSync(root, { recursive: true, force: true }));

test('a branch fails, the worker is killed twice: siblings run once, and the state has each branch once', async () => {
  const taskQueue = temporal.unique('branches');
  const startWorker = await workerProcesses({ ...temporal, taskQueue, root });
  const [ran, mended, goOn] = ['ran', 'mended', 'go-on'].map((name) => join(root, name)) as [string, string, string];
  const branch = (id: string, run: string) => ({
    id,
    use: 'command',
    with: { run: `echo ${id} >> ${ran}; ${run}`, shell: true, paths: [`${id}/`] },
    retry: { maxAttempts: 1 },
    state: { seen: id, total: 1, facts: { [id]: '${{ output.exitCode }}' } },
  });
  const plan = {
    schemaVersion: 1,
    name: 'branches',
    workspace: 'branches',
    heartbeatTimeoutMs: 5_000,
    state: { seen: { reducer: 'append' }, total: { reducer: 'sum' }, facts: { reducer: 'merge' } },
    steps: [
      branch('gather', 'true'),
      branch('search', `[ -e ${mended} ] && until [ -e ${goOn} ]; do sleep 0.05; done`),
      branch('read', 'true'),
      {
        id: 'report',
        use: 'file.write',
        needs: ['gather', 'search', 'read'],
        with: { path: 'report', content: '${{ state.total }} ${{ state.seen[0] }} ${{ state.seen[1] }}' },
        state: { seen: ['report'], total: 1 },
      },
    ],
  };
  const first = await startWorker();
  const handle = await temporal.client.workflow.start(agentJob, {
    workflowId: temporal.unique('branches'),
    taskQueue,
    args: [{ plan }],
  });
  const question = await untilAsked(handle);
  assert.deepEqual(linesOf(ran).toSorted(), ['gather', 'read', 'search']);
  await first.kill();
  const second = await startWorker();
  writeFileSync(mended, '');
  const decision = { digest: question.digest, answer: 'rerun', by: 'test@example.com', reason: 'mended' };
  await handle.signal('decide', decision);
  await untilTrue(() => linesOf(ran).length === 4);
  await second.kill();
  writeFileSync(goOn, '');
  const third = await startWorker();
  const { state } = (await handle.result()) as PlanResult;
  assert.deepEqual(state, {
    seen: ['gather', 'search', 'read', 'report'],
    total: 4,
    facts: { gather: 0, search: 0, read: 0 },
  });
  const lines = linesOf(ran);
  assert.equal(lines.filter((id) => id === 'gather').length, 1);
  assert.equal(lines.filter((id) => id === 'read').length, 1);
  await third.end();
});

test('branches that are begun again after one failed and a kill: the finished one does not run again', async () => {
  const taskQueue = temporal.unique('begun-again');
  const workflows = new URL('../support/branching-workflow.ts', import.meta.url).pathname;
  const startWorker = await workerProcesses({ ...temporal, taskQueue, root, workflows });
  const [ran, mended] = ['ran-again', 'mended-again'].map((name) => join(root, name)) as [string, string];
  const first = await startWorker();
  const handle = await temporal.client.workflow.start(branchesUntilMended, {
    workflowId: temporal.unique('begun-again'),
    taskQueue,
    args: [{ workspace: 'begun-again', ran, mended }],
  });
  await untilTrue(() => linesOf(ran).length === 2);
  await untilStatus(handle, ({ steps }) => steps.some(({ id, state }) => id === 'gather' && state === 'done'));
  await first.kill();
  writeFileSync(mended, '');
  const second = await startWorker();
  assert.deepEqual(await handle.result(), { seen: ['gather', 'search'], total: 2 });
  assert.deepEqual(linesOf(ran).toSorted(), ['gather', 'search', 'search']);
  await second.end();
});

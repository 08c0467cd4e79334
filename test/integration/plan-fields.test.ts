/** Fields of a plan, from the plan to the other end, on a real server. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { WorkflowFailedError } from '@temporalio/client';
import type { Json } from '../../src/model/canonical-json.ts';
import { agentJob } from '../../src/workflows/agent-job.ts';
import { untilAsked, untilStatus } from '../support/job-status.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-plan-fields-'));

testWorker(temporal, { taskQueue, root });

after(() => rmSync(root, { recursive: true, force: true }));

const writing = { id: 'write', use: 'file.write', with: { path: 'own.txt', content: 'x' } };

async function start(
  plan: Readonly<Record<string, unknown>>,
  given: Readonly<Record<string, unknown>> = {},
): ReturnType<typeof temporal.client.workflow.start> {
  const workspace = temporal.unique('fields');
  mkdirSync(join(root, workspace));
  const whole = { schemaVersion: 1, name: 'fields', workspace, steps: [writing], ...plan };
  return await temporal.client.workflow.start(agentJob, {
    workflowId: workspace,
    taskQueue,
    args: [{ plan: whole as unknown as Json, ...given }],
  });
}

test('a plan whose references lead to nothing usable is refused at once, and the job has done nothing', async () => {
  const properties = { path: { type: 'string' }, value: { type: 'array', items: { type: 'integer' } } };
  const input = { type: 'object', properties, required: ['path', 'value'] };
  for (const [plan, message] of [
    [{ watch: [{ file: 'a-${{ input.value }}' }] }, /input\.value/],
    [{ watch: [{ file: '${{ input.path }}' }] }, /leads out of the workspace/],
    [{ workspace: 'w/${{ input.path }}' }, /Expected a path without/],
  ] as const) {
    const handle = await start({ input, ...plan }, { input: { path: '../up', value: [1] } });
    await assert.rejects(handle.result(), (error) => {
      assert.ok(error instanceof WorkflowFailedError);
      assert.match(error.cause?.message ?? '', message);
      return true;
    });
    assert.equal(existsSync(join(root, handle.workflowId, '.holdfast')), false);
  }
});

test('a watch of a plan knows the job, and one file is one resource however it is spelled', async () => {
  const handle = await start({
    verifyAfterMinutes: 0.0001,
    watch: [{ file: '${{ job.id }}.flag' }, { file: './/watched.txt' }, { file: './own.txt' }],
    steps: [
      writing,
      { id: 'gate', use: 'wait', with: { seconds: 1 }, needs: ['write'] },
      { ...writing, id: 'late', needs: ['gate'] },
    ],
  });
  const { jobId } = await untilStatus(handle, ({ steps }) => steps[0]?.state === 'done');
  for (const name of [`${jobId}.flag`, 'watched.txt', 'own.txt'])
    writeFileSync(join(root, handle.workflowId, name), 'by a person');
  const { findings } = await untilAsked(handle);
  assert.deepEqual(findings.map(({ resource }) => resource).toSorted(), [
    `file:${jobId}.flag`,
    'file:own.txt',
    'file:watched.txt',
  ]);
  await handle.terminate();
});

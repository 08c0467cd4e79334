/** A job whose Workflow's own code fails, or is another, is told as that; with code that fits it goes on. */
import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Connection, WorkflowHandle } from '@temporalio/client';
import { isWithoutWorkflow } from '../../src/client/failures.ts';
import { ServerCalls } from '../../src/client/server-calls.ts';
import type { JobStatus } from '../../src/model/job/status.ts';
import { implementStep } from '../../src/model/step/step.ts';
import { cli, type Ran } from '../support/cli-terminal.ts';
import { untilStatus } from '../support/job-status.ts';
import { measureStep, ownWorkflow, summariseStep } from '../support/own-workflow.ts';
import { workersOfATest, type RunningWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';
import { untilFound } from '../support/until.ts';

const temporal = await testTemporal();
const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-failing-code-')));
const startWorker = workersOfATest(temporal);
const steps = [
  implementStep(measureStep, async () => ({ length: 3 })),
  implementStep(summariseStep, async (_, { lengths }) => ({ total: lengths.length })),
];

after(() => rmSync(root, { recursive: true, force: true }));

async function aWorker(taskQueue: string, release: 'unfit-workflow' | 'own-workflow'): Promise<RunningWorker> {
  const workflows = fileURLToPath(new URL(`../support/${release}.ts`, import.meta.url));
  return await startWorker({ taskQueue, root, steps, workflows });
}

async function holdfast(...args: readonly string[]): Promise<Ran> {
  return await cli(args, { cwd: root, env: { ...temporal.env, NO_COLOR: '1' } });
}

async function start(taskQueue: string, paths: readonly string[], waitMs = 1): Promise<WorkflowHandle> {
  const workflowId = temporal.unique('own');
  const args: Parameters<typeof ownWorkflow> = [{ workspace: workflowId, paths, waitMs }];
  return await temporal.client.workflow.start(ownWorkflow, { workflowId, taskQueue, args });
}

/** What the server says of a Workflow whose Task has failed several times; until then it waits for the next one. */
async function refusedBy(job: WorkflowHandle): Promise<Error> {
  const { connection } = temporal.client;
  const ask = async (): Promise<unknown> =>
    await connection.withDeadline(Date.now() + 3_000, () => job.query('status')).catch((error: unknown) => error);
  const refused = await untilFound(
    async () => {
      const error = await ask();
      return error instanceof Error && isWithoutWorkflow(error) ? error : undefined;
    },
    { what: 'the server refuses to ask', limitMs: 60_000 },
  );
  return refused;
}

test('a Workflow whose code fails is told by its message; mended, it goes on, and so does who waits', async () => {
  const taskQueue = temporal.unique('queue');
  const failing = await aWorker(taskQueue, 'unfit-workflow');
  const job = await start(taskQueue, ['a', 'b']);
  await refusedBy(job);
  for (const command of ['status', 'question', 'state']) {
    const ran = await holdfast(command, job.workflowId);
    assert.equal(ran.code, 5, `${command}: ${ran.out}${ran.err}`);
    assert.match(ran.err, /The worker of job \S+ could not go on: input\.paths is no longer a list\./);
    assert.match(ran.err, /Next: The worker's log has the stack\. Mend the Workflow's code and start a worker with it/);
  }
  assert.equal((await holdfast('result', job.workflowId)).code, 6);
  const waiting = holdfast('result', job.workflowId, '--wait');
  await failing.stop();
  await aWorker(taskQueue, 'own-workflow');
  const waited = await waiting;
  assert.equal(waited.code, 0, waited.err);
  assert.match(waited.out, /"total": 2/);
});

test('a job whose worker has other code for its Workflow is told as that, not as none', async () => {
  const taskQueue = temporal.unique('queue');
  const first = await aWorker(taskQueue, 'own-workflow');
  const job = await start(taskQueue, ['a'], 600_000);
  await untilStatus(job, (status) => status.steps.some(({ state }) => state === 'done'));
  await first.stop();
  const other = await aWorker(taskQueue, 'unfit-workflow');
  const ran = await holdfast('status', job.workflowId, '--json');
  assert.equal(ran.code, 5, ran.out);
  const { error } = ran.json<{ error: { type: string; message: string; details: { reason: string } } }>();
  assert.deepEqual([error.type, error.details.reason], ['no-worker', 'other-workflow-code']);
  assert.match(error.message, /TMPRL1100/);
  await other.stop();
  await aWorker(taskQueue, 'own-workflow');
  assert.equal((await holdfast('status', job.workflowId)).code, 0);
});

test('a Query that the server refused for a failed Task is asked again where a later Task has not failed', async () => {
  const [broken, sound] = [temporal.unique('queue'), temporal.unique('queue')];
  await aWorker(broken, 'unfit-workflow');
  await aWorker(sound, 'own-workflow');
  const refused = await refusedBy(await start(broken, ['a', 'b']));
  const job = await start(sound, ['a'], 600_000);
  await untilStatus(job, (status) => status.steps.some(({ state }) => state === 'done'));
  const connection = temporal.client.connection as Connection;
  const calls = new ServerCalls({ client: temporal.client, connection, address: temporal.address });
  const answers = [() => Promise.reject(refused), () => job.query<JobStatus>('status')];
  const status = await calls.query(job.workflowId, async () => await answers.shift()!());
  assert.equal(status.workflowId, job.workflowId);
});

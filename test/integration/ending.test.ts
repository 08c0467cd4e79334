/** How jobs end: cancelled in the middle of a step, in the middle of applying, or terminated from outside. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import * as z from 'zod';
import { connectHoldfast } from '../../src/client.ts';
import { defineStep, implementStep } from '../../src/model/step/step.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { agentJob } from '../../src/workflows/agent-job.ts';
import { decision } from '../replay/scenario.ts';
import { untilStatus } from '../support/job-status.ts';
import { processesWhere } from '../support/process-list.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-ending-'));
const seen = { started: 0, aborted: 0 };

const patient = implementStep(
  defineStep({ name: 'patient', input: z.strictObject({}), output: z.strictObject({}) }),
  async (ctx) => {
    await ctx.files.write('never.txt', 'never');
    seen.started += 1;
    await new Promise<void>((resolve) => ctx.signal.addEventListener('abort', () => resolve(), { once: true }));
    seen.aborted += 1;
    ctx.signal.throwIfAborted();
    return {};
  },
);

testWorker(temporal, { taskQueue, root, steps: [patient] });

afterEach(() => setFaultHook(undefined));

after(() => rmSync(root, { recursive: true, force: true }));

const twoFiles = {
  schemaVersion: 1,
  name: 'ending',
  workspace: 'unused',
  databases: { main: { url: 'sqlite:main.db' } },
  steps: [
    {
      id: 'table',
      use: 'db.sql',
      with: { database: 'main', sql: 'CREATE TABLE note (id INTEGER PRIMARY KEY)', writes: ['note'] },
    },
    { id: 'first', use: 'file.write', with: { path: 'first.txt', content: 'first' }, needs: ['table'] },
    { id: 'second', use: 'file.write', with: { path: 'second.txt', content: 'second' }, needs: ['first'] },
  ],
};

test(
  'cancelling a job aborts the running step, applies nothing of it, and gives the workspace back',
  { timeout: 40_000 },
  async () => {
    const plan = { ...twoFiles, steps: [{ id: 'patient', use: 'patient' }] };
    const handle = await temporal.client.workflow.start(agentJob, {
      workflowId: temporal.unique('cancel'),
      taskQueue,
      args: [{ plan, workspace: 'cancelled' }],
    });
    await untilStatus(handle, () => seen.started === 1);
    await handle.cancel();
    await assert.rejects(handle.result(), /cancelled/i);
    assert.equal(seen.aborted, 1);
    assert.equal(existsSync(join(root, 'cancelled', 'never.txt')), false);
    // The workspace is released: the next job may use it at once.
    await temporal.client.workflow.execute(agentJob, {
      workflowId: temporal.unique('next'),
      taskQueue,
      args: [{ plan: twoFiles, workspace: 'cancelled' }],
    });
  },
);

test(
  'a job that was cancelled while it waited asks nothing any more, and a decision for it says that it has ended',
  { timeout: 40_000 },
  async () => {
    const plan = {
      ...twoFiles,
      steps: [{ id: 'approved', use: 'file.write', with: { path: 'a.txt', content: 'a' }, approval: 'before-apply' }],
    };
    const workflowId = temporal.unique('cancel');
    const handle = await temporal.client.workflow.start(agentJob, {
      workflowId,
      taskQueue,
      args: [{ plan, workspace: 'asked' }],
    });
    const {
      questions: [question],
    } = await untilStatus(handle, (status) => status.questions.length > 0);
    await handle.cancel();
    await assert.rejects(handle.result(), /cancelled/i);
    await using client = await connectHoldfast({ address: temporal.address, namespace: temporal.namespace });
    const status = await client.status(workflowId);
    assert.deepEqual([status.state, status.questions, await client.questions(workflowId)], ['cancelled', [], []]);
    const decision = { answer: 'approve', by: 'test@example.com', reason: 'too late' } as const;
    await assert.rejects(client.decide(workflowId, decision), /has no open question/);
    await assert.rejects(
      client.decide(workflowId, { ...decision, digest: question!.digest }, { via: 'signal' }),
      /has ended; nothing reaches it any more/,
    );
  },
);

test('cancelling while a step is being applied finishes it before the job ends', { timeout: 40_000 }, async () => {
  let reached = false;
  let isCancelled = (): void => undefined;
  const cancelled = new Promise<void>((resolve) => (isCancelled = resolve));
  setFaultHook(async (point) => {
    if (point !== 'commit.database-before' || reached) return;
    reached = true;
    await cancelled;
  });
  const handle = await temporal.client.workflow.start(agentJob, {
    workflowId: temporal.unique('cancel'),
    taskQueue,
    args: [{ plan: twoFiles, workspace: 'half' }],
  });
  await untilStatus(handle, () => reached);
  await handle.cancel();
  setTimeout(isCancelled, 500);
  await assert.rejects(handle.result(), /cancelled/i);
  const next = await temporal.client.workflow.execute(agentJob, {
    workflowId: temporal.unique('next'),
    taskQueue,
    args: [
      {
        plan: {
          ...twoFiles,
          steps: [
            {
              id: 'query',
              use: 'db.query',
              with: { database: 'main', sql: "SELECT count(*) AS tables FROM sqlite_schema WHERE name = 'note'" },
            },
          ],
        },
        workspace: 'half',
      },
    ],
  });
  assert.deepEqual(next.outputs, { query: { rows: [{ tables: 1 }] } }, 'the table that was half applied is there');
  assert.equal(existsSync(join(root, 'half', 'first.txt')), false, 'nothing after it ran');
});

test(
  "after a terminate the workspace's next user gets the question, and may take it",
  { timeout: 40_000 },
  async () => {
    const first = await temporal.client.workflow.start(agentJob, {
      workflowId: temporal.unique('terminated'),
      taskQueue,
      args: [
        {
          plan: {
            ...twoFiles,
            steps: [...twoFiles.steps, { id: 'pause', use: 'wait', with: { seconds: 600 }, needs: ['second'] }],
          },
          workspace: 'taken',
        },
      ],
    });
    await untilStatus(first, (status) => status.steps.some(({ id, state }) => id === 'second' && state === 'done'));
    const second = await temporal.client.workflow.start(agentJob, {
      workflowId: temporal.unique('second'),
      taskQueue,
      args: [
        {
          plan: {
            ...twoFiles,
            steps: [{ id: 'mine', use: 'file.write', with: { path: 'second.txt', content: 'mine' } }],
          },
          workspace: 'taken',
        },
      ],
    });
    const whileRunning = await untilStatus(second, (status) => status.questions.length > 0);
    assert.deepEqual(
      whileRunning.questions[0]!.findings[0]!.answers,
      ['recheck', 'abort'],
      'a running job is not pushed out of its workspace',
    );
    await first.terminate('the test says so');
    await second.signal('decide', {
      digest: whileRunning.questions[0]!.digest,
      answer: 'recheck',
      by: 'test@example.com',
      reason: 'it has ended',
    });
    const afterwards = await untilStatus(
      second,
      (status) => status.questions.length > 0 && status.questions[0]!.digest !== whileRunning.questions[0]!.digest,
    );
    assert.deepEqual(afterwards.questions[0]!.findings[0]!.answers, ['accept', 'recheck', 'abort']);
    assert.equal(
      readFileSync(join(root, 'taken', 'second.txt'), 'utf8'),
      'second',
      'nothing has changed before the decision',
    );
    await second.signal('decide', {
      digest: afterwards.questions[0]!.digest,
      answer: 'accept',
      by: 'test@example.com',
      reason: 'take it',
    });
    await second.result();
    assert.equal(readFileSync(join(root, 'taken', 'second.txt'), 'utf8'), 'mine');
  },
);

test(
  'a command says its last line while it runs; cancelling its job ends all that it started, and applies nothing',
  { timeout: 40_000 },
  async () => {
    const own = `300.${process.pid}9`;
    const plan = {
      schemaVersion: 1,
      name: 'commands',
      workspace: 'unused',
      steps: [
        {
          id: 'build',
          use: 'command',
          with: {
            run: `trap "" TERM; echo x > never.txt; while :; do echo working hard; sleep 0.2; done & sleep ${own}`,
            shell: true,
            killGraceMs: 200,
          },
        },
      ],
    };
    const handle = await temporal.client.workflow.start(agentJob, {
      workflowId: temporal.unique('cancel-command'),
      taskQueue,
      args: [{ plan, workspace: 'cancelled-command' }],
    });
    let shown = '';
    for (let waitedMs = 0; !shown.includes('working hard'); waitedMs += 200) {
      assert.ok(waitedMs < 30_000, `its progress shows ${shown}`);
      await delay(200);
      const { pendingActivities } = await temporal.client.workflowService.describeWorkflowExecution({
        namespace: temporal.namespace,
        execution: { workflowId: handle.workflowId },
      });
      shown = (pendingActivities ?? [])
        .map(({ heartbeatDetails }) =>
          (heartbeatDetails?.payloads ?? []).map(({ data }) => Buffer.from(data ?? []).toString()).join(),
        )
        .join();
    }
    assert.ok(processesWhere((line) => line.includes(own)).length > 0);
    await handle.cancel();
    await assert.rejects(handle.result());
    assert.deepEqual(
      processesWhere((line) => line.includes(own)),
      [],
    );
    assert.deepEqual(readdirSync(join(root, 'cancelled-command')), ['.holdfast']);
    assert.deepEqual(readdirSync(join(root, 'cancelled-command/.holdfast/commands')), []);
  },
);

test('a job that is started again under the id of a terminated one may take its workspace', async () => {
  const workflowId = temporal.unique('again');
  const pause = { id: 'pause', use: 'wait', with: { seconds: 600 }, needs: ['mine'] };
  const start = (content: string, ...more: readonly unknown[]): Promise<WorkflowHandle> => {
    const steps = [{ id: 'mine', use: 'file.write', with: { path: 'mine.txt', content } }, ...more];
    const plan = { schemaVersion: 1, name: 'again', workspace: 'unused', steps };
    const args = [{ plan, workspace: 'again' }];
    return temporal.client.workflow.start('agentJob', { workflowId, taskQueue, args });
  };
  const first = await start('first', pause);
  await untilStatus(first, ({ steps }) => steps.some(({ id, state }) => id === 'mine' && state === 'done'));
  await first.terminate('the test says so');
  const second = await start('second');
  const [question] = (await untilStatus(second, ({ questions }) => questions.length > 0)).questions;
  assert.deepEqual(question!.findings[0]!.answers, ['accept', 'recheck', 'abort'], 'the other one has ended');
  await second.executeUpdate('decide', { args: [decision(question!.digest, 'accept')] });
  await second.result();
  assert.equal(readFileSync(join(root, 'again/mine.txt'), 'utf8'), 'second');
});

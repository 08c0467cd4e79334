/** What becomes of the jobs of sub-plans when the job around them ends, runs again, is reset or rewound. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { WorkflowNotFoundError, type WorkflowHandle } from '@temporalio/client';
import type { JobStatus } from '../../src/model/job/status.ts';
import { statusOf, untilAsked, untilStatus } from '../support/job-status.ts';
import { servedJobs } from '../support/served-jobs.ts';
import { chapter, startBook, type StartedBook } from '../support/sub-plans.ts';
import { testTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';

const temporal = await testTemporal();
const jobs = servedJobs(temporal, 'sub-plan');
const { root, client } = jobs;

async function start(steps: readonly object[], args: object = {}): Promise<StartedBook> {
  return await startBook(jobs, temporal.unique('book'), { steps }, args);
}

/** A chapter whose only step waits for an approval. */
const approved = { ...chapter, steps: [{ ...chapter.steps[0], approval: 'before-apply' }] };
const one = { id: 'one', use: 'plan.run', workspace: 'one', with: { title: 'One' } };
const late = {
  id: 'late',
  use: 'file.write',
  needs: ['one'],
  approval: 'before-apply',
  with: { path: 'late.txt', content: 'l' },
};

async function jobOf(handle: WorkflowHandle, stepId: string, isOther = ''): Promise<WorkflowHandle> {
  const find = ({ subPlans = [] }: JobStatus) => subPlans.find((sub) => sub.stepId === stepId && sub.job !== isOther);
  const status = await untilStatus(handle, (now) => find(now) !== undefined);
  const sub = temporal.client.workflow.getHandle(find(status)!.job);
  // It is told of before it is begun.
  const begun = (): Promise<boolean> =>
    sub.describe().then(
      () => true,
      (error: unknown) => {
        if (error instanceof WorkflowNotFoundError) return false;
        throw error;
      },
    );
  await until(begun, (isBegun) => isBegun);
  return sub;
}

async function decide(handle: WorkflowHandle, answer: string, more: Readonly<Record<string, unknown>> = {}) {
  const { digest } = await untilAsked(handle);
  const given = { digest, answer, by: 'a@example.com', reason: 'tested', ...more };
  return await handle.executeUpdate<{ readonly done: readonly string[] }, [unknown]>('decide', { args: [given] });
}

test('an abort with compensate undoes the job of a sub-plan that runs', async () => {
  const two = {
    ...chapter,
    steps: [
      chapter.steps[0],
      { ...approved.steps[0], id: 'more', needs: ['write'], with: { path: 'more.md', content: 'x' } },
    ],
  };
  const job = await start([{ ...one, plan: two }]);
  const sub = await jobOf(job.handle, 'one');
  await untilAsked(sub);
  assert.ok(existsSync(job.at('one/text.md')));
  await job.handle.signal('abort', { by: 'a@example.com', reason: 'not wanted', compensate: true });
  await assert.rejects(job.handle.result());
  assert.equal((await sub.describe()).status.name, 'FAILED');
  assert.equal((await statusOf(sub)).state, 'aborted');
  assert.ok(!existsSync(job.at('one/text.md')));
});

test('a question of a sub-plan shows at its parent, and a cancelled job cancels it and waits for it', async () => {
  const job = await start([{ ...one, plan: approved }]);
  const sub = await jobOf(job.handle, 'one');
  await untilAsked(sub);
  const { subPlans } = await client.status(job.handle.workflowId);
  assert.deepEqual(
    subPlans?.map(({ state, questions }) => [state, questions?.length]),
    [['waiting', 1]],
  );
  await job.handle.cancel();
  await assert.rejects(job.handle.result());
  assert.equal((await sub.describe()).status.name, 'CANCELLED');
  assert.equal((await job.handle.describe()).status.name, 'CANCELLED');
});

test('a terminated job takes the job of its sub-plan along', async () => {
  const job = await start([{ ...one, plan: approved }]);
  const sub = await jobOf(job.handle, 'one');
  await untilAsked(sub);
  await job.handle.terminate('tested');
  await assert.rejects(sub.result());
  assert.equal((await sub.describe()).status.name, 'CANCELLED');
});

test('a sub-plan that fails is asked about, and rerun runs its plan as another job', async () => {
  const failing = {
    ...chapter,
    steps: [
      {
        id: 'look',
        use: 'command',
        onFailure: 'fail',
        retry: { maxAttempts: 1 },
        with: { run: ['test', '-e', 'ready'] },
      },
    ],
    state: {},
  };
  const job = await start([{ ...one, plan: failing }]);
  const [finding] = (await untilAsked(job.handle)).findings;
  const first = subJobIn(await statusOf(job.handle));
  assert.match(finding!.difference ?? '', /sub-plan of step "one" failed. Its job .*command-failed/);
  writeFileSync(job.at('one/ready'), '');
  await decide(job.handle, 'rerun');
  await job.handle.result();
  const second = subJobIn(await statusOf(job.handle));
  assert.notEqual(second, first);
  assert.equal((await temporal.client.workflow.getHandle(second).describe()).status.name, 'COMPLETED');
});

test('a step that runs again takes back the job of its sub-plan that runs, and begins another one', async () => {
  const job = await start([
    { id: 'title', use: 'file.write', with: { path: 'title.txt', content: 'Title' } },
    { ...one, plan: approved, needs: ['title'], with: { title: 'One' } },
    {
      id: 'beside',
      use: 'file.write',
      needs: ['title'],
      approval: 'before-apply',
      with: { path: 'b.txt', content: 'b' },
    },
  ]);
  const first = await jobOf(job.handle, 'one');
  await untilAsked(first);
  rmSync(job.at('title.txt'));
  await decide(job.handle, 'approve');
  const { findings } = await untilAsked(job.handle);
  assert.equal(findings[0]!.resource, 'file:title.txt');
  await decide(job.handle, 'rerun');
  const second = await jobOf(job.handle, 'one', first.workflowId);
  assert.equal((await statusOf(first)).state, 'aborted');
  await decide(second, 'approve');
  await job.handle.result();
  assert.equal(readFileSync(job.at('one/text.md'), 'utf8'), '# One');
});

test('a sub-plan that has ended runs again only where the person names it', async () => {
  const job = await start([
    { id: 'title', use: 'file.write', with: { path: 'title.txt', content: 'Title' } },
    { ...one, plan: chapter, needs: ['title'] },
    late,
  ]);
  await untilAsked(job.handle);
  rmSync(job.at('title.txt'));
  await decide(job.handle, 'approve');
  await untilStatus(job.handle, ({ questions }) => questions[0]?.findings[0]?.resource === 'file:title.txt');
  await assert.rejects(decide(job.handle, 'rerun'), (error: Error) =>
    /sub-plan:one=repeat/.test(String((error.cause as Error | undefined)?.message ?? error.message)),
  );
  await decide(job.handle, 'rerun', { items: { 'sub-plan:one': 'repeat' } });
  await job.handle.result();
  assert.equal((await statusOf(job.handle)).steps.find(({ id }) => id === 'one')?.generation, 1);
});

test('with compensate a person is asked about a sub-plan that has ended, and what it did stays', async () => {
  const job = await start([{ ...one, plan: chapter }, late]);
  await untilAsked(job.handle);
  await job.handle.signal('abort', { by: 'a@example.com', reason: 'not wanted', compensate: true });
  const { questions } = await untilStatus(
    job.handle,
    (now) => now.state === 'waiting' && now.questions[0]?.findings[0]?.class !== 'approval',
  );
  assert.match(JSON.stringify(questions[0]!.findings), /has ended, so that what it did in/);
  await decide(job.handle, 'skip');
  await assert.rejects(job.handle.result());
  assert.ok(existsSync(job.at('one/text.md')));
});

/** Back to before the job of its sub-plan was started. */
async function reset(handle: WorkflowHandle): Promise<WorkflowHandle> {
  const { events } = await handle.fetchHistory();
  const started = events!.findIndex((event) => event.startChildWorkflowExecutionInitiatedEventAttributes != null);
  const { workflowId } = handle;
  const { runId } = await handle.describe();
  await temporal.connection.workflowService.resetWorkflowExecution({
    namespace: temporal.namespace,
    workflowExecution: { workflowId, runId },
    reason: 'tested',
    workflowTaskFinishEventId: events![started - 1]!.eventId!,
    requestId: temporal.unique('reset'),
  });
  return temporal.client.workflow.getHandle(workflowId);
}

test('a reset to before a sub-plan was started comes to its job, which has ended', async () => {
  const job = await start([{ ...one, plan: chapter }, late]);
  await untilAsked(job.handle);
  const ran = (await temporal.client.workflow.getHandle(subJobIn(await statusOf(job.handle))).describe()).runId;
  const current = await reset(job.handle);
  await decide(current, 'keep');
  await untilStatus(current, ({ questions }) => questions[0]?.findings[0]?.class === 'approval');
  await decide(current, 'approve');
  await current.result();
  const { runId } = await temporal.client.workflow.getHandle(subJobIn(await statusOf(current))).describe();
  assert.equal(runId, ran);
});

test('a reset while the job of a sub-plan runs comes to the same job', async () => {
  const job = await start([{ ...one, plan: approved }]);
  const sub = await jobOf(job.handle, 'one');
  await untilAsked(sub);
  const { runId } = await sub.describe();
  const current = await reset(job.handle);
  const again = await jobOf(current, 'one');
  assert.equal((await again.describe()).runId, runId);
  await decide(again, 'approve');
  await current.result();
});

function subJobIn({ steps }: JobStatus): string {
  return steps.find(({ id }) => id === 'one')!.effects.slice('job '.length);
}

test('a rewind takes back the job of a sub-plan that runs; over one that has ended it wants that named', async () => {
  const job = await start([
    { ...one, plan: approved },
    { id: 'late', use: 'file.write', needs: ['one'], approval: 'before-apply', with: { path: 'l', content: 'l' } },
  ]);
  const first = await jobOf(job.handle, 'one');
  await untilAsked(first);
  const { checkpoints } = await client.checkpoints(job.handle.workflowId);
  const rewind = { to: checkpoints.at(-1)!.seq!, by: 'a@example.com', reason: 'tested' };
  await client.rewind(job.handle.workflowId, rewind);
  const second = await jobOf(job.handle, 'one', first.workflowId);
  assert.equal((await statusOf(first)).state, 'aborted');
  await decide(second, 'approve');
  await untilAsked(job.handle);
  await assert.rejects(client.rewind(job.handle.workflowId, rewind), /sub-plan:one=repeat/);
  await client.rewind(job.handle.workflowId, { ...rewind, items: { 'sub-plan:one': 'repeat' } });
  const third = await jobOf(job.handle, 'one', second.workflowId);
  await decide(third, 'approve');
  await decide(job.handle, 'approve');
  await job.handle.result();
});

test('items of a list are sub-plans of their own, each in a folder of its own', async () => {
  const job = await start([
    {
      id: 'all',
      use: 'plan.run',
      plan: chapter,
      forEach: { items: ['One', 'Two'], within: 'workflow', atOnce: 2 },
      workspace: 'chapters/${{ index }}',
      with: { title: '${{ item }}' },
    },
  ]);
  await job.handle.result();
  assert.equal(readFileSync(job.at('chapters/0/text.md'), 'utf8'), '# One');
  assert.equal(readFileSync(job.at('chapters/1/text.md'), 'utf8'), '# Two');
});

test('a sub-plan may have a workspace elsewhere, and not that of the job around it', async () => {
  const other = temporal.unique('other');
  const job = await start([
    { id: 'one', use: 'plan.run', plan: { ...chapter, workspace: other }, with: { title: 'T' } },
  ]);
  await job.handle.result();
  assert.ok(existsSync(join(root, other, 'text.md')));
  const own = temporal.unique('own');
  const same = await start([{ ...one, workspace: undefined, plan: { ...chapter, workspace: own } }], {
    workspace: own,
  });
  const [finding] = (await untilAsked(same.handle)).findings;
  assert.match(finding!.difference ?? '', /has the workspace of the job around it/);
  await same.handle.signal('abort', { by: 'a@example.com', reason: 'tested' });
  await assert.rejects(same.handle.result());
});

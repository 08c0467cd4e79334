/** A job end to end on a real server: plan, worker, questions, decisions. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { temporal as temporalProto } from '@temporalio/proto';
import * as z from 'zod';
import { defineStep, implementStep } from '../../src/model/step/step.ts';
import { agentJob } from '../../src/workflows/agent-job.ts';
import type { JobStatus } from '../../src/model/job/status.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-agent-job-'));

const bulkyRuns: string[] = [];
const bulky = implementStep(
  defineStep({
    name: 'bulky',
    input: z.strictObject({ before: z.string() }),
    output: z.strictObject({ name: z.string(), text: z.string() }),
  }),
  (ctx, { before }) => {
    bulkyRuns.push(ctx.stepId);
    // Three bytes each in UTF-8.
    return { name: `${ctx.stepId} after ${before.split(' ')[0]!}`, text: '€'.repeat(80_000) };
  },
);

testWorker(temporal, { taskQueue, root, steps: [bulky] });

after(() => rmSync(root, { recursive: true, force: true }));

const plan = {
  schemaVersion: 1,
  name: 'notes',
  workspace: 'notes',
  databases: { main: { url: 'sqlite:main.db' } },
  state: { files: { reducer: 'append' } },
  steps: [
    {
      id: 'table',
      use: 'db.sql',
      with: { database: 'main', sql: 'CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)', writes: ['note'] },
    },
    {
      id: 'a',
      use: 'file.write',
      with: { path: 'a.txt', content: 'A' },
      needs: ['table'],
      state: { files: '${{ output.path }}' },
    },
    {
      id: 'b',
      use: 'file.write',
      with: { path: 'b.txt', content: 'B' },
      needs: ['table'],
      state: { files: '${{ output.path }}' },
    },
    { id: 'pause', use: 'wait', with: { seconds: 2 }, needs: ['a', 'b'] },
    {
      id: 'row',
      use: 'db.upsert',
      with: { database: 'main', table: 'note', rows: [{ id: 1, text: '${{ steps.a.output.digest }}' }] },
      needs: ['pause'],
    },
  ],
};

test('a plan runs to its end and gives back state and outputs', async () => {
  const result = await temporal.client.workflow.execute(agentJob, {
    workflowId: temporal.unique('job'),
    taskQueue,
    args: [{ plan, workspace: 'end-to-end' }],
  });
  assert.deepEqual(result.state, { files: ['a.txt', 'b.txt'] });
  assert.equal(readFileSync(join(root, 'end-to-end', 'b.txt'), 'utf8'), 'B');
});

test('an edit by a person is asked about, decided by a plain Signal, and the job ends', async () => {
  const handle = await temporal.client.workflow.start(agentJob, {
    workflowId: temporal.unique('job'),
    taskQueue,
    args: [{ plan: { ...plan, verifyAfterMinutes: 0.01 }, workspace: 'edited' }],
  });
  await until(
    () => handle.query<JobStatus>('status'),
    (status) => status.steps.filter(({ state }) => state === 'done').length === 3,
  );
  writeFileSync(join(root, 'edited', 'a.txt'), 'edited by a person');
  const { questions } = await until(
    () => handle.query<JobStatus>('status'),
    (status) => status.questions.length > 0,
  );
  assert.equal(questions[0]!.findings[0]!.resource, 'file:a.txt');
  assert.match(questions[0]!.findings[0]!.difference, /edited by a person/);
  await handle.signal('decide', {
    digest: questions[0]!.digest,
    answer: 'restore',
    by: 'test@example.com',
    reason: 'ours is right',
  });
  await handle.result();
  assert.equal(readFileSync(join(root, 'edited', 'a.txt'), 'utf8'), 'A');
});

test(
  'outputs too large for continue-as-new or for one result are omitted and come from the record, requested once',
  { timeout: 120_000 },
  async () => {
    const ids = Array.from({ length: 12 }, (_, index) => `s${index}`);
    const bulkyPlan = {
      schemaVersion: 1,
      name: 'bulky',
      workspace: 'bulky',
      state: { last: {} },
      steps: ids.map((id, index) => ({
        id,
        use: 'bulky',
        with: { before: index === 0 ? '--' : `\${{ steps.${ids[index - 1]!}.output.name }}` },
        state: { last: '${{ output.name }}' },
      })),
    };
    const workflowId = temporal.unique('job');
    const result = await temporal.client.workflow.execute(agentJob, {
      workflowId,
      taskQueue,
      args: [{ plan: bulkyPlan, continueAsNewAfterEvents: 36 }],
    });
    assert.deepEqual(bulkyRuns, ids);
    assert.deepEqual(result.state, { last: 's11 after s10' });
    assert.deepEqual(result.outputsLeftOut, ids.slice(6), 'of equal size, the first are kept');
    assert.deepEqual(Object.keys(result.outputs), ids.slice(0, 6));
    const runs = await until(
      async () => await runsOf(workflowId),
      (found) => found.length > 1,
    );
    assert.ok(runs.length < 5, `${runs.length} Runs: a new one asks again for less than the last has done`);
    const events = (await Promise.all(runs.map((runId) => eventsOf(workflowId, runId)))).flat();
    const requested = events.flatMap(({ activityTaskScheduledEventAttributes: scheduled }) => scheduled ?? []);
    const steps = requested.filter(({ activityType }) => activityType?.name === 'runStep');
    assert.deepEqual(steps.map(({ activityId }) => String(activityId)).toSorted(), ids.toSorted());
    const recalls = requested.filter(({ activityType }) => activityType?.name === 'recall').length;
    assert.ok(recalls > 0 && recalls <= 2 * (runs.length - 1), `${recalls} pages`);
    const given = events.flatMap((event) => event.workflowExecutionStartedEventAttributes?.input?.payloads ?? []);
    const largest = Math.max(...given.map(({ data }) => data!.length));
    assert.ok(largest > 700_000 && largest < 1_500_000, `a Run is given ${largest} bytes`);
    const status = await temporal.client.workflow.getHandle(workflowId).query<JobStatus>('status');
    assert.deepEqual(
      status.steps.map(({ id, step, state }) => `${id} ${step} ${state}`),
      ids.map((id) => `${id} bulky done`),
    );
  },
);

test(
  'after continue-as-new the status has the steps of earlier Runs, generation and effects; the details have the latest',
  { timeout: 120_000 },
  async () => {
    const ids = Array.from({ length: 60 }, (_, index) => `w${index}`);
    const longPlan = {
      schemaVersion: 1,
      name: 'long',
      workspace: 'long',
      steps: [
        ...ids.map((id, index) => ({
          id,
          use: 'file.write',
          with: { path: `${id}.txt`, content: id },
          needs: index < 20 ? [] : [ids[index - 20]!],
        })),
        {
          id: 'last',
          use: 'file.write',
          with: { path: 'last.txt', content: '' },
          needs: ids.slice(40),
          approval: 'before-apply',
        },
      ],
    };
    const handle = await temporal.client.workflow.start(agentJob, {
      workflowId: temporal.unique('job'),
      taskQueue,
      args: [{ plan: longPlan, continueAsNewAfterEvents: 30 }],
    });
    const current = temporal.client.workflow.getHandle(handle.workflowId);
    const status = await until(
      () => current.query<JobStatus>('status'),
      ({ state }) => state === 'waiting',
    );
    assert.notEqual((await current.describe()).runId, handle.firstExecutionRunId);
    assert.deepEqual(
      status.steps
        .map(({ id, step, generation, state, effects }) => [id, step, generation, state, effects].join(' '))
        .sort(),
      [...ids.map((id) => `${id} file.write 0 done 1 file`), 'last file.write 0 approval '].sort(),
    );
    const metadata = await current.query<{ currentDetails: string }>('__temporal_workflow_metadata');
    assert.match(metadata.currentDetails, /^60 of 61 steps are done; the latest, and those that are not:$/m);
    assert.equal(metadata.currentDetails.match(/^- ✔ /gm)?.length, 49);
    assert.match(metadata.currentDetails, /^- ‖ last: approval$/m);
    await current.signal('decide', {
      digest: status.questions[0]!.digest,
      answer: 'approve',
      by: 'test@example.com',
      reason: 'test',
    });
    await handle.result();
  },
);

/** In small pages: so large a history does not fit into one message. */
async function eventsOf(
  workflowId: string,
  runId: string,
): Promise<readonly temporalProto.api.history.v1.IHistoryEvent[]> {
  const { namespace, connection } = temporal;
  const events: temporalProto.api.history.v1.IHistoryEvent[] = [];
  for (let nextPageToken: Uint8Array | undefined | null; nextPageToken === undefined || nextPageToken!.length > 0;) {
    const page = await connection.workflowService.getWorkflowExecutionHistory({
      namespace,
      execution: { workflowId, runId },
      maximumPageSize: 10,
      nextPageToken: nextPageToken ?? null,
    });
    events.push(...(page.history?.events ?? []));
    nextPageToken = page.nextPageToken ?? new Uint8Array();
  }
  return events;
}

async function runsOf(workflowId: string): Promise<string[]> {
  const runs: string[] = [];
  for await (const { runId } of temporal.client.workflow.list({ query: `WorkflowId = '${workflowId}'` }))
    runs.push(runId);
  return runs;
}

/**
 * Jobs of every kind go back to a checkpoint on a server, and what they did after it is undone and done again, each
 * effect once: one whose step is running, lists, sub-steps, many Runs, checkpoints in a store.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import * as z from 'zod';
import { defineStep, implementStep } from '../../src/model/step/step.ts';
import type { CheckpointRecord } from '../../src/model/record/record.ts';
import { loadJob } from '../../src/protocol/checkpoint/load-job.ts';
import { openStore } from '../../src/store/sealed/open-store.ts';
import { untilAsked, untilStatus } from '../support/job-status.ts';
import { chainOf } from '../support/ledger.ts';
import { direct } from '../support/postgres-subject.ts';
import { testPostgres } from '../support/postgres.ts';
import { servedJobs } from '../support/served-jobs.ts';
import { testTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';

const temporal = await testTemporal();
const postgres = await testPostgres();
const url = await postgres.database();
await direct(url, 'CREATE TABLE note (name text PRIMARY KEY, generation int)');
/** What ran. */
const ran: string[] = [];
const held = Promise.withResolvers<undefined>();

const act = defineStep({
  name: 'act',
  input: z.strictObject({
    name: z.string(),
    parts: z.array(z.string()).default([]),
    /** The first generation waits until the test lets it go. */
    holds: z.boolean().default(false),
  }),
  output: z.strictObject({ name: z.string(), names: z.array(z.string()) }),
});
const steps = [
  implementStep(act, async (ctx, { name, parts, holds }) => {
    ran.push(`${name} ${ctx.generation}`);
    await ctx.files.write(`${name}.txt`, `${name} ${ctx.generation}`);
    await ctx.db('main').insert('note', { name, generation: ctx.generation });
    for (const part of parts)
      await ctx.step(part, {}, async (sub) => {
        ran.push(`${name}:${part} ${sub.generation}`);
        await sub.files.write(`${name}-${part}.txt`, `${part} ${sub.generation}`);
        return null;
      });
    if (holds && ctx.generation === 0) await held.promise;
    return { name, names: ['x', 'y', 'z'].map((one) => `${name}-${one}`) };
  }),
];
const { root, client, startPlan } = servedJobs(temporal, 'rewind-jobs', {
  steps,
  env: { DATABASE_URL: url },
});
const WHO = { by: 'ada', reason: 'the second one was wrong' };

const step = (name: string, needs: readonly string[] = [], more: object = {}): Record<string, unknown> => ({
  id: name,
  use: 'act',
  with: { name, ...more },
  needs,
  state: { seen: name },
});
const last = (needs: string): object => ({ ...step('end', [needs]), approval: 'before-apply' });

async function start(workspace: string, plan: object, options: object = {}): Promise<WorkflowHandle> {
  const state = { seen: { reducer: 'append' } };
  const databases = { main: { url: '${{ env.DATABASE_URL }}' } };
  await direct(url, 'DELETE FROM note');
  ran.length = 0;
  return await startPlan({ schemaVersion: 1, name: 'back', workspace, databases, state, ...plan }, options);
}

async function jobIdOf(handle: WorkflowHandle): Promise<string> {
  return (await handle.query<{ readonly jobId: string }>('status')).jobId;
}

async function checkpointsOf(handle: WorkflowHandle, workspace: string): Promise<readonly CheckpointRecord[]> {
  const records = chainOf(join(root, workspace), await jobIdOf(handle));
  return records.filter((record) => record.kind === 'checkpoint');
}

function filesOf(workspace: string): Record<string, string> {
  const folder = join(root, workspace);
  const names = readdirSync(folder).filter((name) => name.endsWith('.txt'));
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

async function rows(): Promise<readonly (readonly [string, number])[]> {
  const [notes] = await direct(url, 'SELECT name, generation FROM note ORDER BY name');
  return (notes!.rows as { name: string; generation: number }[]).map(({ name, generation }) => [name, generation]);
}

/** Its latest Run. */
const latest = (handle: WorkflowHandle): WorkflowHandle => temporal.client.workflow.getHandle(handle.workflowId);

async function rewind(handle: WorkflowHandle, to: number): Promise<readonly string[]> {
  return (await client.rewind(handle.workflowId, { to, ...WHO })).runsAgain;
}

async function approve(handle: WorkflowHandle): Promise<void> {
  const { digest } = await untilAsked(latest(handle));
  await client.decide(handle.workflowId, { digest, answer: 'approve', ...WHO });
  await latest(handle).result();
}

/** Once it asks about its last step, in this generation. */
async function untilEnd(handle: WorkflowHandle, generation: number): Promise<void> {
  await untilStatus(latest(handle), ({ steps: all, questions }) =>
    all.some((one) => one.id === 'end' && one.generation === generation && questions.length > 0),
  );
}

test('a step that is running changes nothing any more, and runs again', async () => {
  const handle = await start('running', { steps: [step('a'), step('b', ['a'], { holds: true }), last('b')] });
  await until(
    () => ran,
    (all) => all.includes('b 0'),
  );
  const [, afterA] = await checkpointsOf(handle, 'running');
  const rewound = rewind(handle, afterA!.seq);
  await delay(300);
  assert.deepEqual(await rewound, ['b']);
  held.resolve(undefined);
  await untilEnd(handle, 0);
  assert.deepEqual(filesOf('running'), { 'a.txt': 'a 0', 'b.txt': 'b 1' });
  assert.deepEqual(await rows(), [
    ['a', 0],
    ['b', 1],
  ]);
  await approve(handle);
});

for (const within of ['activity', 'workflow'] as const)
  test(`a list whose items are done within the ${within} is undone, item by item, and done again`, async () => {
    const each = {
      ...step('each', ['a']),
      forEach: { items: '${{ steps.a.output.names }}', within },
      with: { name: '${{ item }}', parts: ['p'] },
    };
    const name = `list-${within}`;
    const handle = await start(name, { steps: [step('a'), each, last('each')] });
    await untilEnd(handle, 0);
    const [, afterA] = await checkpointsOf(handle, name);
    const before = filesOf(name);
    assert.equal(Object.keys(before).length, 7);
    await rewind(handle, afterA!.seq);
    await untilEnd(handle, 1);
    assert.equal(Object.keys(filesOf(name)).length, 7);
    assert.deepEqual(
      (await rows()).map(([, generation]) => generation),
      [0, 1, 1, 1],
    );
    assert.equal(ran.filter((one) => /^a-[xyz] /.test(one)).length, 6);
    await client.rewind(handle.workflowId, { undo: true, ...WHO });
    await untilEnd(handle, 2);
    assert.deepEqual(filesOf(name), before);
    assert.equal(ran.filter((one) => /^a-[xyz] /.test(one)).length, 6, 'nothing ran for it');
    assert.deepEqual(
      (await rows()).map(([, generation]) => generation),
      [0, 0, 0, 0],
    );
    await approve(handle);
  });

test('a step with sub-steps is undone with all of them, and runs them again', async () => {
  const handle = await start('parts', { steps: [step('a'), step('b', ['a'], { parts: ['p', 'q'] }), last('b')] });
  await untilEnd(handle, 0);
  const [input, afterA] = await checkpointsOf(handle, 'parts');
  await rewind(handle, afterA!.seq);
  await untilEnd(handle, 1);
  const again = { 'a.txt': 'a 0', 'b-p.txt': 'p 1', 'b-q.txt': 'q 1', 'b.txt': 'b 1' };
  assert.deepEqual(filesOf('parts'), again);
  await rewind(handle, input!.seq);
  await untilEnd(handle, 2);
  await client.rewind(handle.workflowId, { undo: true, ...WHO });
  await untilEnd(handle, 3);
  assert.deepEqual(filesOf('parts'), again);
  await approve(handle);
  assert.deepEqual(
    ran.filter((one) => one.startsWith('b:p')),
    ['b:p 0', 'b:p 1', 'b:p 2'],
  );
});

test('a job that has gone on in new Runs goes back to before the present one', async () => {
  const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
  const chain = ids.map((id, place) => step(id, place === 0 ? [] : [ids[place - 1]!]));
  const handle = await start('runs', { steps: [...chain, last('f')] }, { continueAsNewAfterEvents: 25 });
  await untilEnd(handle, 0);
  const { runId } = await latest(handle).describe();
  assert.notEqual(runId, (handle as { firstExecutionRunId?: string }).firstExecutionRunId, 'it is a later Run');
  const [, afterA, afterB] = await checkpointsOf(latest(handle), 'runs');
  assert.deepEqual(await rewind(handle, afterB!.seq), ['c', 'd', 'e', 'f', 'end']);
  await untilEnd(handle, 1);
  await rewind(handle, afterA!.seq);
  await untilEnd(handle, 2);
  await client.rewind(handle.workflowId, { undo: true, ...WHO });
  await untilEnd(handle, 3);
  assert.deepEqual(
    (await rows()).map(([, generation]) => generation),
    [0, 0, 1, 1, 1, 1],
  );
  await approve(handle);
  const result = (await latest(handle).result()) as { readonly state: { readonly seen: readonly string[] } };
  assert.deepEqual(result.state.seen, [...ids, 'end']);
});

for (const kind of ['folder', 'PostgreSQL'] as const)
  test(`what a store (${kind}) has of checkpoints that were gone back from stays, and the next go on`, async () => {
    const store = kind === 'folder' ? 'stored' : '${{ env.DATABASE_URL }}';
    const name = `stored-${kind.toLowerCase()}`;
    const handle = await start(name, { checkpoint: { store }, steps: [step('a'), step('b', ['a']), last('b')] });
    await untilEnd(handle, 0);
    const [, afterA, afterB] = await checkpointsOf(handle, name);
    await rewind(handle, afterA!.seq);
    await untilEnd(handle, 1);
    await client.rewind(handle.workflowId, { undo: true, ...WHO });
    await untilEnd(handle, 2);
    await approve(handle);
    const jobId = await jobIdOf(handle);
    const opened = openStore(kind === 'folder' ? join(root, 'stored') : url);
    try {
      const all = await checkpointsOf(handle, name);
      assert.deepEqual(
        await opened.generations(jobId),
        all.map(({ seq }) => seq),
      );
      assert.ok(all.some(({ parent, seq }) => parent === afterA!.seq && seq > afterB!.seq));
      const records = chainOf(join(root, name), jobId);
      for (const { seq } of all) {
        const { chain } = await loadJob(opened, jobId, seq);
        assert.deepEqual(
          chain.map(({ record }) => record),
          records.slice(0, seq),
        );
      }
    } finally {
      await opened.close();
    }
  });

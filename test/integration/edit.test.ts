/** A person puts in by hand what a step of a running job comes to. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import * as z from 'zod';
import type { Json } from '../../src/model/canonical-json.ts';
import type { PlanResult } from '../../src/model/plan/run/progress.ts';
import type { ChainRecord, CheckpointRecord } from '../../src/model/record/record.ts';
import { defineStep, implementStep } from '../../src/model/step/step.ts';
import { untilAsked, untilStatus } from '../support/job-status.ts';
import { looking, measure, measured, NOTING } from '../support/noting-jobs.ts';
import { notesAll } from '../support/noting-workflow.ts';
import { cli } from '../support/cli-terminal.ts';
import { servedJobs } from '../support/served-jobs.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const analyseStep = defineStep({
  name: 'analyse',
  input: z.object({ works: z.boolean() }),
  output: z.object({ summary: z.string() }),
});
const analyse = implementStep(analyseStep, async (ctx, { works }) => {
  if (!works) throw new Error('the model is overloaded');
  await ctx.files.write('analysis.txt', `by the model ${ctx.generation}`);
  return { summary: 'by the model' };
});
const { taskQueue, root, client, startPlan } = servedJobs(temporal, 'edit', { ...NOTING, steps: [analyse, measure] });
const WHO = { by: 'ada', reason: 'the model is down' };
const BY_HAND = { summary: 'by hand' };

const file = (id: string, content: string, more: object = {}): object => ({
  id,
  use: 'file.write',
  with: { path: `${id}.txt`, content },
  ...more,
});

/** gather → analyse → report → sign, which asks for an approval. */
function plan(workspace: string, works: boolean, more: object = {}): object {
  const state = {
    seen: { reducer: 'append' },
    analysis: { reducer: 'replace', initial: '', schema: { type: 'string' } },
    count: { reducer: 'sum' },
  };
  const steps = [
    file('gather', 'gathered', { state: { seen: 'gather' } }),
    file('aside', 'aside'),
    {
      id: 'analyse',
      use: 'analyse',
      needs: ['gather'],
      with: { works },
      state: { analysis: '${{ output.summary }}' },
      retry: { maxAttempts: 1 },
    },
    file('report', '${{ state.analysis }}, ${{ steps.analyse.output.summary }}', { state: { count: 1 } }),
    file('sign', 'signed', { needs: ['report'], approval: 'before-apply' }),
  ];
  return { schemaVersion: 1, name: 'notes', workspace, state, steps, ...more };
}

async function start(workspace: string, works: boolean, more: object = {}): Promise<WorkflowHandle> {
  return await startPlan(plan(workspace, works, more));
}

async function recordsOf(workspace: string): Promise<readonly ChainRecord[]> {
  return await looking(join(root, workspace), (inspection) =>
    inspection.chain(inspection.job().jobId).map(({ record }) => record),
  );
}

function told(records: readonly ChainRecord[]): readonly string[] {
  const checkpoints = records.filter((one): one is CheckpointRecord => one.kind === 'checkpoint');
  return checkpoints.map(({ step, source, tasks }) =>
    [source, step, ...tasks.map(({ id, generation, outcome }) => `${id}${generation}${outcome}`)].join(' '),
  );
}

const text = (workspace: string, name: string): string => readFileSync(join(root, workspace, name), 'utf8');

test('an analysis that keeps failing is put in by hand, and the job goes on from it', async () => {
  const handle = await start('fails', false);
  await untilAsked(handle);
  const { asNode, runsAgain } = await client.updateState(handle.workflowId, {
    asNode: 'analyse',
    output: BY_HAND,
    ...WHO,
  });
  assert.deepEqual([asNode, runsAgain], ['analyse', []]);
  const asked = await untilAsked(handle);
  assert.equal(asked.kind, 'approval', 'the question about the failure is closed');
  assert.equal(text('fails', 'report.txt'), 'by hand, by hand');
  await handle.signal('decide', { digest: asked.digest, answer: 'approve', ...WHO });
  const { state, outputs } = (await handle.result()) as PlanResult;
  assert.deepEqual(state, { seen: ['gather'], analysis: 'by hand', count: 1 });
  assert.deepEqual(outputs['analyse'], BY_HAND);
  const records = await recordsOf('fails');
  assert.deepEqual(told(records), [
    'input -1',
    'loop 0 gather0done aside0done',
    'loop 1 analyse1void',
    'update 1 analyse1done',
    'loop 2 report0done',
    'loop 3 sign0done',
  ]);
  const decision = records.find(({ kind }) => kind === 'decision');
  assert.ok(decision?.kind === 'decision');
  const { by, reason, questionKind, edits } = decision;
  assert.deepEqual([by, reason, questionKind], ['ada', 'the model is down', 'edit']);
  assert.deepEqual(edits, { stepId: 'analyse', output: BY_HAND });
});

test('what a step did, and what used it, is taken back first; what did not use it stays as it was', async () => {
  const handle = await start('done', true);
  const first = await untilAsked(handle);
  assert.equal(text('done', 'report.txt'), 'by the model, by the model');
  const values = { analysis: 'calm', seen: 'ada' };
  const { runsAgain } = await client.updateState(handle.workflowId, { asNode: 'analyse', values, ...WHO });
  assert.deepEqual(runsAgain, ['report', 'sign']);
  const { questions } = await untilStatus(
    handle,
    ({ questions: [one] }) => one !== undefined && one.digest !== first.digest,
  );
  assert.equal(text('done', 'report.txt'), 'calm, by the model', 'its recorded output stays');
  assert.equal(existsSync(join(root, 'done', 'analysis.txt')), false);
  const { values: now } = await client.state(handle.workflowId);
  assert.deepEqual(now, { seen: ['gather', 'ada'], analysis: 'calm', count: 1 });
  const { steps } = await client.status(handle.workflowId);
  assert.deepEqual(
    steps.map(({ id, generation, effects }) =>
      id === 'analyse' ? `${id}${generation} ${effects}` : `${id}${generation}`,
    ),
    ['gather0', 'aside0', 'analyse1 put in by hand', 'report1', 'sign1'],
  );
  // What a rerun takes back runs its own code again.
  const { seq } = (await recordsOf('done')).find(({ kind }) => kind === 'checkpoint')!;
  await client.rewind(handle.workflowId, { to: seq, ...WHO });
  await untilStatus(handle, ({ questions: [one] }) => one !== undefined && one.digest !== questions[0]!.digest);
  assert.equal(text('done', 'report.txt'), 'by the model, by the model');
  // And what is put back with it counts again.
  await client.rewind(handle.workflowId, { undo: true, ...WHO });
  await untilStatus(handle, ({ steps: all }) =>
    all.some(({ id, state, generation }) => id === 'report' && state === 'done' && generation === 3),
  );
  assert.equal(text('done', 'report.txt'), 'calm, by the model');
  assert.deepEqual((await client.state(handle.workflowId)).values, now);
  await handle.terminate();
});

test('what does not fit is refused with the reason, and nothing is changed', async () => {
  const handle = await start('refused', false);
  await untilAsked(handle);
  const before = (await recordsOf('refused')).length;
  const refusals: readonly (readonly [asNode: string, given: { values?: Json; output?: Json }, why: RegExp])[] = [
    ['analyze', { output: BY_HAND }, /has no step "analyze".*Did you mean "analyse"/],
    ['analyse', { values: { analysis: 4 } }, /does not fit its schema: state.analysis has the wrong type/],
    ['analyse', { values: { analyses: 'x' } }, /writes state "analyses", which is not declared.*"analysis"/],
    ['analyse', { values: { count: 'x' } }, /State "count" has the reducer sum and cannot take.*expected a number/],
    ['analyse', { values: { analysis: 'x' } }, /analyse has no output in the record.*expected --output/],
    ['analyse', { output: { sum: 'x' } }, /(has no value|summary)/],
    ['analyse', { output: { summary: 4 }, values: {} }, /output.summary: .*expected string/],
    ['report', { output: {} }, /"report" is not next yet: it waits for analyse/],
    ['analyse', { output: { summary: 'x'.repeat(70_000) } }, /at most 65536 are allowed/],
    ['analyse', {}, /expected values for the state, an output, or both/],
  ];
  for (const [asNode, given, why] of refusals)
    await assert.rejects(client.updateState(handle.workflowId, { asNode, ...given, ...WHO } as never), why, asNode);
  assert.equal((await recordsOf('refused')).length, before);
  const { refusals: noted, questions } = await client.status(handle.workflowId);
  assert.equal(questions.length, 1, 'the question is the same');
  assert.equal(noted.length, 2, 'those that only the record could refuse');
  await handle.terminate();
  await assert.rejects(client.updateState(handle.workflowId, { asNode: 'analyse', output: BY_HAND, ...WHO }), /ended/);
});

test('what is not as the record has it is asked about first', async () => {
  const handle = await start('drift', true);
  await untilAsked(handle);
  writeFileSync(join(root, 'drift', 'report.txt'), 'a person was here');
  const edit = client.updateState(handle.workflowId, { asNode: 'analyse', values: { analysis: 'calm' }, ...WHO });
  await assert.rejects(edit, /file:report.txt: not as the record has it, so nothing was taken back/);
  assert.equal(text('drift', 'report.txt'), 'a person was here');
  await handle.terminate();
});

test('a job that is started from its store knows what was put in', async () => {
  const handle = await start('stored-job', false, { checkpoint: { store: '${{ env.CHECKPOINTS }}' } });
  await untilAsked(handle);
  const edit = { asNode: 'analyse', output: BY_HAND, values: { analysis: 'calm' }, ...WHO };
  await client.updateState(handle.workflowId, edit);
  await untilStatus(handle, ({ questions: [one] }) => one?.kind === 'approval');
  await handle.terminate('the cluster is gone');
  await client.resume({ from: `${root}/stored/${handle.workflowId}`, workspace: 'elsewhere', ...WHO });
  const resumed = temporal.client.workflow.getHandle(handle.workflowId);
  const asked = await untilAsked(resumed);
  assert.equal(asked.kind, 'approval', JSON.stringify(asked));
  assert.equal(text('elsewhere', 'report.txt'), 'calm, by hand');
  await client.decide(handle.workflowId, { digest: asked.digest, answer: 'approve', ...WHO });
  const { state } = (await resumed.result()) as PlanResult;
  assert.deepEqual(state, { seen: ['gather'], analysis: 'calm', count: 1 });
});

test('the command line previews an edit, and makes it', async () => {
  const handle = await start('shell', false);
  await untilAsked(handle);
  writeFileSync(join(root, 'analysis.json'), JSON.stringify(BY_HAND));
  const env = { TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: temporal.client.options.namespace };
  const run = async (...args: readonly string[]) =>
    await cli(['update-state', handle.workflowId, '--as-node', 'analyse', ...args], { env, cwd: root });
  const preview = await run('--output', '@analysis.json', '--dry-run');
  assert.match(preview.out, /It fits: step analyse.*nothing has been changed[^]*analysis: "by hand"/);
  const wrong = await run('--output', '{summary', '--dry-run');
  assert.match(wrong.err, /--output: expected JSON, or @ and the path of a file that has it/);
  assert.notEqual(wrong.code, 0);
  const done = await run('--output', '@analysis.json', '--by', 'ada', '--reason', 'by hand');
  assert.match(done.out, /Step analyse of job .* counts as done with what you gave/);
  await handle.terminate();
});

test('a Workflow of one’s own starts anew, and goes on from what was put in', async () => {
  const workspace = 'own';
  const handle = await temporal.client.workflow.start(notesAll, {
    workflowId: temporal.unique('own'),
    taskQueue,
    args: [{ workspace, paths: ['a', 'bcd', 'ef'], waitMs: 3_600_000 }],
  });
  await untilStatus(handle, ({ steps }) => steps.some(({ id, state }) => id === 'ef' && state === 'done'));
  assert.deepEqual(measured, ['a', 'bcd', 'ef']);
  const edit = { output: { length: 9 }, values: { order: 'by hand', longest: 'the longest' }, ...WHO };
  await assert.rejects(
    client.updateState(handle.workflowId, { asNode: 'x', ...edit }),
    /has begun no step "x"; expected/,
  );
  await assert.rejects(
    client.updateState(handle.workflowId, { asNode: 'bcd', values: { ordre: 1 }, ...WHO }),
    /writes state "ordre", which is not declared/,
  );
  const { runsAgain } = await client.updateState(handle.workflowId, { asNode: 'bcd', ...edit });
  assert.deepEqual(runsAgain, ['ef'], 'all that came after it');
  const latest = temporal.client.workflow.getHandle(handle.workflowId);
  await untilStatus(latest, ({ steps }) =>
    steps.some(({ id, state, generation }) => id === 'ef' && state === 'done' && generation === 1),
  );
  assert.deepEqual(measured, ['a', 'bcd', 'ef', 'ef']);
  const { values } = await client.state(handle.workflowId);
  assert.deepEqual(values, { order: ['a', 'by hand', 'bcd', 'ef'], longest: 'the longest' });
  assert.equal(existsSync(join(root, workspace, 'bcd.length')), false);
  const checkpoints = await client.checkpoints(handle.workflowId);
  assert.ok(checkpoints.checkpoints.some(({ metadata }) => metadata?.source === 'update'));
  await latest.terminate();
});

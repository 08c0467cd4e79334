/** The state of a user's own Workflow on a real server: its reducers, the same in every Run, strict about JSON. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { Worker } from '@temporalio/worker';
import { implementStep } from '../../src/model/step/step.ts';
import { testBundle } from '../support/bundle.ts';
import { measureStep, type OwnInput } from '../support/own-workflow.ts';
import { testWorker } from '../support/running-worker.ts';
import { declaresWrongly, measuresAll, measuresInBranches, updatesWrongly } from '../support/stateful-workflow.ts';
import { testTemporal } from '../support/temporal.ts';
import { untilStatus } from '../support/job-status.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-job-state-'));
const runs: string[] = [];
const workflows = new URL('../support/stateful-workflow.ts', import.meta.url).pathname;

const measure = implementStep(measureStep, async (ctx, { path }) => {
  runs.push(path);
  return { length: (await ctx.files.readText(path)).length };
});

testWorker(temporal, {
  taskQueue,
  root,
  steps: [measure],
  workflows,
});

after(() => rmSync(root, { recursive: true, force: true }));

function workspaceWith(files: Readonly<Record<string, string>>): string {
  const name = temporal.unique('state');
  mkdirSync(join(root, name));
  for (const [path, content] of Object.entries(files)) writeFileSync(join(root, name, path), content);
  runs.length = 0;
  return name;
}

const options = (): { workflowId: string; taskQueue: string } => ({ workflowId: temporal.unique('state'), taskQueue });

test('updates join the state by their reducers, own ones too, and a new Run makes them again', async () => {
  const files = { a: '123', bcd: '1234567', ef: '1' };
  const run = async (continueAsNewAfterEvents?: number): Promise<unknown> => {
    const workspace = workspaceWith(files);
    const limit = continueAsNewAfterEvents === undefined ? {} : { continueAsNewAfterEvents };
    return await temporal.client.workflow.execute(measuresAll, {
      ...options(),
      args: [{ workspace, paths: Object.keys(files), waitMs: 1, ...limit }],
    });
  };
  const expected = {
    state: {
      files: [
        { path: 'a', length: 3 },
        { path: 'bcd', length: 7 },
        { path: 'ef', length: 1 },
      ],
      order: ['a', 'bcd', 'ef'],
      total: 11,
      largest: 7,
      longest: 'bcd',
    },
    seen: [3, 10, 11],
  };
  assert.deepEqual(await run(), expected);
  assert.deepEqual(await run(12), expected, 'through new Runs');
  assert.deepEqual(runs, [...Object.keys(files), 'a'], 'steps that are done do not run again');
});

test('where a finished step runs again the state has its new result, and no other twice', async () => {
  const workspace = workspaceWith({ a: '123', b: '1234567' });
  const handle = await temporal.client.workflow.start(measuresAll, {
    ...options(),
    args: [{ workspace, paths: ['a', 'b'], waitMs: 1500 }],
  });
  await untilStatus(handle, (status) => status.steps.filter(({ state }) => state === 'done').length === 2);
  writeFileSync(join(root, workspace, 'b'), '12');
  const { questions } = await untilStatus(handle, (status) => status.questions.length > 0);
  const decision = { digest: questions[0]!.digest, answer: 'rerun', by: 'test@example.com', reason: 'b is right now' };
  await handle.signal('decide', decision);
  const { state, seen } = await handle.result();
  assert.deepEqual(seen, [3, 5]);
  const files = [
    { path: 'a', length: 3 },
    { path: 'b', length: 2 },
  ];
  assert.deepEqual(state, { files, order: ['a', 'b'], total: 5, largest: 3, longest: 'a' });
});

test('what is no plain JSON, or can’t join, is refused with its path; nothing of the update is written', async () => {
  const workspace = workspaceWith({});
  const told = await temporal.client.workflow.execute(updatesWrongly, { ...options(), args: [{ workspace }] });
  const expected = [
    /^not-json: update\.any\.at is a Date/,
    /^not-json: update\.any\[1\] is NaN/,
    /^not-json: update\.any\.list\[0\] is undefined/,
    /^not-json: update\.any is undefined/,
    /^not-json: update\.any is a Map/,
    /^not-json: update\.any\.self refers back/,
    /^bad-input: State "total" has the reducer sum .*update by "updatesWrongly".*expected a number; found "three"/,
    /^bad-input: .*state "totl", which is not declared.*Did you mean "total"/,
    /^too-large: update has 1100010 characters/,
    /^\{"any":\{"list":\[1\]\},"total":0\}$/,
  ];
  assert.equal(told.length, expected.length);
  for (const [index, pattern] of expected.entries()) assert.match(told[index]!, pattern);
});

test('a state that cannot be declared so fails the job at once, by name', async () => {
  const workspace = workspaceWith({});
  const failing = async (declared: object): Promise<string> => {
    const run = temporal.client.workflow.execute(declaresWrongly, {
      ...options(),
      args: [{ workspace, options: declared }],
    });
    const error = await run.then(
      () => assert.fail('it was taken'),
      (failure: unknown) => failure,
    );
    assert.ok(error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure);
    return `${error.cause.type}: ${error.cause.message}`;
  };
  assert.match(await failing({ state: { x: { reducer: 'apend' } } }), /bad-input: .*"apend"; expected one of replace,/);
  assert.match(
    await failing({ state: { x: { reducer: 'sum', initial: '1' } } }),
    /cannot begin with "1": expected a number/,
  );
  assert.match(await failing({ unfit: true }), /state\.x\.initial would be changed by its schema, from .*"more":2/);
  assert.match(await failing({ state: { 'a b': {} } }), /bad-input: openJob was given options.*state/);
});

test('branches write in the order of their list, not of their speed; a conflict names both', async () => {
  const run = async (continueAsNewAfterEvents?: number): ReturnType<typeof measuresInBranches> => {
    const workspace = workspaceWith({ a: '123', b: '1234567' });
    const limit = continueAsNewAfterEvents === undefined ? {} : { continueAsNewAfterEvents };
    const args: [OwnInput] = [{ workspace, paths: [], waitMs: 300, ...limit }];
    return await temporal.client.workflow.execute(measuresInBranches, { ...options(), args });
  };
  const { state, ids, refused } = await run();
  assert.deepEqual(state, { order: ['slow', 'fast'], total: 10, last: 0 });
  assert.deepEqual(ids.toSorted(), ['fast/measure', 'fast/measure#2', 'slow/measure']);
  const expected = [
    /update by "x" and an update by "y" ran at the same time, and both wrote state "last".*found 1 and 2/,
    /^y fails$/,
    /job\.update was called while branches run/,
    /Branch "x" has branches of its own/,
  ];
  assert.equal(refused.length, expected.length);
  for (const [index, pattern] of expected.entries()) assert.match(refused[index]!, pattern);
  assert.deepEqual((await run(10)).state, state, 'through new Runs');
  assert.deepEqual(runs.toSorted(), ['a', 'b', 'b']);
});

test('a reducer of the Workflow’s own that was changed under a job is noticed when the job is replayed', async () => {
  const workspace = workspaceWith({ a: '123', bcd: '1' });
  const args: [OwnInput] = [{ workspace, paths: ['a', 'bcd'], waitMs: 1 }];
  const handle = await temporal.client.workflow.start(measuresAll, { ...options(), args });
  await handle.result();
  const history = await handle.fetchHistory();
  const bundle = await testBundle(workflows);
  const replay = async (code: string): Promise<string> =>
    await Worker.runReplayHistory({ workflowBundle: { ...bundle, code } }, history).then(
      () => 'replayed',
      (error: unknown) => String(error),
    );
  assert.equal(await replay(bundle.code), 'replayed');
  const changed = bundle.code.replace('written.length > held.length', 'written.length < held.length');
  assert.notEqual(changed, bundle.code);
  assert.match(
    await replay(changed),
    /not what it was when step bcd was requested: a reducer .*\(longest\) gives another/,
  );
});

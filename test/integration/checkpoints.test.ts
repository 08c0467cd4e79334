/** The checkpoints of a plan's job, in its record: one a super-step, whatever happens to worker and Workflow. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import { jobCheckpoints, jobState } from '../../src/changes.ts';
import { connectHoldfast } from '../../src/client.ts';
import { jobStateAt } from '../../src/changes/job-state.ts';
import type { Question } from '../../src/model/question/question.ts';
import type { CheckpointRecord } from '../../src/model/record/record.ts';
import { WorkspaceInspection } from '../../src/protocol/inspect/inspection.ts';
import { agentJob } from '../../src/workflows/agent-job.ts';
import { cli, type Ran } from '../support/cli-terminal.ts';
import { untilAsked, untilStatus } from '../support/job-status.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-checkpoints-'));
testWorker(temporal, { taskQueue, root });
after(() => rmSync(root, { recursive: true, force: true }));

const file = (id: string, needs: readonly string[] = []): object => ({
  id,
  use: 'file.write',
  with: { path: `${id}.txt`, content: id },
  needs,
  state: { seen: id, last: '${{ output.path }}' },
});

function planOf(workspace: string, ...steps: readonly object[]): { readonly plan: never } {
  const state = { seen: { reducer: 'append' }, last: { initial: 'none' } };
  return { plan: { schemaVersion: 1, name: 'notes', workspace, state, steps } as never };
}

async function start(workspace: string, steps: readonly object[], more: object = {}): Promise<WorkflowHandle> {
  return await temporal.client.workflow.start(agentJob, {
    workflowId: temporal.unique('job'),
    taskQueue,
    args: [{ ...planOf(workspace, ...steps), ...more }],
  });
}

async function looking<T>(workspace: string, look: (inspection: WorkspaceInspection) => T): Promise<T> {
  await using inspection = await WorkspaceInspection.open(join(root, workspace), {});
  return look(inspection);
}

async function checkpointsOf(workspace: string): Promise<readonly CheckpointRecord[]> {
  return await looking(workspace, (inspection) => inspection.checkpoints(inspection.job().jobId));
}

/** `0 a b`: the super-step, and what ran in it. */
function told({ step, tasks }: CheckpointRecord): string {
  return [
    step,
    ...tasks.map(({ id, generation, outcome }) => `${id}${generation}${outcome === 'done' ? '' : outcome}`),
  ].join(' ');
}

test('the record has the state at the input and at each super-step’s end, what ran and what comes next', async () => {
  const handle = await start('ends', [
    file('a'),
    file('b', ['a']),
    { ...file('c', ['a']), state: { seen: 'c' } },
    file('d', ['b', 'c']),
  ]);
  await handle.result();
  const all = await checkpointsOf('ends');
  assert.deepEqual(all.map(told), ['-1', '0 a0', '1 b0 c0', '2 d0']);
  assert.deepEqual(
    all.map(({ next }) => next),
    [['a'], ['b', 'c'], ['d'], []],
  );
  assert.deepEqual(
    all.map(({ parent }) => parent),
    [null, ...all.slice(0, -1).map(({ seq }) => seq)],
  );
  const states = await looking('ends', (inspection) =>
    all.map(({ seq }) => {
      const { values, manifest } = jobStateAt(inspection, inspection.job(), seq);
      return { ...values, files: manifest.filter(({ resource }) => resource.startsWith('file:')).length };
    }),
  );
  assert.deepEqual(states, [
    { seen: [], last: 'none', files: 0 },
    { seen: ['a'], last: 'a.txt', files: 1 },
    { seen: ['a', 'b', 'c'], last: 'b.txt', files: 3 },
    { seen: ['a', 'b', 'c', 'd'], last: 'd.txt', files: 4 },
  ]);
});

test('a new Run goes on with the checkpoints of the one before: each super-step has one', async () => {
  const ids = Array.from({ length: 12 }, (_, index) => `s${index}`);
  const steps = ids.map((id, index) => file(id, index === 0 ? [] : [ids[index - 1]!]));
  const handle = await start('runs', steps, { continueAsNewAfterEvents: 25 });
  await temporal.client.workflow.getHandle(handle.workflowId).result();
  const all = await checkpointsOf('runs');
  assert.ok(new Set(all.map(({ runId }) => runId)).size > 1, 'there was more than one Run');
  assert.deepEqual(all.map(told), ['-1', ...ids.map((id, index) => `${index} ${id}0`)]);
  // None but the first tells the state from its beginning: a checkpoint costs what is new.
  assert.deepEqual(
    all.flatMap(({ begins, step }) => (begins === undefined ? [] : [step])),
    [-1],
  );
  const last = await looking('runs', (inspection) => jobStateAt(inspection, inspection.job()));
  assert.deepEqual(last.values, { seen: ids, last: 's11.txt' });
  // The last Run tells of what it has noted, and goes on from the state that it was given.
  await using client = await connectHoldfast({ address: temporal.address, namespace: temporal.namespace });
  assert.deepEqual((await client.state(handle.workflowId)).values, last.values);
  const known = (await client.checkpoints(handle.workflowId)).checkpoints.flatMap(({ seq }) => seq ?? []);
  assert.ok(known.length > 1 && known.length < all.length, `${known.length} of ${all.length}`);
  for (const at of known) {
    const recorded = await looking('runs', (inspection) => jobStateAt(inspection, inspection.job(), at));
    assert.deepEqual((await client.state(handle.workflowId, { at })).values, recorded.values);
  }
});

test('where a decision makes steps run again the state begins anew, without what is void', async () => {
  const steps = [file('a'), file('b', ['a']), { ...file('c', ['b']), approval: 'before-apply' }];
  const handle = await start('again', steps);
  const decide = async ({ digest }: Question, answer: string): Promise<void> =>
    await handle.signal('decide', { digest, answer, by: 'ada', reason: 'test' });
  const first = await untilAsked(handle);
  writeFileSync(join(root, 'again', 'a.txt'), 'a person was here');
  // The world is compared after the answer, before anything is applied.
  await decide(first, 'approve');
  const { questions } = await untilStatus(handle, (status) =>
    status.questions.some(({ kind }) => kind === 'discrepancy'),
  );
  await decide(
    questions.find(({ kind }) => kind === 'discrepancy')!,
    'rerun',
  );
  await handle.result();
  const all = await checkpointsOf('again');
  const state = await looking('again', (inspection) => jobStateAt(inspection, inspection.job()));
  assert.deepEqual(state.values, { seen: ['a', 'b', 'c'], last: 'c.txt' });
  assert.ok(
    all.some((one) => one.source === 'loop' && one.begins !== undefined),
    'one of them begins anew',
  );
  assert.deepEqual(all.at(-1)!.next, []);
});

test('a checkpoint that there is none of is refused, and those that there are are named', async () => {
  const handle = await start('named', [file('a')]);
  await handle.result();
  const newest = (await checkpointsOf('named')).map(({ seq }) => seq).reverse();
  await looking('named', (inspection) => {
    assert.throws(() => jobStateAt(inspection, inspection.job(), 4_711), {
      name: 'HoldfastError',
      message:
        `Job ${handle.workflowId} has no checkpoint 4711: its checkpoints are, newest first, ` +
        `${newest.join(', ')}.`,
    });
  });
});

test('a step that failed is in the checkpoint of its super-step, with why', async () => {
  const copy = {
    id: 'copy',
    use: 'file.copy',
    with: { from: 'gone.txt', to: 'c.txt' },
    needs: ['a'],
    onFailure: 'fail',
  };
  const handle = await start('fails', [file('a'), copy, file('b', ['a'])]);
  await assert.rejects(handle.result());
  const all = await checkpointsOf('fails');
  assert.deepEqual(all.map(told), ['-1', '0 a0', '1 copy0failed b0']);
  const { tasks, next } = all.at(-1)!;
  assert.equal(tasks[0]!.error?.type, 'not-found');
  assert.match(tasks[0]!.error!.message, /gone\.txt/);
  assert.deepEqual(next, ['copy']);
  const { values } = await looking('fails', (inspection) => jobStateAt(inspection, inspection.job()));
  assert.deepEqual(values, { seen: ['a'], last: 'a.txt' }, 'the super-step has not ended');
});

test('of a wide super-step a checkpoint names a hundred steps and counts the others', async () => {
  const ids = Array.from({ length: 103 }, (_, index) => `w${index}`);
  const steps = ids.map((id) => ({ id, use: 'wait', with: { seconds: 0 } }));
  const { plan } = planOf('wide', ...steps, file('a', ids)) as { readonly plan: object };
  const state = { seen: { reducer: 'append' }, last: {}, people: { reducer: 'merge', by: 'name' } };
  const handle = await temporal.client.workflow.start(agentJob, {
    workflowId: temporal.unique('job'),
    taskQueue,
    args: [{ plan: { ...plan, state } as never }],
  });
  await handle.result();
  const [input, wide] = await checkpointsOf('wide');
  assert.equal(input!.begins!['people']!.by, 'name');
  assert.deepEqual(input!.next, ids.slice(0, 100));
  assert.deepEqual(input!.more, { next: 3 });
  assert.equal(wide!.tasks.length, 100);
  assert.deepEqual(wide!.more, { tasks: 3 });
});

test('checkpoints, state and diff show a job from its record: all, one, and what changed between two', async () => {
  const handle = await start('shown', [file('a'), file('b', ['a'])]);
  await handle.result();
  const [input, first, last] = await checkpointsOf('shown');
  const run = async (...args: readonly string[]): Promise<Ran> => await cli(args, { cwd: root });
  const list = await run('checkpoints', 'shown');
  assert.equal(list.code, 0, list.err);
  const lines = list.out.split('\n').map((line) => line.replace(/ {2,}/g, ' | '));
  assert.match(lines[1]!, /^number \| step \| what \| ran \| state \| next \| when$/);
  assert.match(
    lines[2]!,
    new RegExp(`^${last!.seq} \\| 2 \\| the end of super-step 1 \\| b \\| seen, last \\| - \\| `),
  );
  assert.match(lines[4]!, new RegExp(`^${input!.seq} \\| 0 \\| the input \\| - \\| last, seen \\| a \\| `));
  const state = await run('state', 'shown', '--at', String(first!.seq));
  assert.match(state.out, /ran {6}a\n {2}next {5}b\n {2}world {4}1 file\n/);
  assert.match(state.out, /State:\n {2}last: "a.txt"\n {2}seen: \[\n {4}"a"\n {2}\]\n/);
  const told = (await run('state', 'shown', '--json')).json<{
    values: object;
    parent: number;
    next: readonly string[];
  }>();
  assert.deepEqual(told.values, { seen: ['a', 'b'], last: 'b.txt' });
  assert.deepEqual([told.parent, told.next], [first!.seq, []]);
  const diff = await run('diff', 'shown', String(first!.seq), String(last!.seq));
  assert.match(diff.out, /new file:b\.txt/);
  assert.doesNotMatch(diff.out, /a\.txt \(/);
  assert.match(diff.out, /changed state\.seen\n {3}- \["a"\]\n {3}\+ \["a","b"\]\n/);
  const twice = await run('diff', 'shown', '3', '--from', '3');
  assert.equal(twice.code, 2);
  assert.match(twice.err, /The place is given twice: 3, and --from 3\./);
  assert.equal((await run('state', 'shown', '--at', '4711')).code, 2);
  assert.deepEqual(
    (await jobCheckpoints(join(root, 'shown'))).map(({ seq }) => seq),
    [last!.seq, first!.seq, input!.seq],
  );
  assert.deepEqual((await jobState(join(root, 'shown'), { at: input!.seq })).values, { seen: [], last: 'none' });
});

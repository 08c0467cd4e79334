/** A plan's state: what its check finds of reducers, and what the scheduler tells of writes at each barrier. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFailure } from '../../src/model/failure.ts';
import { foldWrites } from '../../src/model/state/fold-writes.ts';
import { EARLIER_MAX_STATE_BYTES, MAX_STATE_BYTES } from '../../src/model/plan/run/job-state.ts';
import { runPlan } from '../../src/model/plan/run/run.ts';
import { inSteps, problemLines, problemsOf } from '../support/checked-plan.ts';
import { NotedJob, planOf } from '../support/noted-job.ts';

const writes = (key: string) => ({ state: { [key]: '${{ output }}' } });

test('two steps that run at the same time may not both replace a state key: both are named', () => {
  const both = inSteps(writes('last'), writes('last'));
  assert.deepEqual(problemsOf({ state: { last: {} }, ...both }), [
    {
      path: 'steps[1].state.last',
      message: 'steps "s0" and "s1" run at the same time, and both write state "last"',
      expected: 'one writer at a time, as the reducer is replace: the other value would be lost',
      hint:
        'let one wait for the other: needs: [s0] in step "s1"; or give state.last a reducer that takes both: ' +
        'append, merge, sum, min, max, set',
    },
  ]);
  assert.deepEqual(problemsOf({ state: { last: {} }, ...both }, { isUnderWay: true }), [], 'a job that runs goes on');
  for (const reducer of ['append', 'merge', 'sum', 'min', 'max', 'set'])
    assert.deepEqual(problemLines({ state: { last: { reducer } }, ...both }), [], reducer);
  const oneAfterTheOther = inSteps(writes('last'), { ...writes('last'), needs: ['s0'] });
  assert.deepEqual(problemLines({ state: { last: {} }, ...oneAfterTheOther }), []);
});

test('what a reducer cannot begin with, tell apart or ever hold is found in the plan', () => {
  const problems = (key: Record<string, unknown>): readonly string[] =>
    problemsOf({ state: { x: key } }).map(
      ({ path, message, expected, found }) => `${path} ${message}: expected ${expected}, found ${found}`,
    );
  assert.deepEqual(problems({ reducer: 'sum', initial: '1' }), [
    'state.x.initial is nothing that the reducer sum begins with: expected a number, as the reducer is sum, found "1"',
  ]);
  assert.deepEqual(problems({ reducer: 'merge', by: 'id', initial: [{ id: 1 }, { id: 1 }] }), [
    'state.x.initial is nothing that the reducer merge begins with: expected each "id" once; 1 is there twice, ' +
      'as the reducer is merge, found [{"id":1},{"id":1}]',
  ]);
  assert.deepEqual(problems({ reducer: 'append', by: 'id' }), [
    'state.x.by says nothing about the reducer append: expected reducer: merge, found undefined',
  ]);
  assert.deepEqual(problems({ reducer: 'set', schema: { type: 'string' } }), [
    'state.x.schema.type is nothing that the reducer set holds: expected type: array, found string',
  ]);
  assert.deepEqual(problems({ reducer: 'sum', schema: { type: 'integer' } }), []);
  assert.deepEqual(problems({ reducer: 'concat' })[0]?.startsWith('state.x.reducer is not one of the allowed'), true);
  const reads = inSteps({ with: '${{ state.x }}' });
  assert.deepEqual(problemLines({ state: { x: { reducer: 'sum' } }, ...reads }), []);
  assert.deepEqual(problemLines({ state: { x: { reducer: 'max' } }, ...reads }), [
    'steps[0].with: ${{ state.x }} has no value yet when "s0" runs',
  ]);
});

const BRANCHES = planOf(
  [
    { id: 'a', state: { seen: '${{ output }}', count: 1 } },
    { id: 'b', state: { seen: '${{ output }}', count: 1 } },
    { id: 'c', needs: ['a', 'b'], with: '${{ state.seen }}', state: { seen: '${{ output }}' } },
  ],
  { seen: { reducer: 'append' }, count: { reducer: 'sum' } },
);

test('what a step wrote waits for its sibling that is not done, and joins the state once, with it', async () => {
  let attempts = 0;
  const job = new NotedJob(({ id }) => (id === 'b' && ++attempts === 1 ? { rewound: true } : { output: id }));
  const { state } = await runPlan(BRANCHES, {}, job);
  assert.deepEqual(state, { seen: ['a', 'b', 'c'], count: 2 });
  assert.deepEqual(job.ran, ['a', 'b', 'b', 'c'], 'the finished sibling does not run again');
  assert.deepEqual(
    job.ends.map(({ state: now, written, waiting }) => ({ now, written, waiting })),
    [
      {
        now: { seen: [], count: 0 },
        written: { isAnew: true, writes: [] },
        waiting: [{ node: 'a', values: { seen: 'a', count: 1 } }],
      },
      {
        now: { seen: ['a', 'b'], count: 2 },
        written: {
          isAnew: false,
          writes: [
            { node: 'a', channel: 'seen', reducer: 'append', value: 'a' },
            { node: 'a', channel: 'count', reducer: 'sum', value: 1 },
            { node: 'b', channel: 'seen', reducer: 'append', value: 'b' },
            { node: 'b', channel: 'count', reducer: 'sum', value: 1 },
          ],
        },
        waiting: [],
      },
      {
        now: { seen: ['a', 'b', 'c'], count: 2 },
        written: { isAnew: false, writes: [{ node: 'c', channel: 'seen', reducer: 'append', value: 'c' }] },
        waiting: [],
      },
    ],
  );
});

test('where a step runs again whose writes were folded, they begin anew at the initial values', async () => {
  let isRewound = false;
  const job: NotedJob = new NotedJob(({ id }) => {
    if (id === 'c' && !isRewound) job.toRewind.push('a');
    isRewound ||= id === 'c';
    return { output: id };
  });
  const { state } = await runPlan(BRANCHES, {}, job);
  assert.deepEqual(job.ran, ['a', 'b', 'c', 'a', 'c']);
  const last = job.ends.findLastIndex(({ written }) => written.isAnew);
  const written = job.ends.slice(last).flatMap((end) => end.written.writes);
  assert.deepEqual(foldWrites(BRANCHES.state, written), state);
  assert.ok(last > 0);
  // The same in a new Run, which has folded them and told nobody.
  const progress = job.ends[0]!.progress;
  const next: NotedJob = new NotedJob(({ id }) => {
    if (id === 'c' && next.ran.length === 1) next.toRewind.push('a');
    return { output: id };
  });
  await runPlan(BRANCHES, {}, next, progress);
  const ends = next.ends.map((end) => end.written);
  assert.equal(ends.filter(({ isAnew }) => isAnew).length, 1);
  assert.deepEqual(
    foldWrites(
      BRANCHES.state,
      ends.flatMap(({ writes }) => writes),
    ),
    state,
  );
});

test('what two steps merge under one key at the same time is put to a person, and is not in the state', async () => {
  const plan = planOf(
    [
      { id: 'a', state: { facts: { wind: '${{ output }}', rain: 1 } } },
      { id: 'b', state: { facts: { wind: '${{ output }}' } } },
    ],
    { facts: { reducer: 'merge' } },
  );
  await assert.rejects(runPlan(plan, {}, new NotedJob()), (error: unknown) => {
    assert.ok(isFailure(error, 'state-conflict'));
    assert.match(error.message, /Step "a" and step "b" ran at the same time, and both wrote "wind" of state "facts"/);
    return true;
  });
  let version = 0;
  const job: NotedJob = new NotedJob(({ id }) => ({ output: version === 0 ? id : 'same' }));
  const asked: string[] = [];
  const withStuck = Object.assign(job, {
    stuck: (stepId: string) => {
      asked.push(stepId);
      version++;
      job.toRewind.push('a', 'b');
      return Promise.resolve();
    },
  });
  assert.deepEqual((await runPlan(plan, {}, withStuck)).state, { facts: { wind: 'same', rain: 1 } });
  assert.deepEqual(asked, ['b']);
});

test('steps that may be skipped may replace the same key; where both run, and differ, both are named', async () => {
  const steps = [
    { id: 'a', when: '${{ input.a }}', state: { last: 'from a' } },
    { id: 'b', when: '${{ input.b }}', state: { last: 'from b' } },
  ];
  const plan = planOf(steps, { last: {} });
  assert.deepEqual((await runPlan(plan, { a: true, b: false }, new NotedJob())).state, { last: 'from a' });
  await assert.rejects(
    runPlan(plan, { a: true, b: true }, new NotedJob()),
    (error: unknown) => isFailure(error, 'state-conflict') && /Step "a" and step "b" ran/.test(error.message),
  );
});

test('a state of 1 MiB is taken, where the job does not go on as it was in an earlier version', async () => {
  const step = (bytes: number) => planOf([{ id: 'a', state: { x: 'x'.repeat(bytes) } }], { x: {} });
  const run = async (bytes: number, maxBytes?: number): Promise<unknown> =>
    await runPlan(step(bytes), {}, Object.assign(new NotedJob(), maxBytes && { maxStateBytes: () => maxBytes }));
  await run(MAX_STATE_BYTES - 100);
  await assert.rejects(run(MAX_STATE_BYTES), (error: unknown) => isFailure(error, 'too-large'));
  await run(EARLIER_MAX_STATE_BYTES - 100, 0);
  const same = ['a', 'b', 'c'].map((id) => ({ id, state: { x: 'x'.repeat(MAX_STATE_BYTES / 2) } }));
  await assert.rejects(
    runPlan(planOf(same, { x: { reducer: 'max' } }), {}, new NotedJob()),
    /What is written to the state at once has \d+ bytes; at most 1048576 are allowed/,
  );
  await assert.rejects(run(EARLIER_MAX_STATE_BYTES, EARLIER_MAX_STATE_BYTES), /at most 262144/);
});

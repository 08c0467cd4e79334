/** The scheduler: super-steps in order, each step once, state folded in plan order, progress that can be carried. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalJson } from '../../src/model/canonical-json.ts';
import { isFailure, type HoldfastError } from '../../src/model/failure.ts';
import { planGraph } from '../../src/model/plan/graph/graph.ts';
import type { PlanJob } from '../../src/model/plan/run/plan-job.ts';
import { boundedProgress } from '../../src/model/plan/run/bounded-outputs.ts';
import type { PlanProgress } from '../../src/model/plan/run/progress.ts';
import { runPlan } from '../../src/model/plan/run/run.ts';
import { CHAIN, NotedJob, outputOf, planOf } from '../support/noted-job.ts';
import { anyPlan } from './plan-arbitrary.ts';

test('gives each step its input, and the result has state and all outputs', async () => {
  const job = new NotedJob();
  assert.deepEqual(await runPlan(CHAIN, { city: 'Oslo' }, job), {
    state: { seen: ['a', 'b'] },
    outputs: { a: 'a', b: 'b', c: 'c' },
  });
  assert.deepEqual(
    job.requests.map(({ id, input, uses }) => ({ id, input, uses })),
    [
      { id: 'a', input: { city: 'Oslo' }, uses: [] },
      { id: 'b', input: { from: 'a', seen: ['a'] }, uses: ['a'] },
      { id: 'c', input: { job: 'job-1' }, uses: ['b'] },
    ],
  );
});

test('a request carries what the plan says of the step, and what it writes, made uniform', async () => {
  const job = new NotedJob();
  const retry = { maxAttempts: 2, initialIntervalMs: 10, backoffCoefficient: 1, maxIntervalMs: 10 };
  const plan = planOf([
    {
      id: 'a',
      use: 'file.write',
      with: { path: './out//${{ input.city }}.md', content: '' },
      writes: ['file:./log/'],
      approval: 'before-apply',
      timeoutMs: 5,
      retry,
      onFailure: 'fail',
    },
    { id: 'b' },
  ]);
  await runPlan(plan, { city: 'Oslo' }, job);
  assert.deepEqual(job.requests, [
    {
      id: 'a',
      use: 'file.write',
      input: { path: './out//Oslo.md', content: '' },
      uses: [],
      writes: ['file:log/', 'file:out/Oslo.md'],
      isParallel: true,
      onFailure: 'fail',
      approval: 'before-apply',
      timeoutMs: 5,
      retry,
    },
    { id: 'b', use: 'work', input: {}, uses: [], writes: [], isParallel: true, onFailure: 'ask' },
  ]);
});

test('starts all steps of a super-step before any has ended, and the next only after all have', async () => {
  const log: string[] = [];
  const releases = new Map<string, () => void>();
  const job = new NotedJob(async ({ id }) => {
    log.push(`start ${id}`);
    if (id !== 'c') await new Promise<void>((release) => releases.set(id, release));
    log.push(`end ${id}`);
    return { output: null };
  });
  const running = runPlan(planOf([{ id: 'c', needs: ['a'] }, { id: 'a' }, { id: 'b' }]), {}, job);
  await new Promise(setImmediate);
  releases.get('a')!();
  await new Promise(setImmediate);
  assert.deepEqual(log, ['start a', 'start b', 'end a'], 'c waits for the barrier, not for a alone');
  releases.get('b')!();
  await running;
  assert.deepEqual(log, ['start a', 'start b', 'end a', 'end b', 'start c', 'end c']);
});

test('a failure ends the plan after its siblings, whose results are kept', async () => {
  const failure = new Error('no');
  const job = new NotedJob(async ({ id }) => {
    if (id === 'a' || id === 'b') throw id === 'a' ? failure : new Error('another');
    await new Promise(setImmediate);
    return { output: id };
  });
  await assert.rejects(
    runPlan(planOf([{ id: 'a' }, { id: 'b' }, { id: 'c' }, { id: 'd', needs: ['c'] }]), {}, job),
    failure,
  );
  assert.deepEqual(job.ran, ['a', 'b', 'c']);
  assert.deepEqual(
    job.ends.map(({ failed, progress }) => ({ failed, done: progress.done })),
    [{ failed: ['a', 'b'], done: [{ id: 'c', output: 'c', superStep: 0 }] }],
  );
});

test('wait is a timer and no step: for seconds, or until a moment, passed or not', async () => {
  const job = new NotedJob();
  const plan = planOf([
    { id: 'a', use: 'wait', with: { seconds: 1.5 } },
    { id: 'b', use: 'wait', with: { until: '2030-01-01T01:00:10+01:00' } },
    { id: 'c', use: 'wait', with: { until: '2029-01-01T00:00:00Z' } },
    { id: 'd', use: 'wait', with: { seconds: '${{ input.seconds }}' } },
  ]);
  assert.deepEqual((await runPlan(plan, { seconds: 3 }, job)).outputs, { a: {}, b: {}, c: {}, d: {} });
  assert.deepEqual(job.sleeps, [1500, 10_000, 0, 3000]);
  assert.deepEqual(job.ran, []);
  await assert.rejects(
    runPlan(plan, { seconds: 'soon' }, new NotedJob()),
    (error: unknown) => isFailure(error, 'bad-input') && /Step "d" \(wait\)/.test(error.message),
  );
});

test('a reference without a value is put to a person, and the step tried again after the decision', async () => {
  const asked: string[] = [];
  let good = false;
  const job: NotedJob = new NotedJob(({ id }) => ({ output: id === 'a' ? (good ? { rows: [1] } : {}) : null }));
  const withStuck: PlanJob = Object.assign(job, {
    stuck: (stepId: string, failure: HoldfastError): Promise<void> => {
      asked.push(`${stepId}: ${failure.message}`);
      good = true;
      job.toRewind.push('a');
      return Promise.resolve();
    },
  });
  const plan = planOf([{ id: 'a' }, { id: 'b', with: '${{ steps.a.output.rows }}' }, { id: 'c', needs: ['a'] }]);
  await runPlan(plan, {}, withStuck);
  assert.deepEqual(asked, [
    'b: Step "b" cannot be given its input: ${{ steps.a.output.rows }} has no value: steps.a.output holds nothing.',
  ]);
  assert.deepEqual(job.ran, ['a', 'c', 'a', 'b', 'c'], 'the sibling of the stuck step ran, and again after the rerun');
});

test('state that cannot be folded is put to a person; with onFailure fail it ends the plan', async () => {
  let good = false;
  const asked: string[] = [];
  const steps = [
    { id: 'a', state: { rows: '${{ output.rows }}' } },
    { id: 'b', needs: ['a'] },
  ];
  const job: NotedJob = new NotedJob(({ id }) => ({ output: id === 'a' && good ? { rows: 2 } : {} }));
  const withStuck: PlanJob = Object.assign(job, {
    stuck: (stepId: string): Promise<void> => {
      asked.push(stepId);
      good = true;
      job.toRewind.push('a');
      return Promise.resolve();
    },
  });
  assert.deepEqual((await runPlan(planOf(steps, { rows: {} }), {}, withStuck)).state, { rows: 2 });
  assert.deepEqual(asked, ['a']);

  const failing = new NotedJob(() => ({ output: {} }));
  const plan = planOf([{ ...steps[0]!, onFailure: 'fail' }, steps[1]!], { rows: {} });
  await assert.rejects(
    runPlan(plan, {}, Object.assign(failing, { stuck: () => assert.fail('asked') })),
    (error: unknown) => isFailure(error, 'bad-output'),
  );
  assert.deepEqual(failing.ran, ['a']);
});

test('refuses progress of another plan, and progress with a gap', async () => {
  const foreign: PlanProgress = { schemaVersion: 1, done: [{ id: 'x', output: 1, superStep: 0 }] };
  const gap: PlanProgress = { schemaVersion: 1, done: [{ id: 'b', output: 1, superStep: 1 }] };
  await assert.rejects(
    runPlan(CHAIN, {}, new NotedJob(), foreign),
    (error: unknown) => isFailure(error, 'bad-input') && /result of "x"/.test(error.message),
  );
  await assert.rejects(
    runPlan(CHAIN, {}, new NotedJob(), gap),
    (error: unknown) => isFailure(error, 'bad-input') && /not that of "a"/.test(error.message),
  );
});

test('what the end of a super-step throws ends the plan, so that a job can continue as new there', async () => {
  const job = new NotedJob();
  job.onSuperStepEnd = () => {
    throw new Error('continue as new');
  };
  await assert.rejects(runPlan(CHAIN, { city: 'x' }, job), /continue as new/);
  assert.deepEqual(job.ran, ['a']);
});

test('property: every step runs exactly once, after all that it depends on, whoever is faster', async () => {
  await fc.assert(
    fc.asyncProperty(anyPlan(), fc.scheduler(), async (plan, scheduler) => {
      const graph = planGraph(plan);
      const done = new Set<string>();
      const job: NotedJob = new NotedJob(async (request) => {
        for (const source of graph.sourcesOf.get(request.id)!)
          assert.ok(done.has(source), `${request.id} before ${source}`);
        await scheduler.schedule(Promise.resolve(), request.id);
        done.add(request.id);
        return { output: outputOf(request, 0) };
      });
      const result = await scheduler.waitFor(runPlan(plan, {}, job));
      assert.deepEqual(job.ran.toSorted(), plan.steps.map(({ id }) => id).toSorted());
      const undisturbed = await runPlan(plan, {}, new NotedJob((request) => ({ output: outputOf(request, 0) })));
      assert.equal(canonicalJson(result), canonicalJson(undisturbed), 'who was faster does not show');
    }),
  );
});

test('property: carried from any barrier as JSON, the plan ends the same and no finished step runs again', async () => {
  await fc.assert(
    fc.asyncProperty(anyPlan(), async (plan) => {
      const whole = new NotedJob((request) => ({ output: outputOf(request, 0) }));
      const result = await runPlan(plan, {}, whole);
      for (const { progress } of whole.ends) {
        const rest = new NotedJob((request) => ({ output: outputOf(request, 0) }));
        const carried = await runPlan(plan, {}, rest, JSON.parse(JSON.stringify(progress)) as PlanProgress);
        assert.equal(canonicalJson(carried), canonicalJson(result));
        assert.deepEqual(
          rest.ran,
          whole.ran.filter((id) => !progress.done.some((done) => done.id === id)),
        );
      }
    }),
  );
});

test('property: a step whose output is not carried is requested again, the same; the plan ends the same', async () => {
  await fc.assert(
    fc.asyncProperty(anyPlan(), fc.integer({ min: 0, max: 200 }), async (plan, maxBytes) => {
      const whole = new NotedJob((request) => ({ output: outputOf(request, 0) }));
      const result = await runPlan(plan, {}, whole);
      for (const end of whole.ends) {
        const progress = boundedProgress(end.progress, maxBytes);
        assert.ok(
          Buffer.byteLength(progress.done.map(({ id, output }) => id + JSON.stringify(output)).join('')) <= maxBytes,
        );
        assert.deepEqual(
          [...progress.done.map(({ id }) => id), ...(progress.leftOut ?? [])].sort(),
          end.progress.done.map(({ id }) => id).sort(),
        );
        const rest = new NotedJob((request) => ({ output: outputOf(request, 0) }));
        const carried = await runPlan(plan, {}, rest, JSON.parse(JSON.stringify(progress)) as PlanProgress);
        assert.equal(canonicalJson(carried), canonicalJson(result));
        assert.deepEqual(
          [...rest.ran].sort(),
          whole.ran.filter((id) => !progress.done.some((done) => done.id === id)).sort(),
        );
        for (const { id, input } of rest.requests)
          assert.deepEqual(input, whole.requests.find((request) => request.id === id)!.input);
      }
    }),
  );
});

test('the largest outputs are the ones left out', () => {
  const done = [
    { id: 'large', output: 'x'.repeat(50), superStep: 0 },
    { id: 'pause', output: {}, superStep: 1 },
    { id: 'umlauts', output: 'ü'.repeat(10), superStep: 2 },
  ];
  assert.deepEqual(boundedProgress({ schemaVersion: 1, done }, 40).leftOut, ['large']);
  assert.deepEqual(
    boundedProgress({ schemaVersion: 1, done }, 30).leftOut,
    ['large', 'umlauts'],
    'bytes count, not characters',
  );
  assert.equal(boundedProgress({ schemaVersion: 1, done }, 1_000).leftOut, undefined);
});

test('the scheduling of 1,000 steps in a row costs little, and no more a step at the end', async () => {
  const steps = Array.from({ length: 1000 }, (_, index) => ({
    id: `s${index}`,
    state: { last: '${{ output }}' },
    ...(index === 0 ? {} : { with: `\${{ steps.s${index - 1}.output }}` }),
  }));
  // Time of the processor, not of the clock: other processes don't count.
  const spentMs: number[] = [];
  const note = (request: { readonly id: string }) => {
    spentMs.push(process.cpuUsage().user / 1000);
    return { output: request.id };
  };
  await runPlan(planOf(steps, { last: {} }), {}, new NotedJob(note));
  const totalMs = spentMs.at(-1)! - spentMs[0]!;
  assert.ok(totalMs < 1500, `${totalMs} ms`);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalJson, type Json } from '../../src/model/canonical-json.ts';
import { digestOf } from '../../src/model/digest.ts';
import { isFailure, type HoldfastError } from '../../src/model/failure.ts';
import { dependentsOf, planGraph } from '../../src/model/plan/graph.ts';
import { boundedProgress, type PlanProgress } from '../../src/model/plan/progress.ts';
import { runPlan } from '../../src/model/plan/run.ts';
import type { PlanJob, PlanStepRequest, PlanStepResult, SuperStepEnd } from '../../src/model/plan/plan-job.ts';
import { PlanSchema, type Plan } from '../../src/model/plan/plan.ts';
import { anyPlan } from './plan-arbitrary.ts';

function planOf(steps: readonly Record<string, Json>[], state: Record<string, Json> = {}): Plan {
  return PlanSchema.parse({
    schemaVersion: 1,
    name: 'run',
    workspace: 'w',
    state,
    steps: steps.map((step) => ({ use: 'work', ...step })),
  });
}

type Work = (request: PlanStepRequest) => Promise<PlanStepResult> | PlanStepResult;

/** A job in memory that notes what it was asked. */
class NotedJob implements PlanJob {
  readonly jobId = 'job-1';
  readonly requests: PlanStepRequest[] = [];
  readonly ends: SuperStepEnd[] = [];
  readonly sleeps: number[] = [];
  readonly toRewind: string[] = [];
  readonly #work: Work;

  constructor(work: Work = ({ id }) => ({ output: id })) {
    this.#work = work;
  }

  async step(request: PlanStepRequest): Promise<PlanStepResult> {
    this.requests.push(request);
    return this.#work(request);
  }

  sleep(durationMs: number): Promise<void> {
    this.sleeps.push(durationMs);
    return Promise.resolve();
  }

  nowMs(): number {
    return Date.parse('2030-01-01T00:00:00Z');
  }

  rewound(): readonly string[] {
    return this.toRewind.splice(0);
  }

  onSuperStepEnd(end: SuperStepEnd): void {
    // The progress is made when it is read.
    this.ends.push({ ...end });
  }

  get ran(): readonly string[] {
    return this.requests.map(({ id }) => id);
  }
}

const CHAIN = planOf(
  [
    { id: 'a', with: { city: '${{ input.city }}' }, state: { seen: '${{ output }}' } },
    { id: 'b', with: { from: '${{ steps.a.output }}', seen: '${{ state.seen }}' }, state: { seen: '${{ output }}' } },
    { id: 'c', needs: ['b'], with: { job: '${{ job.id }}' } },
  ],
  { seen: { reducer: 'append' } },
);

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
      parallelWith: ['b'],
      onFailure: 'fail',
      approval: 'before-apply',
      timeoutMs: 5,
      retry,
    },
    { id: 'b', use: 'work', input: {}, uses: [], writes: [], parallelWith: ['a'], onFailure: 'ask' },
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

test('a rewound step and all that depend on it run again; nothing else does', async () => {
  let rewind = true;
  let version = 0;
  const job: NotedJob = new NotedJob(({ id }) => {
    if (id === 'd' && rewind) {
      rewind = false;
      version++;
      job.toRewind.push('a');
    }
    return { output: `${id}${id === 'a' ? version : ''}` };
  });
  const plan = planOf([
    { id: 'a' },
    { id: 'b', with: '${{ steps.a.output }}' },
    { id: 'c' },
    { id: 'd', needs: ['b', 'c'] },
  ]);
  const { outputs } = await runPlan(plan, {}, job);
  assert.deepEqual(job.ran, ['a', 'c', 'b', 'd', 'a', 'b', 'd']);
  assert.deepEqual(outputs, { a: 'a1', b: 'b', c: 'c', d: 'd' });
  assert.equal(job.requests.at(-2)!.input, 'a1');
  assert.deepEqual(
    job.ends.map(({ rewound }) => rewound),
    [[], [], ['a', 'b', 'd'], [], [], []],
  );
});

test('a step that runs again sees the state of its own super-step, not what came later', async () => {
  let rewind = true;
  const job: NotedJob = new NotedJob(({ id }) => {
    if (id === 'last' && rewind) {
      rewind = false;
      job.toRewind.push('reader');
    }
    return { output: id };
  });
  const plan = planOf(
    [
      { id: 'first', state: { seen: '${{ output }}' } },
      { id: 'reader', needs: ['first'], with: '${{ state.seen }}' },
      { id: 'middle', needs: ['first'], state: { seen: '${{ output }}' } },
      { id: 'last', needs: ['middle'], state: { seen: '${{ output }}' } },
    ],
    { seen: { reducer: 'append' } },
  );
  const { state } = await runPlan(plan, {}, job);
  assert.deepEqual(
    job.requests.filter(({ id }) => id === 'reader').map(({ input }) => input),
    [['first'], ['first']],
  );
  assert.deepEqual(state, { seen: ['first', 'middle', 'last'] });
});

test('what is rewound after the last barrier still runs again before the plan finishes', async () => {
  const job = new NotedJob();
  job.onSuperStepEnd = (end) => {
    job.ends.push({ ...end });
    if (job.ends.length === 1) job.toRewind.push('a');
  };
  await runPlan(planOf([{ id: 'a' }]), {}, job);
  assert.deepEqual(job.ran, ['a', 'a']);
});

test('the failure of a step that is void is void too', async () => {
  let first = true;
  const job: NotedJob = new NotedJob(({ id }) => {
    if (id === 'b' && first) {
      first = false;
      job.toRewind.push('a');
      throw new Error('built on what is void');
    }
    return { output: id };
  });
  await runPlan(planOf([{ id: 'a' }, { id: 'b', needs: ['a'] }]), {}, job);
  assert.deepEqual(job.ran, ['a', 'b', 'a', 'b']);
});

test('a step that failed after it was rewound ends the plan like any other', async () => {
  const job: NotedJob = new NotedJob(({ id }) => {
    if (id === 'b' && job.ran.filter((one) => one === 'b').length === 1) job.toRewind.push('a');
    if (id === 'a' && job.ran.filter((one) => one === 'a').length === 2) throw new Error('second time');
    return { output: id };
  });
  await assert.rejects(runPlan(planOf([{ id: 'a' }, { id: 'b', needs: ['a'] }]), {}, job), /second time/);
  assert.deepEqual(job.ran, ['a', 'b', 'a']);
});

test('a step that was rewound in flight has no result and is asked for again', async () => {
  const job: NotedJob = new NotedJob(({ id }) => {
    if (id !== 'b' || job.ran.filter((one) => one === 'b').length > 1) return { output: `${id}${job.ran.length}` };
    job.toRewind.push('a', 'b');
    return { rewound: true };
  });
  await runPlan(planOf([{ id: 'a' }, { id: 'b', with: '${{ steps.a.output }}' }]), {}, job);
  assert.deepEqual(
    job.requests.map(({ id, input }) => [id, input]),
    [
      ['a', {}],
      ['b', 'a1'],
      ['a', {}],
      ['b', 'a3'],
    ],
  );
});

test('refuses to rewind what the plan does not have', async () => {
  const job = new NotedJob();
  job.toRewind.push('nobody');
  await assert.rejects(
    runPlan(planOf([{ id: 'a' }]), {}, job),
    (error: unknown) => isFailure(error, 'defect') && /"nobody"/.test(error.message),
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

/** The work of random plans: the output tells step, input and version, so that anything stale shows. */
function outputOf({ id, input }: PlanStepRequest, version: number): Json {
  return `${id}.${version}.${digestOf(input).slice(0, 8)}`;
}

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

test('property: after any rewinds the result is that of an undisturbed run', async () => {
  const rewinds = fc.array(
    fc.record({
      drain: fc.nat(12),
      steps: fc.array(fc.nat(8), { minLength: 1, maxLength: 3 }),
      withDependents: fc.boolean(),
    }),
    { maxLength: 4 },
  );
  await fc.assert(
    fc.asyncProperty(anyPlan(), rewinds, fc.scheduler(), async (plan, events, scheduler) => {
      const graph = planGraph(plan);
      const versions = new Map(plan.steps.map(({ id }) => [id, 0]));
      const started = new Set<string>();
      let drains = 0;
      const job: NotedJob = new NotedJob(async (request) => {
        started.add(request.id);
        const version = versions.get(request.id)!;
        await scheduler.schedule(Promise.resolve(), request.id);
        return { output: outputOf(request, version) };
      });
      job.rewound = () => {
        const ids = events
          .filter(({ drain }) => drain === drains)
          .flatMap(({ steps, withDependents }) => {
            const chosen = steps
              .map((index) => plan.steps[index % plan.steps.length]!.id)
              .filter((id) => started.has(id));
            return withDependents ? [...chosen, ...dependentsOf(graph, chosen)] : chosen;
          });
        for (const id of ids) versions.set(id, versions.get(id)! + 1);
        drains++;
        return ids;
      };
      const result = await scheduler.waitFor(runPlan(plan, {}, job));
      const undisturbed = await runPlan(
        plan,
        {},
        new NotedJob((request) => ({ output: outputOf(request, versions.get(request.id)!) })),
      );
      assert.equal(canonicalJson(result), canonicalJson(undisturbed));
    }),
    { numRuns: 300 },
  );
});

test('property: carried from any barrier, through JSON, the plan ends the same and no finished step runs again', async () => {
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

test('property: of whatever is too large to carry the step is requested again, with the same input, and the plan ends the same', async () => {
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
  const times: number[] = [];
  await runPlan(
    planOf(steps, { last: {} }),
    {},
    new NotedJob((request) => (times.push(performance.now()), { output: request.id })),
  );
  assert.ok(times.at(-1)! - times[0]! < 1500, `${times.at(-1)! - times[0]!} ms`);
});

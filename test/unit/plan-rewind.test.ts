/** Steps of a plan that are run again: what is void runs again, and the result is that of an undisturbed run. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalJson } from '../../src/model/canonical-json.ts';
import { isFailure } from '../../src/model/failure.ts';
import { dependentsOf, planGraph } from '../../src/model/plan/graph/graph.ts';
import { runPlan } from '../../src/model/plan/run/run.ts';
import { NotedJob, outputOf, planOf } from '../support/noted-job.ts';
import { anyPlan } from './plan-arbitrary.ts';

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

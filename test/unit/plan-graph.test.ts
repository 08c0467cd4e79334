import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Json } from '../../src/model/canonical-json.ts';
import { isFailure } from '../../src/model/failure.ts';
import { validatePlan } from '../../src/model/plan/check/check.ts';
import { dependentsOf, nextSuperStep, planGraph } from '../../src/model/plan/graph/graph.ts';
import { PlanSchema, type Plan } from '../../src/model/plan/plan.ts';
import { anyCyclicPlanSource, anyPlan } from './plan-arbitrary.ts';

function planOf(steps: readonly Record<string, Json>[], state: Record<string, Json> = {}): Plan {
  return PlanSchema.parse({
    schemaVersion: 1,
    name: 'graph',
    workspace: 'w',
    state,
    steps: steps.map((step) => ({ use: 'work', ...step })),
  });
}

const DIAMOND = planOf([
  { id: 'report', needs: ['left'], with: { right: '${{ steps.right.output }}' } },
  { id: 'left', needs: ['gather'] },
  { id: 'right', with: '${{ steps.gather.output.rows }}' },
  { id: 'gather' },
]);

test('a reference to a step is a need', () => {
  const graph = planGraph(DIAMOND);
  assert.deepEqual(graph.sourcesOf.get('report'), ['left', 'right']);
  assert.deepEqual(graph.superSteps, [['gather'], ['left', 'right'], ['report']]);
});

test('the next super-step is what is left of the earliest one, in plan order', () => {
  const graph = planGraph(DIAMOND);
  assert.deepEqual(nextSuperStep(graph, new Set()), ['gather']);
  assert.deepEqual(nextSuperStep(graph, new Set(['gather'])), ['left', 'right']);
  assert.deepEqual(nextSuperStep(graph, new Set(['gather', 'left'])), ['right']);
  assert.deepEqual(nextSuperStep(graph, new Set(['gather', 'left', 'right', 'report'])), []);
});

test('a step that runs again waits for no step but runs in its own super-step', () => {
  const graph = planGraph(planOf([{ id: 'a' }, { id: 'b', needs: ['a'] }, { id: 'c', needs: ['b'] }, { id: 'x' }]));
  assert.deepEqual(nextSuperStep(graph, new Set(['a', 'b'])), ['x']);
});

test('dependents are found through any number of steps', () => {
  const graph = planGraph(DIAMOND);
  assert.deepEqual(dependentsOf(graph, ['gather']), ['report', 'left', 'right']);
  assert.deepEqual(dependentsOf(graph, ['left']), ['report']);
  assert.deepEqual(dependentsOf(graph, ['report']), []);
  assert.deepEqual(dependentsOf(graph, ['gather', 'left']), ['report', 'right']);
});

test('a step depends on what earlier super-steps put into the state that it reads, and on no later one', () => {
  const graph = planGraph(
    planOf(
      [
        { id: 'first', state: { total: '${{ output }}' } },
        { id: 'second', needs: ['first'] },
        { id: 'reader', needs: ['second'], with: '${{ state.total }}', state: { total: '${{ output }}' } },
        { id: 'beside', needs: ['second'], state: { total: '${{ output }}' } },
        { id: 'early', with: '${{ state.total }}' },
      ],
      { total: { initial: 0 } },
    ),
  );
  assert.deepEqual(graph.sourcesOf.get('reader'), ['first', 'second']);
  assert.deepEqual(graph.sourcesOf.get('early'), []);
  assert.deepEqual(dependentsOf(graph, ['beside']), []);
});

test('a chain of 2,000 steps is no trouble', () => {
  const steps = Array.from({ length: 2000 }, (_, index) => ({
    id: `s${index}`,
    needs: index === 0 ? [] : [`s${index - 1}`],
  }));
  assert.equal(planGraph(planOf(steps.toReversed())).superSteps.length, 2000);
});

test('refuses duplicate ids, unknown steps and cycles', () => {
  const refused = (steps: readonly Record<string, Json>[], message: RegExp): void =>
    assert.throws(
      () => planGraph(planOf(steps)),
      (error: unknown) => isFailure(error, 'bad-plan') && message.test(error.message),
    );
  refused([{ id: 'a' }, { id: 'a' }], /same id/);
  refused([{ id: 'a', needs: ['b'] }], /"a" needs "b"/);
  refused(
    [
      { id: 'a', needs: ['c'] },
      { id: 'b', needs: ['a'] },
      { id: 'c', with: '${{ steps.b.output }}' },
    ],
    /a → c → b → a/,
  );
});

test('property: every step stands after all that it depends on', () => {
  fc.assert(
    fc.property(anyPlan(), (plan) => {
      const graph = planGraph(plan);
      assert.deepEqual(graph.superSteps.flat().toSorted(), plan.steps.map(({ id }) => id).toSorted());
      for (const [id, sources] of graph.sourcesOf)
        for (const source of sources) assert.ok(graph.superStepOf.get(source)! < graph.superStepOf.get(id)!);
    }),
  );
});

test('property: a plan with a cycle is always refused, and the cycle shown is one', () => {
  fc.assert(
    fc.property(anyCyclicPlanSource(), (source) => {
      const checked = validatePlan(source);
      assert.equal(checked.ok, false);
      assert.throws(
        () => planGraph(PlanSchema.parse(source)),
        (error: unknown) => {
          if (!isFailure(error, 'bad-plan')) return false;
          const cycle = error.details['cycle'] as readonly string[];
          const step = (id: string): string => JSON.stringify(source.steps.find((one) => one.id === id));
          return (
            cycle[0] === cycle.at(-1) &&
            cycle
              .slice(1)
              .every((next, index) =>
                new RegExp(`"needs":\\[[^\\]]*"${next}"|steps\\.${next}\\.output`).test(step(cycle[index]!)),
              )
          );
        },
      );
    }),
  );
});

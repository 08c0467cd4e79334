/** What a plan's job knows of a step that a person puts in by hand. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertPlan } from '../../src/model/plan/check/check.ts';
import { planGraph } from '../../src/model/plan/graph/graph.ts';
import { PlanEditing } from '../../src/workflows/job/plan-editing.ts';

const CHAPTER = {
  schemaVersion: 1,
  name: 'chapter',
  workspace: 'unused',
  steps: [{ id: 'write', use: 'file.write', with: { path: 'a', content: 'a' } }],
};

function editing(next: object): PlanEditing {
  const plan = assertPlan({
    schemaVersion: 1,
    name: 'book',
    workspace: 'book',
    steps: [
      { id: 'name', use: 'book.name' },
      { id: 'next', needs: ['name'], ...next },
    ],
  });
  return new PlanEditing(plan, planGraph(plan));
}

const edit = { asNode: 'name', values: {}, by: 'a', reason: 'b' };

test('an output that only the folder of a sub-plan refers to is used', () => {
  const unused = editing({ use: 'plan.run', plan: CHAPTER, workspace: 'one' }).editedStep(edit);
  assert.ok('step' in unused && unused.isOutputUnused === true);
  const used = editing({ use: 'plan.run', plan: CHAPTER, workspace: '${{ steps.name.output }}' }).editedStep(edit);
  assert.deepEqual(used, { step: 'book.name', readers: ['next'] });
});

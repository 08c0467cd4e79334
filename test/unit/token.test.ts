import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { jobIdOf, StepIdSchema, tokenOf } from '../../src/model/record/token.ts';

const part = fc.string({ minLength: 1, maxLength: 20 });
const parts = fc.record({ jobId: part, stepId: part, generation: fc.nat(5) });

test('a token is the same for the same job, step and generation, and another for any other', () => {
  fc.assert(
    fc.property(parts, parts, (a, b) => {
      const same = a.jobId === b.jobId && a.stepId === b.stepId && a.generation === b.generation;
      assert.equal(tokenOf(a) === tokenOf(b), same);
      assert.equal(tokenOf({ generation: a.generation, stepId: a.stepId, jobId: a.jobId }), tokenOf(a));
    }),
  );
});

test('a token is the same for ever: databases out there hold it', () => {
  assert.equal(
    tokenOf({ jobId: 'job@run', stepId: 'step', generation: 0 }),
    '05239795360615d3b9a922b3eec7c6e89f46aab4d7c133c6064bfc07e5d21e6a',
  );
});

test("a token ignores whatever else is known of a step's request", () => {
  const request = { jobId: 'j', stepId: 's', generation: 1, attempt: 3, input: { text: 'worded anew' }, runId: 'r' };
  assert.equal(tokenOf(request), tokenOf({ jobId: 'j', stepId: 's', generation: 1 }));
});

test('a job has another id when its Workflow id is used again', () => {
  assert.notEqual(jobIdOf('w', 'run-1'), jobIdOf('w', 'run-2'));
});

test('a step id begins with a letter or digit and holds no blanks or separators that a resource needs', () => {
  for (const id of ['a', 'analyse#2', 'a/b.c-d_e', '1st']) assert.equal(StepIdSchema.safeParse(id).success, true, id);
  for (const id of ['', ' a', '#a', 'a b', 'a:b', 'a\n', 'x'.repeat(121)])
    assert.equal(StepIdSchema.safeParse(id).success, false, id);
});

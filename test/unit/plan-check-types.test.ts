/** A reference alone keeps its value's type: where a step takes text alone, that is found before anything runs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as z from 'zod';
import { checkedInput } from '../../src/protocol/step/contract-check.ts';
import { isFailure } from '../../src/model/failure.ts';
import { commandStep } from '../../src/model/step/built-in/command.ts';
import { defineStep } from '../../src/model/step/step.ts';
import { inSteps, problemLines, problemsOf } from '../support/checked-plan.ts';

const INPUT = {
  type: 'object',
  properties: {
    n: { type: 'integer' },
    yes: { type: 'boolean' },
    list: { type: 'array', items: { type: 'number' } },
    text: { type: 'string' },
    either: { anyOf: [{ type: 'string' }, { type: 'integer' }] },
  },
  required: ['n', 'yes', 'list', 'text', 'either'],
};

test('a number where a step takes text alone is a problem that says what to do', () => {
  const command = { use: 'command', with: { run: ['sleep', '1'], env: { N: '${{ input.n }}' } } };
  assert.deepEqual(problemsOf({ input: INPUT, ...inSteps(command) }), [
    {
      path: 'steps[0].with.env.N',
      message: '${{ input.n }} alone keeps its type, and text is needed here',
      expected: 'text',
      found: 'integer',
      hint: "declare it as `type: string`, or write it within longer text: 'n=${{ input.n }}'",
    },
  ]);
  // What a job under way runs already goes on.
  assert.deepEqual(problemsOf({ input: INPUT, ...inSteps(command) }, { isUnderWay: true }), []);
  const others = [
    { use: 'command', with: { run: ['seq', '${{ input.list[0] }}'], env: { YES: '${{ input.yes }}' } } },
    { use: 'command', with: { run: '${{ input.n }}', shell: true } },
    { use: 'command', with: { run: ['exit', '${{ steps.s1.output.exitCode }}'] } },
    { use: 'file.write', with: { path: 'a', content: '${{ input.list }}' }, needs: ['s0', 's1', 's2'] },
  ];
  const lines = problemLines({ input: INPUT, ...inSteps(...others) }).map((line) => line.split(':')[0]);
  assert.deepEqual(lines, [
    'steps[0].with.run[1]',
    'steps[0].with.env.YES',
    'steps[1].with.run',
    'steps[2].with.run[1]',
    'steps[3].with.content',
  ]);
});

test('what could be text, or stands where more than text is taken, is no problem', () => {
  const open = defineStep({
    name: 'open',
    input: z.strictObject({
      any: z.json().optional(),
      either: z.union([z.string(), z.array(z.union([z.string(), z.number()]))]).optional(),
      coerced: z.coerce.string().optional(),
      list: z.union([z.string(), z.tuple([z.string(), z.number()])]).optional(),
    }),
    output: z.strictObject({ maybe: z.int().nullable() }),
  });
  const plan = {
    input: INPUT,
    ...inSteps(
      { use: 'open', with: { any: '${{ input.n }}', either: ['${{ input.n }}'], coerced: '${{ input.n }}' } },
      { use: 'open', with: { list: ['${{ input.text }}', '${{ input.n }}'] } },
      {
        use: 'command',
        with: {
          run: ['sleep', 'n=${{ input.n }}', '${{ steps.s0.output.maybe }}'],
          env: { A: '${{ input.text }}', B: '${{ input.either }}' },
          timeoutMs: '${{ input.n }}',
        },
      },
    ),
  };
  assert.deepEqual(problemLines(plan, { knownSteps: [open] }), []);
});

test('where the type is known only when the job runs, the failure says what to do', () => {
  assert.throws(
    () => checkedInput({ contract: commandStep } as never, 'slow', { run: ['true'], env: { N: 6 } }),
    (error: unknown) =>
      isFailure(error, 'bad-input') && /env\.N: .*received number.* write the reference within/.test(error.message),
  );
});

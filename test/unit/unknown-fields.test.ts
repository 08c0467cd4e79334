/** A field that the input schema of a step would drop without a word is found, whatever the schema is made of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as z from 'zod';
import { defineStep, validatePlan, type StepContract } from '../../src/index.ts';

function linesOf(knownSteps: readonly StepContract[], step: object): readonly string[] {
  const plan = { schemaVersion: 1, name: 'p', workspace: 'w', steps: [{ id: 'a', ...step }] };
  const checked = validatePlan(plan, { knownSteps });
  if (checked.ok) return [];
  return checked.problems.map(({ path, message, hint }) => [path, message, hint].join(': '));
}

test('a field that the fitting form of a union would drop is unknown, also beside a value not known yet', () => {
  const forms = defineStep({
    name: 'forms',
    input: z.object({
      either: z.union([z.object({ a: z.string() }), z.object({ b: z.string(), c: z.string().optional() })]).optional(),
      kind: z
        .discriminatedUnion('kind', [
          z.object({ kind: z.literal('x'), x: z.int() }),
          z.object({ kind: z.literal('y'), deep: z.object({ y: z.int() }) }),
        ])
        .optional(),
      pair: z.tuple([z.object({ one: z.int() }), z.union([z.string(), z.object({ two: z.int() })])]).optional(),
      both: z.intersection(z.object({ l: z.int() }), z.object({ r: z.int() })).optional(),
      later: z.lazy(() => z.object({ here: z.int() })).optional(),
      rest: z
        .object({})
        .catchall(z.object({ in: z.int() }))
        .optional(),
      count: z.int().optional(),
    }),
    output: z.object({}),
  });
  const lines = (given: Record<string, unknown>): readonly string[] => linesOf([forms], { use: 'forms', with: given });
  for (const right of [
    { either: { a: 'x' } },
    { either: { b: 'x', c: 'y' } },
    { kind: { kind: 'x', x: 1 } },
    { pair: [{ one: 1 }, { two: 2 }] },
    { both: { l: 1, r: 2 } },
    { later: { here: 1 } },
    { rest: { any: { in: 1 } } },
  ])
    assert.deepEqual(lines(right), []);
  for (const [wrong, line] of [
    [{ either: { a: 'x', extra: 1 } }, /with\.either\.extra: unknown field "extra"/],
    [{ either: { b: 'x', d: 'y' } }, /with\.either\.d: unknown field "d"/],
    [{ kind: { kind: 'x', x: 1, y: 2 } }, /with\.kind\.y: unknown field/],
    [{ kind: { kind: 'y', deep: { y: 1, z: 2 } } }, /with\.kind\.deep\.z: unknown field/],
    [{ pair: [{ one: 1 }, { two: 2, to: 3 }] }, /with\.pair\.1\.to: unknown field.*"two"/],
    [{ both: { l: 1, r: 2, s: 3 } }, /with\.both\.s: unknown field/],
    [{ later: { here: 1, her: 2 } }, /with\.later\.her: unknown field.*"here"/],
    [{ rest: { any: { in: 1, inn: 2 } } }, /with\.rest\.any\.inn: unknown field/],
    [{ count: '${{ job.id }}', either: { a: 'x', extra: 1 } }, /with\.either\.extra: unknown field/],
  ] as const)
    assert.match(lines(wrong)[0] ?? 'nothing', line);
});

test('a keyword of a plan’s schema that nobody would look at is a problem, wherever it stands', () => {
  const list = { type: 'array', items: { type: 'string' } };
  const linesWith = (value: object): readonly string[] => {
    const input = { type: 'object', properties: { value } };
    const checked = validatePlan({
      schemaVersion: 1,
      name: 'p',
      workspace: 'w',
      input,
      state: { kept: { schema: value } },
      steps: [{ id: 'a', use: 'wait', with: { seconds: 1 } }],
    });
    return checked.ok ? [] : checked.problems.map(({ path, message }) => `${path}: ${message}`);
  };
  for (const right of [
    { ...list, minItems: 1, maxItems: 2 },
    { type: 'object', properties: { a: list }, required: ['a'] },
    { type: 'object', additionalProperties: { type: 'string' }, required: [] },
    { type: 'string', enum: ['a', 'b'], maxLength: 1 },
    { type: 'integer', const: 3 },
    { enum: ['a', 1, null] },
    { anyOf: [{ const: 'a' }, { type: 'null' }] },
  ])
    assert.deepEqual(linesWith(right), []);
  for (const [wrong, at] of [
    [{ type: 'array', minItems: 1 }, '.minItems: "minItems" means nothing without "items"'],
    [{ type: 'array', maxItems: 1 }, '.maxItems: "maxItems" means nothing without "items"'],
    [{ type: 'object', required: ['a'] }, '.required: "required" means nothing without "properties"'],
    [{ type: 'integer', enum: [1, 'a'] }, '.enum[1]: does not fit what stands beside it'],
    [{ type: 'string', enum: ['a'], minLength: 2 }, '.enum[0]: does not fit what stands beside it'],
    [{ type: 'string', const: 3 }, '.const: does not fit what stands beside it'],
    [{ enum: ['a'], const: 'a' }, '.const: stands beside "enum"'],
    [{ anyOf: [{ type: 'array', minItems: 1 }, list] }, '.anyOf[0].minItems: "minItems" means nothing without "items"'],
    [{ ...list, items: { type: 'string', const: 3 } }, '.items.const: does not fit what stands beside it'],
  ] as const)
    assert.deepEqual(linesWith(wrong), [`input.properties.value${at}`, `state.kept.schema${at}`]);
});

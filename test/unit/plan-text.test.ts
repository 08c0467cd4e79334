import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import * as z from 'zod';
import { isFailure } from '../../src/model/failure.ts';
import { validatePlan } from '../../src/model/plan/check/check.ts';
import { planSchemaText } from '../../src/model/plan/editor-schema.ts';
import { type PlanProblem, formatProblems } from '../../src/model/plan/problem/problem.ts';
import { parsePlan, readPlan } from '../../src/model/plan/text/text.ts';
import { MAX_PLAN_BYTES } from '../../src/model/plan/text/yaml.ts';
import { anyPlanSource } from './plan-arbitrary.ts';

const PLAN = `# yaml-language-server: $schema=../schema/plan.schema.json
schemaVersion: 1
name: weather
workspace: jobs/weather
steps:
  - id: gather
    use: file.write
    with: { path: a.md, content: hello }
`;

function problemsOf(text: string): readonly PlanProblem[] {
  const parsed = parsePlan(text);
  assert.equal(parsed.ok, false);
  return parsed.ok ? [] : parsed.problems;
}

test('reads YAML and JSON alike', () => {
  const yaml = readPlan(PLAN, 'plan.yaml');
  assert.equal(yaml.steps[0]?.id, 'gather');
  assert.deepEqual(readPlan(JSON.stringify({ $schema: 'x', ...yaml }, undefined, '\t'), 'plan.json'), {
    $schema: 'x',
    ...yaml,
  });
});

/** The fields of a step that the message names last. */
const REST = 'reads, writes, state, retry, resume, timeoutMs, approval, onFailure';

test('a problem has its line, column and the line itself', () => {
  const text = PLAN.replace('use: file.write', 'use: file.write\n    timeot: 5').replace(
    'content: hello',
    'content: 7',
  );
  assert.equal(
    formatProblems(problemsOf(text), 'plan.yaml'),
    `plan.yaml:8:5  steps[0].timeot: unknown field "timeot"
    8 |     timeot: 5
      |     ^
  expected: one of id, use, with, plan, workspace, forEach, when, onSkipped, until, maxRounds, needs, ${REST}
  hint:     did you mean "timeoutMs"?

plan.yaml: 1 problem. Correct, then run: holdfast check plan.yaml`,
  );
  assert.deepEqual(
    problemsOf(PLAN.replace('content: hello', 'content: 7')).map(({ path, line, column }) => [path, line, column]),
    [['steps[0].with.content', 8, 25]],
  );
});

test('a missing field is placed at what lacks it, and problems come in the order of the text', () => {
  const text = PLAN.replace('    use: file.write\n', '').replace('name: weather\n', 'name: 5\n');
  assert.deepEqual(
    problemsOf(text).map(({ path, message, line }) => [path, message, line]),
    [
      ['name', 'has the wrong type', 3],
      ['steps[0].use', 'is missing', 6],
    ],
  );
});

test('a problem behind an alias is placed where the part is written', () => {
  const text = `${PLAN}    retry: &quick { maxAttempts: 0 }\n  - { id: b, use: work, retry: *quick }\n`;
  assert.deepEqual(
    problemsOf(text).map(({ path, line }) => [path, line]),
    [
      ['steps[0].retry.maxAttempts', 9],
      ['steps[1].retry.maxAttempts', 9],
    ],
  );
});

test('credentials in a plan are not shown', () => {
  for (const url of [
    'postgres://bob:hunter2@db/x',
    'postgres://db/x?user=bob&password=hunter2',
    "postgres://bob:'hunter2@db",
  ]) {
    for (const databases of [`{ main: { pool: 1, url: "${url}" } }`, `"${url}"`, `\n  main: ${url}`]) {
      const told = formatProblems(problemsOf(`${PLAN}databases: ${databases}\n`), 'plan.yaml');
      assert.match(told, /databases/);
      assert.doesNotMatch(told, /hunter2|bob/);
    }
  }
});

test('refuses what YAML settles by itself: duplicate keys, tags, several documents, numbers that lose digits', () => {
  const refused = (text: string, message: RegExp): void => {
    const [problem] = problemsOf(text);
    assert.match(problem!.message, message, text);
    assert.ok(problem!.line !== undefined);
  };
  refused(`${PLAN}name: again\n`, /given twice/);
  refused(`${PLAN}description: !secret x\n`, /plain values only/);
  refused(`${PLAN}---\n${PLAN}`, /several documents/);
  refused(`${PLAN}verifyAfterMinutes: 12345678901234567890\n`, /round/);
  refused(`${PLAN}verifyAfterMinutes: .nan\n`, /NaN/);
  refused(`${PLAN}__proto__: { x: 1 }\n`, /__proto__/);
  refused(`${PLAN}? [a, b]\n: 1\n`, /key/i);
});

test('dates, octal numbers and yes stay what they look like', () => {
  const plan = readPlan(PLAN.replace('content: hello', 'content: 2030-01-31').replace('a.md', 'yes'), 'p');
  assert.deepEqual(plan.steps[0]?.with, { path: 'yes', content: '2030-01-31' });
});

test('broken YAML is placed', () => {
  const [problem] = problemsOf('steps: [1,\nname: }');
  assert.equal(problem?.line, 2);
  assert.match(problem.excerpt ?? '', /name: \}/);
  assert.match(problemsOf('')[0]!.message, /empty/);
  assert.match(problemsOf('# only words\n')[0]!.message, /empty/);
});

test('bombs are refused quickly: size, depth, aliases', () => {
  assert.match(problemsOf('x'.repeat(MAX_PLAN_BYTES + 1))[0]!.message, /too large/);
  for (const text of [
    '['.repeat(500_000),
    '{a: '.repeat(200_000),
    '- '.repeat(20_000),
    `${'- '.repeat(1000)}x`,
    'a: &a { b: *a }',
  ])
    assert.match(problemsOf(text)[0]!.message, /deeper/);
  const levels = Array.from(
    { length: 12 },
    (_, level) =>
      `l${level}: &l${level} [${Array.from({ length: 10 }, () => (level === 0 ? 'x' : `*l${level - 1}`)).join(', ')}]`,
  );
  assert.match(problemsOf(levels.join('\n'))[0]!.message, /aliases/);
});

test('behind a quotation mark that is never closed nothing is reported that is not wrong', () => {
  const text = 'schemaVersion: 1\nname: a\nsteps:\n  - { id: one, use: file.write, with: { path: "a }\n  - id: two\n';
  const parsed = parsePlan(text);
  assert.ok(!parsed.ok);
  assert.deepEqual(
    parsed.problems.map(({ line, message }) => `${line} ${message}`),
    ['4 this quotation mark is never closed'],
  );
  assert.match(parsed.problems[0]!.excerpt ?? '', /^4 \|   - \{ id: one/);
  const twice = parsePlan('schemaVersion: 1\nname: a\nname: b\nsteps: []\nsteps: []\n');
  assert.deepEqual(!twice.ok && twice.problems.map(({ line }) => line), [3, 5]);
});

test('what a terminal would obey is shown, not sent', () => {
  const parsed = parsePlan('schemaVersion: 1\nname: "\u001b[2Jx"\nsteps: []\n\u0007\u001b]0;x\u0007: 1\n');
  assert.ok(!parsed.ok);
  const text = formatProblems(parsed.problems, 'a\u001bb.yaml');
  // oxlint-disable-next-line no-control-regex -- control characters are exactly what is looked for
  assert.doesNotMatch(text, /[\u0000-\u0008\u000b-\u001f]/);
  assert.match(text, /<U\+001B>/);
});

test('a plan that cannot be used is one failure with the text that `holdfast check` shows', () => {
  assert.throws(
    () => readPlan('name: 5', 'my plan.yaml'),
    (error: unknown) =>
      isFailure(error, 'bad-plan') &&
      error.message.includes('my plan.yaml:1:1  name: has the wrong type') &&
      error.message.includes('holdfast check'),
  );
});

// An older zod that contracts may be checked with writes the same schema in other words.
const skip = z.core.version.minor < 5;
test('schema/plan.schema.json is current (else run: node scripts/generate-plan-schema.ts)', { skip }, () => {
  assert.equal(readFileSync(new URL('../../schema/plan.schema.json', import.meta.url), 'utf8'), planSchemaText());
});

test('every field in the schema for editors says what it is, and its default', () => {
  const schema = JSON.parse(planSchemaText()) as { properties: Record<string, unknown> };
  const fields = (node: unknown): readonly (readonly [string, Record<string, unknown>])[] => {
    const { properties = {}, items } = node as {
      properties?: Record<string, Record<string, unknown>>;
      items?: unknown;
    };
    return [
      ...Object.entries(properties).flatMap(([name, field]) => [[name, field] as const, ...fields(field)]),
      ...(items === undefined ? [] : fields(items)),
    ];
  };
  const optional = fields({ properties: { steps: schema.properties['steps'] } }).filter(
    ([, field]) => 'default' in field,
  );
  assert.ok(optional.length >= 8);
  for (const [name, field] of optional) assert.match(String(field['description']), /Default: /, name);
});

test('the example in docs/plans.md is a plan without problems', () => {
  const examples = [
    ...readFileSync(new URL('../../docs/plans.md', import.meta.url), 'utf8').matchAll(
      /```yaml\n(# yaml-language-server[^`]*)```/g,
    ),
  ];
  assert.ok(examples.length >= 1);
  for (const [, text] of examples)
    assert.equal(formatProblems(problemsOrNone(text!), 'docs/plans.md'), formatProblems([], 'docs/plans.md'));

  function problemsOrNone(text: string): readonly PlanProblem[] {
    const parsed = parsePlan(text);
    return parsed.ok ? [] : parsed.problems;
  }
});

test('property: a plan survives being written as JSON and read', () => {
  fc.assert(
    fc.property(anyPlanSource(), (source) => {
      assert.deepEqual(parsePlan(JSON.stringify(source)), validatePlan(source));
    }),
  );
});

test('property: any text is read or refused, never a crash', () => {
  const pieces = fc.constantFrom(
    'a',
    ': ',
    '- ',
    '\n',
    '  ',
    '[',
    ']',
    '{',
    '}',
    '"',
    "'",
    '&a ',
    '*a',
    '!x ',
    '|\n',
    '>',
    '# ',
    '?',
    '---',
    '\t',
    '0x',
    '1e9',
    '~',
    '%',
    '@',
    '`',
    '\u{feff}',
    '\0',
    'steps',
    'name',
    '${{ ',
  );
  fc.assert(
    fc.property(
      fc.array(pieces, { maxLength: 30 }).map((parts) => parts.join('')),
      (text) => assert.equal(parsePlan(text).ok, false),
    ),
  );
});

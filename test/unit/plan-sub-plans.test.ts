/** Plans within plans: what is wrong with them is found with its path, and files stand in for their plans. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePlan, type ReadOptions } from '../../src/index.ts';

const INNER = `
schemaVersion: 1
name: chapter
workspace: unused
input: { type: object, properties: { title: { type: string } }, required: [title] }
steps:
  - { id: write, use: file.write, with: { path: text.md, content: "\${{ input.title }}" } }
`;

const outer = (steps: string): string => `schemaVersion: 1\nname: book\nworkspace: book\nsteps:\n${steps}`;

const files: Readonly<Record<string, string>> = {
  'plans/parts/chapter.yaml': INNER,
  'plans/itself.yaml': outer('  - { id: again, use: plan.run, plan: ./itself.yaml }\n'),
  'plans/damaged.yaml': 'name: [',
  ...Object.fromEntries(
    [0, 1, 2, 3, 4, 5, 6, 7].map((depth) => [
      `plans/deep-${depth}.yaml`,
      outer(`  - { id: deeper, use: plan.run, plan: deep-${depth + 1}.yaml, workspace: deeper }\n`),
    ]),
  ),
};

function problems(steps: string, options: ReadOptions = {}): readonly string[] {
  const readFile = (path: string): string => {
    const text = files[path];
    if (text === undefined) throw new Error(`no file ${path}`);
    return text;
  };
  const parsed = parsePlan(outer(steps), { filename: 'plans/book.yaml', readFile, ...options });
  if (parsed.ok) return [];
  return parsed.problems.map(({ path, message, found, line }) =>
    [`${line} ${path}: ${message}`, found].filter((part) => part !== undefined).join(' | '),
  );
}

test('the plan of a file stands in the place of its path, which starts at the folder of the plan that names it', () => {
  const step = '  - { id: one, use: plan.run, plan: parts/chapter.yaml, workspace: one, with: { title: One } }\n';
  assert.deepEqual(problems(step), []);
  const read = parsePlan(outer(step), { filename: 'plans/book.yaml', readFile: (path) => files[path]! });
  assert.ok(read.ok);
  assert.equal((read.plan.steps[0]!.plan as { readonly name: string }).name, 'chapter');
});

test('the base of a file stands in the place of its path, also in a plan within', () => {
  const declared = 'databases: { main: { url: "${{ env.DB }}", base: "@tables.sql" } }\n';
  const bases: Readonly<Record<string, string>> = {
    'plans/tables.sql': 'CREATE TABLE outer_one ()',
    'plans/parts/tables.sql': 'CREATE TABLE inner_one ()',
    'plans/parts/chapter.yaml': INNER.replace('steps:', `${declared}steps:`),
  };
  const step = '  - { id: one, use: plan.run, plan: parts/chapter.yaml, workspace: one, with: { title: One } }\n';
  const read = parsePlan(outer(step).replace('steps:', `${declared}steps:`), {
    filename: 'plans/book.yaml',
    readFile: (path) => bases[path]!,
  });
  assert.ok(read.ok, JSON.stringify(read));
  assert.equal(read.plan.databases['main']!.base, 'CREATE TABLE outer_one ()');
  const inner = read.plan.steps[0]!.plan as { readonly databases: { readonly main: { readonly base: string } } };
  assert.equal(inner.databases.main.base, 'CREATE TABLE inner_one ()');
  const missing = parsePlan(outer('  - { id: a, use: file.write, with: { path: a, content: a } }\n') + declared, {
    filename: 'plans/book.yaml',
    readFile: () => {
      throw new Error('no file');
    },
  });
  assert.ok(!missing.ok);
  assert.match(missing.problems[0]!.message, /the base plans\/tables.sql cannot be read: no file/);
});

test('what a sub-plan is given is checked by its own input', () => {
  assert.deepEqual(problems('  - { id: one, use: plan.run, plan: parts/chapter.yaml, with: { titel: One } }\n'), [
    '5 steps[0].with.title: is missing',
    '5 steps[0].with.titel: unknown field "titel"',
  ]);
});

test('a file that is not there, cannot be read as a plan, or was not read at all is named', () => {
  assert.deepEqual(problems('  - { id: one, use: plan.run, plan: none.yaml }\n'), [
    '5 steps[0].plan: the plan plans/none.yaml cannot be read: no file plans/none.yaml',
  ]);
  assert.match(problems('  - { id: one, use: plan.run, plan: damaged.yaml }\n')[0]!, /plan: plans\/damaged.yaml: /);
  const parsed = parsePlan(outer('  - { id: one, use: plan.run, plan: none.yaml }\n'));
  assert.ok(!parsed.ok);
  assert.equal(parsed.problems[0]!.message, 'names a file that nobody has read');
});

test('a plan that runs itself, and plans too deep within each other, are refused', () => {
  assert.deepEqual(problems('  - { id: one, use: plan.run, plan: itself.yaml }\n'), [
    '5 steps[0].plan.steps[0].plan: a plan runs itself | plans/itself.yaml → plans/itself.yaml',
  ]);
  assert.match(problems('  - { id: one, use: plan.run, plan: deep-0.yaml }\n')[0]!, /stand too deep within each other/);
  const inline = (depth: number): Record<string, unknown> => ({
    schemaVersion: 1,
    name: 'deep',
    workspace: 'w',
    steps: [
      depth === 0
        ? { id: 'x', use: 'wait', with: { seconds: 1 } }
        : { id: 'x', use: 'plan.run', plan: inline(depth - 1) },
    ],
  });
  assert.ok(parsePlan(JSON.stringify(inline(5))).ok);
  assert.ok(!parsePlan(JSON.stringify(inline(6))).ok);
});

test('a problem within a sub-plan is told with its whole path', () => {
  const plan = '{ schemaVersion: 1, name: c, workspace: w, steps: [{ id: a, use: file.write, with: { path: ../a } }] }';
  assert.deepEqual(
    problems(`  - { id: one, use: plan.run, plan: ${plan} }\n`),
    [
      '5 steps[0].plan.steps[0].with.path: the path leads out of the workspace | "../a"',
      '5 steps[0].plan.steps[0].with.content: is missing',
    ].toSorted(),
  );
});

test('what means nothing beside plan.run, and plan beside another step, is refused', () => {
  const plan = 'plan: parts/chapter.yaml, with: { title: T }';
  assert.deepEqual(
    problems(`  - { id: one, use: plan.run, ${plan}, timeoutMs: 5, workspace: ../other }\n`),
    [
      '5 steps[0].workspace: the folder leads out of the workspace | "../other"',
      '5 steps[0].timeoutMs: means nothing for "plan.run", which runs steps of its own',
    ].toSorted(),
  );
  assert.deepEqual(problems('  - { id: one, use: wait, plan: {}, with: { seconds: 1 } }\n'), [
    '5 steps[0].plan: means nothing for "wait"',
  ]);
  assert.deepEqual(problems(`  - { id: one, use: plan.run, forEach: { items: [1] }, ${plan} }\n`), [
    '5 steps[0].forEach: a sub-plan cannot run within an activity',
  ]);
});

test('a step that writes into the folder of a sub-plan may not run beside it', () => {
  const one = '  - { id: one, use: plan.run, plan: parts/chapter.yaml, with: { title: T }, workspace: one }\n';
  const beside = '  - { id: b, use: file.write, with: { path: one/x, content: x } }\n';
  assert.match(problems(one + beside)[0]!, /steps "one" and "b" may run at the same time, and both write/);
  assert.deepEqual(problems(one + beside.replace('use', 'needs: [one], use')), []);
});

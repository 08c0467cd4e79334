/**
 * The linter enforces the rules of the house: each rule is broken once here, and the linter, with the checkout's
 * configuration, has to refuse it.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { promises as fs } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { PROTOCOL_FLOORS } from '../../scripts/lint/layout.mjs';

const root = path.join(import.meta.dirname, '../..');

interface Sample {
  readonly file: string;
  readonly source: string;
  /** The rule that must refuse it; undefined: it must pass. */
  readonly rule?: string;
}

const ARROWS = 'layout(arrows)';
const PURE = 'layout(pure)';
const SIZE = 'layout(size)';

/** `part imports specifier`, refused or allowed. */
function imports(place: string, specifier: string, verdict: 'refused' | 'allowed', types = false): Sample {
  const source = types
    ? `import type { Thing } from '${specifier}';\nexport type Other = Thing;\n`
    : `import '${specifier}';\n`;
  return { file: `src/${place}`, source, ...(verdict === 'refused' ? { rule: ARROWS } : {}) };
}

const ROOMS = PROTOCOL_FLOORS.flat();
const floorOf = (room: string): number => PROTOCOL_FLOORS.findIndex((floor) => floor.includes(room));

/** For each pair of rooms of the protocol: a room may import from lower floors, not from its own or a higher one. */
const ROOM_SAMPLES: readonly Sample[] = ROOMS.flatMap((room) =>
  ROOMS.filter((other) => other !== room).map((other) => {
    const verdict = floorOf(other) < floorOf(room) ? 'allowed' : 'refused';
    return imports(`${room}/to-${path.basename(other)}.ts`, `../../${other}/a.ts`, verdict, true);
  }),
);

const SAMPLES: readonly Sample[] = [
  // For each line of the table an import that it allows and one that it refuses.
  imports('model/a.ts', './digest.ts', 'allowed'),
  imports('model/b.ts', 'zod', 'allowed'),
  imports('model/c.ts', 'node:fs', 'refused'),
  imports('model/d.ts', '../store/ledger.ts', 'refused'),
  imports('model/e.ts', '../store/ledger.ts', 'refused', true),
  imports('model/f.ts', 'pg', 'refused'),
  imports('model/g.ts', '@temporalio/workflow', 'refused'),
  imports('workflows/a.ts', '@temporalio/workflow', 'allowed'),
  imports('workflows/b.ts', '../model/plan.ts', 'allowed'),
  imports('workflows/c.ts', '../activities/run-step.ts', 'allowed', true),
  imports('workflows/d.ts', '../activities/run-step.ts', 'refused'),
  imports('workflows/e.ts', '../effects/files.ts', 'refused', true),
  imports('workflows/f.ts', 'node:crypto', 'refused'),
  imports('workflows/g.ts', '@temporalio/client', 'refused'),
  imports('workflows/h.ts', './job/core.ts', 'allowed'),
  imports('workflows/state/a.ts', '../patches.ts', 'allowed'),
  imports('workflows/state/b.ts', '../gate/gate.ts', 'refused', true),
  imports('workflows/state/c.ts', '../agent-job.ts', 'refused', true),
  imports('workflows/gate/a.ts', '../state/ending.ts', 'allowed'),
  imports('workflows/gate/b.ts', '../undo/undo.ts', 'refused', true),
  imports('workflows/undo/a.ts', '../gate/gate.ts', 'refused', true),
  imports('workflows/undo/b.ts', '../job/core.ts', 'refused', true),
  imports('workflows/job/a.ts', '../gate/gate.ts', 'allowed'),
  imports('workflows/job/b.ts', '../open-job.ts', 'refused', true),
  imports('workflows/messages.ts', './activities.ts', 'refused', true),
  imports('store/a.ts', 'node:sqlite', 'allowed'),
  imports('store/e.ts', './ledger/ledger.ts', 'refused'),
  imports('store/lock/a.ts', '../ledger/ledger.ts', 'refused'),
  imports('store/ledger/a.ts', '../durable-file.ts', 'allowed'),
  imports('model/h.ts', './plan/plan.ts', 'refused', true),
  imports('model/step/a.ts', '../plan/plan.ts', 'refused', true),
  imports('model/plan/a.ts', '../step/step.ts', 'allowed'),
  imports('model/plan/b.ts', './check/check.ts', 'refused', true),
  imports('model/plan/reference/a.ts', '../graph/graph.ts', 'refused', true),
  imports('model/plan/check/a.ts', '../graph/graph.ts', 'allowed'),
  imports('model/plan/check/b.ts', '../run/run.ts', 'refused', true),
  imports('model/plan/text/a.ts', '../check/check.ts', 'allowed'),
  imports('model/job/a.ts', '../plan/run/run.ts', 'allowed'),
  imports('effects/files/b.ts', '../database/database.ts', 'refused', true),
  imports('store/b.ts', '../effects/files.ts', 'refused'),
  imports('store/c.ts', '../workflows/gate.ts', 'refused'),
  imports('store/d.ts', '@temporalio/activity', 'refused'),
  imports('effects/a.ts', '../store/ledger/ledger.ts', 'allowed'),
  imports('effects/database/b.ts', 'pg', 'allowed'),
  imports('effects/database/c.ts', '../../activities/run-step.ts', 'refused'),
  imports('effects/d.ts', '@temporalio/activity', 'refused'),
  imports('activities/a.ts', '@temporalio/activity', 'allowed'),
  imports('activities/b.ts', '../protocol/step/run-step.ts', 'allowed'),
  imports('activities/c.ts', '../workflows/gate.ts', 'refused'),
  imports('activities/d.ts', '@temporalio/client', 'refused'),
  imports('protocol/look/a.ts', '../../effects/files.ts', 'allowed'),
  imports('protocol/attempt/calls/a.ts', '../stage.ts', 'allowed'),
  imports('protocol/attempt/b.ts', './calls/perform.ts', 'refused', true),
  imports('protocol/attempt/commands/a.ts', '../calls/perform.ts', 'allowed'),
  imports('protocol/attempt/calls/b.ts', '../commands/command.ts', 'refused', true),
  imports('protocol/attempt/context/a.ts', '../commands/command.ts', 'allowed'),
  imports('protocol/step/b.ts', '../attempt/context/context.ts', 'allowed'),
  imports('protocol/repair/a.ts', './answers/answers.ts', 'allowed'),
  imports('protocol/repair/answers/a.ts', '../changes/files.ts', 'allowed'),
  imports('protocol/repair/answers/b.ts', '../seal.ts', 'refused', true),
  imports('protocol/repair/changes/a.ts', '../running/running-repair.ts', 'allowed'),
  imports('protocol/repair/changes/b.ts', '../../attempt/calls/perform.ts', 'allowed'),
  imports('protocol/repair/changes/c.ts', '../answers/answers.ts', 'refused', true),
  imports('protocol/repair/running/a.ts', '../changes/files.ts', 'refused', true),
  imports('protocol/undo/a.ts', './inverse/invert.ts', 'allowed'),
  imports('protocol/undo/plan/a.ts', '../undo-work.ts', 'refused', true),
  imports('protocol/undo/plan/b.ts', '../inverse/invert.ts', 'refused', true),
  imports('protocol/somewhere-new.ts', './look/look.ts', 'refused'),
  imports('protocol/step/a.ts', '@temporalio/activity', 'refused'),
  imports('protocol/step/c.ts', '@temporalio/activity', 'refused', true),
  imports('protocol/step/d.ts', '../../activities/index.ts', 'refused'),
  imports('langgraph/a.ts', '@langchain/langgraph-checkpoint', 'allowed'),
  imports('langgraph/b.ts', '@langchain/core', 'refused', true),
  imports('langgraph/c.ts', '@temporalio/common', 'refused'),
  imports('langgraph/d.ts', '../store/sealed/store.ts', 'allowed'),
  imports('langgraph/e.ts', '../store/ledger/ledger.ts', 'refused'),
  imports('client/a.ts', '../workflows/messages.ts', 'allowed'),
  imports('client/b.ts', '../workflows/gate.ts', 'refused'),
  imports('client/c.ts', '../store/ledger.ts', 'refused'),
  imports('client/d.ts', '@temporalio/worker', 'refused'),
  imports('config/a.ts', '../worker.ts', 'refused'),
  imports('dev-server/a.ts', '../store/lock.ts', 'refused'),
  imports('cli/a.ts', '../client.ts', 'allowed'),
  imports('cli/b.ts', '../protocol/inspect.ts', 'allowed'),
  imports('cli/f.ts', '../protocol/repair/repair.ts', 'refused'),
  imports('cli/c.ts', '../store/ledger.ts', 'refused'),
  imports('cli/d.ts', '../effects/files.ts', 'refused'),
  imports('cli/e.ts', '../workflows/gate.ts', 'refused'),
  imports('worker/a.ts', '../effects/files.ts', 'allowed'),
  imports('worker/b.ts', '../cli.ts', 'refused'),
  imports('testing.ts', './protocol/step/run-step.ts', 'allowed'),
  imports('testing/b.ts', '../cli.ts', 'refused'),
  imports('index.ts', './model/step.ts', 'allowed'),
  imports('index/b.ts', '../store/ledger.ts', 'refused'),
  imports('index/c.ts', '@temporalio/worker', 'refused'),
  imports('somewhere-new/a.ts', './b.ts', 'refused'),
  imports('store/outside.ts', '../../test/support/temporal.ts', 'refused'),
  // Every way to write an import.
  { file: 'src/model/re-export.ts', source: "export * from '../store/ledger.ts';\n", rule: ARROWS },
  { file: 'src/model/named-re-export.ts', source: "export { a } from '../store/ledger.ts';\n", rule: ARROWS },
  { file: 'src/model/dynamic.ts', source: "export const load = () => import('node:fs');\n", rule: ARROWS },
  { file: 'src/model/computed.ts', source: 'export const load = (name: string) => import(name);\n', rule: ARROWS },
  {
    file: 'src/model/type-expression.ts',
    source: "export type Ledger = import('../store/ledger.ts').Ledger;\n",
    rule: ARROWS,
  },
  { file: 'src/workflows/type-expression.ts', source: "export type Run = import('../activities/run-step.ts').Run;\n" },
  // No clock and no randomness where a replay must give the same results.
  { file: 'src/model/clock.ts', source: 'export const now = () => Date.now();\n', rule: PURE },
  { file: 'src/model/clock-object.ts', source: 'export const now = () => new Date();\n', rule: PURE },
  { file: 'src/model/given-time.ts', source: 'export const iso = (ms: number) => new Date(ms).toISOString();\n' },
  { file: 'src/workflows/clock.ts', source: 'export const now = () => Date.now();\n', rule: PURE },
  { file: 'src/workflows/chance.ts', source: 'export const draw = () => Math.random();\n', rule: PURE },
  {
    file: 'src/model/environment.ts',
    source: 'export const home = process.env;\n',
    rule: 'eslint(no-restricted-globals)',
  },
  {
    file: 'src/workflows/digest.ts',
    source: "export const digest = () => crypto.subtle.digest('SHA-256', new Uint8Array());\n",
    rule: 'eslint(no-restricted-globals)',
  },
  { file: 'src/activities/clock.ts', source: 'export const now = () => Date.now();\n' },
  // No file and no line that is too long to read; no circle of imports, types included.
  { file: 'src/store/long-file.ts', source: 'export {};\n'.repeat(301), rule: SIZE },
  { file: 'src/store/full-file.ts', source: 'export {};\n'.repeat(300) },
  { file: 'test/unit/long-file.ts', source: 'export {};\n'.repeat(401), rule: SIZE },
  { file: 'src/store/long-line.ts', source: `// ${'x'.repeat(118)}\n`, rule: SIZE },
  { file: 'src/store/full-line.ts', source: `// ${'x'.repeat(117)}\n` },
  {
    file: 'src/store/circle-a.ts',
    source: "import type { B } from './circle-b.ts';\nexport type A = B | 1;\n",
    rule: 'import(no-cycle)',
  },
  {
    file: 'src/store/circle-b.ts',
    source: "import type { A } from './circle-a.ts';\nexport type B = A | 2;\n",
    rule: 'import(no-cycle)',
  },
  // A promise that nobody awaits.
  {
    file: 'src/store/floating.ts',
    source: 'export function f(p: () => Promise<void>): void {\n  p();\n}\n',
    rule: 'typescript(no-floating-promises)',
  },
  {
    file: 'test/unit/floating.ts',
    source: 'export function f(p: () => Promise<void>): void {\n  p();\n}\n',
    rule: 'typescript(no-floating-promises)',
  },
  {
    file: 'src/store/misused.ts',
    source: 'export function f(p: () => Promise<boolean>): number {\n  return p() ? 1 : 2;\n}\n',
    rule: 'typescript(no-misused-promises)',
  },
];

let folder: string;
/** File → the rules that refused it. */
const refusals = new Map<string, string[]>();

before(async () => {
  folder = await fs.realpath(await fs.mkdtemp(path.join(os.tmpdir(), 'holdfast-house-')));
  for (const name of ['.oxlintrc.json', 'tsconfig.json', 'package.json'])
    await fs.copyFile(path.join(root, name), path.join(folder, name));
  await fs.cp(path.join(root, 'scripts'), path.join(folder, 'scripts'), { recursive: true });
  await fs.symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  for (const { file, source } of [...SAMPLES, ...ROOM_SAMPLES]) {
    await fs.mkdir(path.dirname(path.join(folder, file)), { recursive: true });
    await fs.writeFile(path.join(folder, file), source);
  }
  lintAll();
});

after(async () => fs.rm(folder, { recursive: true, force: true }));

function lintAll(): void {
  const args = [path.join(root, 'node_modules/oxlint/bin/oxlint'), '--type-aware', '--format=json', 'src', 'test'];
  const ran = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', maxBuffer: 64 << 20 });
  assert.equal(ran.status, 1, `the linter should refuse the samples: ${ran.stderr}`);
  const { diagnostics } = JSON.parse(ran.stdout) as { diagnostics: { filename: string; code?: string }[] };
  for (const { filename, code } of diagnostics) refusals.set(filename, [...(refusals.get(filename) ?? []), code ?? '']);
}

for (const { file, source, rule } of SAMPLES) {
  const said = source.trim().split('\n')[0] ?? '';
  test(`${file}: ${rule === undefined ? 'allows' : 'refuses'} ${said}`, () => {
    const found = refusals.get(file) ?? [];
    if (rule === undefined)
      assert.deepEqual(
        found.filter((code) => [ARROWS, PURE, SIZE].includes(code)),
        [],
      );
    else assert.ok(found.includes(rule), `expected ${rule}, found ${found.join(', ') || 'nothing'}`);
  });
}

test('the protocol has ten floors at most; a room imports only what lies lower', () => {
  assert.ok(PROTOCOL_FLOORS.length <= 10, `${PROTOCOL_FLOORS.length} floors`);
  const wrong = ROOM_SAMPLES.filter(
    ({ file, rule }) => (rule !== undefined) !== (refusals.get(file) ?? []).includes(ARROWS),
  );
  assert.deepEqual(
    wrong.map(({ file, rule }) => `${file} was ${rule === undefined ? 'refused' : 'allowed'}`),
    [],
  );
});

test('half of the source files have at most 90 lines', async () => {
  const lengths: number[] = [];
  for await (const file of fs.glob('src/**/*.ts', { cwd: root }))
    lengths.push((await fs.readFile(path.join(root, file), 'utf8')).split('\n').length - 1);
  const median = lengths.toSorted((a, b) => a - b)[Math.floor(lengths.length / 2)]!;
  assert.ok(median <= 90, `${median} lines in the middle of ${lengths.length} files`);
});

test('the lockfile and the configuration name no registry', async () => {
  const lockfile = await fs.readFile(path.join(root, 'package-lock.json'), 'utf8');
  assert.ok(!lockfile.includes('"resolved"'));
  assert.ok(!/^registry|:_auth|:\/\//m.test(await fs.readFile(path.join(root, '.npmrc'), 'utf8')));
});

test('the lockfile is complete, as npm ci wants it: `node scripts/complete-lockfile.mjs` makes it so', async () => {
  const { packages } = JSON.parse(await fs.readFile(path.join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { optionalDependencies?: Record<string, string> }>;
  };
  const named = Object.values(packages).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}));
  assert.deepEqual(
    named.filter((name) => packages[`node_modules/${name}`] === undefined),
    [],
  );
});

test('every npm script that a newcomer calls goes through the launcher, which any recent Node can read', async () => {
  const { scripts, engines } = JSON.parse(await fs.readFile(path.join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
    engines: { node: string };
  };
  assert.equal(engines.node, '>=24');
  for (const name of [
    'demo',
    'test',
    'test:unit',
    'test:integration',
    'test:faults',
    'bench',
    'build',
    'lint',
    'typecheck',
  ]) {
    assert.match(scripts[name] ?? '', /^node scripts\/launch\.mjs \w+/, name);
  }
  const launcher = await fs.readFile(path.join(root, 'scripts/launch.mjs'), 'utf8');
  const early = [...launcher.matchAll(/^import .* from '(.+)';$/gm)].map((match) => match[1] ?? '');
  assert.ok(
    early.every((specifier) => specifier.startsWith('node:')),
    `static imports: ${early.join(', ')}`,
  );
});

test('a bare clone that cannot get its dependencies says so, names the remedy and exits as "not ready"', async () => {
  const clone = path.join(folder, 'bare-clone');
  await fs.mkdir(path.join(clone, 'bin'), { recursive: true });
  await fs.cp(path.join(root, 'scripts'), path.join(clone, 'scripts'), { recursive: true });
  for (const name of ['package.json', 'package-lock.json'])
    await fs.copyFile(path.join(root, name), path.join(clone, name));
  await fs.writeFile(path.join(clone, 'bin/npm'), '#!/bin/sh\necho "no such host" >&2\nexit 7\n', { mode: 0o755 });
  const env = { PATH: `${path.join(clone, 'bin')}:/usr/bin:/bin`, HOME: clone };
  const ran = spawnSync(process.execPath, [path.join(clone, 'scripts/launch.mjs'), 'test'], { env, encoding: 'utf8' });
  assert.equal(ran.status, 3);
  assert.match(ran.stderr, /npm ci failed \(exit code 7\):\nno such host\nThe npm registry must be reachable/);
});

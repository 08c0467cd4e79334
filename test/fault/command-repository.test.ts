/**
 * Commands on a real repository of 2,000 files: a step changes the repository exactly as the same command changes a
 * plain copy. A command that may not be applied changes nothing.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openTestJob, QuestionAsked, type TestJob } from '../../src/testing.ts';
import { runCommand } from '../support/command-run.ts';
import { shell, shellSteps } from '../support/command-step.ts';
import type { CommandOrder } from '../support/command-child.ts';
import { freshMemory } from '../support/fresh-memory.ts';

const FILES = 2_000;
/** The number of files in repositories that one test changes several times. */
const FEWER = 500;
const root = mkdtempSync(join(tmpdir(), 'holdfast-repository-'));
const workspace = join(root, 'workspace');
const twin = join(root, 'twin');
const hasGit =
  existsSync('/usr/bin/git') ||
  (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, 'git')));
const DATE = '2026-01-02T03:04:05Z';
const env = {
  GIT_AUTHOR_NAME: 'A',
  GIT_AUTHOR_EMAIL: 'a@example.org',
  GIT_COMMITTER_NAME: 'A',
  GIT_COMMITTER_EMAIL: 'a@example.org',
  GIT_AUTHOR_DATE: DATE,
  GIT_COMMITTER_DATE: DATE,
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  HOME: join(root, 'home'),
  npm_config_cache: join(root, 'npm'),
  npm_config_update_notifier: 'false',
};
let job: TestJob;

before(() => {
  mkdirSync(env.HOME, { recursive: true });
  writeRepository(workspace);
  job = openTestJob({ workspace, steps: shellSteps, env: { PATH: process.env['PATH'] } });
});

after(async () => {
  await job.close();
  rmSync(root, { recursive: true, force: true });
});

function writeRepository(folder: string, files = FILES): void {
  for (const place of ['src', 'docs', 'bin', 'data', 'empty', 'build'])
    mkdirSync(join(folder, place), { recursive: true });
  for (let index = 0; index < files - 10; index++) {
    const place =
      index % 3 === 0 ? `docs/page-${index}.md` : index % 3 === 1 ? `src/module-${index}.js` : `data/${index}.txt`;
    writeFileSync(
      join(folder, place),
      index % 3 === 1
        ? `export  function f${index}( a,b ){return a+b+${index}}\n`
        : `# item ${index}\nold text of ${index}\n`,
    );
  }
  for (const name of ['one', 'two']) {
    writeFileSync(join(folder, `bin/${name}`), '#!/bin/sh\necho hi\n');
    chmodSync(join(folder, `bin/${name}`), 0o755);
  }
  symlinkSync('bin/one', join(folder, 'run'));
  symlinkSync('docs', join(folder, 'manual'));
  writeFileSync(join(folder, '.gitignore'), 'build/\n*.log\n');
  writeFileSync(join(folder, 'build/out.js'), 'ignored, and not lost\n');
  writeFileSync(join(folder, 'debug.log'), 'ignored, too\n');
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'a-repository', version: '1.0.0', type: 'module', files: ['src'], scripts: {} }),
  );
  writeFileSync(
    join(folder, 'format.mjs'),
    `import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
for (const name of readdirSync('src')) {
  const text = readFileSync('src/' + name, 'utf8');
  writeFileSync('src/' + name, text.replace(/ +/g, ' ').replace(/\\( /g, '(').replace(/,/g, ', '));
}\n`,
  );
}

/** Every path with kind, mode and content; without git's index, whose inode numbers and times always differ. */
function treeOf(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(folder.length + 1);
    if (name.startsWith('.holdfast') || name === '.git/index') continue;
    const stat = lstatSync(path);
    found[name] = stat.isSymbolicLink()
      ? `link ${readlinkSync(path)}`
      : stat.isDirectory()
        ? `folder ${(stat.mode & 0o7777).toString(8)}`
        : `${(stat.mode & 0o7777).toString(8)} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
  }
  return found;
}

/** Fails with the paths that differ: nobody reads two lists of thousands of paths. */
function assertSameTree(actual: Readonly<Record<string, string>>, expected: Readonly<Record<string, string>>): void {
  const paths = new Set([...Object.keys(actual), ...Object.keys(expected)]);
  const differences = [...paths]
    .filter((path) => actual[path] !== expected[path])
    .map((path) => `${path}: ${actual[path]}, expected ${expected[path]}`);
  assert.deepEqual(differences.slice(0, 20), []);
}

/** Runs a line as a step, and in a shell on a copy of the workspace: both must end with the same tree. */
async function asBoth(stepId: string, line: string): Promise<{ readonly written: number; readonly removed: number }> {
  rmSync(twin, { recursive: true, force: true });
  cpSync(workspace, twin, {
    recursive: true,
    preserveTimestamps: true,
    verbatimSymlinks: true,
    filter: (path) => !path.startsWith(join(workspace, '.holdfast')),
  });
  execFileSync('/bin/sh', ['-c', line], { cwd: twin, env: { ...env, PATH: process.env['PATH'] }, stdio: 'pipe' });
  const { changed } = (await job.step(shell, { run: line, options: { env } }, { stepId })) as {
    changed: { written: number; removed: number };
  };
  assertSameTree(treeOf(workspace), treeOf(twin));
  return changed;
}

function git(...words: string[]): string {
  // Without optional locks git only reads: else it would write what it saw of the files into its index.
  return execFileSync('git', ['--no-optional-locks', ...words], {
    cwd: workspace,
    env: { ...env, PATH: process.env['PATH'] },
    encoding: 'utf8',
  });
}

test(
  'git: a first commit of 2,000 files, then moves, modes and links, then a checkout that takes them back',
  { skip: hasGit ? false : 'git is not installed' },
  async () => {
    const first = await asBoth('commit', 'git init -q -b main . && git add -A && git commit -qm first');
    assert.ok(first.written > FILES - 100, `${first.written} files of git's own`);
    assert.equal(git('status', '--porcelain'), '');
    git('fsck', '--strict');
    await asBoth(
      'change',
      'git mv docs/page-0.md docs/first.md && chmod -x bin/two && git rm -q --cached run && ln -sfn ' +
        'bin/two run && rm manual && echo a file now > manual && git add -A && git commit -qm second',
    );
    assert.equal(git('log', '--oneline').trim().split('\n').length, 2);
    await asBoth('back', 'git checkout -q HEAD~1');
    assert.equal(readlinkSync(join(workspace, 'manual')), 'docs');
    assert.equal(lstatSync(join(workspace, 'bin/two')).mode & 0o777, 0o755);
    assert.equal(git('status', '--porcelain'), '');
    assert.equal(readFileSync(join(workspace, 'debug.log'), 'utf8'), 'ignored, too\n');
  },
);

test('a formatter, sed -i, npm pack and a removal make what they make of a plain copy', async () => {
  assert.ok((await asBoth('format', 'node format.mjs')).written > 600);
  assert.ok((await asBoth('sed', 'sed -i "s/old text/new text/" docs/*.md data/*.txt')).written > 1_200);
  await asBoth('pack', 'npm pack --silent');
  assert.ok(existsSync(join(workspace, 'a-repository-1.0.0.tgz')));
  assert.ok((await asBoth('remove', 'rm -r data empty && rmdir -p nothing/there 2>/dev/null || true')).removed > 600);
  assert.equal(existsSync(join(workspace, 'data')), false);
});

test('a command that leaves a daemon behind, or fails at its end, changes nothing in the workspace', async () => {
  const were = treeOf(workspace);
  for (const [stepId, line, kind] of [
    ['daemon', 'sed -i s/text/TEXT/ docs/*.md; rm -r src; setsid sleep 341 >/dev/null 2>&1 &', 'processes-left'],
    ['fails', 'sed -i s/text/TEXT/ docs/*.md; rm -r src; exit 9', 'command-failed'],
  ] as const) {
    const outcome = await job.step(shell, { run: line }, { stepId, maxAttempts: 1 }).then(
      () => 'done',
      (error: unknown) => error,
    );
    assert.ok(outcome instanceof QuestionAsked, String(outcome));
    assert.match(outcome.question.findings[0]!.found.text, new RegExp(`^${kind}: `));
    assertSameTree(treeOf(workspace), were);
  }
});

test(
  'an abort with compensate brings a repository back byte for byte: contents, modes, links and folders',
  { skip: hasGit ? false : 'git is not installed' },
  async () => {
    const folder = join(root, 'aborted');
    writeRepository(folder, FEWER);
    const were = treeOf(folder);
    await using aborted = openTestJob({ workspace: folder, steps: shellSteps, env: { PATH: process.env['PATH'] } });
    const lines = [
      'git init -q -b main . && git add -A && git commit -qm first',
      'git mv docs/page-0.md docs/first.md && chmod -x bin/two && ln -sfn bin/two run && rm manual && ' +
        'echo a file now > manual && git add -A && git commit -qm second && rm -rf build debug.log empty',
      'git checkout -q HEAD~1 && node format.mjs && sed -i "s/old text/new text/" docs/*.md',
      'npm pack --silent && rm -r data bin && mkdir -p bin/one && echo in > bin/one/in.txt',
    ];
    for (const [index, line] of lines.entries())
      await aborted.step(shell, { run: line, options: { env } }, { stepId: `step-${index}` });
    const { left } = await aborted.undo();
    assert.deepEqual(left, []);
    assertSameTree(treeOf(folder), were);
  },
);

test(
  'killed while many files are applied: its successor ends with a whole repository',
  { skip: hasGit ? false : 'git is not installed' },
  async () => {
    const folder = join(root, 'killed');
    writeRepository(folder, FEWER);
    const line = 'git init -q -b main . && git add -A && git commit -qm first && sed -i s/text/TEXT/ docs/*.md';
    const order: CommandOrder = {
      workspace: folder,
      run: line,
      options: { env },
      memory: freshMemory('killed'),
    };
    const were = treeOf(folder);
    assert.equal(await runCommand({ ...order, kill: { point: 'prepare.files-written', hit: 1 } }), undefined);
    assertSameTree(
      Object.fromEntries(
        Object.entries(treeOf(folder)).filter(
          ([path]) => !path.split('/').some((part) => part.startsWith('.holdfast')),
        ),
      ),
      were,
    );
    assert.equal(await runCommand({ ...order, kill: { point: 'commit.file-before', hit: 300 } }), undefined);
    assert.equal(await runCommand({ ...order, kill: { point: 'commit.effect-marked', hit: 4 } }), undefined);
    const end = await runCommand(order);
    assert.ok(end !== undefined && 'output' in end, JSON.stringify(end).slice(0, 2_000));
    rmSync(twin, { recursive: true, force: true });
    writeRepository(twin, FEWER);
    execFileSync('/bin/sh', ['-c', line], { cwd: twin, env: { ...env, PATH: process.env['PATH'] }, stdio: 'pipe' });
    assertSameTree(treeOf(folder), treeOf(twin));
    execFileSync('git', ['fsck', '--strict'], {
      cwd: folder,
      env: { ...env, PATH: process.env['PATH'] },
      stdio: 'pipe',
    });
  },
);

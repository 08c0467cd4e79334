/** Commands in a workspace whose git repository lies elsewhere: a linked worktree, a submodule. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { openTestJob, type TestJob } from '../../src/testing.ts';
import { shell, shellSteps } from '../support/command-step.ts';
import { gitEnvironment as env } from '../support/git-environment.ts';
import { questionFrom } from '../support/questions.ts';

let root: string;
let main: string;
let workspace: string;
let job: TestJob;
const names = Object.keys(env);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-worktree-'));
  main = join(root, 'main');
  workspace = join(root, 'tree');
  mkdirSync(main);
  git(main, 'init', '-q', '-b', 'main');
  writeFileSync(join(main, 'a.txt'), 'one\n');
  git(main, 'add', '.');
  git(main, 'commit', '-qm', 'first');
  git(main, 'worktree', 'add', '-q', '-b', 'agent', workspace);
  job = openTestJob({ workspace, steps: shellSteps, env });
});

afterEach(async () => {
  await job.close();
  rmSync(root, { recursive: true, force: true });
});

function git(cwd: string, ...argv: readonly string[]): string {
  return execFileSync('git', argv, { cwd, env, encoding: 'utf8' }).trim();
}

const run = async (line: string, more = {}, options = {}): Promise<unknown> =>
  await job.step(shell, { run: line, options: { envFrom: names, ...options } }, { maxAttempts: 1, ...more });

test('no command commits to the repository of a linked worktree before it is applied: it is told by name', async () => {
  const before = git(main, 'rev-parse', 'agent');
  const commit = 'echo two > a.txt && git commit -qam second';
  const [finding] = (await questionFrom(run(commit, { stepId: 'commit' }))).findings;
  assert.match(finding!.found.text, /^command-failed: /);
  assert.match(finding!.found.text + finding!.difference, /It was not given \.git: the repository is ".*\/main\/\.git/);
  assert.equal(git(main, 'rev-parse', 'agent'), before);
  assert.equal(readFileSync(join(workspace, 'a.txt'), 'utf8'), 'one\n');
});

test('what needs no repository works in a linked worktree, and in place git works as anywhere', async () => {
  await run('echo two > a.txt && test ! -e .git', { stepId: 'edit' });
  assert.equal(readFileSync(join(workspace, 'a.txt'), 'utf8'), 'two\n');
  assert.ok(existsSync(join(workspace, '.git')));
  await run('git commit -qam second', { stepId: 'commit' }, { inPlace: true });
  assert.equal(git(main, 'log', '-1', '--format=%s', 'agent'), 'second');
});

test('a repository to which a link or a setting leads is not given either; one of a submodule is', async () => {
  const outer = join(root, 'outer');
  git(root, 'clone', '-q', main, outer);
  git(outer, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', main, 'inner');
  git(outer, 'commit', '-qm', 'inner');
  mkdirSync(join(outer, 'linked'));
  symlinkSync(join(main, '.git'), join(outer, 'linked/.git'));
  git(root, 'clone', '-q', main, join(outer, 'set'));
  git(join(outer, 'set'), 'config', 'core.worktree', join(root, 'elsewhere'));
  await job.close();
  job = openTestJob({ workspace: outer, steps: shellSteps, env });
  await run('test ! -e linked/.git && test ! -e set/.git && git -C inner log -1 --format=%s > subject', {});
  assert.equal(readFileSync(join(outer, 'subject'), 'utf8'), 'first\n');
  assert.ok(existsSync(join(outer, 'linked/.git')) && existsSync(join(outer, 'set/.git/HEAD')));
});

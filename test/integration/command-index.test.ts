/** A git index that git writes anew while it only looks, and one in which somebody has staged something. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { meaningOfIndex } from '../../src/effects/files/git-index.ts';
import { openTestJob, QuestionAsked, type TestJob } from '../../src/testing.ts';
import { shell, shellSteps } from '../support/command-step.ts';
import { gitEnvironment as env } from '../support/git-environment.ts';
import { questionFrom } from '../support/questions.ts';
import { untilTrue } from '../support/until.ts';

let root: string;
let workspace: string;
let job: TestJob;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-index-'));
  workspace = join(root, 'workspace');
  mkdirSync(workspace);
  git('init', '-q', '-b', 'main');
  writeFileSync(join(workspace, 'a.txt'), 'one\n');
  git('add', '.');
  git('commit', '-qm', 'first');
  job = openTestJob({ workspace, steps: shellSteps, env });
});

afterEach(async () => {
  await job.close();
  rmSync(root, { recursive: true, force: true });
});

function git(...argv: readonly string[]): string {
  return execFileSync('git', argv, { cwd: workspace, env, encoding: 'utf8' }).trim();
}

const index = (): Buffer => readFileSync(join(workspace, '.git/index'));

async function commit(text: string): Promise<void> {
  const options = { envFrom: Object.keys(env) };
  await job.step(shell, { run: `echo ${text} > a.txt && git commit -qam ${text}`, options }, { stepId: text });
}

/** As after a checkout elsewhere, or an editor's save. */
function lookAround(second: number): void {
  const before = index();
  utimesSync(join(workspace, 'a.txt'), second, second);
  git('status');
  assert.notDeepEqual(index(), before, 'git has written its index anew');
}

test('an index that git status has refreshed is no drift: steps go on and are undone without questions', async () => {
  const staged = meaningOfIndex(index());
  await commit('two');
  lookAround(1);
  assert.equal((await job.verify()).kind, 'verified');
  await commit('three');
  lookAround(2);
  assert.equal(git('log', '--format=%s'), 'three\ntwo\nfirst');
  await job.undo({});
  assert.equal(git('log', '--format=%s'), 'first');
  assert.equal(meaningOfIndex(index()), staged);
});

test('what somebody has staged since is asked about, and so is an index that is none', async () => {
  await commit('two');
  writeFileSync(join(workspace, 'b.txt'), 'new\n');
  git('add', 'b.txt');
  const staged = await questionFrom(commit('three'));
  assert.deepEqual(
    staged.findings.map(({ resource }) => resource),
    ['file:.git/index'],
  );
  writeFileSync(join(workspace, '.git/index'), 'DIRC and no more');
  const broken = await questionFrom(commit('three'));
  assert.ok(broken.findings.some(({ resource }) => resource === 'file:.git/index'));
});

let second = 1;

/** A look of git's, and what else somebody does, while the command runs on its copy. */
async function during(run: string, act: () => void, options: object = {}): Promise<unknown> {
  const [ready, goOn] = [join(root, 'ready'), join(root, 'go-on')];
  for (const file of [ready, goOn]) rmSync(file, { force: true });
  // Something for git to note when it looks.
  utimesSync(join(workspace, 'a.txt'), ++second, second);
  const line = `touch ${ready}; until [ -e ${goOn} ]; do sleep 0.02; done; ${run}`;
  const step = job.step(shell, { run: line, options: { envFrom: Object.keys(env), ...options } }, { maxAttempts: 1 });
  const ended = step.then(
    () => 'ended',
    (error: unknown) => error,
  );
  await untilTrue(() => existsSync(ready));
  act();
  writeFileSync(goOn, '');
  return await ended;
}

test('git may look while a command runs on its copy; what somebody stages meanwhile ends the attempt', async () => {
  const look = (): void => {
    const before = index();
    git('status');
    assert.notDeepEqual(index(), before, 'git has written its index anew');
  };
  assert.equal(await during('echo two > a.txt; git commit -qam two', look), 'ended', 'the command writes it');
  assert.equal(await during('echo x > x.out', look, { paths: ['*.out'] }), 'ended', 'it is recorded, and not given');
  assert.equal(git('log', '--format=%s'), 'two\nfirst');
  const staged = await during('true', () => git('rm', '-q', '--cached', 'a.txt'));
  assert.ok(staged instanceof QuestionAsked, String(staged));
});

/** A git index that git writes anew while it only looks, and one in which somebody has staged something. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { meaningOfIndex } from '../../src/effects/files/git-index.ts';
import { openTestJob, type TestJob } from '../../src/testing.ts';
import { shell, shellSteps } from '../support/command-step.ts';
import { gitEnvironment as env } from '../support/git-environment.ts';
import { questionFrom } from '../support/questions.ts';

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

/**
 * A worker is killed by SIGKILL while it runs a command: no process and no copy stays, the workspace has no change of
 * the command, and the successor ends with all of them. Killed at every point: test/fault/command-points.test.ts.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { openTestJob } from '../../src/testing.ts';
import { filesIn } from '../fault/support/kill-run.ts';
import { shellSteps } from '../support/command-step.ts';
import { freshMemory } from '../support/fresh-memory.ts';
import { isRunning } from '../support/process-list.ts';
import { leftCopies, prepareTree, runCommand, startCommand } from '../support/command-run.ts';
import { untilTrue } from '../support/until.ts';

const root = mkdtempSync(join(tmpdir(), 'holdfast-command-'));
/** A sleep of a length that no other process uses, so that it can be found. */
const OWN = `300.${process.pid}`;
after(() => rmSync(root, { recursive: true, force: true }));

test('a command whose worker is killed half-way ends with it, changes nothing, and runs again', async () => {
  const workspace = prepareTree(root, 'half-way');
  const before = filesIn(workspace);
  const started = join(root, 'started');
  const line =
    `sed -i s/file/FILE/ src/*.txt; echo $$ >> ${started}; if [ $(wc -l < ${started}) = 1 ]; then sleep ` +
    `${OWN}1; fi; echo done > done.txt`;
  const { child, end } = startCommand({ workspace, run: line, memory: freshMemory('half-way') });
  await untilTrue(() => existsSync(started));
  await delay(100);
  assert.equal(leftCopies(workspace).length, 3, 'its copy, whose it is, and that its worker lives');
  child.kill('SIGKILL');
  assert.equal(await end, undefined);
  await untilTrue(() => !isRunning(`sleep ${OWN}1`));
  assert.deepEqual(filesIn(workspace), before);
  const then = await runCommand({ workspace, run: line, memory: freshMemory('half-way') });
  assert.ok(then !== undefined && 'output' in then, JSON.stringify(then));
  assert.equal(readFileSync(join(workspace, 'done.txt'), 'utf8'), 'done\n');
  assert.equal(readFileSync(join(workspace, 'src/0.txt'), 'utf8'), 'FILE 0\n');
  assert.deepEqual(leftCopies(workspace), []);
});

test('what a killed worker’s command started in a session of its own is ended before the next comparison', async () => {
  const workspace = prepareTree(root, 'daemon');
  const started = join(root, 'daemon-started');
  const line =
    `if [ ! -e ${started} ]; then setsid sleep ${OWN}2 & touch ${started}; sleep ${OWN}3; fi; echo done > ` +
    'done.txt';
  const { child, end } = startCommand({ workspace, run: line, memory: freshMemory('daemon') });
  await untilTrue(() => existsSync(started));
  await delay(100);
  child.kill('SIGKILL');
  await end;
  const then = await runCommand({ workspace, run: line, memory: freshMemory('daemon') });
  assert.ok(then !== undefined && 'output' in then, JSON.stringify(then));
  assert.equal(isRunning(`sleep ${OWN}2`), false);
  assert.deepEqual(leftCopies(workspace), []);
});

test('a job that ends after its worker was killed leaves no copy and no process of its command', async () => {
  const workspace = prepareTree(root, 'released');
  const started = join(root, 'released-started');
  const { child, end } = startCommand({
    workspace,
    run: `setsid sleep ${OWN}4 & touch ${started}; sleep ${OWN}5`,
    memory: freshMemory('released'),
  });
  await untilTrue(() => existsSync(started));
  child.kill('SIGKILL');
  await end;
  await using job = openTestJob({ workspace, resume: freshMemory('released'), steps: shellSteps });
  await job.release('cancelled');
  assert.deepEqual([leftCopies(workspace), isRunning(`sleep ${OWN}4`), isRunning(`sleep ${OWN}5`)], [[], false, false]);
});

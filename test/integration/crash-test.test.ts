/**
 * The crash test in short, by the command line: it finds what a retry does twice. In full: fault/crash-test.test.ts.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { isFailure } from '../../src/model/failure.ts';
import { crashTest, openTestJob, type CrashReport } from '../../src/testing.ts';
import { brokenTest, notNamed } from '../support/broken-plan.ts';
import { cli } from '../support/cli-terminal.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-crash-cli-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('an append past ctx is named with its line and the command that repeats it; exit code 4', async () => {
  const { plan, steps = [], points = [] } = brokenTest(['journal']);
  const file = path.join(folder, 'plan.json');
  writeFileSync(file, JSON.stringify(plan));
  const { address, namespace } = temporal;
  const words =
    `crash-test ${file} folder={folder} --json --seed 1 --address ${address} --namespace ${namespace} ` +
    `--steps ${steps[0]} --points ${points[0]}`;
  const ran = await cli(words.split(' '), { cwd: folder, env: process.env });
  assert.equal(ran.code, 4, ran.out + ran.err);
  const report = ran.json<CrashReport & { faults: readonly { readonly repeat: string }[] }>();
  assert.deepEqual(notNamed(report, ['journal']), []);
  assert.deepEqual(report.counts, { cases: 1, same: 0, asks: 0, differs: 1, stuck: 0 });
  const [{ repeat } = { repeat: '' }] = report.faults;
  assert.match(repeat, /^holdfast crash-test .*plan\.json .*--steps .* --points journal\/user-code\.after:1$/);
});

test('a workspace that a job is using is refused by name, before anything is started', async () => {
  const root = mkdtempSync(path.join(folder, 'used-'));
  await using job = openTestJob({ workspace: root });
  const steps = [{ id: 'draft', use: 'file.write', with: { path: 'draft.md', content: 'Hello' } }];
  const plan = { schemaVersion: 1 as const, name: 'greeting', workspace: root, steps };
  await job.runPlan(plan);
  await assert.rejects(crashTest({ plan }), (error) => {
    assert.ok(isFailure(error, 'busy'));
    assert.match(error.message, /in use by job test-/);
    assert.match(String(error.details['nextStep']), /--world FOLDER/);
    return true;
  });
});

test('files of answers and of services are checked; what is wrong in them is named; exit code 2', async () => {
  const plan = path.join(folder, 'draft.json');
  const steps = [{ id: 'draft', use: 'file.write', with: { path: 'draft.md', content: 'Hello' } }];
  writeFileSync(plan, JSON.stringify({ schemaVersion: 1, name: 'greeting', workspace: 'greeting', steps }));
  const given = async (option: string, text: string): Promise<string> => {
    const file = path.join(folder, 'given.json');
    writeFileSync(file, text);
    const ran = await cli(['crash-test', plan, option, file], { cwd: folder });
    assert.equal(ran.code, 2);
    return ran.err;
  };
  assert.match(await given('--answers', '[{ "answer": "aprove" }]'), /given\.json: .*answer/);
  assert.match(await given('--http', '[{ "status": 200 }]'), /given\.json: .*url/);
  assert.match(await given('--http', 'GET'), /given\.json is not JSON/);
  const ran = await cli(['crash-test', plan, '--seed', 'x'], { cwd: folder });
  assert.match(ran.err, /--seed is "x"\. Expected a whole number/);
});

/**
 * What a crash test refuses before anything is started. What it finds: `test/fault/crash-test*.test.ts`.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { isFailure } from '../../src/model/failure.ts';
import { crashTest, openTestJob } from '../../src/testing.ts';
import { cli } from '../support/cli-terminal.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-crash-cli-'));
after(() => rmSync(folder, { recursive: true, force: true }));

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
  const points = await cli(['crash-test', plan, '--points', 'draft/seal.*'], { cwd: folder });
  assert.equal(points.code, 2);
  assert.match(points.err, /--points draft\/seal\.\*: expected STEP\/POINT:HIT/);
  assert.doesNotMatch(points.err, /Temporal/);
});

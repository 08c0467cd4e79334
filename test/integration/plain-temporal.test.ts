/** A job started, read and decided with nothing but Temporal's own command line. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { findTemporal } from '../../src/dev-server/find.ts';
import { bundleWorkflows, createWorker, type HoldfastWorker } from '../../src/worker.ts';
import { testTemporal } from '../support/temporal.ts';

const run = promisify(execFile);
const temporal = await testTemporal();
const found = await findTemporal({ address: false });
assert.equal(found.kind, 'executable');
const executable = found.kind === 'executable' ? found.path : '';
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-plain-'));
let worker: HoldfastWorker;
let running: Promise<void>;

before(async () => {
  worker = await createWorker({
    address: temporal.address,
    namespace: temporal.namespace,
    taskQueue,
    workspaceRoot: root,
    workflowBundle: await bundleWorkflows(),
    env: { HOLDFAST_STATE_DIR: join(root, 'state') },
  });
  running = worker.run();
});

after(async () => {
  worker.shutdown();
  await running;
  rmSync(root, { recursive: true, force: true });
});

async function cli(...args: string[]): Promise<string> {
  const { stdout } = await run(
    executable,
    [...args, '--address', temporal.address, '--namespace', temporal.namespace],
    { env: { ...process.env, TEMPORAL_ADDRESS: undefined } },
  );
  return stdout;
}

async function eventually(look: () => Promise<string>, expected: RegExp): Promise<string> {
  for (const end = Date.now() + 20_000; ;) {
    const text = await look();
    if (expected.test(text)) return text;
    if (Date.now() > end) assert.fail(`${expected} did not come about: ${text.slice(0, 2_000)}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

test('starts, shows, decides and ends a job by the temporal command line alone', async () => {
  const workflowId = temporal.unique('plain');
  const plan = {
    schemaVersion: 1,
    name: 'plain',
    workspace: 'plain',
    verifyAfterMinutes: 0.01,
    steps: [
      { id: 'draft', use: 'file.write', with: { path: 'draft.txt', content: 'draft\n' } },
      { id: 'pause', use: 'wait', with: { seconds: 3 }, needs: ['draft'] },
      { id: 'final', use: 'file.copy', with: { from: 'draft.txt', to: 'final.txt' }, needs: ['pause'] },
    ],
  };
  await cli(
    'workflow',
    'start',
    '--type',
    'agentJob',
    '--task-queue',
    taskQueue,
    '--workflow-id',
    workflowId,
    '--input',
    JSON.stringify({ plan }),
  );
  await eventually(
    () => cli('workflow', 'query', '--workflow-id', workflowId, '--type', 'status', '--output', 'json'),
    /"id": ?"draft"[^}]*"state": ?"done"|"state":"done"/,
  );
  writeFileSync(join(root, 'plain', 'draft.txt'), 'a person was here\n');

  // What a person sees: where it is, what differs, and the very command to type.
  const metadata = await eventually(
    () => cli('workflow', 'metadata', '--workflow-id', workflowId, '--output', 'json'),
    /workflow signal/,
  );
  const details = String(
    (JSON.parse(metadata) as { queryResult: { currentDetails: string }[] }).queryResult[0]?.currentDetails,
  );
  assert.match(details, /waiting for a decision/);
  assert.match(details, /file:draft\.txt/);
  assert.match(details, /\+a person was here/);
  const command = /temporal workflow signal .*/.exec(details)?.[0];
  assert.ok(command !== undefined, details);
  const input = /--input '(.*)'$/.exec(command)?.[1];
  assert.ok(input !== undefined, command);

  const listed = await eventually(
    () => cli('workflow', 'list', '--query', "HoldfastState = 'waiting'", '--output', 'json'),
    new RegExp(workflowId),
  );
  assert.match(listed, /agentJob/);
  await cli('workflow', 'signal', '--workflow-id', workflowId, '--name', 'decide', '--input', input);
  const result = await cli('workflow', 'result', '--workflow-id', workflowId, '--output', 'json');
  assert.match(result, /final\.txt/);

  const history = await cli('workflow', 'show', '--workflow-id', workflowId, '--output', 'json');
  assert.match(history, /"activityId": ?"final"/, 'Activity ids are step ids');
});

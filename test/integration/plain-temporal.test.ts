/** A job started, read and decided with nothing but Temporal's own command line. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import type { JobStatus } from '../../src/model/job/status.ts';
import { findTemporal } from '../../src/dev-server/find.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);
const temporal = await testTemporal();
const found = await findTemporal({ address: false });
assert.equal(found.kind, 'executable');
const executable = found.kind === 'executable' ? found.path : '';
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-plain-'));
/** Each query starts a process, so queries are made less often. */
const EVERY = { everyMs: 200 };

testWorker(temporal, { taskQueue, root });

after(() => rmSync(root, { recursive: true, force: true }));

interface HistoryEvent {
  readonly userMetadata?: { readonly summary?: { readonly data: string } };
}

async function cli(...args: string[]): Promise<string> {
  const { stdout } = await run(
    executable,
    [...args, '--address', temporal.address, '--namespace', temporal.namespace],
    { env: { ...process.env, TEMPORAL_ADDRESS: undefined } },
  );
  return stdout;
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
  await until(
    () => cli('workflow', 'query', '--workflow-id', workflowId, '--type', 'status', '--output', 'json'),
    (text) => /"id": ?"draft"[^}]*"state": ?"done"|"state":"done"/.test(text),
    EVERY,
  );
  const waiting = JSON.parse(
    await until(
      () => cli('workflow', 'query', '--workflow-id', workflowId, '--type', 'status', '--output', 'json'),
      (text) => /"id": ?"pause"/.test(text),
      EVERY,
    ),
  ) as { queryResult: [JobStatus] };
  const [{ steps, planned }] = waiting.queryResult;
  assert.equal(planned, 3);
  assert.match(steps[1]!.effects, /^until \d{4}-\d\d-\d\dT/);
  writeFileSync(join(root, 'plain', 'draft.txt'), 'a person was here\n');

  // A person sees the workspace, the difference and the command to type.
  const metadata = await until(
    () => cli('workflow', 'metadata', '--workflow-id', workflowId, '--output', 'json'),
    (text) => text.includes('workflow signal'),
    EVERY,
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

  const listed = await until(
    () => cli('workflow', 'list', '--query', "HoldfastState = 'waiting'", '--output', 'json'),
    (text) => text.includes(workflowId),
    EVERY,
  );
  assert.match(listed, /agentJob/);
  // Which answer it is, is the person's to say.
  assert.match(input, /"answer":"ANSWER"/);
  const decision = input.replace('ANSWER', 'accept');
  await cli('workflow', 'signal', '--workflow-id', workflowId, '--name', 'decide', '--input', decision);
  const result = await cli('workflow', 'result', '--workflow-id', workflowId, '--output', 'json');
  assert.match(result, /final\.txt/);

  const history = await cli('workflow', 'show', '--workflow-id', workflowId, '--output', 'json');
  assert.match(history, /"activityId": ?"final"/, 'Activity ids are step ids');
  const { events } = JSON.parse(history) as { events: HistoryEvent[] };
  const summaries = events.flatMap(({ userMetadata }) =>
    userMetadata?.summary === undefined ? [] : [Buffer.from(userMetadata.summary.data, 'base64').toString()],
  );
  assert.ok(
    summaries.some((text) => text.startsWith('"pause (wait) until ')),
    summaries.join('\n'),
  );
  assert.ok(
    summaries.some((text) => /^"carry out the decision of .*: accept"$/.test(text)),
    summaries.join('\n'),
  );
});

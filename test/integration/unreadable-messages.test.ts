/** Messages whose payload nobody can read are refused like any other that can't be used; no job stands still by one. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { ownJob } from '../support/unreadable-workflow.ts';
import { untilStatus } from '../support/job-status.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-unreadable-'));

testWorker(temporal, {
  taskQueue,
  root,
  workflows: new URL('../support/unreadable-workflow.ts', import.meta.url).pathname,
});

after(() => rmSync(root, { recursive: true, force: true }));

const bytes = (text: string): Uint8Array => Buffer.from(text, 'utf8');
const UNREADABLE: readonly (readonly [string, Payload, RegExp])[] = [
  ['malformed JSON', { metadata: { encoding: bytes('json/plain') }, data: bytes('{"answer": ') }, /JSON/],
  ['no JSON at all', { metadata: { encoding: bytes('json/plain') }, data: new Uint8Array() }, /JSON/],
  ['an unknown encoding', { metadata: { encoding: bytes('text/martian') }, data: bytes('x') }, /text\/martian/],
  ['no encoding', { metadata: {}, data: bytes('x') }, /encoding/],
  [
    'encryption by another program',
    { metadata: { encoding: bytes('binary/encrypted'), 'encryption-key-id': bytes('theirs') }, data: bytes('x') },
    /another program encrypted it/,
  ],
];

const LEVELS = 5_000;
/** Readable, and no reader that calls itself for each level comes to its end. */
const DEEP: Payload = {
  metadata: { encoding: bytes('json/plain') },
  data: bytes(`${'{"output":'.repeat(LEVELS)}null${'}'.repeat(LEVELS)}`),
};

async function signal(handle: WorkflowHandle, signalName: string, payload: Payload): Promise<void> {
  await temporal.connection.workflowService.signalWorkflowExecution({
    namespace: temporal.namespace,
    workflowExecution: { workflowId: handle.workflowId },
    signalName,
    input: { payloads: [payload] },
  });
}

async function startWith(workflowType: string, payload: Payload): Promise<WorkflowHandle> {
  const workflowId = temporal.unique('unreadable');
  await temporal.connection.workflowService.startWorkflowExecution({
    namespace: temporal.namespace,
    workflowId,
    workflowType: { name: workflowType },
    taskQueue: { name: taskQueue },
    input: { payloads: [payload] },
    requestId: workflowId,
  });
  return temporal.client.workflow.getHandle(workflowId);
}

test('a Signal of any name that cannot be read is refused with the reason, and the job goes on', async () => {
  const handle = await temporal.client.workflow.start(ownJob, {
    workflowId: temporal.unique('unreadable'),
    taskQueue,
    args: [{ workspace: temporal.unique('ws'), sleepMs: 60_000 }],
  });
  await untilStatus(handle, ({ state }) => state === 'running');
  let count = 0;
  for (const name of ['decide', 'abort', 'greet'])
    for (const [what, payload, why] of UNREADABLE) {
      await signal(handle, name, payload);
      count += 1;
      const { refusals } = await untilStatus(handle, (status) => status.refusals.length >= count);
      const reason = refusals.at(-1)!.problems.join('; ');
      assert.match(reason, name === 'greet' ? /there is no Signal "greet"/ : why, `${name}: ${what}`);
    }
  for (const name of ['decide', 'abort', 'rewind', 'updateState']) {
    await signal(handle, name, DEEP);
    count += 1;
    const { refusals } = await untilStatus(handle, (status) => status.refusals.length >= count);
    assert.match(refusals.at(-1)!.problems.join('; '), /nested deeper than 256 levels/, name);
  }
  await handle.signal('abort', { by: 'test@example.com', reason: 'seen' });
  await assert.rejects(handle.result(), WorkflowFailedError);
});

test('an Update that cannot be read is refused, and a Query is answered', async () => {
  const handle = await temporal.client.workflow.start(ownJob, {
    workflowId: temporal.unique('unreadable'),
    taskQueue,
    args: [{ workspace: temporal.unique('ws'), sleepMs: 60_000 }],
  });
  await untilStatus(handle, ({ state }) => state === 'running');
  const { workflowService } = temporal.connection;
  const workflowExecution = { workflowId: handle.workflowId };
  for (const [, payload] of UNREADABLE) {
    const payloads = [payload];
    const { outcome } = await workflowService.updateWorkflowExecution({
      namespace: temporal.namespace,
      workflowExecution,
      waitPolicy: { lifecycleStage: 3 },
      request: { meta: { updateId: temporal.unique('u') }, input: { name: 'decide', args: { payloads } } },
    });
    assert.match(outcome?.failure?.message ?? '', /read|JSON|encoding/i);
    const { queryResult } = await workflowService.queryWorkflow({
      namespace: temporal.namespace,
      execution: workflowExecution,
      query: { queryType: 'status', queryArgs: { payloads } },
    });
    assert.equal(queryResult?.payloads?.length, 1);
  }
  await handle.signal('abort', { by: 'test@example.com', reason: 'seen' });
  await assert.rejects(handle.result(), WorkflowFailedError);
});

test('a job whose input cannot be read fails and says so; it has done nothing', async () => {
  for (const [what, payload, why] of UNREADABLE) {
    const handle = await startWith('agentJob', payload);
    await assert.rejects(handle.result(), (error) => {
      assert.ok(error instanceof WorkflowFailedError, what);
      assert.match(error.cause?.message ?? '', why, what);
      return true;
    });
  }
});

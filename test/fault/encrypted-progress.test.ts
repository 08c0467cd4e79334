/** With keys the server keeps nothing readable of what a running step says, also while it says it and when it fails. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as z from 'zod';
import { connectHoldfast } from '../../src/client.ts';
import { defineStep, implementStep } from '../../src/model/step/step.ts';
import { bundleWorkflows } from '../../src/worker.ts';
import { testWorker } from '../support/running-worker.ts';
import { storedText } from '../support/stored-history.ts';
import { testTemporal } from '../support/temporal.ts';
import { until, untilFound } from '../support/until.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-encrypted-'));
const env = { HOLDFAST_ENCRYPTION_KEYS: `key:${Buffer.alloc(32, 7).toString('base64')}` };
const PLANTED = 'Zanzibar-42';
const PLAIN = [PLANTED, Buffer.from(PLANTED).toString('base64').slice(0, -2), encodeURIComponent(PLANTED)];

let isLetGo = (): void => undefined;
const letGo = new Promise<void>((resolve) => (isLetGo = resolve));
const tells = defineStep({ name: 'tells', input: z.strictObject({ text: z.string() }), output: z.strictObject({}) });
const tellsCode = implementStep(tells, async (ctx, { text }) => {
  ctx.progress(`first ${text}`, 0.25);
  await letGo;
  ctx.progress(`last ${text}`);
  throw new Error(`fails with ${text}`);
});
testWorker(temporal, {
  taskQueue,
  root,
  steps: [tellsCode],
  env,
  workflowBundle: await bundleWorkflows(undefined, { isEncrypted: true }),
});
after(() => rmSync(root, { recursive: true, force: true }));

test('what a running step says of itself is encrypted on the server; whoever has the key reads it', async () => {
  const { address, namespace } = temporal;
  await using client = await connectHoldfast({ address, namespace, env });
  const workflowId = temporal.unique('job');
  await client.start(
    {
      schemaVersion: 1,
      name: 'encrypted',
      workspace: 'told',
      steps: [{ id: 'tells', use: 'tells', with: { text: PLANTED } }],
    } as never,
    { workflowId, taskQueue, knownSteps: [tells] as never },
  );
  const heartbeat = async (): Promise<string | undefined> => {
    const { pendingActivities } = await temporal.connection.workflowService.describeWorkflowExecution({
      namespace,
      execution: { workflowId },
    });
    const payload = pendingActivities?.[0]?.heartbeatDetails?.payloads?.[0];
    return payload == null ? undefined : Buffer.from(payload.metadata!['encoding']!).toString();
  };
  assert.equal(await untilFound(heartbeat), 'binary/encrypted');
  const [told] = (
    await until(
      () => client.status(workflowId),
      ({ progress }) => progress !== undefined,
    )
  ).progress!;
  assert.deepEqual([told!.stepId, told!.message, told!.fraction], ['tells', `first ${PLANTED}`, 0.25]);
  const whileItRuns = await storedText(temporal, workflowId);
  isLetGo();
  await until(
    () => client.questions(workflowId),
    ({ length }) => length > 0,
  );
  const afterwards = await storedText(temporal, workflowId);
  for (const plain of PLAIN)
    for (const [when, text] of Object.entries({ whileItRuns, afterwards }))
      assert.ok(!text.includes(plain), `${plain} can be read: ${when}`);
  await temporal.client.workflow.getHandle(workflowId).terminate();
});

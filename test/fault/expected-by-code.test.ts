/** What belongs to the ordinary course of things is no failure in the SDK's metrics and no line of its log. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, mock, test } from 'node:test';
import * as z from 'zod';
import { connectHoldfast } from '../../src/client.ts';
import { freePort } from '../../src/dev-server/ports.ts';
import { HoldfastError } from '../../src/model/failure.ts';
import type { PlanSource } from '../../src/model/plan/plan.ts';
import { defineStep, implementStep } from '../../src/model/step/step.ts';
import { createWorker } from '../../src/worker.ts';
import { testBundle } from '../support/bundle.ts';
import { CountingServer } from '../support/counting-server.ts';
import { testTemporal } from '../support/temporal.ts';
import { untilTrue } from '../support/until.ts';

const temporal = await testTemporal();
const root = mkdtempSync(join(tmpdir(), 'holdfast-expected-'));
const port = await freePort();
after(() => rmSync(root, { recursive: true, force: true }));

const failStep = defineStep({ name: 'fail', input: z.strictObject({ type: z.string() }), output: z.strictObject({}) });
const editStep = defineStep({ name: 'edit', input: z.strictObject({}), output: z.strictObject({}) });
/** Each is thrown by the first attempt at its step. */
const failures = new Map([
  ['busy', new HoldfastError('busy', 'Somebody else has it.')],
  ['fenced', new HoldfastError('fenced', 'A newer attempt has taken over.')],
  ['broken', new Error('it broke')],
]);
const steps = [
  implementStep(failStep, (_ctx, { type }) => {
    const failure = failures.get(type);
    failures.delete(type);
    if (failure !== undefined) throw failure;
    return {};
  }),
  // Behind the job's back.
  implementStep(editStep, () => {
    writeFileSync(join(root, 'w', 'note'), 'by hand');
    return {};
  }),
];
type PlanStep = PlanSource['steps'][number];
const fail = (type: string): PlanStep => ({ id: type, use: 'fail', with: { type } });
const planOf = (url: string): PlanSource => ({
  schemaVersion: 1,
  name: 'expected',
  workspace: 'w',
  http: { hosts: [url] },
  steps: [
    { id: 'note', use: 'file.write', with: { path: 'note', content: 'as recorded' } },
    { id: 'ask', use: 'http', with: { url: `${url}/pay`, method: 'POST' } },
    fail('busy'),
    fail('fenced'),
    fail('broken'),
    { id: 'edit', use: 'edit', with: {}, needs: ['note', 'ask', 'busy', 'fenced', 'broken'] },
    // Both find that the world is to be compared first. That is asked for once, and what it finds is a question.
    { id: 'copy', use: 'file.copy', with: { from: 'note', to: 'copy' }, needs: ['edit'] },
    { id: 'copy-2', use: 'file.copy', with: { from: 'note', to: 'copy-2' }, needs: ['edit'] },
  ],
});

/** Of one metric, by Activity type. */
async function counted(metric: string): Promise<Readonly<Record<string, number>>> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const lines = [...text.matchAll(new RegExp(`^${metric}\\{[^}]*activity_type="(\\w+)"[^}]*\\} (\\d+)$`, 'gm'))];
  return Object.fromEntries(lines.map(([, type, count]) => [type, Number(count)] as const)) as Record<string, number>;
}

test('what is busy, fenced or compared again is no failure in metrics and log; what breaks is one, once', async () => {
  const server = await CountingServer.start();
  server.next('too-many');
  const lines: Record<string, unknown>[] = [];
  mock.method(process.stderr, 'write', (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) > 0);
  const { address, namespace } = temporal;
  const taskQueue = temporal.unique('queue');
  const worker = await createWorker({
    address,
    namespace,
    taskQueue,
    workspaceRoot: root,
    steps,
    workflowBundle: await testBundle(),
    env: { HOLDFAST_STATE_DIR: join(root, 'state') },
    telemetry: { metrics: { prometheus: { bindAddress: `127.0.0.1:${port}` } } },
    logFormat: 'json',
  });
  const running = worker.run();
  try {
    await using client = await connectHoldfast({ address, namespace, taskQueue });
    const { workflowId } = await client.start(planOf(server.url));
    await untilTrue(async () => (await client.questions(workflowId)).length > 0);
    await client.decide(workflowId, { answer: 'accept', by: 'Ada', reason: 'mine' });
    assert.equal((await client.result(workflowId, { wait: true })).outcome, 'completed');
    assert.deepEqual(await counted('temporal_activity_execution_failed'), { runStep: 1 });
  } finally {
    worker.shutdown();
    await running;
    mock.restoreAll();
    await server.close();
  }
  const ended = lines.filter(({ message }) => /^Activity (failed|completed)$/.test(String(message)));
  const failed = ended.filter(({ message }) => message === 'Activity failed');
  assert.deepEqual(failed.map(({ step, level, outcome }) => [step, level, outcome].join(' ')).toSorted(), [
    'ask DEBUG endpoint-busy',
    'broken WARN step-failed',
    'busy DEBUG busy',
    'fenced DEBUG fenced',
  ]);
  const compared = ended.filter(({ outcome }) => outcome === 'verification-required');
  assert.deepEqual(compared.map(({ step }) => String(step)).toSorted(), ['copy', 'copy-2']);
  assert.deepEqual(
    lines.filter(({ level }) => level !== 'DEBUG').map(({ step }) => step),
    ['broken'],
  );
});

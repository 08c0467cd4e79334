/**
 * HTTP requests of a plan on a real Temporal server: Retry-After is Temporal's next retry, and a doubt waits for a
 * person.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { JobStatus } from '../../src/model/job/status.ts';
import { agentJob } from '../../src/workflows/agent-job.ts';
import { CountingServer } from '../support/counting-server.ts';
import { untilAsked } from '../support/job-status.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-http-job-'));
let server: CountingServer;

before(async () => {
  server = await CountingServer.start();
});

testWorker(temporal, { taskQueue, root });

after(async () => {
  await server.close();
  rmSync(root, { recursive: true, force: true });
});

const planOf = (options: Record<string, unknown> = {}): Record<string, unknown> => ({
  schemaVersion: 1,
  name: 'paying',
  workspace: 'paying',
  http: { hosts: [server.url] },
  watch: [{ endpoint: { name: 'api', url: `${server.url}/version`, header: 'x-api-version' } }],
  state: { paid: {} },
  steps: [
    {
      id: 'pay',
      use: 'http',
      with: { url: `${server.url}/pay`, method: 'POST', json: { amount: '${{ input.amount }}' }, ...options },
      state: { paid: '${{ output.body }}' },
      retry: { initialIntervalMs: 10, maxIntervalMs: 10 },
    },
    {
      id: 'receipt',
      use: 'http',
      with: { url: `${server.url}/stream?bytes=100000`, saveTo: 'receipt.bin' },
      needs: ['pay'],
    },
  ],
  input: { type: 'object', properties: { amount: { type: 'integer' } }, required: ['amount'] },
});

test('Retry-After is when Temporal tries again, whatever the policy says; the request takes effect once', async () => {
  server.retryAfter = '2';
  server.next('normal', 'too-many', 'unavailable-until');
  const { state } = await temporal.client.workflow.execute(agentJob, {
    workflowId: temporal.unique('job'),
    taskQueue,
    args: [{ plan: planOf() as never, workspace: 'later', input: { amount: 7 } }],
  });
  assert.deepEqual(state['paid'], { effect: 1, of: '{"amount":7}' });
  const requests = server.requests.filter(({ method }) => method === 'POST');
  assert.equal(new Set(requests.map(({ key }) => key)).size, 1);
  const pauses = requests.slice(1).map(({ atMs }, index) => atMs - requests[index]!.atMs);
  assert.equal(pauses.length, 2);
  for (const pauseMs of pauses) assert.ok(pauseMs >= 1_900 && pauseMs < 10_000, `${pauseMs} ms`);
  assert.equal(readFileSync(join(root, 'later/receipt.bin')).length, 100_000);
});

test('an endpoint that wants to be asked again at once is not asked without a pause', async () => {
  const before = server.requests.length;
  server.retryAfter = '0';
  server.next('normal', 'too-many', 'too-many');
  await temporal.client.workflow.execute(agentJob, {
    workflowId: temporal.unique('job'),
    taskQueue,
    args: [{ plan: planOf() as never, workspace: 'at-once', input: { amount: 7 } }],
  });
  const requests = server.requests.slice(before).filter(({ method }) => method === 'POST');
  assert.equal(requests.length, 3);
  for (const [index, { atMs }] of requests.slice(1).entries())
    assert.ok(atMs - requests[index]!.atMs >= 900, `${atMs - requests[index]!.atMs} ms`);
});

test('a request in doubt is asked about by a question that a plain Signal answers', async () => {
  const effects = server.effects();
  server.next('normal', 'cut-after');
  const handle = await temporal.client.workflow.start(agentJob, {
    workflowId: temporal.unique('job'),
    taskQueue,
    args: [{ plan: planOf() as never, workspace: 'doubt', input: { amount: 8 } }],
  });
  const question = await untilAsked(handle);
  assert.equal(question.kind, 'in-doubt');
  assert.match(question.findings[0]!.difference, /"amount": 8/);
  await handle.signal('decide', {
    digest: question.digest,
    answer: 'happened',
    result: { paid: 'as their log says' },
    by: 'test@example.com',
    reason: 'it stands in their log',
  });
  const { state } = await handle.result();
  assert.deepEqual(state['paid'], '{"paid":"as their log says"}');
  assert.equal(server.effects() - effects, 1);
});

test('a job that is cancelled with a request in doubt says so in its status', async () => {
  server.next('normal', 'cut-after');
  const handle = await temporal.client.workflow.start(agentJob, {
    workflowId: temporal.unique('job'),
    taskQueue,
    args: [{ plan: planOf() as never, workspace: 'left', input: { amount: 9 } }],
  });
  await untilAsked(handle);
  await handle.cancel();
  await assert.rejects(handle.result());
  const { state, ending } = await handle.query<JobStatus>('status');
  assert.equal(state, 'cancelled');
  assert.match(
    ending!.join('\n'),
    /step pay: `request` was begun; whether it happened is not known \(idempotency key [0-9a-f]{64}/,
  );
});

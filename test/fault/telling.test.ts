/** What leaves a worker by spans, metrics and lines of its log, and what does not: a secret in a failure's message. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { connectHoldfast } from '../../src/client.ts';
import { leak, SECRET } from '../support/leaking-steps.ts';
import { mustNotHold, USED } from '../support/planted-secret.ts';
import { testTemporal } from '../support/temporal.ts';
import { untilFound, untilTrue } from '../support/until.ts';

const LIMIT = { limitMs: 60_000 };
const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-telling-')));
const spansFile = join(root, 'spans');
const sent: { readonly path: string; readonly body: Buffer }[] = [];
// A collector of OpenTelemetry's: metrics by OTLP over HTTP. The first are refused, which the SDK's core says.
const collector = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    sent.push({ path: request.url!, body: Buffer.concat(parts) });
    response.writeHead(sent.length === 1 ? 400 : 200).end();
  });
});
await new Promise<void>((resolve) => void collector.listen(0, '127.0.0.1', resolve));
const support = (name: string): string => join(import.meta.dirname, '../support', name);
const line = [join(import.meta.dirname, '../../src/cli.ts'), 'worker', '-q', taskQueue];
const worker = spawn(
  process.execPath,
  [...line, '--config', support('traced-config.ts'), '--steps', support('leaking-steps.ts')],
  {
    cwd: root,
    env: {
      ...process.env,
      ...temporal.env,
      HOLDFAST_STATE_DIR: join(root, 'state'),
      [SECRET]: USED,
      SPANS_FILE: spansFile,
      OTLP_URL: `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/metrics`,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  },
);
const ended = once(worker, 'close');
let printed = '';
let isReady = false;
worker.stdout.on('data', () => (isReady = true));
worker.stderr.on('data', (chunk) => (printed += String(chunk)));
after(async () => {
  worker.kill('SIGKILL');
  await ended;
  collector.close();
  rmSync(root, { recursive: true, force: true });
});

const lines = (): readonly Record<string, unknown>[] =>
  printed
    .split('\n')
    .filter((text) => text.startsWith('{') && text.endsWith('}'))
    .map((text) => JSON.parse(text) as Record<string, unknown>);

test('metrics reach a collector; a secret in a failure is in no span, no metric and no line', async () => {
  await untilTrue(() => isReady || worker.exitCode !== null, LIMIT);
  await using client = await connectHoldfast({ address: temporal.address, namespace: temporal.namespace, taskQueue });
  const workflowId = temporal.unique('job');
  const token = `\${{ secrets.${SECRET} }}`;
  const plan = {
    schemaVersion: 1,
    name: 'leaking',
    workspace: workflowId,
    secrets: [SECRET],
    steps: [
      { id: 'content', use: 'file.write', with: { path: 'a', content: 'between us' } },
      {
        id: 'fails',
        use: 'leak',
        retry: { maxAttempts: 2, initialIntervalMs: 100 },
        with: { how: 'throw-short', token },
      },
    ],
  };
  await client.start(plan as never, { workflowId, knownSteps: [leak.contract] });
  await untilTrue(async () => (await client.questions(workflowId)).length > 0, LIMIT);
  const message = `no: token=«secret ${SECRET}»`;
  const failed = await untilFound(() => lines().find(({ step, error }) => step === 'fails' && error !== undefined));
  assert.ok(String(failed['error']).includes(message), String(failed['error']));
  assert.ok(readFileSync(spansFile, 'utf8').includes(message), 'the tracer writes messages as events of its own');
  await untilTrue(() => sent.some(({ body }) => body.includes('temporal_activity_execution_latency')), LIMIT);
  assert.deepEqual(
    lines()
      .filter(({ sdkComponent }) => sdkComponent === 'core')
      .map(({ level, message: text, target }) => [level, text, String(target).split('::')[0]]),
    [['WARN', 'OTLP metric export failed; metrics may be dropped', 'temporalio_common']],
  );
  assert.deepEqual([...new Set(sent.map(({ path }) => path))], ['/v1/metrics']);
  for (const [where, content] of [
    ['the spans', readFileSync(spansFile)],
    ['the metrics', Buffer.concat(sent.map(({ body }) => body))],
    ['the lines', Buffer.from(printed)],
  ] as const) {
    mustNotHold(where, content);
    assert.ok(!content.includes('between us'), `${where} hold a content`);
  }
  await temporal.client.workflow.getHandle(workflowId).terminate();
});

/** A tracer comes and goes while jobs are under way: what was recorded without one goes on with one, and back. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Client, type WorkflowHandle } from '@temporalio/client';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { OpenTelemetryPlugin } from '@temporalio/interceptors-opentelemetry';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker, type ReplayWorkerOptions } from '@temporalio/worker';
import { Resource } from '@opentelemetry/resources';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { HoldfastPlugin } from '../../src/plugin.ts';
import { contextManager } from '../support/context-manager.ts';
import { untilAsked } from '../support/job-status.ts';
import { testTemporal } from '../support/temporal.ts';

type History = Awaited<ReturnType<WorkflowHandle['fetchHistory']>>;

const source = (path: string): string => new URL(`../../src/${path}`, import.meta.url).pathname;
const folder = new URL('../replay/histories/', import.meta.url).pathname;
const { resolve } = createRequire(import.meta.url);

Runtime.install({ logger: new DefaultLogger('ERROR') });
const temporal = await testTemporal();
const { namespace, connection } = temporal;
const root = mkdtempSync(join(tmpdir(), 'holdfast-traced-replay-'));
const exporter = new InMemorySpanExporter();
const tracer = new OpenTelemetryPlugin({
  resource: new Resource({}),
  spanProcessor: new SimpleSpanProcessor(exporter),
});
new BasicTracerProvider().register({ contextManager });
after(() => rmSync(root, { recursive: true, force: true }));

test('every recorded history replays with a tracer, which names its spans', async () => {
  const workflowBundle = await bundleWorkflowCode({
    workflowsPath: new URL('../replay/own-workflows.ts', import.meta.url).pathname,
    logger: new DefaultLogger('ERROR'),
    // In this order, as a Worker with the tracer's plugin before Holdfast's has them.
    workflowInterceptorModules: [
      resolve('@temporalio/interceptors-opentelemetry/lib/workflow-interceptors'),
      source('workflows/interceptors.ts'),
      source('workflows/trace.ts'),
    ],
    payloadConverterPath: source('codec/payload-converter.ts'),
  });
  // While it replays, a tracer keeps its spans to itself; here they are evidence that it was there.
  const showing = {
    name: 'showing',
    configureReplayWorker(options: ReplayWorkerOptions): ReplayWorkerOptions {
      type OpenTelemetrySinks = { readonly exporter: { readonly export: { callDuringReplay: boolean } } };
      const { exporter: sinks } = options.sinks as unknown as OpenTelemetrySinks;
      sinks.export.callDuringReplay = true;
      return options;
    },
  };
  const histories = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => ({
      // The ids of sub-plans are made of it.
      workflowId: name.replace(/\.json$/, ''),
      history: historyFromJSON(JSON.parse(readFileSync(join(folder, name), 'utf8'))),
    }));
  const failed: string[] = [];
  let replayed = 0;
  for await (const { workflowId, error } of Worker.runReplayHistories(
    { workflowBundle, plugins: [tracer, showing] },
    histories,
  )) {
    replayed += 1;
    if (error !== undefined) failed.push(`${workflowId}: ${error.message}`);
  }
  assert.deepEqual(failed, []);
  assert.equal(replayed, histories.length);
  const names = new Set(exporter.getFinishedSpans().map(({ name }) => name));
  for (const name of ['comparison', 'decision', 'step a', 'undo a', 'release'])
    assert.ok(names.has(name), [...names].join());
});

test('a job goes on where a tracer has come or gone meanwhile, and its history replays with and without', async () => {
  const holdfast = new HoldfastPlugin({ workspaceRoot: root, env: { HOLDFAST_STATE_DIR: join(root, 'state') } });
  const workflowsPath = new URL('../replay/own-workflows.ts', import.meta.url).pathname;
  const logger = new DefaultLogger('ERROR');
  const made = async (plugins: [...OpenTelemetryPlugin[], HoldfastPlugin]): Promise<ReplayWorkerOptions> => ({
    workflowBundle: await bundleWorkflowCode({ workflowsPath, logger, plugins }),
    plugins,
  });
  const traced = await made([tracer, holdfast]);
  const plain = await made([holdfast]);
  const worker = async (options: ReplayWorkerOptions, taskQueue: string): Promise<Worker> =>
    await Worker.create({ ...options, connection: await temporal.nativeConnection(), namespace, taskQueue });
  const steps = [
    { id: 'first', use: 'file.write', with: { path: 'a', content: 'a' } },
    { id: 'second', use: 'file.write', with: { path: 'b', content: 'b' }, needs: ['first'], approval: 'before-apply' },
    { id: 'third', use: 'file.write', with: { path: 'c', content: 'c' }, needs: ['second'] },
  ];
  const histories: { readonly workflowId: string; readonly history: History }[] = [];
  for (const [workflowId, before, after] of [
    ['comes', plain, traced],
    ['goes', traced, plain],
  ] as const) {
    const taskQueue = temporal.unique(workflowId);
    const client = new Client({ connection, namespace, plugins: before === traced ? [tracer, holdfast] : [holdfast] });
    const plan = { schemaVersion: 1, name: workflowId, workspace: workflowId, steps };
    const handle = await client.workflow.start('agentJob', { workflowId, taskQueue, args: [{ plan }] });
    const question = await (await worker(before, taskQueue)).runUntil(() => untilAsked(handle, 30_000));
    const decision = { digest: question.digest, answer: 'approve', by: 'test', reason: 'a test' };
    await handle.signal('decide', decision);
    await (await worker(after, taskQueue)).runUntil(() => handle.result());
    assert.equal(readFileSync(join(root, workflowId, 'b'), 'utf8'), 'b');
    histories.push({ workflowId, history: await handle.fetchHistory() });
  }
  // The tracer was there in each, once behind the approval and once before it.
  const spans = new Set(exporter.getFinishedSpans().map(({ name }) => name));
  for (const name of ['step first', 'step third']) assert.ok(spans.has(name), [...spans].join());
  // The second is requested on both sides of the approval.
  assert.deepEqual(histories.map(tracedActivities), [
    ['second', 'third'],
    ['first', 'second'],
  ]);
  for (const options of [traced, plain])
    for await (const { workflowId, error } of Worker.runReplayHistories(options, histories))
      assert.equal(error, undefined, workflowId);
});

/** The steps whose requests bear what a tracer hands on. */
function tracedActivities({ history: { events } }: { readonly history: History }): readonly string[] {
  const requests = events!.flatMap((event) => event.activityTaskScheduledEventAttributes ?? []);
  const traced = requests.filter(({ header }) => header?.fields?.['_tracer-data'] != null);
  return traced.map(({ activityId }) => String(activityId)).filter((id) => ['first', 'second', 'third'].includes(id));
}

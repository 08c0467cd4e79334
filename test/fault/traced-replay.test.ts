/** A tracer comes and goes while jobs are under way: what was recorded without one replays with one. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { OpenTelemetryPlugin } from '@temporalio/interceptors-opentelemetry';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker, type ReplayWorkerOptions } from '@temporalio/worker';
import { Resource } from '@opentelemetry/resources';
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';

const source = (path: string): string => new URL(`../../src/${path}`, import.meta.url).pathname;
const folder = new URL('../replay/histories/', import.meta.url).pathname;
const { resolve } = createRequire(import.meta.url);

test('every recorded history replays with a tracer, which names its spans', async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
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
  const exporter = new InMemorySpanExporter();
  const tracer = new OpenTelemetryPlugin({
    resource: new Resource({}),
    spanProcessor: new SimpleSpanProcessor(exporter),
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
      workflowId: name,
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

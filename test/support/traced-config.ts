/**
 * A configuration with Temporal's tracer and metrics by OpenTelemetry: spans are lines of JSON in the file SPANS_FILE,
 * metrics go to OTLP_URL. For a worker process.
 */
import { appendFileSync } from 'node:fs';
import { Resource } from '@opentelemetry/resources';
import { BasicTracerProvider, SimpleSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base';
import { OpenTelemetryPlugin } from '@temporalio/interceptors-opentelemetry';
import { defineConfig } from '../../src/index.ts';
import { contextManager } from './context-manager.ts';

const exporter: SpanExporter = {
  export(spans, done) {
    for (const { name, attributes, status, events } of spans)
      appendFileSync(process.env['SPANS_FILE']!, `${JSON.stringify({ name, attributes, status, events })}\n`);
    done({ code: 0 });
  },
  shutdown: () => Promise.resolve(),
};
const resource = new Resource({ 'service.name': 'test' });
const spanProcessor = new SimpleSpanProcessor(exporter);

new BasicTracerProvider({ resource, spanProcessors: [spanProcessor] }).register({ contextManager });

// oxlint-disable-next-line import/no-default-export -- what a configuration is
export default defineConfig({
  steps: [],
  temporal: { plugins: [new OpenTelemetryPlugin({ resource, spanProcessor })] },
  telemetry: { metrics: { otel: { url: process.env['OTLP_URL']!, http: true, metricsExportInterval: '200ms' } } },
  logFormat: 'json',
});

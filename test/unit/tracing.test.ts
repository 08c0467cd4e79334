/** Names and attributes of spans, with OpenTelemetry's own packages. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { context, SpanStatusCode, trace } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { OpenTelemetryActivityInboundInterceptor } from '@temporalio/interceptors-opentelemetry';
import { telling } from '../../src/worker/telling.ts';
import { activeSpan } from '../../src/tracing/active-span.ts';
import { contextManager } from '../support/context-manager.ts';

type ActivityContext = Parameters<typeof telling>[0];

const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });

before(() => provider.register({ contextManager }));

after(() => {
  trace.disable();
  context.disable();
});

const INFO = {
  activityType: 'runStep',
  activityId: 'write',
  attempt: 2,
  inWorkflow: true,
  workflowExecution: { workflowId: 'job', runId: 'run' },
};
const REQUEST = { stepId: 'write', generation: 0, known: { seq: 7 }, input: { content: 'between us' } };

/** An attempt within a tracer's span, and that span. */
async function traced(work: () => Promise<unknown>, info: object = INFO): Promise<ReadableSpan> {
  exporter.reset();
  const given = { info } as ActivityContext;
  const tracer = new OpenTelemetryActivityInboundInterceptor(given as never);
  const { execute } = telling(given).inbound!;
  await tracer.execute({ args: [REQUEST], headers: {} }, (input) => execute!(input, work)).catch(() => undefined);
  const [span] = exporter.getFinishedSpans();
  return span!;
}

function failing(type: string, category?: ApplicationFailureCategory): () => Promise<never> {
  return async () => {
    throw ApplicationFailure.create({ message: 'no', type, ...(category === undefined ? {} : { category }) });
  };
}

test('the active span is the one that the package itself calls so, and none where nobody traces', () => {
  assert.equal(activeSpan(), undefined);
  provider.getTracer('test').startActiveSpan('mine', (span) => {
    assert.equal(activeSpan(), trace.getActiveSpan());
    assert.equal(activeSpan(), span);
    span.end();
  });
});

test("an attempt's span says which step, where in the chain and what came of it, and no content", async () => {
  const done = { kind: 'done', at: { seq: 8 }, output: 'between us' };
  const { name, attributes, status } = await traced(() => Promise.resolve(done));
  assert.equal(name, 'attempt at step write');
  assert.deepEqual(attributes, {
    temporalActivityId: 'write',
    temporalWorkflowId: 'job',
    run_id: 'run',
    'holdfast.job': 'job',
    'holdfast.step': 'write',
    'holdfast.generation': 0,
    'holdfast.seq': 8,
    'holdfast.attempt': 2,
    'holdfast.outcome': 'done',
  });
  assert.equal(status.code, SpanStatusCode.OK);
});

test('an expected failure is no error of a span; another is, by its type', async () => {
  const busy = await traced(failing('busy', ApplicationFailureCategory.BENIGN));
  assert.equal(busy.status.code, SpanStatusCode.UNSET);
  assert.equal(busy.attributes['holdfast.outcome'], 'busy');
  assert.equal(busy.attributes['error.type'], undefined);
  const broken = await traced(failing('storage'));
  assert.equal(broken.status.code, SpanStatusCode.ERROR);
  assert.equal(broken.attributes['error.type'], 'storage');
  const ended = await traced(() => Promise.resolve({ kind: 'failed', type: 'step-failed', message: 'between us' }));
  assert.equal(ended.attributes['error.type'], 'step-failed');
  assert.ok(!JSON.stringify(ended.attributes).includes('between us'));
});

test('an Activity of the program itself keeps its span', async () => {
  const span = await traced(() => Promise.resolve(1), { ...INFO, activityType: 'greet' });
  assert.equal(span.name, 'RunActivity:greet');
});

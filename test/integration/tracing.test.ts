/** A job as one trace: what docs/operations.md shows, followed with the real tracer of Temporal's SDK. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { SpanStatusCode } from '@opentelemetry/api';
import { codeBlocks } from '../support/documented.ts';
import { testTemporal } from '../support/temporal.ts';

const PAGE = 'docs/operations.md';
const temporal = await testTemporal();
const checkout = join(import.meta.dirname, '../..');
const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-tracing-')));
const spansFile = join(root, 'spans');
const env = {
  ...process.env,
  ...temporal.env,
  NODE_OPTIONS: '--conditions=holdfast-source',
  HOLDFAST_STATE_DIR: join(root, 'state'),
  SPANS_FILE: spansFile,
};

/** In place of the two packages of the page that are not installed here: a context manager, and where spans go. */
const STAND_INS = {
  '@opentelemetry/sdk-trace-node': `
import { AsyncLocalStorage } from 'node:async_hooks';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
const storage = new AsyncLocalStorage();
const contextManager = {
  active: () => storage.getStore() ?? ROOT_CONTEXT,
  with: (context, work, thisArg, ...args) => storage.run(context, () => work.apply(thisArg, args)),
  bind: (context, target) => target,
  enable() { return this; },
  disable() { return this; },
};
export class NodeTracerProvider extends BasicTracerProvider {
  register() { super.register({ contextManager }); }
}`,
  '@opentelemetry/exporter-trace-otlp-proto': `
import { appendFileSync } from 'node:fs';
export class OTLPTraceExporter {
  export(spans, done) {
    for (const span of spans) {
      const { name, parentSpanId, attributes, status, startTime } = span;
      const line = { name, id: span.spanContext().spanId, parentSpanId, attributes, status, startTime };
      appendFileSync(process.env.SPANS_FILE, JSON.stringify(line) + '\\n');
    }
    done({ code: 0 });
  }
  async shutdown() {}
}`,
};

interface Span {
  readonly name: string;
  readonly id: string;
  readonly parentSpanId?: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly status: { readonly code: number };
  readonly startTime: readonly [seconds: number, nanoseconds: number];
}

let worker: ChildProcess;

after(async () => {
  if (worker.exitCode === null) {
    worker.kill('SIGTERM');
    await once(worker, 'close');
  }
  rmSync(root, { recursive: true, force: true });
});

function asOnThePage(): void {
  for (const { file, text } of codeBlocks(PAGE)) if (file !== undefined) writeFileSync(join(root, file), text);
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
  const packages = join(root, 'node_modules');
  for (const name of ['holdfast', '@opentelemetry/api', '@opentelemetry/resources', '@opentelemetry/sdk-trace-base']) {
    mkdirSync(dirname(join(packages, name)), { recursive: true });
    symlinkSync(name === 'holdfast' ? checkout : join(checkout, 'node_modules', name), join(packages, name));
  }
  symlinkSync(join(checkout, 'node_modules/@temporalio'), join(packages, '@temporalio'));
  for (const [name, code] of Object.entries(STAND_INS)) {
    mkdirSync(join(packages, name));
    writeFileSync(join(packages, name, 'package.json'), '{"type":"module","main":"index.js"}');
    writeFileSync(join(packages, name, 'index.js'), code);
  }
}

async function run(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (chunk) => (said += String(chunk)));
  const [code] = (await once(child, 'close')) as [number];
  assert.equal(code, 0, said);
  return said;
}

function spans(): readonly Span[] {
  const lines = readFileSync(spansFile, 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Span);
}

/** Each span's name under its parent's, three blanks a floor, in the order in which they began. */
function treeOf(all: readonly Span[], parent?: string, depth = 0): readonly string[] {
  const children = all.filter(({ parentSpanId }) => parentSpanId === parent);
  return children
    .toSorted((a, b) => a.startTime[0] - b.startTime[0] || a.startTime[1] - b.startTime[1])
    .flatMap(({ name, id }) => [`${'   '.repeat(depth)}${name}`, ...treeOf(all, id, depth + 1)]);
}

test('operations, Traces: a job is one trace of job, steps and comparison, begun by the client', async () => {
  asOnThePage();
  worker = spawn(process.execPath, [join(checkout, 'src/cli.ts'), 'worker'], {
    cwd: root,
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = once(worker, 'close');
  // The worker bundles Workflows meanwhile; the job waits for it.
  const said = await Promise.race([run(['start.ts']), ended.then(() => 'the worker has ended')]);
  assert.equal(said, 'completed\n');
  worker.kill('SIGTERM');
  await ended;
  const all = spans();
  const drawn = codeBlocks(PAGE).find(({ text }) => text.startsWith('StartWorkflow:agentJob'));
  assert.deepEqual(
    treeOf(all),
    drawn!.text
      .trimEnd()
      .replaceAll(/[│├└─]/g, ' ')
      .split('\n'),
  );
  const { attributes, status } = all.find(({ name }) => name === 'attempt at step publish')!;
  const { temporalWorkflowId: job } = all[0]!.attributes;
  assert.deepEqual(
    Object.entries(attributes).filter(([name]) => name.startsWith('holdfast.')),
    Object.entries({
      'holdfast.job': job,
      'holdfast.step': 'publish',
      'holdfast.generation': 0,
      'holdfast.seq': 6,
      'holdfast.attempt': 1,
      'holdfast.outcome': 'done',
    }),
  );
  assert.equal(status.code, SpanStatusCode.OK);
  assert.equal(all.find(({ name }) => name === 'job report')!.attributes['holdfast.outcome'], 'completed');
  assert.ok(!JSON.stringify(all).includes('# Report'), 'no content');
});

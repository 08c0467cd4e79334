/** Encrypted jobs on a real server: workers and commands with keys or without, and a step that says what is planted. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { promisify } from 'node:util';
import * as z from 'zod';
import type { WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { connectHoldfast } from '../../src/client.ts';
import { findTemporal } from '../../src/dev-server/find.ts';
import { defined } from '../../src/model/defined.ts';
import { defineStep, implementStep } from '../../src/model/step/step.ts';
import { testBundle } from './bundle.ts';
import { cli, type Ran } from './cli-terminal.ts';
import { workersOfATest, type RunningWorker } from './running-worker.ts';
import { testTemporal } from './temporal.ts';

/** Another worker, or another key, takes its time. */
export const LIMIT_MS = 30_000;
export const OLD = `old:${Buffer.alloc(32, 7).toString('base64')}`;
export const NEW = `new:${Buffer.alloc(32, 9).toString('base64')}`;
/** Stands in everything that a job takes, gives and says. */
export const PLANTED = 'Zanzibar-42';

const run = promisify(execFile);
export const temporal = await testTemporal();
export const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-encryption-')));
let bundle: WorkflowBundleWithSourceMap;
let temporalBin: string;
const startWorker = workersOfATest(temporal);

/** By job and step. */
export const attempts = new Map<string, number>();
/**
 * Fails as often as asked, with the planted word in the message, the stack and a cause; then says it everywhere else.
 */
export const talk = implementStep(
  defineStep({
    name: 'talk',
    input: z.strictObject({ text: z.string(), failures: z.int() }),
    output: z.strictObject({ said: z.string() }),
  }),
  async (ctx, { text, failures }) => {
    const key = `${ctx.jobId}/${ctx.stepId}`;
    const count = (attempts.get(key) ?? 0) + 1;
    attempts.set(key, count);
    ctx.log(`log ${text}`, { text });
    ctx.progress(`progress ${text}`, 0.5);
    if (count <= failures) throw new Error(`message ${text}`, { cause: new Error(`cause ${text}`) });
    await ctx.files.write(`${ctx.stepId}.txt`, text);
    return { said: text };
  },
);
before(async () => {
  const found = await findTemporal({ address: false });
  assert.equal(found.kind, 'executable');
  temporalBin = found.kind === 'executable' ? found.path : '';
  bundle = await testBundle(undefined, { isEncrypted: true });
});

after(() => {
  rmSync(root, { recursive: true, force: true });
});

/** Stops with its test at the latest. */
export async function startWithKeys(taskQueue: string, keys: string | undefined): Promise<RunningWorker> {
  return await startWorker({
    taskQueue,
    root,
    steps: [talk],
    workflowBundle: bundle,
    env: defined({ HOLDFAST_ENCRYPTION_KEYS: keys }),
  });
}
export async function holdfast(keys: string | undefined, ...args: readonly string[]): Promise<Ran> {
  return await cli(args, {
    cwd: root,
    env: { ...temporal.env, NO_COLOR: '1', USER: 'ada', ...defined({ HOLDFAST_ENCRYPTION_KEYS: keys }) },
  });
}

export async function plainTemporal(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(
    temporalBin,
    [...args, '--address', temporal.address, '--namespace', temporal.namespace],
    { env: { ...process.env, TEMPORAL_ADDRESS: undefined }, maxBuffer: 1 << 26 },
  );
  return stdout;
}
export async function start(taskQueue: string, keys: string | undefined, plan: object): Promise<string> {
  const workflowId = temporal.unique('job');
  await using client = await connectHoldfast({
    address: temporal.address,
    namespace: temporal.namespace,
    env: defined({ HOLDFAST_ENCRYPTION_KEYS: keys }),
  });
  await client.start({ schemaVersion: 1, name: 'encrypted', ...plan } as never, {
    workflowId,
    taskQueue,
    knownSteps: [talk.contract] as never,
  });
  return workflowId;
}

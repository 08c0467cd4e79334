/** What is seen of a step with a thousand sub-steps while it runs: by Holdfast's command line and by Temporal's. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import * as z from 'zod';
import { connectHoldfast } from '../../src/client.ts';
import { findTemporal } from '../../src/dev-server/find.ts';
import { defineStep, implementStep } from '../../src/index.ts';
import { cli } from '../support/cli-terminal.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';
import { untilFound } from '../support/until.ts';

const COUNT = 1_000;
const HALF = COUNT / 2;

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-progress-'));
after(() => rmSync(root, { recursive: true, force: true }));

const half = Promise.withResolvers<void>();
const whole = Promise.withResolvers<void>();
const many = defineStep({ name: 'many', input: z.strictObject({}), output: z.any() });
testWorker(temporal, {
  taskQueue,
  root,
  steps: [
    implementStep(many, async (ctx) => {
      for (let index = 0; index < COUNT; index++) {
        if (index === HALF) await half.promise;
        await ctx.step(`file/${index}`, { index }, async (sub) => {
          await sub.files.write(`file-${index}.txt`, `${index}`);
        });
      }
      await whole.promise;
      return {};
    }),
  ],
});

interface Told {
  readonly done: number;
  readonly latest: string;
}

/** As the server has it: what its own command line and its UI show. */
async function toldByTemporal(workflowId: string): Promise<Told | undefined> {
  const found = await findTemporal({ address: false });
  const { stdout } = await promisify(execFile)(
    found.kind === 'executable' ? found.path : '',
    `workflow describe --workflow-id ${workflowId} --output json`.split(' '),
    { env: { ...process.env, ...temporal.env } },
  );
  const described = JSON.parse(stdout) as { pendingActivities: { heartbeatDetails?: { subSteps: Told }[] }[] };
  return described.pendingActivities[0]?.heartbeatDetails?.[0]?.subSteps;
}

test('a step with a thousand sub-steps tells how many are done and names the latest, all the while', async () => {
  await using client = await connectHoldfast({ address: temporal.address, namespace: temporal.namespace, taskQueue });
  const steps = [{ id: 'act', use: 'many', with: {} }];
  const plan = { schemaVersion: 1, name: 'progress', workspace: 'progress', steps };
  const { workflowId } = await client.start(plan as never, {});
  const told: Told[] = [];
  const until = async (done: number): Promise<void> => {
    await untilFound(async () => {
      const [progress] = (await client.status(workflowId)).progress ?? [];
      if (progress?.subSteps !== undefined) told.push(progress.subSteps);
      return progress?.subSteps?.done === done ? done : undefined;
    });
    const latest = `file/${done - 1}`;
    assert.deepEqual(await toldByTemporal(workflowId), { done, latest });
    const env = { TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: temporal.namespace };
    const { out } = await cli(['status', workflowId], { env });
    assert.match(out, new RegExp(`act +running +many · ${counted(done)} sub-steps done, the last ${latest}`));
  };
  await until(HALF);
  half.resolve();
  await until(COUNT);
  for (const [place, { done, latest }] of told.entries()) {
    assert.equal(latest, `file/${done - 1}`, 'the latest is the last of those that are counted');
    assert.ok(done >= (told[place - 1]?.done ?? 0), 'a count never falls');
  }
  whole.resolve();
  assert.equal((await client.result(workflowId, { wait: true })).outcome, 'completed');
});

function counted(done: number): string {
  return done === COUNT ? '1,?000' : String(done);
}

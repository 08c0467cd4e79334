/** `forEach` and `verify: quick` of a plan, on a real server. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as z from 'zod';
import { connectHoldfast } from '../../src/client.ts';
import { defineStep, implementStep } from '../../src/index.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-for-each-'));
after(() => rmSync(root, { recursive: true, force: true }));

const write = defineStep({
  name: 'write',
  input: z.strictObject({ name: z.string(), place: z.int() }),
  output: z.strictObject({ text: z.string() }),
});

testWorker(temporal, {
  taskQueue,
  root,
  steps: [
    implementStep(write, async (ctx, { name, place }) => {
      await ctx.files.write(`${name}.txt`, `${place}`);
      return { text: `${name}${place}` };
    }),
  ],
});

test('each item of a plan’s list runs within one Activity, or as one of its own, as the plan says', async () => {
  await using client = await connectHoldfast({ address: temporal.address, namespace: temporal.namespace, taskQueue });
  const workspace = temporal.unique('each');
  const items = (letter: string): string[] => Array.from({ length: 3 }, (_, index) => `${letter}${index}`);
  const of = { name: '${{ item }}', place: '${{ index }}' };
  const plan = {
    schemaVersion: 1,
    name: 'each',
    workspace,
    verify: 'quick',
    verifyAfterMinutes: 0.0001,
    steps: [
      { id: 'inside', use: 'write', forEach: { items: items('i'), atOnce: 3 }, with: of },
      {
        id: 'apart',
        use: 'write',
        forEach: { items: items('a'), atOnce: 2, within: 'workflow' },
        with: of,
        needs: ['inside'],
      },
      { id: 'quiet', use: 'write', forEach: { items: items('q'), outputs: 'none' }, with: of, needs: ['apart'] },
      { id: 'gate', use: 'wait', with: { seconds: 1 }, needs: ['quiet'] },
      {
        id: 'list',
        use: 'file.write',
        needs: ['gate'],
        with: { path: 'list.txt', content: '${{ steps.apart.output[2].text }}' },
      },
    ],
  };
  const { workflowId } = await client.start(plan as never, { workflowId: workspace });
  const ended = await client.result(workflowId, { wait: true });
  assert.ok(ended.outcome === 'completed', JSON.stringify(ended));
  const { outputs } = ended.result as unknown as { outputs: Record<string, { text: string }[]> };
  assert.deepEqual(
    outputs['inside']!.map(({ text }) => text),
    ['i00', 'i11', 'i22'],
  );
  assert.deepEqual(
    outputs['apart']!.map(({ text }) => text),
    ['a00', 'a11', 'a22'],
  );
  assert.equal(outputs['quiet'], null);
  assert.equal(readFileSync(join(root, workspace, 'list.txt'), 'utf8'), 'a22');
  const { steps } = await client.status(workflowId);
  assert.deepEqual(
    steps.map(({ id, effects }) => [id, effects]),
    [
      ['inside', '3 sub-steps'],
      ['apart#0', '1 file'],
      ['apart#1', '1 file'],
      ['apart#2', '1 file'],
      ['quiet', '3 sub-steps'],
      ['gate', ''],
      ['list', '1 file'],
    ],
  );
  // The comparisons were quick ones: they have noted what they have hashed.
  assert.ok(existsSync(join(root, workspace, '.holdfast/known-files.json')));
});

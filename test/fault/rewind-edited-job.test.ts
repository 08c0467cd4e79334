/**
 * A person edits a file in the moment in which a rewind is carried out, and no step that runs again comes to it: the
 * job asks about it all the same, and goes on by the answer.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as z from 'zod';
import { defineStep, implementStep } from '../../src/model/step/step.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { onceAt } from '../support/fault-hook.ts';
import { untilStatus } from '../support/job-status.ts';
import { chainOf } from '../support/ledger.ts';
import { servedJobs } from '../support/served-jobs.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
after(() => setFaultHook(undefined));
const first = defineStep({ name: 'first', input: z.object({}), output: z.object({}) });
const steps = [
  implementStep(first, async (ctx) => {
    if (ctx.generation === 0) await ctx.files.write('once.txt', 'by the first generation alone\n');
    return {};
  }),
];
const { root, client, startPlan } = servedJobs(temporal, 'rewind-edited', { steps });
const WHO = { by: 'ada', reason: 'the second one was wrong' };
const EDIT = 'a person, in between\n';

test('a file that is edited while a rewind is carried out is asked about, though no step writes it again', async () => {
  const handle = await startPlan({
    schemaVersion: 1,
    name: 'edited',
    workspace: 'edited',
    steps: [
      { id: 'a', use: 'file.write', with: { path: 'a.txt', content: 'a' } },
      { id: 'b', use: 'first', needs: ['a'] },
      { id: 'c', use: 'wait', with: { seconds: 600 }, needs: ['b'] },
    ],
  });
  const { jobId } = await untilStatus(handle, ({ steps: all }) => all.some(({ id }) => id === 'c'));
  const [, afterA] = chainOf(join(root, 'edited'), jobId).filter(({ kind }) => kind === 'checkpoint');
  const file = join(root, 'edited', 'once.txt');
  onceAt('repair.sealed-after', () => writeFileSync(file, EDIT));
  const { done } = await client.rewind(handle.workflowId, { to: afterA!.seq, ...WHO });
  assert.match(done.join('\n'), /step b: file:once\.txt could not be undone/);
  const asked = await untilStatus(handle, ({ questions }) =>
    questions.some(({ findings }) => findings.some(({ resource }) => resource === 'file:once.txt')),
  );
  assert.equal(readFileSync(file, 'utf8'), EDIT);
  await client.decide(handle.workflowId, { digest: asked.questions[0]!.digest, answer: 'accept', ...WHO });
  await untilStatus(handle, ({ questions, state }) => questions.length === 0 && state === 'running');
  assert.equal(readFileSync(file, 'utf8'), EDIT);
  await handle.terminate();
});

/** The command line where the job of a sub-plan asks: whoever looks at the job around it is led there. */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { JobListing, JobResult } from '../../src/client.ts';
import { holdfast, root, taskQueue, temporal } from '../support/cli-jobs.ts';
import { until, untilTrue } from '../support/until.ts';

const OUTER = `schemaVersion: 1
name: outer
workspace: unused
steps:
  - id: part
    use: plan.run
    workspace: part
    plan:
      schemaVersion: 1
      name: inner
      workspace: unused
      steps:
        - id: deep
          use: plan.run
          workspace: deep
          plan:
            schemaVersion: 1
            name: deepest
            workspace: unused
            steps:
              - { id: text, use: file.write, approval: before-apply, with: { path: text.md, content: x } }
`;

test('a question of a sub-plan stops `start --wait`, and every command leads to it', { timeout: 90_000 }, async (t) => {
  writeFileSync(join(root, 'outer.yaml'), OUTER);
  const job = temporal.unique('outer');
  const started = await holdfast(['start', 'outer.yaml', '--wait', '--id', job, '--workspace', job, '-q', taskQueue]);
  const asking = /\S+\.part\.[0-9a-f]{12}\.deep\.[0-9a-f]{12}/.exec(started.out)?.[0] ?? '';
  assert.ok(asking.startsWith(`${job}.`), started.out);

  await t.test('start --wait ends with 3 and shows the question and where to answer it', () => {
    assert.equal(started.code, 3);
    assert.match(started.out, new RegExp(`^Job ${job} waits for a person\\.\n`));
    assert.match(started.out, /part › deep: job .*, waiting: it asks 1 question\n {4}Question [0-9a-f]{12}: /);
    assert.ok(started.out.includes(`decide:  holdfast decide ${asking}`), started.out);
    assert.match(started.err, new RegExp(`^\\? question [0-9a-f]{12} of sub-plan part › deep: .* ${asking}$`, 'm'));
  });

  await t.test('status, question and result say the same, with 3', async () => {
    for (const command of ['status', 'question', 'result']) {
      const { code, out } = await holdfast([command, job]);
      assert.equal(code, 3, command);
      assert.ok(out.includes(`decide:  holdfast decide ${asking}`), out);
    }
    const result = (await holdfast(['result', job, '--json'])).json<Extract<JobResult, { outcome: 'running' }>>();
    assert.deepEqual(
      result.subPlans?.map((sub) => [sub.job, sub.questions?.length]),
      [[asking, 1]],
    );
    assert.deepEqual(result.questions, []);
    assert.match((await holdfast(['question', job])).out, new RegExp(`^Job ${job} asks nothing itself\\.\n`));
  });

  await t.test('list names the job that asks beside those around it', async () => {
    const listing = await until(
      async () => (await holdfast(['list', '--json', '--limit', '1000'])).json<JobListing>(),
      ({ jobs }) => jobs.some(({ workflowId, state }) => workflowId === asking && state === 'waiting'),
    );
    const told = listing.jobs.filter(({ askingWithin }) => askingWithin?.includes(asking));
    const around = asking.slice(0, asking.indexOf('.deep.'));
    assert.deepEqual(told.map(({ workflowId }) => workflowId).toSorted(), [job, around].toSorted());
    assert.equal(listing.jobs.find(({ workflowId }) => workflowId === asking)?.parent, around);
    assert.ok((await holdfast(['list'])).out.includes(`a person, asked by job ${asking}`));
  });

  await t.test('an answer to the job around it is refused with whose question it is', async () => {
    const refused = await holdfast(['decide', job, 'approve', '--reason', 'tested']);
    assert.equal(refused.code, 2);
    assert.match(refused.err, new RegExp(`no open question of its own.* ${asking}, asks 1 question`));
    assert.ok(refused.err.includes(`holdfast decide ${asking}`), refused.err);
  });

  await t.test('once it is answered the job ends', async () => {
    assert.equal((await holdfast(['decide', asking, 'approve', '--reason', 'tested'])).code, 0);
    assert.equal((await holdfast(['result', job, '--wait'])).code, 0);
    assert.ok(existsSync(join(root, job, 'part/deep/text.md')));
    await untilTrue(
      async () =>
        (await holdfast(['list', '--json', '--limit', '1000']))
          .json<JobListing>()
          .jobs.every(({ askingWithin }) => !askingWithin?.includes(asking)),
      { what: 'nothing is told to ask any more' },
    );
  });
});

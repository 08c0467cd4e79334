/** Plans within plans on a real server: what they return, and rounds of them. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { openTestJob } from '../../src/testing.ts';
import { statusOf, untilStatus } from '../support/job-status.ts';
import { servedJobs } from '../support/served-jobs.ts';
import { chapter, startBook, type StartedBook } from '../support/sub-plans.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const jobs = servedJobs(temporal, 'sub-plan');

async function start(steps: readonly object[], state: object = {}): Promise<StartedBook> {
  return await startBook(jobs, temporal.unique('book'), { state, steps });
}

test('a sub-plan runs as a job of its own in its folder, and what it returns is the output of its step', async () => {
  const job = await start([
    { id: 'one', use: 'plan.run', plan: chapter, workspace: 'chapters/one', with: { title: 'One' } },
    {
      id: 'index',
      use: 'file.write',
      with: { path: 'index.md', content: '${{ steps.one.output.outputs.write.path }}' },
    },
  ]);
  const result = (await job.handle.result()) as { readonly outputs: Record<string, unknown> };
  assert.deepEqual((result.outputs['one'] as { readonly state: unknown }).state, { titles: ['text.md'] });
  assert.equal(readFileSync(job.at('chapters/one/text.md'), 'utf8'), '# One');
  assert.equal(readFileSync(job.at('index.md'), 'utf8'), 'text.md');
  assert.ok(existsSync(job.at('chapters/one/.holdfast')));
});

/** Two steps that are repeated together: one writes, the next says what that is worth. */
const round = {
  schemaVersion: 1,
  name: 'round',
  workspace: 'unused',
  input: {
    type: 'object',
    properties: { before: { anyOf: [{ type: 'array' }, { type: 'null' }] }, round: { type: 'integer' } },
    required: ['round'],
  },
  state: { rounds: { reducer: 'append' } },
  steps: [
    {
      id: 'draft',
      use: 'file.write',
      with: { path: 'draft-${{ input.round }}.md', content: 'round ${{ input.round }}' },
      state: { rounds: '${{ output.sizeBytes }}' },
    },
    { id: 'check', use: 'file.copy', needs: ['draft'], with: { from: 'draft-${{ input.round }}.md', to: 'best.md' } },
  ],
};

test('several steps are repeated as rounds of a sub-plan, each given what the one before returned', async () => {
  const job = await start(
    [
      {
        id: 'better',
        use: 'plan.run',
        plan: round,
        workspace: 'better',
        with: { before: '${{ previous.state.rounds }}', round: '${{ round }}' },
        until: { eq: ['${{ output.outputs.draft.path }}', 'draft-3.md'] },
        maxRounds: 5,
        state: { rounds: '${{ output.outputs.check.sizeBytes }}' },
      },
    ],
    { rounds: { reducer: 'append' } },
  );
  const ended = await untilStatus(job.handle, ({ state }) => state === 'completed' || state === 'waiting');
  assert.deepEqual(ended.questions, []);
  const result = (await job.handle.result()) as { readonly state: unknown };
  assert.deepEqual(result.state, { rounds: [7, 7, 7] });
  assert.equal(readFileSync(job.at('better/best.md'), 'utf8'), 'round 3');
  const ids = (await statusOf(job.handle)).steps.map(({ id }) => id);
  assert.deepEqual(ids, ['better#1/job', 'better#1', 'better#2/job', 'better#2', 'better#3/job', 'better#3']);
});

test('a test job refuses a plan that runs another one', async () => {
  await using job = openTestJob();
  const plan = {
    schemaVersion: 1,
    name: 'p',
    workspace: 'w',
    steps: [{ id: 'one', use: 'plan.run', plan: chapter, with: { title: 'T' } }],
  };
  await assert.rejects(job.runPlan(plan), /runs another one in step "one". Expected a plan without plan.run/);
});

/** What a plan says of its record and its checkpoints holds once its job has ended on a server. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import { collectBelow, type GcReport } from '../../src/protocol/retention/gc.ts';
import { openStore } from '../../src/store/sealed/open-store.ts';
import { agentJob } from '../../src/workflows/agent-job.ts';
import { decision } from '../replay/scenario.ts';
import { cli } from '../support/cli-terminal.ts';
import { untilStatus } from '../support/job-status.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-gc-job-'));
const env = { CHECKPOINTS: join(root, 'stored'), ARCHIVES: join(root, 'archives') };
testWorker(temporal, { taskQueue, root, env });
after(() => rmSync(root, { recursive: true, force: true }));

const IDS = ['a', 'b', 'c', 'd', 'e', 'f'];
const planOf = (workspace: string): object => ({
  schemaVersion: 1,
  name: 'notes',
  workspace,
  retention: { days: 1, jobs: 1, archive: '${{ env.ARCHIVES }}' },
  checkpoint: { store: '${{ env.CHECKPOINTS }}', keep: 4 },
  steps: IDS.map((id, index) => ({
    id,
    use: 'file.write',
    with: { path: `${id}.txt`, content: id.repeat(9_000) },
    needs: index === 0 ? [] : [IDS[index - 1]!],
  })),
});

test('of the jobs of a plan the latest stays, the other is archived; each keeps its latest checkpoints', async () => {
  const ids: string[] = [];
  for (const workspace of ['first', 'second']) {
    const workflowId = temporal.unique('job');
    const args = [{ plan: planOf(workspace) as never }] as const;
    const handle = await temporal.client.workflow.start(agentJob, { workflowId, taskQueue, args: [...args] });
    await handle.result();
    ids.push(workflowId);
  }
  assert.deepEqual((await collectBelow(root, { env, dryRun: false })).retired, [], 'a day has not passed');
  const report = await cli(['gc', root, '--json', '--dry-run'], { env });
  assert.equal(report.code, 0, report.err);
  const { retired, problems } = await collectBelow(root, { env, dryRun: false, nowMs: Date.now() + 2 * 86_400_000 });
  assert.deepEqual(problems, []);
  assert.deepEqual(
    retired.map(({ workflowId }) => workflowId),
    [ids[0]],
  );
  assert.ok(retired[0]!.archive!.startsWith(env.ARCHIVES) && existsSync(retired[0]!.archive!));
  assert.match((await cli(['log', retired[0]!.archive!], {})).out, /step f/);
  const store = openStore(env.CHECKPOINTS);
  for (const series of await store.series()) {
    const { length } = await store.generations(series);
    assert.ok(length >= (series.startsWith(ids[0]!) ? 3 : 4) && length <= 7, `${series}: ${length}`);
  }
  await store.close();
});

test('a terminated job is named with how to end it; once the next job has taken over, its record goes', async () => {
  const ended = join(root, 'ended');
  const start = async (plan: object): Promise<WorkflowHandle> =>
    await temporal.client.workflow.start('agentJob', {
      workflowId: temporal.unique('job'),
      taskQueue,
      args: [{ plan, workspace: 'ended' }],
    });
  const pause = { id: 'pause', use: 'wait', with: { seconds: 600 }, needs: ['f'] };
  const { steps, ...plan } = planOf('ended') as { steps: object[] };
  const first = await start({ ...plan, steps: [...steps, pause] });
  await untilStatus(first, (status) => status.steps.some(({ id, state }) => id === 'f' && state === 'done'));
  await first.terminate('the test says so');
  const gc = async (days: number): Promise<GcReport> =>
    await collectBelow(ended, { env, dryRun: false, nowMs: Date.now() + days * 86_400_000 });
  assert.match((await gc(0)).passedOver[0]!.why, /has the workspace$/, 'it may be at work');
  const [{ why }] = (await gc(2)).passedOver as [GcReport['passedOver'][number]];
  assert.ok(why.includes(`If it was terminated (\`holdfast status ${first.workflowId}\` tells)`), why);
  assert.ok(why.includes(`\`holdfast start PLAN --workspace ${ended}\``), why);
  const second = await start({
    ...plan,
    steps: [{ id: 'mine', use: 'file.write', with: { path: 'm', content: 'm' } }],
  });
  const [question] = (await untilStatus(second, ({ questions }) => questions.length > 0)).questions;
  await second.executeUpdate('decide', { args: [decision(question!.digest, 'accept')] });
  await second.result();
  const { retired, problems } = await gc(2);
  assert.deepEqual(problems, []);
  assert.deepEqual(
    retired.map(({ workflowId, outcome }) => [workflowId, outcome]),
    [[first.workflowId, 'taken-over']],
  );
});

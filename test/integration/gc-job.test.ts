/** What a plan says of its record and its checkpoints holds once its job has ended on a server. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { collectBelow } from '../../src/protocol/retention/gc.ts';
import { openStore } from '../../src/store/sealed/open-store.ts';
import { agentJob } from '../../src/workflows/agent-job.ts';
import { cli } from '../support/cli-terminal.ts';
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

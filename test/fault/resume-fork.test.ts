/**
 * The server is deleted, and with it all that it knew of a fork: its folder and databases are not in the store, so that
 * whoever resumes it gives them. It goes on as itself, and the job that it was forked from stays as it is.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { makeFork } from '../../src/fork/make-fork.ts';
import { cli } from '../support/cli-terminal.ts';
import { fingerprint } from '../support/forked-job.ts';
import { untilAsked } from '../support/job-status.ts';
import { LostCluster, QUEUE } from '../support/lost-cluster.ts';
import { checkpointsIn } from '../support/noting-jobs.ts';
import { sqliteRows, sqliteScript } from '../support/sqlite.ts';

const WHO = { by: 'ada@example.com', reason: 'the cluster is gone' };
const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-lost-fork-')));
after(() => rmSync(root, { recursive: true, force: true }));

const row = (id: number, needs: string): object => ({
  id: `row-${id}`,
  use: 'db.upsert',
  with: { database: 'main', table: 'note', rows: [{ id, text: `${id}` }] },
  needs: [needs],
});

function planOf(workspace: string): object {
  return {
    schemaVersion: 1,
    name: 'notes',
    workspace,
    checkpoint: { store: 'stored' },
    databases: { main: { url: '${{ env.MAIN }}' } },
    state: { seen: { reducer: 'append' } },
    steps: [
      { id: 'a', use: 'file.write', with: { path: 'in/a.txt', content: 'a\n' }, state: { seen: 'a' } },
      row(1, 'a'),
      { ...row(2, 'row-1'), state: { seen: 'row-2' } },
      {
        id: 'c',
        use: 'file.copy',
        needs: ['row-2'],
        approval: 'before-apply',
        with: { from: 'in/a.txt', to: 'c.txt' },
        state: { seen: 'c' },
      },
    ],
  };
}

async function told(folder: string): Promise<readonly string[]> {
  return (await checkpointsIn(folder)).map(({ source, step }) => `${source} ${step}`);
}

for (const where of ['its own folder', 'a new folder'] as const)
  test(`a fork is resumed in ${where}, once it is said where it works`, async () => {
    const name = where.replaceAll(' ', '-');
    const [kept, copied] = [join(root, `${name}-kept.db`), join(root, `${name}-copied.db`)];
    const env = { MAIN: `sqlite:${kept}`, COPY: `sqlite:${copied}` };
    sqliteScript(kept, 'CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)');
    mkdirSync(join(root, name));
    const first = await LostCluster.start({ root, env });
    const original = await first.client.workflow.start('agentJob', {
      workflowId: `job-${name}`,
      taskQueue: QUEUE,
      args: [{ plan: planOf(name) }],
    });
    await untilAsked(original);
    const [, , afterRow] = await checkpointsIn(join(root, name));
    const folder = join(root, `${name}-fork`);
    const databases = { main: '${{ env.COPY }}' };
    const made = await makeFork(join(root, name), { at: afterRow!.seq, workspace: folder, databases, ...WHO }, env);
    const { workflowId } = await first.holdfast.startFork(made.fork);
    await untilAsked(first.client.workflow.getHandle(workflowId));
    await first.lose();
    const before = fingerprint(join(root, name));
    const checkpoints = await told(folder);

    const second = await LostCluster.start({ root, env });
    try {
      const from = `${join(root, 'stored')}/${workflowId}`;
      const without = await cli(['resume', '--from', from, '--reason', 'lost', '--address', second.address], { env });
      assert.equal(without.code, 2, without.out);
      assert.match(without.err, /is a fork of job-.*--workspace FOLDER, --database main='\$\{\{ env\.NAME \}\}'/s);
      const again = where === 'its own folder' ? folder : join(root, `${name}-again`);
      const resume = ['resume', '--from', from, '--reason', 'lost', '--task-queue', QUEUE, '--address', second.address];
      const ran = await cli([...resume, '--workspace', again, '--database', 'main=${{ env.COPY }}'], { env });
      assert.equal(ran.code, 0, ran.err);
      const resumed = second.client.workflow.getHandle(workflowId);
      const { kind, stepId, digest } = await untilAsked(resumed, 30_000);
      assert.deepEqual([kind, stepId], ['approval', 'c']);
      await second.holdfast.decide(workflowId, { answer: 'approve', ...WHO, digest });
      const { state } = (await resumed.result()) as { readonly state: unknown };
      assert.deepEqual(state, { seen: ['a', 'row-2', 'c'] });
      for (const path of ['in/a.txt', 'c.txt']) assert.equal(readFileSync(join(again, path), 'utf8'), 'a\n');
      assert.deepEqual(sqliteRows(copied, 'SELECT id FROM note ORDER BY id'), [{ id: 1 }, { id: 2 }]);
      // It begins again at its beginning, where the other job's checkpoints are in its record; its own follow anew.
      assert.deepEqual(await told(again), [...checkpoints, 'loop 2', 'loop 3']);
      assert.deepEqual(fingerprint(join(root, name)), before);
    } finally {
      await second.end();
    }
  });

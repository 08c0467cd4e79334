/** A Run is told a bounded number of generations; of others it hears with its request, and never of a void result. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { recallProtocol } from '../../src/protocol/step/recall.ts';
import { Workspaces } from '../../src/protocol/workspace/workspaces.ts';
import { chainOf } from '../support/ledger.ts';
import { checkpointsOf, firstHalf, makeWorld, openRewoundJob, secondHalf, worldOf } from '../support/rewound-job.ts';

function accountIn(workspace: string): unknown {
  return (worldOf(workspace) as { readonly tables: { readonly rows: { readonly account: unknown } } }).tables.rows
    .account;
}

test('without the generations of steps that run again, no result of theirs is recalled; they run once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-generations-'));
  const job = openRewoundJob({ workspace: makeWorld(folder) });
  await firstHalf(job);
  await secondHalf(job);
  const done = accountIn(job.workspace);
  const result = await job.rewind({ to: checkpointsOf(job)[1]! });
  assert.ok(result.kind === 'repaired', JSON.stringify(result));
  const { jobId, memory, workspace } = job;
  await job.close();
  const workspaces = new Workspaces(workspace, {});
  const { results } = await recallProtocol({} as never, workspaces, { signal: new AbortController().signal } as never, {
    jobId,
    workspace,
    known: memory.known,
    after: 0,
  });
  await workspaces.close();
  assert.deepEqual(
    results.map(({ stepId, generation }) => [stepId, generation]),
    [['first', 0]],
  );
  assert.deepEqual(memory.generations, { second: 1, add: 1, make: 1 });
  const next = openRewoundJob({ workspace, memory: { ...memory, generations: {} } });
  await secondHalf(next);
  assert.deepEqual(accountIn(workspace), done, 'a statement is made once more, since it was undone once');
  const ran = chainOf(workspace, jobId).flatMap((one) =>
    one.kind === 'step' ? [`${one.stepId}${one.generation}`] : [],
  );
  assert.deepEqual(ran, ['first0', 'second0', 'add0', 'make0', 'second1', 'add1', 'make1']);
  await next.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A saga that is aborted after any of its steps, without a Temporal server: on SQLite and on PostgreSQL. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { openTestJob, type TestJob } from '../../src/testing.ts';
import { chainOf } from './ledger.ts';
import { callsOf, prepareSagaWorld, SAGA, sagaSteps, worldOf, type SagaPlaces } from './saga.ts';
import type { testUndoJobs } from './undo-jobs.ts';

function openSaga(places: SagaPlaces): TestJob {
  return openTestJob({
    workspace: places.workspace,
    steps: sagaSteps(places),
    databases: { main: '${{ env.DATABASE_URL }}' },
    env: { DATABASE_URL: places.databaseUrl },
    http: { hosts: [places.url] },
  });
}

async function runSaga(job: TestJob, count: number): Promise<void> {
  for (const { contract, input } of SAGA.slice(0, count)) await job.step(contract, input as never);
}

/**
 * Fails where a saga that is aborted after some step leaves anything, or compensates a call twice or not at all.
 *
 * @param databaseUrl of a database that nothing is in yet, for a job in that workspace
 */
export async function abortedSagas(
  jobs: ReturnType<typeof testUndoJobs>,
  databaseUrl: (workspace: string) => string | Promise<string>,
): Promise<void> {
  for (let count = 1; count <= SAGA.length; count++) {
    const workspace = join(jobs.root, `after-${count}`);
    const places = { workspace, url: jobs.server.url, databaseUrl: await databaseUrl(workspace) };
    await prepareSagaWorld(places);
    const before = await worldOf(places);
    await using job = openSaga(places);
    const asked = jobs.server.requests.length;
    await runSaga(job, count);
    assert.notDeepEqual(await worldOf(places), before);
    const report = await job.undo();
    assert.deepEqual(await worldOf(places), before, `after ${count} steps`);
    assert.deepEqual(report.left, []);
    assert.deepEqual(
      jobs.server.requests.slice(asked).map(({ path }) => path),
      callsOf(count),
    );
    const undone = chainOf(job.workspace, job.jobId).flatMap((record) =>
      record.kind === 'undone' ? [record.stepId] : [],
    );
    assert.deepEqual(
      undone,
      SAGA.slice(0, count)
        .map(({ contract }) => contract.name)
        .reverse(),
      'newest first',
    );
  }
}

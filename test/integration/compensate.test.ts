/** `abort` with `compensate`, without a Temporal server: what a job did is undone, newest first, and nothing else. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { openTestJob, QuestionAsked, type TestJob } from '../../src/testing.ts';
import type { Question } from '../../src/model/question.ts';
import { CountingServer } from '../support/counting-server.ts';
import { chainOf } from '../support/ledger.ts';
import { testPostgres } from '../support/postgres.ts';
import { prepareSagaWorld, SAGA, sagaSteps, worldOf, type SagaPlaces } from '../support/saga.ts';

const postgres = await testPostgres();

let server: CountingServer;
let root: string;

beforeEach(async () => {
  server = await CountingServer.start();
  root = mkdtempSync(join(tmpdir(), 'holdfast-undo-'));
});

afterEach(async () => {
  await server.close();
  rmSync(root, { recursive: true, force: true });
});

async function placesOf(name: string, dialect: 'SQLite' | 'PostgreSQL' = 'SQLite'): Promise<SagaPlaces> {
  const workspace = join(root, name);
  return { workspace, url: server.url, databaseUrl: dialect === 'SQLite' ? `sqlite:${workspace}/db/main.db` : await postgres.database() };
}

function openSaga(places: SagaPlaces, more: Partial<Parameters<typeof openTestJob>[0]> = {}): TestJob {
  return openTestJob({ workspace: places.workspace, steps: sagaSteps(places), databases: { main: '${{ env.DATABASE_URL }}' }, env: { DATABASE_URL: places.databaseUrl }, ...more });
}

async function runSaga(job: TestJob, count = SAGA.length): Promise<void> {
  for (const { contract, input } of SAGA.slice(0, count)) await job.step(contract, input as never);
}

async function questionFrom(work: Promise<unknown>): Promise<Question> {
  const outcome = await work.then((output) => `no question but ${JSON.stringify(output)}`, (error: unknown) => error);
  assert.ok(outcome instanceof QuestionAsked, outcome instanceof Error ? outcome.stack : String(outcome));
  return outcome.question;
}

for (const dialect of ['SQLite', 'PostgreSQL'] as const) {
  test(`${dialect}: a saga aborted after each of its steps leaves the world as it was, byte for byte; each call is compensated once`, async () => {
    for (let count = 1; count <= SAGA.length; count++) {
      const places = await placesOf(`after-${count}-${dialect}`, dialect);
      await prepareSagaWorld(places);
      const before = await worldOf(places);
      await using job = openSaga(places);
      const asked = server.requests.length;
      await runSaga(job, count);
      assert.notDeepEqual(await worldOf(places), before);
      const report = await job.undo();
      assert.deepEqual(await worldOf(places), before, `after ${count} steps`);
      assert.deepEqual(report.left, []);
      const paid = SAGA.slice(0, count).some(({ contract }) => contract.name === 'paying');
      assert.deepEqual(server.requests.slice(asked).map(({ path }) => path), paid ? ['/charge', '/refund'] : []);
      const undone = chainOf(job.workspace, job.jobId).flatMap((record) => (record.kind === 'undone' ? [record.stepId] : []));
      assert.deepEqual(undone, SAGA.slice(0, count).map(({ contract }) => contract.name).reverse(), 'newest first');
    }
  });
}

test('a question', async () => {
  void questionFrom;
  await Promise.resolve();
});

/**
 * A recorded SQLite file is gone: a step, a comparison or a worker that starts says so, and makes no empty file in its
 * place.
 */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { openDatabase } from '../../src/effects/database/open.ts';
import { dbSqlStep, dbUpsertStep } from '../../src/model/step/built-in/database.ts';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import { isFailure } from '../../src/model/failure.ts';
import { openTestJob, type TestJob } from '../../src/testing.ts';
import { readLedger } from '../support/ledger.ts';
import { questionFrom } from '../support/questions.ts';

const databases = { main: 'sqlite:data/main.db' };
let workspace: string;
let job: TestJob;

beforeEach(async () => {
  workspace = mkdtempSync(join(tmpdir(), 'holdfast-gone-'));
  job = openTestJob({ workspace, databases });
  await job.step(
    dbSqlStep,
    { database: 'main', sql: 'CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)', writes: ['note'] },
    { stepId: 'table' },
  );
  await job.step(fileWriteStep, { path: 'a.txt', content: 'ours\n' }, { stepId: 'file' });
});

afterEach(async () => {
  await job.close();
  rmSync(workspace, { recursive: true, force: true });
});

const file = (): string => join(workspace, 'data/main.db');

/** The job's worker ends, the database file is removed, and another worker starts. */
async function startAgain(): Promise<void> {
  await job.close();
  renameSync(file(), join(workspace, 'away.db'));
  job = openTestJob({ workspace, databases, resume: job.memory, workerId: 'its successor' });
}

test('a step finds that the database has gone, also while its worker runs', async () => {
  renameSync(file(), join(workspace, 'away.db'));
  const write = (): Promise<unknown> =>
    job.step(dbUpsertStep, { database: 'main', table: 'note', rows: [{ id: 1, text: 'x' }] }, { stepId: 'row' });
  await assert.rejects(write(), (error) => isFailure(error, 'storage-unreachable'));
  assert.equal(existsSync(file()), false);
  renameSync(join(workspace, 'away.db'), file());
  await write();
});

test('a comparison says that the database has gone; nothing goes on until it is back', async () => {
  await startAgain();
  const question = await questionFrom(
    job.step(fileWriteStep, { path: 'b.txt', content: 'ours\n' }, { stepId: 'next' }),
  );
  const finding = question.findings.find(({ resource }) => resource === 'database:main');
  assert.deepEqual([finding?.kind, finding?.answers], ['unreachable', ['recheck', 'abort']]);
  assert.match(finding?.found.text ?? '', /its file .*main\.db is gone/);
  assert.equal(existsSync(file()), false);
  renameSync(join(workspace, 'away.db'), file());
  await job.step(fileWriteStep, { path: 'b.txt', content: 'ours\n' }, { stepId: 'next' });
});

test('a job that a worker ends at its start keeps its workspace while the database has gone', async () => {
  await startAgain();
  await job.release('cancelled');
  assert.equal(existsSync(file()), false);
  assert.equal(
    readLedger(workspace, (ledger) => ledger.boundJobId()),
    job.jobId,
  );
  renameSync(join(workspace, 'away.db'), file());
  await job.release('cancelled');
  assert.equal(
    readLedger(workspace, (ledger) => ledger.boundJobId()),
    undefined,
  );
});

test('a decision that a worker carries out at its start does not make the database anew', async () => {
  writeFileSync(join(workspace, 'a.txt'), 'edited\n');
  const result = await job.verify();
  assert.ok(result.kind === 'question');
  await startAgain();
  await assert.rejects(
    job.decide(result.question, { answer: 'accept' }),
    (error) => isFailure(error, 'storage-unreachable') && /main\.db/.test(String(error)),
  );
  assert.equal(existsSync(file()), false);
  renameSync(join(workspace, 'away.db'), file());
  assert.equal((await job.decide(result.question, { answer: 'accept' })).kind, 'repaired');
});

test('a database put back to before the last comparison of a new Run is told by its fence row alone', async () => {
  const { memory } = job;
  await job.close();
  copyFileSync(file(), join(workspace, 'backup.db'));
  job = openTestJob({
    workspace,
    databases,
    resume: { ...memory, base: memory.known },
    runId: 'run-2',
    workerId: 'of another Run',
  });
  assert.equal((await job.verify('first-of-run')).kind, 'verified');
  await job.close();
  // Rows, schemas and tokens are equal, as nothing was written since: only the term was raised.
  renameSync(join(workspace, 'backup.db'), file());
  job = openTestJob({ workspace, databases, resume: job.memory, workerId: 'its successor' });
  const question = await questionFrom(
    job.step(fileWriteStep, { path: 'b.txt', content: 'ours\n' }, { stepId: 'next' }),
  );
  assert.deepEqual(
    question.findings.map(({ resource, kind, found }) => [resource, kind, found.text]),
    [['database:main', 'database-restored', 'term 1 of this job']],
  );
  assert.equal((await job.decide(question, { answer: 'accept' })).kind, 'repaired');
  await job.step(fileWriteStep, { path: 'b.txt', content: 'ours\n' }, { stepId: 'next' });
});

test('a database that was opened before anything was recorded of it is not created once something is', async () => {
  let isRecorded = false;
  const place = join(workspace, 'other.db');
  const database = await openDatabase(
    { name: 'other', url: `sqlite:${place}` },
    { workspaceRoot: workspace, create: () => !isRecorded },
  );
  try {
    assert.deepEqual(await database.schema('note'), { kind: 'absent' });
    isRecorded = true;
    await assert.rejects(
      database.ensureHoldfastTables(),
      (error) => isFailure(error, 'storage-unreachable') && /is not there/.test(String(error)),
    );
    await assert.rejects(database.begin({ lockTimeoutMs: 100, statementTimeoutMs: 100, idleTimeoutMs: 100 }), (error) =>
      isFailure(error, 'storage-unreachable'),
    );
    assert.equal(existsSync(place), false);
  } finally {
    await database.close();
  }
});

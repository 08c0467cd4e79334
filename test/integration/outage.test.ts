/** An outage of seconds is waited for; a person is asked about one that lasts, and at once who waits for the answer. */
import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { dbSqlStep } from '../../src/model/step/built-in/database.ts';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import { openTestJob, QuestionAsked, type TestJob } from '../../src/testing.ts';

const databases = { main: 'sqlite:main.db' };

let workspace: string;
let job: TestJob;

/** The job of a worker that comes back while its database is away. */
beforeEach(async () => {
  workspace = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-outage-')));
  const first = openTestJob({ workspace, databases });
  await first.step(dbSqlStep, {
    database: 'main',
    sql: 'CREATE TABLE note (id INTEGER PRIMARY KEY)',
    writes: ['note'],
  });
  await first.close();
  job = openTestJob({ workspace, databases, resume: first.memory, workerId: 'second', outagePatienceMs: 1_500 });
  renameSync(join(workspace, 'main.db'), join(workspace, 'away'));
});

afterEach(async () => {
  await job.close();
  rmSync(workspace, { recursive: true, force: true });
});

const comeBack = (): void => renameSync(join(workspace, 'away'), join(workspace, 'main.db'));
const write = (): Promise<unknown> => job.step(fileWriteStep, { path: 'a.txt', content: 'a\n' });

test('a database that is away for a moment during a comparison is waited for, and nobody is asked', async () => {
  setTimeout(comeBack, 400);
  await write();
});

test('while it is away the workspace is free for others', async () => {
  const running = write();
  const startedMs = performance.now();
  const other = openTestJob({ workspace });
  await assert
    .rejects(
      other.verify().then((result) => assert.equal(result.kind, 'question')),
      /never/,
    )
    .catch(() => undefined);
  assert.ok(performance.now() - startedMs < 1_000);
  await other.close();
  comeBack();
  await running;
});

test('a person is asked about an outage that lasts', async () => {
  const startedMs = performance.now();
  await assert.rejects(write(), (error) => {
    assert.ok(error instanceof QuestionAsked);
    assert.equal(error.question.findings[0]?.kind, 'unreachable');
    return true;
  });
  assert.ok(performance.now() - startedMs >= 1_500);
});

test('who asks for a comparison is told at once what is away', async () => {
  const startedMs = performance.now();
  const result = await job.verify('asked');
  assert.equal(result.kind, 'question');
  assert.ok(performance.now() - startedMs < 1_000);
});

test('the undoing of a job waits for a database as well', async () => {
  setTimeout(comeBack, 400);
  const { left } = await job.undo();
  assert.equal(left.length, 1, 'the statement has no undo, and says so');
});

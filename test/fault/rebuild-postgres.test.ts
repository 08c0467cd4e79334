/** A lost record of a job on PostgreSQL: its transactions are told by the database, its checkpoints lie in another. */
import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, test } from 'node:test';
import { dbSqlStep } from '../../src/model/step/built-in/database.ts';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import type { Question } from '../../src/model/question/question.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { openTestJob, type TestJob } from '../../src/testing.ts';
import { chainOf, stepRecordsOf } from '../support/ledger.ts';
import { direct } from '../support/postgres-subject.ts';
import { testPostgres } from '../support/postgres.ts';
import { comparedQuestion, decide } from '../support/questions.ts';
import { Notes } from '../support/stored-job.ts';

const postgres = await testPostgres();
const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-rebuild-postgres-')));
after(() => rmSync(root, { recursive: true, force: true }));

let job: TestJob;
let notes: Notes;
let env: { MAIN: string; STORE: string };

beforeEach(async () => {
  env = { MAIN: await postgres.database(), STORE: await postgres.database() };
  await direct(env.MAIN, 'CREATE TABLE said (text text)');
  notes = new Notes();
});
afterEach(async () => {
  setFaultHook(undefined);
  await job.close();
});

function open(checkpoint: { store?: string } = {}): void {
  const { store } = checkpoint;
  job = openTestJob({
    workspace: mkdtempSync(join(root, 'job-')),
    databases: { main: '${{ env.MAIN }}' },
    env,
    ...(store === undefined ? {} : { checkpoint: { store } }),
  });
}

async function say(stepId: string): Promise<unknown> {
  const input = { database: 'main', sql: "INSERT INTO said VALUES ('said')", writes: ['said'] };
  return await job.step(dbSqlStep, input, { stepId });
}

async function write(stepId: string): Promise<unknown> {
  const checkpoints = [notes.next({ next: [stepId] })];
  return await job.step(fileWriteStep, { path: `${stepId}.txt`, content: stepId }, { stepId, checkpoints });
}

const said = async (): Promise<number> => (await direct(env.MAIN, 'SELECT * FROM said')).at(-1)!.rows.length;

async function askedOnceLost(): Promise<Question> {
  rmSync(join(job.workspace, '.holdfast'), { recursive: true });
  const question = await comparedQuestion(job);
  assert.equal(question.kind, 'damaged');
  return question;
}

test('without a store: transactions that the database has are of the steps that are done, and made once', async () => {
  open();
  await write('a');
  await say('s');
  const question = await askedOnceLost();
  assert.match(question.findings[0]!.difference, /committed, as their databases prove: s in main/);
  await decide(job, question, { answer: 'rebuild' });
  await say('s');
  assert.equal(await said(), 1);
  const [record] = stepRecordsOf(job.workspace, job.jobId, 's');
  assert.equal(record!.rebuilt, true);
  assert.match(JSON.stringify(record!.changes), /"token:main\//);
  assert.equal((await job.verify()).kind, 'verified');
});

test('one of a step that may have begun is repeated only where a person names it', async () => {
  open();
  await write('a');
  setFaultHook((point) => {
    if (point === 'commit.database-after') throw new Error('killed');
  });
  await assert.rejects(say('s'), /killed/);
  setFaultHook(undefined);
  const question = await askedOnceLost();
  const refused = await job.decide(question, { answer: 'rebuild' });
  assert.match(JSON.stringify(refused), /database main has committed what it did/);
  assert.equal(await said(), 1);
  await decide(job, question, { answer: 'rebuild', items: { 'statements:s': 'repeat' } });
  await say('s');
  assert.equal(await said(), 2);
});

test('a store in PostgreSQL: each record up to its newest checkpoint, what came since from the history', async () => {
  open({ store: '${{ env.STORE }}' });
  await write('a');
  await say('s');
  await write('b');
  await write('c');
  const chain = chainOf(job.workspace, job.jobId);
  const question = await askedOnceLost();
  const [, stored] = /^Checkpoint (\d+) in postgres:/m.exec(
    question.findings[0]!.found.text.replace(/^.*?(?=Checkpoint)/s, ''),
  ) as unknown as [string, string];
  assert.ok(!question.findings[0]!.found.text.includes(env.STORE), 'no password is shown');
  await decide(job, question, { answer: 'rebuild' });
  const now = chainOf(job.workspace, job.jobId);
  assert.deepEqual(now.slice(0, Number(stored)), chain.slice(0, Number(stored)));
  await say('s');
  assert.equal(await said(), 1);
  assert.equal((await job.verify()).kind, 'verified');
});

test('a store that the role may not read, and a database that is away, are reasons; nothing is made', async () => {
  open({ store: '${{ env.STORE }}' });
  await write('a');
  await say('s');
  await write('b');
  rmSync(join(job.workspace, '.holdfast'), { recursive: true });
  await direct(env.STORE, 'ALTER SCHEMA holdfast_checkpoint RENAME TO elsewhere');
  const gone = await comparedQuestion(job);
  assert.match(gone.findings[0]!.difference, /^its store postgres:.* has no checkpoint of it/);
  // An empty one was made in its place, as where a worker first uses a store.
  await direct(
    env.STORE,
    'DROP SCHEMA holdfast_checkpoint CASCADE',
    'ALTER SCHEMA elsewhere RENAME TO holdfast_checkpoint',
  );
  const { memory, workspace } = job;
  await job.close();
  const role = 'lacking';
  await direct(env.STORE, `DROP ROLE IF EXISTS ${role}`, `CREATE ROLE ${role} LOGIN PASSWORD 'lacking'`);
  const url = Object.assign(new URL(env.STORE), { username: role, password: 'lacking' }).href;
  const options = { workspace, databases: { main: '${{ env.MAIN }}' }, checkpoint: { store: '${{ env.STORE }}' } };
  job = openTestJob({ ...options, env: { ...env, STORE: url }, resume: memory });
  const denied = await comparedQuestion(job);
  assert.deepEqual(denied.findings[0]!.answers, ['recheck', 'abort']);
  assert.match(denied.findings[0]!.difference, /can't be made anew: what was done can't be known: .*lacking/s);
  await job.close();
  await direct(env.STORE, `DROP ROLE ${role}`);
  const away = Object.assign(new URL(env.MAIN), { port: '1' }).href;
  job = openTestJob({ ...options, env: { ...env, MAIN: away }, resume: memory });
  const unseen = await comparedQuestion(job);
  assert.match(unseen.findings[0]!.difference, /can't be made anew: what its databases have committed can't be seen/);
  await job.close();
  job = openTestJob({ ...options, env, resume: memory });
  writeFileSync(join(workspace, 'a.txt'), 'a');
  await decide(job, await comparedQuestion(job), { answer: 'rebuild' });
  assert.equal(await said(), 1);
});

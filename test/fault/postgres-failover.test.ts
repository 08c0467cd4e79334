/**
 * The primary of a job's PostgreSQL dies and a standby takes its place: with everything, or without the last
 * transactions, as asynchronous replication may leave it. Nothing that is lost is lost in silence, or redone unasked.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Question } from '../../src/model/question/question.ts';
import { statusOf, untilAsked, untilStatus } from '../support/job-status.ts';
import { startPostgres, type PostgresCluster } from '../support/postgres.ts';
import { Relay } from '../support/relay.ts';
import { servedJobs } from '../support/served-jobs.ts';
import { testTemporal } from '../support/temporal.ts';
import { untilTrue } from '../support/until.ts';
import { HeldSteps, textOf } from './support/held-steps.ts';
import { AUDITED_NOTES, insertsOf, sql } from './support/postgres-notes.ts';

/** A database behind one address, which leads to the primary until the standby takes over. */
class Pair {
  readonly #primary: PostgresCluster;
  readonly #changes: Relay;
  readonly #standby: PostgresCluster;
  readonly #way: Relay;

  private constructor(primary: PostgresCluster, changes: Relay, standby: PostgresCluster, way: Relay) {
    this.#primary = primary;
    this.#changes = changes;
    this.#standby = standby;
    this.#way = way;
  }

  static async start(): Promise<Pair> {
    const primary = await startPostgres();
    await sql(primary.url, AUDITED_NOTES);
    await sql(primary.url, 'CREATE TABLE remark (id integer PRIMARY KEY, text text NOT NULL)');
    const changes = await Relay.to(`127.0.0.1:${primary.port}`);
    const standby = await primary.standby(changes.urlOf(primary.url));
    return new Pair(primary, changes, standby, await Relay.to(`127.0.0.1:${primary.port}`));
  }

  get url(): string {
    return this.#way.urlOf(this.#primary.url);
  }

  async untilReplicated(): Promise<void> {
    const [{ lsn } = {}] = await sql(this.#primary.url, 'SELECT pg_current_wal_lsn()::text AS lsn');
    const query = `SELECT pg_last_wal_replay_lsn() >= '${String(lsn)}'::pg_lsn AS is_there`;
    await untilTrue(async () => (await sql(this.#standby.url, query))[0]?.['is_there'] === true, {
      what: 'the standby has everything',
    });
  }

  /** The standby gets nothing from here on. */
  cutOff(): void {
    this.#changes.state = 'closed';
  }

  async failOver(): Promise<void> {
    await this.#primary.crash();
    await sql(this.#standby.url, 'SELECT pg_promote()');
    this.#way.leadTo(`127.0.0.1:${this.#standby.port}`);
  }

  async stop(): Promise<void> {
    for (const relay of [this.#way, this.#changes]) await relay[Symbol.asyncDispose]();
    await this.#standby.stop();
    await this.#primary.stop();
  }
}

const temporal = await testTemporal();
const [whole, compared, unasked, last] = [
  await Pair.start(),
  await Pair.start(),
  await Pair.start(),
  await Pair.start(),
];
const held = new HeldSteps();
const env = { WHOLE: whole.url, COMPARED: compared.url, UNASKED: unasked.url, LAST: last.url };
const jobs = servedJobs(temporal, 'failover', { steps: [held.step], env });
after(() => held.letAllGo());
after(async () => {
  for (const pair of [whole, compared, unasked, last]) await pair.stop();
});

const insert = (id: number): object => ({
  database: 'main',
  sql: `INSERT INTO note VALUES (${id}, 'next')`,
  writes: ['note'],
});
/** It is another history of the same database, too: its timeline is the next one. */
const LOST = ['database-replaced', 'row-missing', 'token-missing'];
const rerunOf = ({ findings }: Question): Record<string, 'rerun' | 'accept'> =>
  Object.fromEntries(
    findings.map(({ resource, answers }) => [resource, answers.includes('rerun') ? 'rerun' : 'accept']),
  );
const DECIDED = { by: 'ada', reason: 'the standby had not got it' };

test('a standby that has everything takes over in the midst of a step: the row is made once', async () => {
  const job = await held.start(jobs, { databaseUrl: '${{ env.WHOLE }}' });
  await whole.untilReplicated();
  await whole.failOver();
  job.letGo();
  await job.handle.result();
  assert.deepEqual(await insertsOf(whole.url, job.row), ['real']);
  assert.equal(textOf(job.workspace, 'after.txt'), 'after real');
});

test('a standby without the last transaction takes over: what is lost is asked about, and made once', async () => {
  const after = [{ id: 'next', use: 'db.sql', needs: ['held'], approval: 'before-apply', with: insert(1_001) }];
  const job = await held.start(jobs, { databaseUrl: '${{ env.COMPARED }}', after });
  await compared.untilReplicated();
  compared.cutOff();
  job.letGo();
  const approval = await untilAsked(job.handle);
  assert.equal(approval.kind, 'approval');
  await compared.failOver();
  await jobs.client.decide(job.id, { answer: 'approve', digest: approval.digest, by: 'ada', reason: 'seen' });
  const { questions } = await untilStatus(job.handle, (status) => status.questions[0]?.kind === 'discrepancy');
  const [question] = questions;
  assert.deepEqual(question!.findings.map(({ kind }) => kind).toSorted(), LOST);
  assert.deepEqual(await insertsOf(compared.url, job.row), [], 'nothing is redone unasked');
  await jobs.client.decide(job.id, { digest: question!.digest, items: rerunOf(question!), ...DECIDED });
  await job.handle.result();
  assert.deepEqual(await insertsOf(compared.url, job.row), ['real']);
  assert.deepEqual(await insertsOf(compared.url, 1_001), ['next']);
});

test('after a standby without the last transaction took over the next step asks before it applies', async () => {
  // Into a table in which nothing was lost: of the step's own rows none differs.
  const remark = { database: 'main', sql: "INSERT INTO remark VALUES (1, 'next')", writes: ['remark'] };
  const after = [
    { id: 'pause', use: 'wait', needs: ['held'], with: { seconds: 15 } },
    { id: 'next', use: 'db.sql', needs: ['pause'], with: remark },
  ];
  const remarks = async (): Promise<readonly unknown[]> =>
    (await sql(unasked.url, 'SELECT text FROM remark')).map(({ text }) => text);
  const job = await held.start(jobs, { databaseUrl: '${{ env.UNASKED }}', after });
  await unasked.untilReplicated();
  unasked.cutOff();
  job.letGo();
  await untilStatus(job.handle, ({ steps }) => steps.some(({ id, state }) => id === 'held' && state === 'done'));
  await unasked.failOver();
  const question = await untilAsked(job.handle, 60_000);
  assert.deepEqual(question.findings.map((one) => one.kind).toSorted(), LOST);
  assert.deepEqual(await remarks(), []);
  await jobs.client.decide(job.id, { digest: question.digest, items: rerunOf(question), ...DECIDED });
  await job.handle.result();
  assert.deepEqual(await insertsOf(unasked.url, job.row), ['real']);
  assert.deepEqual(await remarks(), ['next']);
});

test('a standby without the last transaction takes over before the job ends: its end names it', async () => {
  const after = [{ id: 'pause', use: 'wait', needs: ['held'], with: { seconds: 15 } }];
  const job = await held.start(jobs, { databaseUrl: '${{ env.LAST }}', after });
  await last.untilReplicated();
  last.cutOff();
  job.letGo();
  await untilStatus(job.handle, ({ steps }) => steps.some(({ id, state }) => id === 'held' && state === 'done'));
  await last.failOver();
  await job.handle.result();
  const { ending } = await statusOf(job.handle);
  assert.match(String(ending?.[0]), /database main does not have any more what was committed to it last/);
});

/**
 * A PostgreSQL that fails while a job's step changes it: restarted in the midst of the transaction, not to be reached,
 * out of connections, and with the answer to COMMIT lost. The step is tried again by itself, and its row is made once.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { cutConnection } from '../support/cut-connection.ts';
import { statusOf } from '../support/job-status.ts';
import { startPostgres } from '../support/postgres.ts';
import { Relay } from '../support/relay.ts';
import { servedJobs } from '../support/served-jobs.ts';
import { testTemporal } from '../support/temporal.ts';
import { untilTrue } from '../support/until.ts';
import { HeldSteps, textOf, type HeldJob } from './support/held-steps.ts';
import { AUDITED_NOTES, insertsOf, sql } from './support/postgres-notes.ts';

/** How long the insert of a row that `slow` names stays under way. */
const SLOW_SECONDS = 3;
/** Of a statement that nothing is heard of: until it is given up, and some. */
const SILENCE_MS = 75_000;

const temporal = await testTemporal();
const cluster = await startPostgres({ max_connections: '16' });
const relay = await Relay.to(`127.0.0.1:${cluster.port}`);
const cutting = await cutConnection(relay.urlOf(cluster.url));
const held = new HeldSteps();
const jobs = servedJobs(temporal, 'away', { steps: [held.step], env: { MAIN_URL: cutting.url } });
after(() => held.letAllGo());
after(async () => {
  await cutting[Symbol.asyncDispose]();
  await relay[Symbol.asyncDispose]();
  await cluster.stop();
});
await sql(cluster.url, AUDITED_NOTES);
await sql(
  cluster.url,
  `CREATE TABLE slow (id integer PRIMARY KEY);
   CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     IF EXISTS (SELECT 1 FROM slow WHERE id = NEW.id) THEN PERFORM pg_sleep(${SLOW_SECONDS}); END IF;
     RETURN NEW; END $$;
   CREATE TRIGGER wait BEFORE INSERT ON note FOR EACH ROW EXECUTE FUNCTION wait()`,
);

const PLAN = { databaseUrl: '${{ env.MAIN_URL }}' };

/** The step goes on by itself, nobody is asked, and the row is made once. */
async function endsOnce(job: HeldJob): Promise<void> {
  await job.handle.result();
  assert.deepEqual(await insertsOf(cluster.url, job.row), ['real']);
  assert.deepEqual([textOf(job.workspace, 'held.txt'), textOf(job.workspace, 'after.txt')], ['real', 'after real']);
  const { events } = await job.handle.fetchHistory();
  const asked = events!.some((event) => JSON.stringify(event).includes('workflowExecutionSignaledEventAttributes":{'));
  assert.equal(asked, false);
}

const isInserting = async (): Promise<boolean> =>
  (await sql(cluster.url, "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")).length > 0;

for (const how of ['pause', 'crash'] as const)
  test(`restarted (${how}) within a step’s transaction: it is done anew, and the row is made once`, async () => {
    const job = await held.start(jobs, PLAN);
    await sql(cluster.url, `INSERT INTO slow VALUES (${job.row})`);
    job.letGo();
    await untilTrue(isInserting, { what: 'the insert is under way' });
    await cluster[how]();
    await cluster.resume();
    await endsOnce(job);
  });

test('unreachable for a while when a step wants to change it: the job says so, and the row is made once', async () => {
  const job = await held.start(jobs, PLAN);
  relay.state = 'closed';
  job.letGo();
  await untilTrue(async () => JSON.stringify(await jobs.client.status(job.id)).includes('storage-unreachable'), {
    what: 'the status says why it is tried again',
  });
  assert.deepEqual(await insertsOf(cluster.url, job.row), []);
  relay.state = 'open';
  await endsOnce(job);
});

test('silent within a step’s transaction: it is given up and done anew, and the row is made once', async () => {
  const job = await held.start(jobs, PLAN);
  await sql(cluster.url, `INSERT INTO slow VALUES (${job.row})`);
  job.letGo();
  await untilTrue(isInserting, { what: 'the insert is under way' });
  relay.state = 'silent';
  await delay(SILENCE_MS);
  relay.cut();
  relay.state = 'open';
  await endsOnce(job);
});

test('out of connections: the step waits until there are some, and the row is made once', async () => {
  const job = await held.start(jobs, PLAN);
  await sql(cluster.url, 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()');
  const others: pg.Client[] = [];
  let refused: unknown;
  while (refused === undefined) {
    const client = new pg.Client({ connectionString: cluster.url });
    client.on('error', () => undefined);
    try {
      await client.connect();
      others.push(client);
    } catch (error) {
      refused = error;
    }
  }
  assert.equal((refused as { readonly code?: string }).code, '53300');
  job.letGo();
  await untilTrue(async () => JSON.stringify(await jobs.client.status(job.id)).includes('too many clients'), {
    what: 'the status says why it is tried again',
  });
  await Promise.all(others.map((client) => client.end()));
  await endsOnce(job);
});

for (const when of ['before', 'after'] as const)
  test(`the connection is cut ${when} the server has got the COMMIT: the row is made once`, async () => {
    const job = await held.start(jobs, PLAN);
    const { cuts } = cutting;
    cutting.cut = { at: 'COMMIT', when };
    job.letGo();
    await untilTrue(() => cutting.cuts > cuts, { what: 'it is cut', everyMs: 2 });
    cutting.cut = undefined;
    await endsOnce(job);
    assert.deepEqual((await statusOf(job.handle)).questions, []);
  });

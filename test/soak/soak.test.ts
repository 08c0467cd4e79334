/**
 * Twenty jobs at once, for half an hour (`HOLDFAST_SOAK_MINUTES`), while workers are killed and frozen and both servers
 * restarted, all chosen by `HOLDFAST_SEED`: each job ends by itself, each effect is there once, and nobody is asked.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connectHoldfast, type HoldfastClient } from '../../src/client.ts';
import { startDevServer } from '../../src/dev-server/start.ts';
import type { PlanSource } from '../../src/model/plan/plan.ts';
import { bundleWorkflows } from '../../src/worker.ts';
import { seededRandom, theSeed } from '../fault/support/seed.ts';
import { CountingServer } from '../support/counting-server.ts';
import { connect } from '../support/postgres-subject.ts';
import { startPostgres } from '../support/postgres.ts';
import { Chaos } from './chaos.ts';
import type { SoakOrder } from './worker-child.ts';

const MINUTES = Number(process.env['HOLDFAST_SOAK_MINUTES'] ?? 30);
const JOBS_AT_ONCE = 20;
const WORKERS = 2;
const PARTS = 12;
/** After the last trouble. */
const ENDS_WITHIN_MS = 5 * 60_000;
const seed = theSeed();
const random = seededRandom(seed);

function planOf(job: string): PlanSource {
  const numbers = Array.from({ length: PARTS }, (_, index) => index + 1);
  return {
    schemaVersion: 1,
    name: 'soak',
    workspace: job,
    heartbeatTimeoutMs: 10_000,
    databases: { office: { url: '${{ env.OFFICE }}' }, local: { url: 'sqlite:local.db' } },
    steps: numbers.map((part) => ({
      id: `part-${part}`,
      use: 'part',
      with: { job, part, takesMs: Math.floor(random() * 3_000) },
      retry: { initialIntervalMs: 200 },
      ...(part === 1 ? {} : { needs: [`part-${part - 1}`] }),
    })),
  };
}

function prepare(root: string, job: string): void {
  mkdirSync(join(root, job));
  using database = new DatabaseSync(join(root, job, 'local.db'));
  database.exec('CREATE TABLE part (number INTEGER PRIMARY KEY, drawn TEXT); CREATE TABLE log (number INTEGER)');
  database.exec('CREATE TRIGGER made AFTER INSERT ON part BEGIN INSERT INTO log VALUES (new.number); END');
}

test(`${MINUTES} minutes of trouble: each job ends by itself, each effect once (HOLDFAST_SEED=${seed})`, async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-soak-'));
  const postgres = await startPostgres();
  await using service = await CountingServer.start();
  const dbFilename = join(root, 'temporal.db');
  const server = await startDevServer({ ui: false, dbFilename });
  const bundlePath = join(root, 'bundle.json');
  writeFileSync(bundlePath, JSON.stringify(await bundleWorkflows()));
  const office = await connect(postgres.url);
  await office.query('CREATE TABLE part (job text, number integer, drawn text, PRIMARY KEY (job, number))');
  await office.query('CREATE TABLE log (job text, number integer)');
  await office.query(
    'CREATE FUNCTION made() RETURNS trigger LANGUAGE plpgsql AS ' +
      "'BEGIN INSERT INTO log VALUES (new.job, new.number); RETURN new; END'",
  );
  await office.query('CREATE TRIGGER made AFTER INSERT ON part FOR EACH ROW EXECUTE FUNCTION made()');
  await office.end();
  const { address } = server;
  const order: SoakOrder = {
    address,
    taskQueue: 'soak',
    root,
    bundlePath,
    postgresUrl: postgres.url,
    serviceUrl: service.url,
  };
  const chaos = new Chaos(order, { server, dbFilename, postgres, random });
  const client = await connectHoldfast({ address, queryTimeoutMs: 5_000 });
  try {
    await chaos.startWorkers(WORKERS);
    const soak = new Soak({ client, root, service, postgresUrl: postgres.url });
    const endMs = performance.now() + MINUTES * 60_000;
    const lanes = Array.from({ length: JOBS_AT_ONCE }, (_, lane) => soak.runJobs(lane, endMs));
    // Told by the lanes.
    for (const lane of lanes) lane.catch(() => soak.fail());
    while (performance.now() < endMs && !soak.hasFailed) {
      await delay(1_000 + random() * 6_000);
      await chaos.trouble();
      chaos.assertAlive();
    }
    soak.endBy(performance.now() + ENDS_WITHIN_MS);
    await Promise.all(lanes);
    t.diagnostic(`${soak.ended} jobs, ${soak.ended * PARTS} steps, ${service.requests.length} requests`);
    for (const [name, count] of chaos.counts) t.diagnostic(`${name}: ${count}`);
    assert.ok(soak.ended >= JOBS_AT_ONCE, `${soak.ended} jobs ended`);
    assert.equal(service.effects(), soak.ended * PARTS, 'each call took effect once');
  } finally {
    await client.close();
    await chaos.stop();
    await postgres.stop();
    rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  }
});

interface SoakParts {
  readonly client: HoldfastClient;
  readonly root: string;
  readonly service: CountingServer;
  readonly postgresUrl: string;
}

class Soak {
  readonly #parts: SoakParts;
  #lateMs = Infinity;
  ended = 0;
  hasFailed = false;

  constructor(parts: SoakParts) {
    this.#parts = parts;
  }

  fail(): void {
    this.hasFailed = true;
  }

  endBy(lateMs: number): void {
    this.#lateMs = lateMs;
  }

  async runJobs(lane: number, endMs: number): Promise<void> {
    for (let count = 1; performance.now() < endMs && !this.hasFailed; count++) {
      const job = `job-${lane}-${count}`;
      prepare(this.#parts.root, job);
      await this.#untilStarted(job);
      await this.#untilEnded(job);
      await this.#mustBeWhole(job);
      this.ended += 1;
    }
  }

  /** The server may be away; a start that arrived twice is one job. */
  async #untilStarted(job: string): Promise<void> {
    const plan = planOf(job);
    for (;;)
      try {
        await this.#parts.client.start(plan, { workflowId: job, taskQueue: 'soak' });
        return;
      } catch (error) {
        if ((error as { type?: string }).type === 'already-running') return;
        if (performance.now() > this.#lateMs) throw error;
        await delay(500);
      }
  }

  async #untilEnded(job: string): Promise<void> {
    const { client } = this.#parts;
    for (let asked = 0; ; await delay(500)) {
      if (this.hasFailed) throw new Error('another job has failed');
      const now = await client.describe(job).catch(() => undefined);
      if (now?.state === 'completed') return;
      if (now !== undefined && ['failed', 'aborted', 'cancelled', 'terminated'].includes(now.state))
        throw new Error(`${job} is ${now.state}: ${JSON.stringify(await client.result(job))}`);
      // A question that is open for a moment only (what can't be reached is looked at again by itself) is none.
      const questions = now?.state === 'waiting' ? await client.questions(job).catch(() => []) : [];
      asked = questions.length === 0 ? 0 : asked + 1;
      if (asked > 1) throw new Error(`${job} asks: ${JSON.stringify(questions, null, 1)}`);
      if (performance.now() > this.#lateMs) throw new Error(`${job} did not end: ${JSON.stringify(now)}`);
    }
  }

  /** Files, rows and calls: each there, each once. */
  async #mustBeWhole(job: string): Promise<void> {
    const { root, postgresUrl } = this.#parts;
    const numbers = Array.from({ length: PARTS }, (_, index) => index + 1);
    assert.equal(readdirSync(join(root, job, 'parts')).length, PARTS);
    const drawn = numbers.map((number) => readFileSync(join(root, job, `parts/${number}.txt`), 'utf8').trim());
    assert.equal(readFileSync(join(root, job, 'latest.txt'), 'utf8'), `${PARTS}\n`);
    const wanted = numbers.map((number, index) => ({ number, drawn: drawn[index] }));
    using local = new DatabaseSync(join(root, job, 'local.db'), { readOnly: true });
    const rowsOf = (sql: string): unknown[] =>
      local
        .prepare(sql)
        .all()
        .map((row) => ({ ...row }));
    assert.deepEqual(rowsOf('SELECT number, drawn FROM part ORDER BY number'), wanted);
    assert.deepEqual(
      rowsOf('SELECT number FROM log ORDER BY number'),
      numbers.map((number) => ({ number })),
    );
    const { rows, log } = await this.#inOffice(job, postgresUrl);
    assert.deepEqual(rows, wanted);
    assert.deepEqual(
      log,
      numbers.map((number) => ({ number })),
    );
  }

  async #inOffice(job: string, url: string): Promise<{ readonly rows: unknown; readonly log: unknown }> {
    for (;;)
      try {
        const office = await connect(url);
        try {
          const ask = async (table: string, columns: string): Promise<unknown> =>
            (await office.query(`SELECT ${columns} FROM ${table} WHERE job = $1 ORDER BY number`, [job])).rows;
          return { rows: await ask('part', 'number, drawn'), log: await ask('log', 'number') };
        } finally {
          await office.end();
        }
      } catch (error) {
        if (performance.now() > this.#lateMs) throw error;
        await delay(500);
      }
  }
}

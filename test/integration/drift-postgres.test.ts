/**
 * The world's PostgreSQL part changes while no worker lives: noticed, named, and nothing changed before the decision.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import type { FindingKind } from '../../src/model/question/finding.ts';
import {
  copyOf,
  findingFor,
  makeFixture,
  mark,
  questionOf,
  removeFixture,
  resume,
  TRIGGERS,
  waitLong,
  type Fixture,
} from '../support/drift.ts';
import { startPostgres, testPostgres, type PostgresCluster } from '../support/postgres.ts';
import { postgresTables, snapshotFiles } from '../support/snapshot.ts';

const REFERENCE = '${{ env.MAIN_URL }}';
const postgres = await testPostgres();
let url: string;
let pristine: string;
let lastWeek: string;
let fixture: Fixture;

before(async () => {
  url = await postgres.database();
  await sql(url, "CREATE TABLE outside (id integer PRIMARY KEY, name text); INSERT INTO outside VALUES (1, 'one')");
  fixture = await makeFixture({
    databaseUrl: REFERENCE,
    env: { MAIN_URL: url },
    half: async () => {
      lastWeek = await postgres.database(url);
    },
  });
  pristine = await postgres.database(url);
});

after(() => removeFixture(fixture));

async function sql(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

/** Replaces the database by a copy of another one, under its old name, as a restore does. */
async function putBack(from: string): Promise<void> {
  const name = (of: string): string => new URL(of).pathname.slice(1);
  await sql(postgres.adminUrl, `DROP DATABASE "${name(url)}"`);
  await sql(postgres.adminUrl, `CREATE DATABASE "${name(url)}" TEMPLATE "${name(from)}"`);
}

interface Drift {
  readonly name: string;
  readonly sql: string;
  readonly resource: string;
  readonly kind: FindingKind;
  readonly difference: RegExp;
  readonly offers: readonly string[];
}

const DRIFTS: readonly Drift[] = [
  {
    name: 'a row is changed',
    sql: "UPDATE note SET text = 'edited' WHERE id = 1",
    resource: 'row:main/note/{"id":1}',
    kind: 'row-changed',
    difference: /first[\s\S]*edited/,
    offers: ['accept', 'restore', 'rerun'],
  },
  {
    name: 'a row is deleted',
    sql: 'DELETE FROM note WHERE id = 2',
    resource: 'row:main/note/{"id":2}',
    kind: 'row-missing',
    difference: /second|not there|(?:)/,
    offers: ['accept', 'restore', 'rerun'],
  },
  {
    name: 'a column is renamed',
    sql: 'ALTER TABLE note RENAME COLUMN text TO body',
    resource: 'schema:main/note',
    kind: 'schema-changed',
    difference: /text.*body/,
    offers: ['accept', 'rerun'],
  },
  {
    name: "a column's type is changed",
    sql: 'ALTER TABLE note ALTER COLUMN size TYPE bigint',
    resource: 'schema:main/note',
    kind: 'schema-changed',
    difference: /size.*integer.*bigint/,
    offers: ['accept', 'rerun'],
  },
  {
    name: 'an index is dropped',
    sql: 'DROP INDEX note_text',
    resource: 'schema:main/note',
    kind: 'schema-changed',
    difference: /note_text/,
    offers: ['accept', 'rerun'],
  },
  {
    name: 'a table is dropped',
    sql: 'DROP TABLE note',
    resource: 'schema:main/note',
    kind: 'table-missing',
    difference: /(?:)/,
    offers: ['accept', 'rerun'],
  },
  {
    name: 'a watched query gives other rows',
    sql: "INSERT INTO outside VALUES (2, 'two')",
    resource: 'query:watch/outside',
    kind: 'watch-changed',
    difference: /(?:)/,
    offers: ['accept'],
  },
];

for (const [index, drift] of DRIFTS.entries()) {
  // Each drift with two triggers, so that each trigger has several drifts; drift.test.ts has all pairs, on SQLite.
  for (const trigger of [TRIGGERS[index % TRIGGERS.length]!, TRIGGERS[(index + 2) % TRIGGERS.length]!]) {
    test(`after a ${trigger}, ${drift.name}: noticed before the next step, named, and nothing is changed`, async () => {
      const copy = copyOf(fixture);
      await putBack(pristine);
      try {
        if (trigger === 'long wait') waitLong(copy.workspace);
        await sql(url, drift.sql);
        const before = { files: snapshotFiles(copy.workspace), tables: await postgresTables(url) };
        const job = resume(copy, trigger, { env: { MAIN_URL: url } });
        try {
          const finding = findingFor(await questionOf(job, copy), drift.resource);
          assert.equal(finding.kind, drift.kind);
          assert.match(finding.difference, drift.difference);
          assert.deepEqual(finding.answers, [...drift.offers, 'recheck', 'abort']);
          assert.deepEqual({ files: snapshotFiles(copy.workspace), tables: await postgresTables(url) }, before);
        } finally {
          await job.close();
        }
      } finally {
        removeFixture(copy);
      }
    });
  }
}

for (const trigger of TRIGGERS) {
  test(`after a ${trigger}, a database restored from last week's copy is noticed by its rows and tokens`, async () => {
    const copy = copyOf(fixture);
    await putBack(lastWeek);
    try {
      if (trigger === 'long wait') waitLong(copy.workspace);
      const before = await postgresTables(url);
      const job = resume(copy, trigger, { env: { MAIN_URL: url } });
      try {
        const question = await questionOf(job, copy);
        assert.equal(findingFor(question, 'row:main/note/{"id":3}').kind, 'row-missing');
        assert.ok(question.findings.some(({ kind }) => kind === 'token-missing'));
        assert.equal(
          question.findings.some(({ kind }) => kind === 'database-replaced'),
          false,
          'it is the same database, at an earlier time',
        );
        assert.deepEqual(await postgresTables(url), before);
      } finally {
        await job.close();
      }
    } finally {
      removeFixture(copy);
    }
  });
}

test('an unchanged database raises no alarm, whatever resumes the job', async () => {
  const copy = copyOf(fixture);
  await putBack(pristine);
  let { memory } = copy;
  try {
    for (const trigger of TRIGGERS) {
      if (trigger === 'long wait') waitLong(copy.workspace);
      const job = resume({ ...copy, memory, earlier: memory }, trigger, {
        env: { MAIN_URL: url },
        ...(trigger === 'reset' ? { runId: 'a Run' } : {}),
      });
      const verified = await job.verify();
      await job.close();
      assert.equal(verified.kind, 'verified', `${trigger}: ${JSON.stringify(verified).slice(0, 800)}`);
      memory = job.memory;
    }
  } finally {
    removeFixture(copy);
  }
});

test('a server that is down is unreachable, not gone: recheck or abort; the job goes on when it is back', async () => {
  const cluster: PostgresCluster = await startPostgres();
  let own: Fixture | undefined;
  try {
    await sql(
      cluster.url,
      "CREATE TABLE outside (id integer PRIMARY KEY, name text); INSERT INTO outside VALUES (1, 'one')",
    );
    own = await makeFixture({ databaseUrl: REFERENCE, env: { MAIN_URL: cluster.url } });
    await cluster.pause();
    const before = snapshotFiles(own.workspace);
    for (const trigger of ['restart', 'continue-as-new'] as const) {
      const job = resume(own, trigger, { env: { MAIN_URL: cluster.url } });
      const question = await questionOf(job, own);
      assert.equal(question.kind, 'unverifiable');
      const finding = findingFor(question, 'database:main');
      assert.equal(finding.kind, 'unreachable');
      assert.doesNotMatch(
        JSON.stringify(question),
        new RegExp(new URL(cluster.url).password),
        'no password in what people see',
      );
      assert.deepEqual(finding.answers, ['recheck', 'abort']);
      assert.deepEqual(snapshotFiles(own.workspace), before);
      if (trigger === 'continue-as-new') {
        await cluster.resume();
        await job.decide(question, { answer: 'recheck' });
        await job.step(mark, {}, { stepId: 'mark' });
      }
      await job.close();
    }
  } finally {
    if (own !== undefined) removeFixture(own);
    await cluster.stop();
  }
});

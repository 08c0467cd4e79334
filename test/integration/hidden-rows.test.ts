/** What a database does not let the job's role see is neither gone nor unchanged. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { findingOf, PostgresJob, throwQuestion } from '../support/postgres-job.ts';
import { testPostgres } from '../support/postgres.ts';

const postgres = await testPostgres();
const NOTE = 'CREATE TABLE note (id integer PRIMARY KEY, text text)';
const ROW = 'row:main/note/{"id":7}';

/** A job whose role is not the owner of the tables; step `write` has made row 7 of `note`. */
async function asRole(body: (job: PostgresJob, role: string) => Promise<void>): Promise<void> {
  const url = await postgres.database();
  const role = `app_${new URL(url).pathname.slice(1)}`;
  const jobUrl = new URL(url);
  jobUrl.username = role;
  jobUrl.password = 'app';
  const job = new PostgresJob(url, { jobUrl: jobUrl.href });
  await job.direct(
    `CREATE ROLE "${role}" LOGIN PASSWORD 'app'`,
    `GRANT CREATE, USAGE ON SCHEMA public TO "${role}"`,
    NOTE,
    `GRANT SELECT, INSERT, UPDATE, DELETE ON note TO "${role}"`,
  );
  try {
    await job.step('write', (ctx) => ctx.db('main').upsert('note', { id: 7, text: 'ours' }));
    await body(job, role);
  } finally {
    await job.end();
    await job.direct(`DROP OWNED BY "${role}" CASCADE`, `DROP ROLE "${role}"`);
  }
}

function next(job: PostgresJob): Promise<void> {
  return job.step('next', (ctx) => ctx.files.write('next.txt', 'x'));
}

test('a row that row level security hides is not gone: it could not be read', async () => {
  await asRole(async (job) => {
    await job.direct('ALTER TABLE note ENABLE ROW LEVEL SECURITY');
    await job.resume();
    const question = await job.asks(next(job));
    const finding = findingOf(question, ROW);
    assert.equal(finding.kind, 'unreadable');
    assert.match(finding.found.text, /hide rows from this role .*gone or hidden cannot be told/);
    assert.deepEqual(finding.answers, ['recheck', 'abort']);
    assert.match(findingOf(question, 'schema:main/note').difference, /ROW LEVEL SECURITY holds for this role/);
    await job.direct('ALTER TABLE note DISABLE ROW LEVEL SECURITY');
    await job.job.decide(question, { answer: 'recheck' });
    await next(job);
  });
});

test('the undoing of a row that cannot be seen asks, and the report names the row when it is skipped', async () => {
  await asRole(async (job) => {
    await job.direct('ALTER TABLE note ENABLE ROW LEVEL SECURITY');
    const question = await job.asks(job.job.undo());
    const finding = findingOf(question, ROW);
    assert.equal(finding.kind, 'unreadable');
    assert.deepEqual(finding.answers, ['skip', 'recheck', 'abort']);
    await job.job.decide(question, { answer: 'skip', reason: 'the owner sees to it' });
    const { left } = await job.job.undo();
    assert.deepEqual(
      left.map(({ what }) => what),
      [ROW],
    );
    assert.match(left[0]!.why, /could not be read, and stays as it is, as .* decided: the owner sees to it/);
    assert.deepEqual(await job.direct('SELECT id FROM note'), [{ id: 7 }]);
  });
});

test('a row that can be seen again is undone', async () => {
  await asRole(async (job) => {
    await job.direct('ALTER TABLE note ENABLE ROW LEVEL SECURITY');
    const question = await job.asks(job.job.undo());
    await job.direct('ALTER TABLE note DISABLE ROW LEVEL SECURITY');
    await job.job.decide(question, { answer: 'recheck' });
    assert.deepEqual((await job.job.undo()).left, []);
    assert.deepEqual(await job.direct('SELECT id FROM note'), []);
  });
});

test('where row level security was accepted, a row that is not there is said to be gone or hidden', async () => {
  await asRole(async (job) => {
    await job.direct('ALTER TABLE note ENABLE ROW LEVEL SECURITY', 'CREATE POLICY all_rows ON note USING (true)');
    await job.resume();
    const policy = await job.asks(next(job));
    await job.job.decide(policy, { answer: 'accept' });
    await next(job);
    await job.direct('DELETE FROM note');
    await job.resume();
    const question = await job.asks(job.step('last', (ctx) => ctx.files.write('last.txt', 'x')));
    const finding = findingOf(question, ROW);
    assert.equal(finding.kind, 'row-missing');
    assert.equal(finding.found.text, 'not there, or hidden from this role by row level security');
    assert.ok(finding.answers.includes('accept'));
  });
});

for (const [how, policy, reason] of [
  ['refuses', "FOR UPDATE USING (true) WITH CHECK (text = 'edited')", /violates row-level security policy/],
  ['lets nobody change', 'FOR UPDATE USING (false)', /row:main\/note\/\{"id":7\} cannot be put back/],
] as const)
  test(`restore of a row that row level security ${how} is refused until it takes it`, async () => {
    await asRole(async (job) => {
      await job.direct("UPDATE note SET text = 'edited'");
      const question = await job.asks(job.job.verify().then(throwQuestion));
      await job.direct(
        'ALTER TABLE note ENABLE ROW LEVEL SECURITY',
        'CREATE POLICY seen ON note FOR SELECT USING (true)',
        `CREATE POLICY changed ON note ${policy}`,
      );
      const result = await job.job.decide(question, { answer: 'restore' });
      assert.ok(result.kind === 'refused', JSON.stringify(result));
      assert.match(result.problems.join(), reason);
      assert.deepEqual(await job.direct('SELECT text FROM note'), [{ text: 'edited' }]);
      await job.direct(
        'DROP POLICY seen ON note',
        'DROP POLICY changed ON note',
        'ALTER TABLE note DISABLE ROW LEVEL SECURITY',
      );
      await job.job.decide(question, { answer: 'restore' });
      assert.deepEqual(await job.direct('SELECT text FROM note'), [{ text: 'ours' }]);
    });
  });

test('rerun of a step whose row row level security lets nobody remove is refused, and nothing is undone', async () => {
  await asRole(async (job) => {
    await job.step('read', async (ctx) => {
      await ctx.db('main').query('SELECT id FROM note', []);
      await ctx.db('main').upsert('note', { id: 8, text: await ctx.files.readText('input.txt').catch(() => 'none') });
    });
    writeFileSync(join(job.job.workspace, 'input.txt'), 'given');
    const question = await job.asks(job.job.verify().then(throwQuestion));
    await job.direct(
      'ALTER TABLE note ENABLE ROW LEVEL SECURITY',
      'CREATE POLICY seen ON note FOR SELECT USING (true)',
    );
    const result = await job.job.decide(question, { answer: 'rerun' });
    assert.ok(result.kind === 'refused', JSON.stringify(result));
    assert.match(result.problems.join(), /row:main\/note\/\{"id":8\} cannot be put back/);
    assert.deepEqual(await job.direct('SELECT id FROM note ORDER BY id'), [{ id: 7 }, { id: 8 }]);
  });
});

const UNREADABLE: readonly (readonly [what: string, forbid: string, said: RegExp])[] = [
  ['a column that may not be read', 'REVOKE SELECT ON note FROM "role"; GRANT SELECT (id) ON note TO "role"', /denied/],
  ['a table that may not be read', 'REVOKE SELECT ON note FROM "role"', /permission denied/],
  [
    'a view in the place of the table',
    'ALTER TABLE note RENAME TO kept; CREATE VIEW note AS SELECT * FROM kept WHERE id < 7; ' +
      'GRANT SELECT ON note TO "role"',
    /or a view/,
  ],
];

for (const [what, forbid, said] of UNREADABLE) {
  test(`${what} makes its rows unreadable, and nothing else of the database`, async () => {
    await asRole(async (job, role) => {
      await job.direct(forbid.replaceAll('"role"', `"${role}"`));
      await job.resume();
      const { findings } = await job.asks(next(job));
      const row = findings.find(({ resource }) => resource === ROW)!;
      assert.equal(row.kind, 'unreadable');
      assert.match(row.found.text, said);
      assert.deepEqual(
        findings.filter(({ kind, resource }) => kind === 'unreadable' && resource !== ROW),
        [],
      );
    });
  });
}

test('a table in a schema that the role may not use any more is unreadable, not dropped', async () => {
  await asRole(async (job, role) => {
    await job.direct('REVOKE ALL ON SCHEMA public FROM PUBLIC', `REVOKE ALL ON SCHEMA public FROM "${role}"`);
    await job.resume();
    const { findings } = await job.asks(next(job));
    assert.deepEqual(
      findings.filter(({ kind }) => kind !== 'unreadable').map(({ resource, kind }) => `${resource} ${kind}`),
      [],
    );
    assert.match(
      findings.find(({ resource }) => resource === 'schema:main/note')?.found.text ?? '',
      /public\.note is there, and this role may not use its schema/,
    );
  });
});

test('a database that is out of reach is one finding that names what depends on it', async () => {
  await asRole(async (job) => {
    await job.step('more', (ctx) => ctx.db('main').upsert('note', [{ id: 8 }, { id: 9 }]));
    const url = new URL(job.url);
    url.pathname = '/nowhere';
    await job.resume({ databases: { main: url.href } });
    const { findings } = await job.asks(next(job));
    assert.deepEqual(
      findings.map(({ resource, kind }) => `${resource} ${kind}`),
      ['database:main unreachable'],
    );
    for (const resource of [ROW, 'schema:main/note', 'row:main/note/{"id":9}'])
      assert.ok(findings[0]!.difference.includes(resource), findings[0]!.difference);
  });
});

/**
 * What every `Database` does in transactions: fences, tokens, locks, and what remains of a transaction that breaks off.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { isFailure } from '../../src/model/failure.ts';
import { ABSENT, type RowState, type TokenState } from '../../src/model/record/world.ts';
import {
  JOB,
  TOKEN,
  OTHER_TOKEN,
  INTENT,
  OTHER_INTENT,
  ITEM,
  change,
  transact,
  rowOf,
  assertFails,
  TIMEOUTS,
  checkOf,
  type Conformance,
} from '../support/database-subject.ts';

export function transactionsConform(conformance: Conformance): void {
  const check = checkOf(conformance);
  const { dialect } = conformance;

  check('an empty database has no tables, rows, tokens or fences', async (_subject, database) => {
    assert.deepEqual(await database.schema('item'), ABSENT);
    assert.deepEqual(await rowOf(database, 'item', { id: 1 }, ['label']), ABSENT);
    assert.deepEqual(await database.tokens([TOKEN]), new Map([[TOKEN, ABSENT]]));
    assert.deepEqual(await database.tokensOfJob(JOB), []);
    assert.equal(await database.fence(JOB), undefined);
    assert.deepEqual(await database.rows([]), []);
  });

  check("Holdfast's tables are created once, also by many at once, and nothing else is", async (subject, database) => {
    const others = await Promise.all([0, 1, 2].map(() => subject.open()));
    await Promise.all([database, ...others].map((each) => each.ensureHoldfastTables()));
    await database.ensureHoldfastTables();
    await Promise.all(others.map((each) => each.close()));
    const names =
      dialect === 'sqlite'
        ? "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
        : "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename";
    assert.deepEqual((await database.query(names, [])).rows, [{ name: 'holdfast_fence' }, { name: 'holdfast_token' }]);
    assert.equal(((await database.schema('holdfast_token')) as { indexes: string[] }).indexes.length, 1);
  });

  check("another table under Holdfast's name is called foreign and left alone", async (subject, database) => {
    await subject.direct('CREATE TABLE holdfast_token (id integer PRIMARY KEY, token text)');
    await assert.rejects(
      database.ensureHoldfastTables(),
      (error) =>
        isFailure(error, 'sql-failed') && error.details['foreign'] === true && error.message.includes('job_id'),
    );
    assert.equal(await database.fence(JOB), undefined);
    assert.equal((await database.schema('holdfast_fence')).kind, 'absent');
  });

  check('the identity stays while the database does, also for another process', async (subject, database) => {
    await database.ensureHoldfastTables();
    const identity = await database.identity();
    const again = await subject.open();
    assert.deepEqual(await again.identity(), identity);
    await transact(again, async (transaction) => assert.deepEqual(await transaction.identity(), identity));
    await again.close();
    assert.notEqual(identity.system, '');
  });

  check('a fence rises, never falls, and lets only its own term pass', async (_subject, database) => {
    await database.ensureHoldfastTables();
    assert.deepEqual(await database.raiseFence(JOB, 3), { term: 3, lastToken: null });
    assert.deepEqual(await database.raiseFence(JOB, 2), { term: 3, lastToken: null });
    await transact(database, async (transaction) => {
      assert.equal(await transaction.passFence(JOB, 2, TOKEN), false);
      assert.equal(await transaction.passFence(JOB, 4, TOKEN), false);
      assert.equal(await transaction.passFence('other', 3, TOKEN), false);
      assert.equal(await transaction.passFence(JOB, 3, TOKEN), true);
    });
    assert.deepEqual(await database.fence(JOB), { term: 3, lastToken: TOKEN });
    await database.resetFence(JOB, { term: 5, lastToken: null });
    assert.deepEqual(await database.fence(JOB), { term: 5, lastToken: null });
  });

  check('a token is taken once; another intent finds what the first left', async (_subject, database) => {
    await database.ensureHoldfastTables();
    await transact(database, async (transaction) => {
      assert.deepEqual(await transaction.takeToken(TOKEN, JOB, INTENT), { outcome: 'taken' });
      await transaction.noteRows(TOKEN, 'digests');
    });
    await transact(database, async (transaction) => {
      const there = { outcome: 'there', state: { kind: 'token', intent: INTENT, rows: 'digests' } };
      assert.deepEqual(await transaction.takeToken(TOKEN, JOB, OTHER_INTENT), there);
      assert.deepEqual(await transaction.takeToken(OTHER_TOKEN, JOB, OTHER_INTENT), { outcome: 'taken' });
    });
    assert.deepEqual(await database.tokensOfJob(JOB), [TOKEN, OTHER_TOKEN]);
    await transact(database, (transaction) => transaction.dropToken(OTHER_TOKEN));
    const states = await database.tokens([TOKEN, OTHER_TOKEN]);
    assert.deepEqual(
      states,
      new Map<string, TokenState>([
        [TOKEN, { kind: 'token', intent: INTENT, rows: 'digests' }],
        [OTHER_TOKEN, ABSENT],
      ]),
    );
    assert.deepEqual(await database.tokensOfJob('other'), []);
  });

  check('under another term no token is taken; under its own it is, once', async (_subject, database) => {
    await database.ensureHoldfastTables();
    await database.raiseFence(JOB, 3);
    const entry = { jobId: JOB, term: 3, token: TOKEN, intent: INTENT };
    await transact(database, async (transaction) => {
      const others = [
        { ...entry, term: 2 },
        { ...entry, term: 4 },
        { ...entry, jobId: 'other' },
      ];
      for (const other of others) assert.deepEqual(await transaction.enter(other), { outcome: 'other-term' });
    });
    assert.deepEqual(await database.tokens([TOKEN]), new Map([[TOKEN, ABSENT]]));
    assert.deepEqual(await database.fence(JOB), { term: 3, lastToken: null });
    await transact(database, async (transaction) => {
      assert.deepEqual(await transaction.enter(entry), { outcome: 'taken' });
      await transaction.noteRows(TOKEN, 'digests');
    });
    await transact(database, async (transaction) => {
      const there = { outcome: 'there', state: { kind: 'token', intent: INTENT, rows: 'digests' } };
      assert.deepEqual(await transaction.enter({ ...entry, intent: OTHER_INTENT }), there);
      assert.deepEqual(await transaction.enter({ ...entry, token: OTHER_TOKEN }), { outcome: 'taken' });
    });
    assert.deepEqual(await database.tokensOfJob(JOB), [TOKEN, OTHER_TOKEN]);
  });

  check('changes that are made and read back at once show their own failure', async (subject, database) => {
    await subject.direct(ITEM, 'CREATE TABLE part (item integer PRIMARY KEY REFERENCES item (id) DEFERRABLE)');
    const row = { table: 'item', key: { id: 1 }, columns: ['label'] };
    await transact(database, async (transaction) => {
      const made = await transaction.changeRows([change('row.insert', 'item', { id: 1 }, { label: 'one' })], [row]);
      assert.deepEqual(made, { unmade: [], states: [{ kind: 'row', columns: { label: 'one' } }] });
      const gone = await transaction.changeRows([change('row.delete', 'item', { id: 2 })], [row]);
      assert.equal(gone.unmade.length, 1);
    });
    for (const [changes, said] of [
      [[change('row.insert', 'item', { id: 1 }, { label: 'again' })], /unique|duplicate/i],
      [[change('row.update', 'item', { id: 2 }, { label: 'none' })], /no row/],
      [[change('row.insert', 'nowhere', { id: 1 })], /no table nowhere/],
    ] as const) {
      const transaction = await database.begin(TIMEOUTS);
      await assert.rejects(transaction.changeRows(changes, [row]), said);
      await transaction.rollback();
    }
    assert.deepEqual(await rowOf(database, 'item', { id: 1 }, ['label']), { kind: 'row', columns: { label: 'one' } });
  });

  check('rows that are about to be changed show what the table is now', async (subject, database) => {
    await subject.direct(ITEM, "INSERT INTO item VALUES (1, 'one', 1.5)");
    const read = async (): Promise<RowState | undefined> => {
      const [state] = await database.rows([{ table: 'item', key: { id: 1 }, columns: ['label'] }], { mayLean: true });
      return state;
    };
    assert.deepEqual(await read(), { kind: 'row', columns: { label: 'one' } });
    await subject.direct('ALTER TABLE item RENAME COLUMN label TO title');
    assert.deepEqual(await read(), { kind: 'row', columns: {} });
    await subject.direct('ALTER TABLE item RENAME COLUMN title TO label');
    assert.deepEqual(await read(), { kind: 'row', columns: { label: 'one' } });
    await subject.direct('DROP TABLE item');
    assert.deepEqual(await read(), ABSENT);
  });

  check('fence and token may be sent together', async (_subject, database) => {
    await database.ensureHoldfastTables();
    await database.raiseFence(JOB, 1);
    await transact(database, async (transaction) => {
      assert.deepEqual(
        await Promise.all([transaction.passFence(JOB, 1, TOKEN), transaction.takeToken(TOKEN, JOB, INTENT)]),
        [true, { outcome: 'taken' }],
      );
    });
  });

  check(
    'of two that take one token at once, one waits and finds it taken, or is told to try again',
    async (subject, database) => {
      await database.ensureHoldfastTables();
      const other = await subject.open();
      const first = await database.begin(TIMEOUTS);
      await first.takeToken(TOKEN, JOB, INTENT);
      const second = (async () => {
        const transaction = await other.begin(TIMEOUTS);
        try {
          return (await transaction.takeToken(TOKEN, JOB, OTHER_INTENT)).outcome;
        } catch (error) {
          return isFailure(error) ? error.type : String(error);
        } finally {
          await transaction.rollback();
        }
      })();
      await first.noteRows(TOKEN, '');
      await first.commit();
      assert.ok(['there', 'busy'].includes(await second));
      await other.close();
    },
  );

  check('a rolled back transaction leaves nothing, and rolling back again is no error', async (subject, database) => {
    await subject.direct(ITEM);
    await database.ensureHoldfastTables();
    const transaction = await database.begin(TIMEOUTS);
    await transaction.takeToken(TOKEN, JOB, INTENT);
    await transaction.applyRow(change('row.insert', 'item', { id: 1 }, { label: 'a' }));
    await transaction.applySql({ text: 'CREATE TABLE made (id integer PRIMARY KEY)', params: [] });
    assert.equal((await transaction.schema('made')).kind, 'schema');
    await transaction.rollback();
    await transaction.rollback();
    assert.deepEqual(await rowOf(database, 'item', { id: 1 }, ['label']), ABSENT);
    assert.deepEqual((await database.tokens([TOKEN])).get(TOKEN), ABSENT);
    assert.equal((await database.schema('made')).kind, 'absent');
    await assertFails(transaction.keepAlive(), 'defect');
  });

  check(
    'closing does not wait for ever for a transaction that nobody ends, and commits nothing of it',
    async (subject, database) => {
      await subject.direct(ITEM);
      const forgetful = await subject.open();
      const transaction = await forgetful.begin(TIMEOUTS);
      await transaction.applyRow(change('row.insert', 'item', { id: 1 }));
      await forgetful.close();
      await assert.rejects(transaction.commit(), (error) => isFailure(error));
      await transaction.rollback();
      assert.deepEqual(await rowOf(database, 'item', { id: 1 }, []), ABSENT);
    },
  );

  check('a transaction in which a call failed commits nothing', async (subject, database) => {
    await subject.direct(ITEM);
    const transaction = await database.begin(TIMEOUTS);
    await transaction.applyRow(change('row.insert', 'item', { id: 1 }, { label: 'a' }));
    await assertFails(
      transaction.applySql({ text: 'INSERT INTO item (id) VALUES (1)', params: [] }),
      'sql-failed',
      'main',
      'INSERT INTO item',
      /SQLSTATE 23505|SQLite code 1555/,
    );
    await assertFails(transaction.commit(), 'sql-failed', 'rolled back');
    await transaction.rollback();
    assert.deepEqual(await rowOf(database, 'item', { id: 1 }, ['label']), ABSENT);
  });

  check('a step’s statement cannot end or split the transaction, nor be two', async (subject, database) => {
    await subject.direct(ITEM);
    for (const text of [
      'COMMIT',
      ' /* x */ -- y\n commit',
      'ROLLBACK',
      'BEGIN',
      'END',
      'SAVEPOINT a',
      'INSERT INTO item (id) VALUES (1); COMMIT',
      'INSERT INTO item (id) VALUES (1); SELECT 1',
    ]) {
      const transaction = await database.begin(TIMEOUTS);
      await transaction.applyRow(change('row.insert', 'item', { id: 5 }));
      await assertFails(transaction.applySql({ text, params: [] }), 'sql-failed');
      await transaction.rollback();
    }
    assert.deepEqual((await database.query('SELECT count(*) AS n FROM item', [])).rows, [{ n: 0 }]);
  });

  check('constraints put off to COMMIT are caught by settle, before COMMIT', async (subject, database) => {
    await subject.direct(
      'CREATE TABLE parent (id integer PRIMARY KEY)',
      'CREATE TABLE child (id integer PRIMARY KEY, parent integer REFERENCES parent (id) DEFERRABLE ' +
        'INITIALLY DEFERRED)',
    );
    await database.ensureHoldfastTables();
    const transaction = await database.begin(TIMEOUTS);
    await transaction.applyRow(change('row.insert', 'child', { id: 1 }, { parent: 9 }));
    await assertFails(transaction.settle(), 'sql-failed', /foreign key/i);
    await transaction.rollback();
    // Put right in time, the same order is fine.
    await transact(database, async (again) => {
      await again.applyRow(change('row.insert', 'child', { id: 1 }, { parent: 9 }));
      await again.applyRow(change('row.insert', 'parent', { id: 9 }));
    });
    const unsettled = await database.begin(TIMEOUTS);
    await unsettled.takeToken(TOKEN, JOB, INTENT);
    await unsettled.applyRow(change('row.insert', 'child', { id: 2 }, { parent: 8 }));
    await assertFails(unsettled.noteRows(TOKEN, ''), 'sql-failed', /foreign key/i);
    await unsettled.rollback();
  });

  check('a lock that another holds is busy when the time is up, and free afterwards', async (subject, database) => {
    await subject.direct(ITEM, 'INSERT INTO item (id) VALUES (1)');
    const release = await subject.hold();
    const started = performance.now();
    const attempt = async (lockTimeoutMs: number): Promise<void> => {
      const transaction = await database.begin({ ...TIMEOUTS, lockTimeoutMs });
      try {
        await transaction.applyRow(change('row.update', 'item', { id: 1 }, { label: 'mine' }));
        await transaction.commit();
      } finally {
        await transaction.rollback();
      }
    };
    await assertFails(attempt(150), 'busy');
    assert.ok(performance.now() - started < 3000);
    await release();
    await attempt(150);
  });

  check(
    'an idle transaction is rolled back and the next call is busy; keepAlive prevents it',
    async (subject, database) => {
      await subject.direct(ITEM);
      const wait = (delayMs: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, delayMs));
      const alive = await database.begin({ ...TIMEOUTS, idleTimeoutMs: 300 });
      await alive.applyRow(change('row.insert', 'item', { id: 1 }));
      for (let beat = 0; beat < 4; beat++) {
        await wait(150);
        await alive.keepAlive();
      }
      await alive.commit();
      const idle = await database.begin({ ...TIMEOUTS, idleTimeoutMs: 100 });
      await idle.applyRow(change('row.insert', 'item', { id: 2 }));
      await wait(400);
      await assertFails(idle.keepAlive(), 'busy');
      await assertFails(idle.commit(), 'busy');
      await idle.rollback();
      assert.deepEqual((await database.query('SELECT id FROM item', [])).rows, [{ id: 1 }]);
    },
  );

  for (const stage of ['open', 'committed'] as const) {
    const outcome = stage === 'open' ? 'before COMMIT leaves no token and no row' : 'after COMMIT leaves both';
    check(`SIGKILL ${outcome}`, async (subject, database) => {
      await subject.direct(ITEM);
      await database.ensureHoldfastTables();
      await database.raiseFence(JOB, 1);
      const child = spawn(
        process.execPath,
        [fileURLToPath(new URL('database-child.ts', import.meta.url)), subject.url, stage, JOB, TOKEN],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      const exited = once(child, 'exit');
      const [said] = await Promise.race([once(child.stdout, 'data'), exited.then(() => ['exited'])]);
      assert.match(String(said), /ready/);
      child.kill('SIGKILL');
      await exited;
      const isThere = stage === 'committed';
      const expected: RowState = isThere ? { kind: 'row', columns: { label: 'crash' } } : ABSENT;
      assert.deepEqual(
        (await database.tokens([TOKEN])).get(TOKEN),
        isThere ? { kind: 'token', intent: INTENT, rows: 'digests' } : ABSENT,
      );
      assert.deepEqual(await rowOf(database, 'item', { id: 7 }, ['label']), expected);
      assert.deepEqual(await database.fence(JOB), { term: 1, lastToken: isThere ? TOKEN : null });
      // The dead worker holds no lock that blocks its successor.
      await transact(database, (transaction) =>
        transaction.applyRow(change('row.upsert', 'item', { id: 7 }, { label: 'next' })),
      );
    });
  }

  void test(`${dialect}: a restored backup shows in the fence's last token and the missing token`, async (context) => {
    const subject = await conformance.setUp(context);
    const step = async (token: string): Promise<void> => {
      const database = await subject.open();
      await database.ensureHoldfastTables();
      await database.raiseFence(JOB, 1);
      await transact(database, async (transaction) => {
        await transaction.passFence(JOB, 1, token);
        await transaction.takeToken(token, JOB, INTENT);
      });
      await database.close();
    };
    await step(TOKEN);
    const restore = await subject.backUp();
    await step(OTHER_TOKEN);
    await restore();
    const database = await subject.open();
    assert.deepEqual(await database.fence(JOB), { term: 1, lastToken: TOKEN });
    assert.deepEqual((await database.tokens([OTHER_TOKEN])).get(OTHER_TOKEN), ABSENT);
    await database.close();
  });
}

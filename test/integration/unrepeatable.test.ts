/** What nothing undoes is not run again: not by `rerun`, not by `undo`, unless the person names it. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as z from 'zod';
import type { Question } from '../../src/model/question/question.ts';
import { defineStep, implementStep, openTestJob } from '../../src/testing.ts';
import { onceAt } from '../support/fault-hook.ts';
import { lockFile, unlockFile, whyNotImmutable } from '../support/immutable.ts';
import { comparedQuestion, questionFrom } from '../support/questions.ts';
import { sqliteRows, sqliteScript } from '../support/sqlite.ts';
import { forEachTest, TestedJob } from '../support/tested-job.ts';

const SKIP = whyNotImmutable();

/** Adds to an account by a statement without an undo, writes a file and takes one away. */
const book = defineStep({ name: 'book', input: z.object({}), output: z.object({ generation: z.int() }) });
const bookCode = implementStep(book, async (ctx) => {
  await ctx.db('main').sql('UPDATE account SET n = n + 100', [], { writes: ['account'] });
  await ctx.files.write('receipt.txt', `booked ${ctx.generation}\n`);
  await ctx.files.remove('order.txt');
  return { generation: ctx.generation };
});

/** The same statement, in a sub-step. */
const bookWithin = defineStep({ name: 'book-within', input: z.object({}), output: z.object({ generation: z.int() }) });
const bookWithinCode = implementStep(bookWithin, async (ctx) => {
  await ctx.step('add', null, async (sub) => {
    await sub.db('main').sql('UPDATE account SET n = n + 100', [], { writes: ['account'] });
  });
  await ctx.files.write('receipt.txt', `booked ${ctx.generation}\n`);
  return { generation: ctx.generation };
});

class BookingJob extends TestedJob {
  override begin(): void {
    const workspace = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-booking-')));
    sqliteScript(join(workspace, 'main.db'), 'CREATE TABLE account (id INTEGER PRIMARY KEY, n INTEGER)');
    sqliteScript(join(workspace, 'main.db'), 'INSERT INTO account VALUES (1, 0)');
    writeFileSync(join(workspace, 'order.txt'), 'an order\n');
    this.job = openTestJob({ workspace, steps: [bookCode, bookWithinCode], databases: { main: 'sqlite:main.db' } });
  }

  override async end(): Promise<void> {
    const { workspace } = this.job;
    await super.end();
    rmSync(workspace, { recursive: true, force: true });
  }

  async book(): Promise<{ readonly generation: number }> {
    return await this.job.step(book, {}, { stepId: 'book', maxAttempts: 1 });
  }

  get balance(): unknown {
    return sqliteRows(this.at('main.db'), 'SELECT n FROM account')[0]!['n'];
  }

  /** The database has committed; then the file can't be taken away. */
  async halfApplied(): Promise<Question> {
    onceAt('commit.database-after', () => lockFile(this.at('order.txt')));
    const question = await questionFrom(this.book());
    assert.equal(this.balance, 100, 'the database has committed');
    return question;
  }
}

const booking = forEachTest(new BookingJob());

test(
  'a half-applied step with a statement that nothing undoes offers no rerun; recheck finishes it',
  { skip: SKIP },
  async () => {
    const question = await booking.halfApplied();
    const [finding] = question.findings;
    assert.deepEqual(finding!.answers, ['recheck', 'abort']);
    assert.match(finding!.advice!, /then decide `recheck`\. It is half applied: recheck goes on where it stopped/);
    unlockFile(booking.at('order.txt'));
    await booking.decide(question, { answer: 'recheck' });
    assert.deepEqual(await booking.book(), { generation: 0 });
    assert.equal(booking.balance, 100);
    assert.equal(existsSync(booking.at('order.txt')), false);
  },
);

test(
  'a removal that is not allowed is found while preparing: nothing of the step is applied',
  { skip: SKIP },
  async () => {
    lockFile(booking.at('order.txt'));
    const question = await questionFrom(booking.book());
    assert.match(question.findings[0]!.found.text, /order\.txt/);
    assert.equal(booking.balance, 0);
    assert.equal(existsSync(booking.at('receipt.txt')), false);
    unlockFile(booking.at('order.txt'));
    await booking.decide(question, { answer: 'rerun' });
    await booking.book();
    assert.equal(booking.balance, 100);
  },
);

test('a deleted file of a step whose statement nothing undoes: rerun is refused unless it is named', async () => {
  await booking.book();
  rmSync(booking.at('receipt.txt'));
  const question = await comparedQuestion(booking.job);
  const [finding] = question.findings;
  assert.deepEqual(finding!.repeats, [{ name: 'statements:book', text: 'UPDATE account SET n = n + 100' }]);
  const refused = await booking.job.decide(question, { answer: 'rerun' });
  assert.ok(refused.kind === 'refused', JSON.stringify(refused));
  assert.match(refused.problems.join(), /runs again what nothing undoes \(UPDATE account SET n = n \+ 100\)/);
  assert.equal(booking.balance, 100);
  const named = await booking.job.decide(question, { answer: 'rerun', items: { 'statements:book': 'repeat' } });
  assert.ok(named.kind === 'repaired', JSON.stringify(named));
  assert.deepEqual(await booking.book(), { generation: 1 });
  assert.equal(booking.balance, 200, 'as the person asked for');
});

test('so it is where a sub-step has run the statement, in each generation', async () => {
  const again = async (): Promise<unknown> =>
    await booking.job.step(bookWithin, {}, { stepId: 'book', maxAttempts: 1 });
  await again();
  for (const generation of [1, 2]) {
    rmSync(booking.at('receipt.txt'));
    const question = await comparedQuestion(booking.job);
    assert.deepEqual(question.findings[0]!.repeats, [
      { name: 'statements:book', text: 'UPDATE account SET n = n + 100' },
    ]);
    const refused = await booking.job.decide(question, { answer: 'rerun' });
    assert.ok(refused.kind === 'refused', JSON.stringify(refused));
    assert.equal(booking.balance, 100 * generation);
    await booking.decide(question, { answer: 'rerun', items: { 'statements:book': 'repeat' } });
    assert.deepEqual(await again(), { generation });
    assert.equal(booking.balance, 100 * (generation + 1));
  }
});

test('undo of a conflict runs a statement again only where it is named', async () => {
  writeFileSync(booking.at('receipt.txt'), 'older\n');
  await booking.job.verify();
  onceAt('commit.database-after', () => writeFileSync(booking.at('receipt.txt'), 'a person came between\n'));
  const question = await questionFrom(booking.book());
  assert.equal(question.kind, 'conflict');
  const refused = await booking.job.decide(question, { answer: 'undo' });
  assert.ok(refused.kind === 'refused', JSON.stringify(refused));
  await booking.decide(question, { answer: 'overwrite' });
  assert.deepEqual(await booking.book(), { generation: 0 });
  assert.equal(booking.balance, 100);
});

test('a database that lost its note of a step: rerun is offered only where the step can be undone', async () => {
  await booking.book();
  sqliteScript(booking.at('main.db'), 'DELETE FROM holdfast_token');
  const question = await comparedQuestion(booking.job);
  const finding = question.findings.find(({ kind }) => kind === 'token-missing');
  assert.deepEqual(finding!.answers, ['accept', 'recheck', 'abort']);
  assert.match(
    finding!.advice!,
    /database main has lost its note that step book was applied.*if what the step did is there, accept/,
  );
  await booking.decide(question, { answer: 'accept' });
  assert.deepEqual(await booking.book(), { generation: 0 });
  assert.equal(booking.balance, 100);
});

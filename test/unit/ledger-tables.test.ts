/** What the ledger's tables refuse: rows that say what no row may say, and moves that no state allows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFailure } from '../../src/model/failure.ts';
import { intentDigest, type Intent } from '../../src/model/record/intent.ts';
import type { NewRecord } from '../../src/store/ledger/chain.ts';
import type { ClaimRow } from '../../src/store/ledger/claims.ts';
import { JOB, testLedger } from '../support/test-ledger.ts';

const TOKEN = 'a'.repeat(64);
const DETAILS = { version: '1', uses: [], logs: [] };
const CLAIM: ClaimRow = {
  token: TOKEN,
  jobId: JOB,
  stepId: 's',
  generation: 0,
  args: 'b'.repeat(64),
  nonce: 'n',
  workerId: 'w',
  state: 'open',
  ordinal: 1,
  attempts: 2,
  failures: 0,
  dropped: 0,
  draft: 0,
  rejection: null,
};
const INTENT: Intent = {
  schemaVersion: 1,
  jobId: JOB,
  stepId: 's',
  step: 'write',
  generation: 0,
  token: TOKEN,
  draft: 0,
  args: 'b'.repeat(64),
  effects: [],
  observations: [],
  queries: [],
  listings: [],
  output: null,
};
const NOTHING_PREPARED = { afters: {}, changes: [] };

const fixture = testLedger();

const isDamage = (error: unknown): boolean => isFailure(error, 'ledger-damaged');
const isDefect = (error: unknown): boolean => isFailure(error, 'defect');

function seal(): void {
  fixture.ledger.putIntent(INTENT, intentDigest(INTENT), false, DETAILS);
}

test('a row that says what no row may say is damage, and names its table and column', () => {
  fixture.ledger.putClaim(CLAIM);
  fixture.raw(`UPDATE claim SET state = 'ajar'`);
  assert.throws(
    () => fixture.ledger.claim(TOKEN),
    (error) => isDamage(error) && /table claim .* state is "ajar"/.test((error as Error).message),
  );
  fixture.raw(`UPDATE claim SET state = 'open', rejection = '{"reason": 1}'`);
  assert.throws(() => fixture.ledger.claim(TOKEN), isDamage);
  fixture.raw(`UPDATE claim SET rejection = '{"reason": "no", "by": "ann"}'`);
  assert.deepEqual(fixture.ledger.claim(TOKEN)?.rejection, { reason: 'no', by: 'ann' });
});

test('a value that was changed after it was written is damage; one without a digest is of an earlier release', () => {
  fixture.ledger.once.put(TOKEN, 0, 'v', { value: '"x"', reads: 'r' });
  assert.equal(fixture.ledger.once.find(TOKEN, 0, 'v')?.value, '"x"');
  fixture.raw(`UPDATE once SET value = replace(value, 'x', 'y')`);
  assert.throws(() => fixture.ledger.once.find(TOKEN, 0, 'v'), isDamage);
  fixture.raw(`UPDATE once SET value = '"y"'`);
  assert.equal(fixture.ledger.once.find(TOKEN, 0, 'v')?.value, '"y"');
  seal();
  fixture.raw(`UPDATE intent SET details = replace(details, '"1"', '"2"')`);
  assert.throws(() => fixture.ledger.openIntents(JOB), isDamage);
});

test('what a rolled back transaction changed is read again, also in the same hold of the lock', async () => {
  const { ledger } = fixture;
  await ledger.held(() => {
    const term = ledger.job(JOB)!.term;
    const fail = (): never => {
      ledger.raiseTerm(JOB, term + 1);
      ledger.putClaim(CLAIM);
      assert.equal(ledger.job(JOB)!.term, term + 1);
      assert.equal(ledger.claim(TOKEN)?.nonce, CLAIM.nonce);
      throw new Error('rolled back');
    };
    assert.throws(() => ledger.transaction(fail), /rolled back/);
    assert.equal(ledger.job(JOB)!.term, term);
    assert.equal(ledger.claim(TOKEN), undefined);
  });
});

test('attempts of a claim are only counted up', () => {
  fixture.ledger.putClaim(CLAIM);
  assert.throws(() => fixture.ledger.putClaim({ ...CLAIM, attempts: 1 }), isDefect);
  fixture.ledger.putClaim({ ...CLAIM, attempts: 3 });
  assert.equal(fixture.ledger.claim(TOKEN)?.attempts, 3);
});

test('an intent moves as its table of states says', () => {
  const state = (): string | undefined => fixture.ledger.intent(TOKEN)?.state;
  assert.throws(() => fixture.ledger.beginApplying(TOKEN, NOTHING_PREPARED), isDefect);
  fixture.ledger.dropIntent(TOKEN);
  assert.equal(state(), undefined);
  seal();
  fixture.ledger.dropIntent(TOKEN);
  assert.throws(() => fixture.ledger.beginApplying(TOKEN, NOTHING_PREPARED), isDefect);
  assert.equal(state(), 'dropped');
  seal();
  assert.equal(state(), 'sealed');
  fixture.ledger.beginApplying(TOKEN, NOTHING_PREPARED);
  fixture.ledger.beginApplying(TOKEN, NOTHING_PREPARED);
  seal();
  assert.equal(state(), 'applying');
  fixture.ledger.finishIntent(TOKEN);
  assert.throws(() => fixture.ledger.beginApplying(TOKEN, NOTHING_PREPARED), isDefect);
  seal();
  assert.equal(state(), 'done');
  fixture.ledger.dropIntent(TOKEN);
  assert.equal(state(), 'dropped');
});

test('a record that was planned for another end of the chain is not appended', () => {
  const fields: NewRecord = { kind: 'watched', changes: [] };
  const planned = fixture.ledger.plan(JOB, 'run', fields);
  fixture.ledger.transaction(() => fixture.ledger.append(JOB, 'another', fields));
  assert.throws(() => fixture.ledger.transaction(() => fixture.ledger.appendPlanned(planned)), isDefect);
  const next = fixture.ledger.plan(JOB, 'run', fields);
  const after = { ...next.after, head: 'c'.repeat(64) };
  assert.throws(() => fixture.ledger.transaction(() => fixture.ledger.appendPlanned({ ...next, after })), isDefect);
  assert.equal(fixture.ledger.job(JOB)?.at.seq, 1);
});

test('a repair that was never sealed is not finished', () => {
  assert.throws(() => fixture.ledger.repairs.finish(TOKEN, {}), isDefect);
});

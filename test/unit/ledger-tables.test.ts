/** What the ledger's tables refuse: rows that say what no row may say, and moves that no state allows. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, test } from 'node:test';
import { isFailure } from '../../src/model/failure.ts';
import { intentDigest, type Intent } from '../../src/model/record/intent.ts';
import type { NewRecord } from '../../src/store/ledger/chain.ts';
import type { ClaimRow } from '../../src/store/ledger/claims.ts';
import { LEDGER_FILE } from '../../src/store/ledger/file.ts';
import { Ledger } from '../../src/store/ledger/ledger.ts';

const JOB = 'job@run';
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

let directory: string;
let ledger: Ledger;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-tables-'));
  ledger = Ledger.open(directory, { create: true });
  ledger.addJob({
    jobId: JOB,
    workflowId: 'job',
    runId: 'run',
    settings: { databases: {}, watch: [], verifyAfterMs: 0, plan: null },
  });
});

afterEach(() => {
  ledger.close();
  rmSync(directory, { recursive: true, force: true });
});

function raw(sql: string): void {
  const database = new DatabaseSync(join(directory, LEDGER_FILE));
  database.exec(sql);
  database.close();
}

const isDamage = (error: unknown): boolean => isFailure(error, 'ledger-damaged');
const isDefect = (error: unknown): boolean => isFailure(error, 'defect');

function seal(): void {
  ledger.putIntent(INTENT, intentDigest(INTENT), false, DETAILS);
}

test('a row that says what no row may say is damage, and names its table and column', () => {
  ledger.putClaim(CLAIM);
  raw(`UPDATE claim SET state = 'ajar'`);
  assert.throws(
    () => ledger.claim(TOKEN),
    (error) => isDamage(error) && /table claim .* state is "ajar"/.test((error as Error).message),
  );
  raw(`UPDATE claim SET state = 'open', rejection = '{"reason": 1}'`);
  assert.throws(() => ledger.claim(TOKEN), isDamage);
  raw(`UPDATE claim SET rejection = '{"reason": "no", "by": "ann"}'`);
  assert.deepEqual(ledger.claim(TOKEN)?.rejection, { reason: 'no', by: 'ann' });
});

test('attempts of a claim are only counted up', () => {
  ledger.putClaim(CLAIM);
  assert.throws(() => ledger.putClaim({ ...CLAIM, attempts: 1 }), isDefect);
  ledger.putClaim({ ...CLAIM, attempts: 3 });
  assert.equal(ledger.claim(TOKEN)?.attempts, 3);
});

test('an intent moves as its table of states says', () => {
  const state = (): string | undefined => ledger.intent(TOKEN)?.state;
  assert.throws(() => ledger.beginApplying(TOKEN, NOTHING_PREPARED), isDefect);
  ledger.setIntentState(TOKEN, 'dropped');
  assert.equal(state(), undefined);
  seal();
  ledger.setIntentState(TOKEN, 'dropped');
  assert.throws(() => ledger.beginApplying(TOKEN, NOTHING_PREPARED), isDefect);
  assert.equal(state(), 'dropped');
  seal();
  assert.equal(state(), 'sealed');
  ledger.beginApplying(TOKEN, NOTHING_PREPARED);
  ledger.beginApplying(TOKEN, NOTHING_PREPARED);
  seal();
  assert.equal(state(), 'applying');
  ledger.setIntentState(TOKEN, 'done');
  assert.throws(() => ledger.beginApplying(TOKEN, NOTHING_PREPARED), isDefect);
  seal();
  assert.equal(state(), 'done');
  ledger.setIntentState(TOKEN, 'dropped');
  assert.equal(state(), 'dropped');
});

test('a record that was planned for another end of the chain is not appended', () => {
  const fields: NewRecord = { kind: 'watched', changes: [] };
  const planned = ledger.plan(JOB, 'run', fields);
  ledger.transaction(() => ledger.append(JOB, 'another', fields));
  assert.throws(() => ledger.transaction(() => ledger.appendPlanned(planned)), isDefect);
  const next = ledger.plan(JOB, 'run', fields);
  const after = { ...next.after, head: 'c'.repeat(64) };
  assert.throws(() => ledger.transaction(() => ledger.appendPlanned({ ...next, after })), isDefect);
  assert.equal(ledger.job(JOB)?.at.seq, 1);
});

test('a repair that was never sealed is not finished', () => {
  assert.throws(() => ledger.finishRepair(TOKEN, {}), isDefect);
});

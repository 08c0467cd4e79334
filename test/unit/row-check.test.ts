/** Rows of a ledger that are not found by what they are any more: each column that something is found by, turned. */
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { isFailure } from '../../src/model/failure.ts';
import { intentDigest, type Intent } from '../../src/model/record/intent.ts';
import { performKeyOf, tokenOf, undoIdOf, undoTokenOf } from '../../src/model/record/token.ts';
import type { ClaimRow } from '../../src/store/ledger/claims.ts';
import type { PerformRow } from '../../src/store/ledger/perform-row.ts';
import { JOB, testLedger } from '../support/test-ledger.ts';

const STEP = { jobId: JOB, stepId: 's', generation: 1 };
const TOKEN = tokenOf(STEP);
const OTHER = 'f'.repeat(64);
const ARGS = 'b'.repeat(64);
const DETAILS = { version: '1', uses: [], logs: [] };
const INTENT: Intent = {
  schemaVersion: 1,
  ...STEP,
  step: 'write',
  token: TOKEN,
  draft: 0,
  args: ARGS,
  effects: [],
  observations: [],
  queries: [],
  listings: [],
  output: null,
};

const fixture = testLedger();

function claim(fields: Partial<ClaimRow> = {}): ClaimRow {
  const counts = { ordinal: 1, attempts: 1, failures: 0, dropped: 0, draft: 0 };
  const held = { nonce: 'n', workerId: 'w', state: 'open', rejection: null } as const;
  return { ...STEP, token: TOKEN, args: ARGS, ...counts, ...held, ...fields };
}

function call(fields: Partial<PerformRow> = {}): PerformRow {
  return {
    ...STEP,
    token: TOKEN,
    name: 'charge',
    state: 'done',
    key: performKeyOf({ token: TOKEN, name: 'charge', round: 0 }),
    round: 0,
    inDoubt: 'ask',
    request: { digest: ARGS, text: '{}' },
    answers: null,
    answer: '1',
    known: 'called',
    calledIn: 1,
    nonce: 'n',
    note: null,
    at: '',
    wanted: null,
    ...fields,
  };
}

/** A job with a row of each kind, none of them wrong. */
function fill(): void {
  const { ledger } = fixture;
  ledger.transaction(() => {
    ledger.append(JOB, 'run', { kind: 'opened', workflowId: 'job', settings: ARGS, changes: [] });
    ledger.putClaim(claim());
    const undone = { token: undoTokenOf(TOKEN), stepId: undoIdOf('s') };
    ledger.putClaim(claim({ ...undone, state: 'closed' }));
    ledger.putPerform(call());
    // It keeps the key of the generation that made it.
    ledger.putPerform(call({ generation: 2, token: tokenOf({ ...STEP, generation: 2 }) }));
    ledger.once.put(TOKEN, 0, 'value', { value: '1', reads: ARGS });
    ledger.putIntent(INTENT, intentDigest(INTENT), false, DETAILS);
    ledger.markEffect(TOKEN, 0, { outcome: 'applied', after: { kind: 'absent' } });
  });
}

function problems(): string {
  return fixture.ledger.integrityProblems(JOB).join('; ');
}

test('rows that are found by what they are are sound', () => {
  fill();
  assert.equal(problems(), '');
});

for (const [sql, problem] of [
  [`UPDATE claim SET token = '${OTHER}' WHERE step_id = 's'`, /table claim .* not found by what it is/],
  [`UPDATE claim SET step_id = 't' WHERE step_id = 's'`, /table claim/],
  [`UPDATE claim SET generation = 3 WHERE step_id = 's'`, /table claim/],
  [`UPDATE claim SET job_id = 'jpb@run'`, /table claim has a row of job jpb@run/],
  [`UPDATE claim SET state = 'opfn' WHERE step_id = 's'`, /table claim .* state is "opfn"/],
  [`UPDATE perform SET token = '${OTHER}' WHERE generation = 1`, /table perform/],
  [`UPDATE perform SET name = 'chasge' WHERE generation = 1`, /chasge of step s/],
  [`UPDATE perform SET name = 'chasge' WHERE generation = 2`, /chasge of step s/],
  [`UPDATE perform SET step_id = 't'`, /table perform/],
  [`UPDATE perform SET round = 1`, /table perform/],
  [`UPDATE perform SET job_id = 'jpb@run'`, /table perform has a row of job jpb@run/],
  [`UPDATE intent SET token = '${OTHER}'`, /its row has another token/],
  [`UPDATE intent SET job_id = 'jpb@run'`, /its row has another job_id/],
  [`UPDATE intent SET state = 'sealfd'`, /state is "sealfd"/],
  [`UPDATE intent SET state = 'done', token = '${OTHER}'`, /table intent .* its body says/],
  [`UPDATE once SET token = '${OTHER}'`, /table once has rows of ffffffffffff, which no claim has/],
  [`UPDATE effect_mark SET token = '${OTHER}'`, /table effect_mark has rows of ffffffffffff, which no intent has/],
  [`INSERT INTO generation VALUES ('jpb@run', 's', 1)`, /table generation has a row of job jpb@run/],
  [`UPDATE record SET run_id = 'rum'`, /record 1 is not found by what it is/],
  [`UPDATE record SET kind = 'openee'`, /record 1 is not found by what it is/],
  [`UPDATE record SET token = '${OTHER}'`, /record 1 is not found by what it is/],
] as const)
  test(`what is found by another column than it was is told: ${sql.replace(OTHER, '…')}`, () => {
    fill();
    fixture.raw(sql);
    assert.match(problems(), problem);
  });

test('an intent that is found by another token than its own is not used', () => {
  fill();
  fixture.raw(`UPDATE intent SET token = '${OTHER}'`);
  assert.throws(
    () => fixture.ledger.openIntents(JOB),
    (error) => isFailure(error, 'ledger-damaged'),
  );
});

test('an intent that is not done and has its record is told', () => {
  fill();
  fixture.ledger.append(JOB, 'run', {
    kind: 'step',
    ...STEP,
    step: 'write',
    version: '1',
    token: TOKEN,
    args: ARGS,
    intent: ARGS,
    output: null,
    uses: null,
    effects: [],
    changes: [],
    logs: [],
  });
  assert.match(problems(), /is not done, and the chain has its record/);
});

test('a generation that the ledger would issue once more is told', () => {
  fill();
  const { ledger } = fixture;
  ledger.append(JOB, 'run', {
    kind: 'decision',
    question: ARGS,
    questionKind: 'discrepancy',
    answers: {},
    by: 'ann',
    reason: '',
    reruns: [{ stepId: 's', generation: 2 }],
    adopts: [],
    changes: [],
    kept: {},
    notes: [],
  });
  assert.match(problems(), /would issue generation 2 of step s once more/);
  ledger.generations.issue(JOB, 's', 2);
  assert.equal(problems(), '');
});

test('an index that leads elsewhere than its table is damage', () => {
  fill();
  const file = new DatabaseSync(fixture.ledger.path);
  file.enableDefensive(false);
  // As after a page of the index that was turned: its rows are not those that the table has.
  file.exec(`
    PRAGMA writable_schema = ON;
    UPDATE sqlite_schema SET sql = replace(sql, '(job_id)', '(digest)')
      WHERE name = 'intent_open';
  `);
  file.close();
  assert.match(problems(), /SQLite: .*intent_open/);
});

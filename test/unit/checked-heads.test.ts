/**
 * What a comparison remembers of a long chain: it reads on from there, believes it only where nothing speaks against
 * it, and what it does not read is recognised by whoever uses it.
 */
import assert from 'node:assert/strict';
import { copyFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, test } from 'node:test';
import { isFailure } from '../../src/model/failure.ts';
import type { ChainPlace } from '../../src/model/job/chain-place.ts';
import { GENESIS } from '../../src/model/record/chain.ts';
import { ABSENT } from '../../src/model/record/world.ts';
import type { ChainCheck } from '../../src/store/ledger/chain-check.ts';
import { MAX_BYTES_READ_WHOLE } from '../../src/store/ledger/checked.ts';
import { LEDGER_FILE } from '../../src/store/ledger/file.ts';
import { Ledger } from '../../src/store/ledger/ledger.ts';
import { JOB, testLedger } from '../support/test-ledger.ts';

const fixture = testLedger();
const RECORDS = 5;
const BOOT = { runId: 'run', bootId: 'boot' };
const BEGINNING: ChainPlace = { seq: 0, head: GENESIS };

function append(resources: readonly string[]): void {
  fixture.ledger.transaction(() =>
    fixture.ledger.append(JOB, 'run', {
      kind: 'watched',
      changes: resources.map((resource) => ({ resource, role: 'written', state: ABSENT })),
    }),
  );
}

interface Read {
  readonly check: ChainCheck;
  /** Records that were visited. */
  readonly seqs: readonly number[];
}

async function check(
  by: {
    readonly runId?: string;
    readonly bootId?: string;
    readonly base?: ChainPlace;
    readonly known?: ChainPlace;
  } = {},
): Promise<Read> {
  let seqs: number[] = [];
  const found = await fixture.ledger.checkIntegrity(JOB, ({ seq }) => void seqs.push(seq), {
    ...BOOT,
    base: BEGINNING,
    known: fixture.ledger.job(JOB)!.at,
    ...by,
    onAnew: () => (seqs = []),
  });
  return { check: found, seqs };
}

function remember({ at, sizeBytes, digests }: ChainCheck): void {
  assert.ok(digests !== undefined, 'there is something to remember');
  fixture.ledger.transaction(() => fixture.ledger.rememberChecked(JOB, { at, sizeBytes, ...digests, ...BOOT }));
}

/** A chain that is long enough, checked up to its end. */
beforeEach(async () => {
  const padding = 'x'.repeat(MAX_BYTES_READ_WHOLE / RECORDS);
  for (let place = 0; place < RECORDS; place++) append([`file:${place}-a`, `file:${place}-${padding}`]);
  const first = await check();
  assert.deepEqual([first.check.problems, first.seqs], [[], [1, 2, 3, 4, 5]]);
  remember(first.check);
});

test('a long chain is read on from the remembered head, and the manifest is what all of it folds to', async () => {
  assert.deepEqual((await check()).seqs, []);
  append(['file:0-a', 'file:new']);
  append(['file:1-a']);
  const further = await check();
  assert.deepEqual([further.check.problems, further.seqs, further.check.manifest.size], [[], [6, 7], 11]);
  remember(further.check);
  append(['file:1-a']);
  const last = await check();
  assert.deepEqual([last.check.problems, last.seqs], [[], [8]]);
  assert.deepEqual(last.check.manifest, fixture.ledger.manifest(JOB));
});

test('a short chain is read whole each time, and nothing is remembered of it', async () => {
  fixture.end();
  fixture.begin();
  append(['file:a']);
  const first = await check();
  assert.deepEqual([first.check.digests, first.seqs], [undefined, [1]]);
});

for (const [what, by] of [
  ['after another start of the host', { bootId: 'another boot' }],
  ['for another Run that began before it', { runId: 'another run', base: BEGINNING }],
  ['where the Workflow has not heard of it', { known: BEGINNING }],
] as const) {
  test(`a remembered head counts for nothing ${what}`, async () => {
    assert.deepEqual((await check(by)).seqs, [1, 2, 3, 4, 5]);
  });
}

test('a Run that began behind the head goes on from it', async () => {
  assert.deepEqual((await check({ runId: 'another run', base: fixture.ledger.job(JOB)!.at })).seqs, []);
});

test('a remembered head counts for nothing in another file', async () => {
  fixture.ledger.close();
  const path = join(fixture.directory, LEDGER_FILE);
  copyFileSync(path, `${path}.copy`);
  renameSync(`${path}.copy`, path);
  fixture.ledger = Ledger.open(fixture.directory, { create: false });
  assert.deepEqual((await check()).seqs, [1, 2, 3, 4, 5]);
});

for (const [what, sql, problem] of [
  [
    'a record after it that was changed',
    `UPDATE record SET body = replace(body, 'new', 'old') WHERE seq = 6`,
    /record 6/,
  ],
  ['a record after it that is lost', 'DELETE FROM record WHERE seq = 6', /the chain ends at 5/],
  [
    'an entry that was changed and that no record has changed since',
    `UPDATE manifest SET entry = replace(entry, '"seq":2', '"seq":1') WHERE resource = 'file:1-a'`,
    /manifest's entry for file:1-a differs/,
  ],
  [
    'an entry that is lost',
    `DELETE FROM manifest WHERE resource = 'file:1-a'`,
    /manifest's entry for file:1-a differs/,
  ],
  [
    'an entry that no record put there',
    `INSERT INTO manifest SELECT job_id, 'file:odd', digest, entry FROM manifest WHERE resource = 'file:1-a'`,
    /manifest has file:odd/,
  ],
  [
    'an entry that a record has changed since, as it was before',
    `UPDATE manifest SET entry = replace(entry, '"seq":6', '"seq":1') WHERE resource = 'file:0-a'`,
    /manifest's entry for file:0-a differs/,
  ],
] as const) {
  test(`a check that goes on from a remembered head finds ${what}, and says what all of the chain says`, async () => {
    append(['file:0-a', 'file:new']);
    fixture.raw(sql);
    const found = await check();
    assert.match(found.check.problems.join('; '), problem);
    assert.equal(found.seqs[0], 1, 'it has read everything before it said so');
  });
}

test('a manifest that was changed while nothing was recorded is found', async () => {
  fixture.raw(`UPDATE manifest SET entry = replace(entry, '"seq":2', '"seq":1') WHERE resource = 'file:1-a'`);
  assert.match((await check()).check.problems.join('; '), /manifest's entry for file:1-a differs/);
});

for (const [what, sql] of [
  ['names another head', `UPDATE checked SET head = '${'f'.repeat(64)}'`],
  ['has lost its cells', `UPDATE checked SET cells = x''`],
  ['has cells of other entries', 'UPDATE checked SET cells = zeroblob(length(cells))'],
  ['was made by other rules', 'UPDATE checked SET rules = rules + 1'],
] as const) {
  test(`a remembered head that ${what} makes the whole chain be read, and is no damage`, async () => {
    append(['file:0-a']);
    fixture.raw(sql);
    const found = await check();
    assert.deepEqual([found.check.problems, found.seqs], [[], [1, 2, 3, 4, 5, 6]]);
  });
}

test('a changed record behind the head is not looked at by a comparison; whoever reads it recognises it', async () => {
  fixture.raw(`UPDATE record SET body = replace(body, 'file:1-a', 'file:1-b') WHERE seq = 2`);
  assert.deepEqual((await check()).check.problems, []);
  const isDamage = (error: unknown): boolean => isFailure(error, 'ledger-damaged') && /record 2/.test(String(error));
  assert.throws(() => [...fixture.ledger.records(JOB)], isDamage);
  await assert.rejects(
    fixture.ledger.visitRecords(JOB, 1, () => undefined),
    isDamage,
  );
  assert.match(fixture.ledger.integrityProblems(JOB).join('; '), /record 2 does not match/);
});

test('what was remembered goes with the job', async () => {
  fixture.ledger.setJobState(JOB, 'released');
  assert.deepEqual((await check()).seqs, [1, 2, 3, 4, 5]);
});

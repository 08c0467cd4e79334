/** The ledger: its chain and manifest, the damage that it recognises, terms, generations and transactions. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mock, test } from 'node:test';
import fc from 'fast-check';
import { isFailure } from '../../src/model/failure.ts';
import { ChainRecordSchema, type Change } from '../../src/model/record/record.ts';
import { foldManifest, type ManifestEntry } from '../../src/model/record/manifest.ts';
import { GENESIS, nextHead, recordText } from '../../src/model/record/chain.ts';
import { ABSENT, stateDigest } from '../../src/model/record/world.ts';
import { BATCH_RECORDS, headOf } from '../../src/store/ledger/chain-check.ts';
import { Ledger } from '../../src/store/ledger/ledger.ts';
import { LEDGER_FILE } from '../../src/store/ledger/file.ts';
import { JOB, testLedger } from '../support/test-ledger.ts';

const fixture = testLedger();

const change = fc.record({
  resource: fc.constantFrom('file:a', 'file:b', 'row:m/t/{"id":1}'),
  role: fc.constantFrom('written' as const, 'read' as const, 'accepted' as const, 'undone' as const),
  state: fc.oneof(
    fc.constant(ABSENT),
    fc.nat(3).map((content) => ({
      kind: 'file' as const,
      sizeBytes: content,
      mode: 0o644,
      content: String(content).repeat(64),
    })),
  ),
});

function append(changes: readonly Change[]): ReturnType<Ledger['append']> {
  return fixture.ledger.transaction(() =>
    fixture.ledger.append(JOB, 'run', { kind: 'watched', changes: [...changes] }),
  );
}

test('the manifest is the fold of the chain; each head covers all records before it', () => {
  fc.assert(
    fc.property(fc.array(fc.array(change, { maxLength: 3 }), { maxLength: 6 }), (batches) => {
      const { at } = fixture.ledger.job(JOB)!;
      let head = at.head;
      for (const changes of batches) {
        const appended = append(changes);
        head = nextHead(head, recordText(appended.record));
        assert.equal(appended.at.head, head);
        assert.equal(fixture.ledger.headAt(JOB, appended.at.seq), head);
      }
      const folded = new Map<string, ManifestEntry>();
      for (const { record } of fixture.ledger.records(JOB)) foldManifest(folded, record);
      assert.deepEqual(
        [...fixture.ledger.manifest(JOB)].map(([resource, { digest, seq }]) => [resource, digest, seq]),
        [...folded]
          .map(([resource, { digest, seq }]) => [resource, digest, seq] as const)
          .sort(([a], [b]) => (a < b ? -1 : 1)),
      );
      assert.deepEqual(fixture.ledger.integrityProblems(JOB), []);
    }),
    { numRuns: 30 },
  );
});

test('a read adds what was not recorded, and changes no entry', () => {
  const file = (content: string): Change => ({
    resource: 'file:a',
    role: 'read',
    state: { kind: 'file', sizeBytes: 1, mode: 0o644, content: content.repeat(64) },
  });
  append([{ ...file('a'), role: 'written' }]);
  append([file('a')]);
  assert.equal(fixture.ledger.manifestEntry(JOB, 'file:a')?.role, 'written');
  append([file('b')]);
  assert.equal(fixture.ledger.manifestEntry(JOB, 'file:a')?.seq, 1);
  append([{ ...file('b'), resource: 'file:b' }]);
  assert.equal(fixture.ledger.manifestEntry(JOB, 'file:b')?.role, 'read');
});

for (const [name, sql, problem] of [
  [
    'a changed record',
    `UPDATE record SET body = replace(body, 'file:b', 'file:z') WHERE seq = 2`,
    /record 2 does not match its chain head/,
  ],
  ['a missing record', 'DELETE FROM record WHERE seq = 2', /record 2 is missing/],
  ['a cut chain', 'DELETE FROM record WHERE seq = 3', /names record 3, the chain ends at 2/],
  [
    'a changed manifest',
    `UPDATE manifest SET digest = '${'f'.repeat(64)}' WHERE resource = 'file:a'`,
    /manifest's entry for file:a differs/,
  ],
  [
    'an invented manifest entry',
    `INSERT INTO manifest SELECT job_id, 'file:invented', digest, entry FROM manifest WHERE resource = 'file:a'`,
    /manifest has file:invented, which no record put there/,
  ],
] as const) {
  test(`recognises ${name}`, () => {
    for (const resource of ['file:a', 'file:b', 'file:c']) append([{ resource, role: 'written', state: ABSENT }]);
    assert.deepEqual(fixture.ledger.integrityProblems(JOB), []);
    fixture.raw(sql);
    assert.match(fixture.ledger.integrityProblems(JOB).join('; '), problem);
  });
}

test('a record is parsed by its schema once, hashed every time: one changed after it was read is found', async () => {
  for (const resource of ['file:a', 'file:b', 'file:c']) append([{ resource, role: 'written', state: ABSENT }]);
  const parse = mock.method(ChainRecordSchema, 'parse');
  try {
    const seen: number[] = [];
    assert.deepEqual((await fixture.ledger.checkIntegrity(JOB, ({ seq }) => void seen.push(seq))).problems, []);
    assert.deepEqual(fixture.ledger.integrityProblems(JOB), []);
    assert.deepEqual(
      [...fixture.ledger.records(JOB, 1)].map(({ record }) => record.seq),
      [2, 3],
    );
    assert.deepEqual(seen, [1, 2, 3]);
    assert.equal(parse.mock.callCount(), 3);
    fixture.raw(`UPDATE record SET body = replace(body, 'file:b', 'file:z') WHERE seq = 2`);
    assert.match(
      (await fixture.ledger.checkIntegrity(JOB, () => undefined)).problems.join(),
      /record 2 does not match its chain head/,
    );
    assert.equal(parse.mock.callCount(), 4, 'another text is parsed by the schema');
    fixture.raw(`UPDATE record SET body = '{"kind":"opened"}' WHERE seq = 2`);
    assert.match(
      (await fixture.ledger.checkIntegrity(JOB, () => undefined)).problems.join(),
      /record 2 is not readable/,
    );
  } finally {
    parse.mock.restore();
  }
});

test('the check of a long chain gives others a turn', async () => {
  fixture.ledger.transaction(() => {
    for (let place = 0; place < 3 * BATCH_RECORDS; place++)
      fixture.ledger.append(JOB, 'run', {
        kind: 'watched',
        changes: [{ resource: `file:${place}`, role: 'watched', state: ABSENT }],
      });
  });
  let turns = 0;
  let isOver = false;
  const take = (): void => {
    turns += 1;
    if (!isOver) setImmediate(take);
  };
  setImmediate(take);
  const { problems, at } = await fixture.ledger.checkIntegrity(JOB, () => undefined);
  isOver = true;
  assert.deepEqual([problems, at.seq], [[], 3 * BATCH_RECORDS]);
  assert.ok(turns >= 3, `${turns} turns`);
});

test('heads by the hashing of Node are those of the model', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => headOf(GENESIS, text) === nextHead(GENESIS, text)));
});

test('a file that is no ledger, and one of another version, are refused by name', () => {
  const other = join(fixture.directory, 'other');
  mkdirSync(other);
  writeFileSync(join(other, LEDGER_FILE), 'not a database, but long enough to look at'.repeat(20));
  assert.throws(
    () => Ledger.open(other, { create: false }),
    (error) => isFailure(error, 'ledger-damaged') && error.message.includes(LEDGER_FILE),
  );
  fixture.raw(`UPDATE meta SET value = '99' WHERE key = 'schemaVersion'`);
  assert.throws(
    () => Ledger.open(fixture.directory, { create: false }),
    (error) => isFailure(error, 'ledger-damaged') && error.message.includes('version 99'),
  );
});

test('a ledger that is not there is not made by looking', () => {
  assert.throws(
    () => Ledger.open(join(fixture.directory, 'none'), { create: false }),
    (error) => isFailure(error, 'not-found'),
  );
});

test('damage that is met while the records are read is named as such, and the handle is not used again', () => {
  for (let count = 0; count < 300; count++)
    fixture.ledger.transaction(() =>
      fixture.ledger.append(JOB, 'run', {
        kind: 'withdrawn',
        question: 'a'.repeat(64),
        reason: 'x'.repeat(2_000),
        changes: [],
      }),
    );
  fixture.ledger.close();
  const path = join(fixture.directory, LEDGER_FILE);
  const bytes = readFileSync(path);
  // All pages but those of the schema and of the first tables.
  bytes.fill(0xff, Math.floor(bytes.byteLength / 2));
  writeFileSync(path, bytes);
  fixture.ledger = Ledger.open(fixture.directory, { create: false });
  assert.throws(
    () => [...fixture.ledger.records(JOB)],
    (error) => isFailure(error, 'ledger-damaged') && error.message.includes(path),
  );
  assert.equal(fixture.ledger.isUsable(), false);
});

test('the main loop goes on while a large ledger is checked', async () => {
  fixture.ledger.close();
  fixture.raw(`
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
    INSERT INTO content SELECT hex(randomblob(32)), randomblob(16000) FROM n`);
  fixture.ledger = Ledger.open(fixture.directory, { create: false });
  let turns = 0;
  let longestMs = 0;
  let lastMs = performance.now();
  const ticking = setInterval(() => {
    turns += 1;
    longestMs = Math.max(longestMs, performance.now() - lastMs);
    lastMs = performance.now();
  }, 1);
  const { problems } = await fixture.ledger.checkIntegrity(JOB, () => undefined);
  clearInterval(ticking);
  assert.deepEqual(problems, []);
  assert.ok(turns > 10, `the main loop had ${turns} turns, the longest after ${longestMs} ms`);
});

test('notices that another file was put in its place', () => {
  assert.equal(fixture.ledger.isUsable(), true);
  const path = join(fixture.directory, LEDGER_FILE);
  copyFileSync(path, `${path}.copy`);
  renameSync(`${path}.copy`, path);
  assert.equal(fixture.ledger.isUsable(), false);
  rmSync(path);
  assert.equal(fixture.ledger.isUsable(), false);
});

test('a term is only ever raised', () => {
  fixture.ledger.raiseTerm(JOB, 3);
  for (const term of [3, 2])
    assert.throws(
      () => fixture.ledger.raiseTerm(JOB, term),
      (error) => isFailure(error, 'fenced'),
    );
  fixture.ledger.raiseTerm(JOB, 4);
  assert.equal(fixture.ledger.job(JOB)?.term, 4);
});

test('a generation is never issued twice: the highest counts', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { minLength: 1 }), (generations) => {
      const before = fixture.ledger.generations.highest(JOB, 's') ?? 0;
      for (const generation of generations) fixture.ledger.generations.issue(JOB, 's', generation);
      assert.equal(fixture.ledger.generations.highest(JOB, 's'), Math.max(before, ...generations));
    }),
    { numRuns: 20 },
  );
});

test('a transaction that fails leaves nothing; a nested one joins the outer', () => {
  assert.throws(() =>
    fixture.ledger.transaction(() => {
      fixture.ledger.transaction(() => fixture.ledger.append(JOB, 'run', { kind: 'watched', changes: [] }));
      throw new Error('after the inner one');
    }),
  );
  assert.deepEqual(fixture.ledger.job(JOB)?.at, { seq: 0, head: GENESIS });
});

test('a registration comes after the mark that does not cover it', () => {
  fixture.ledger.setMark(JOB, fixture.ledger.nextOrdinal(), { bootId: 'b', bootMs: 1 });
  const ordinal = fixture.ledger.registerWorker('w', {});
  assert.ok(ordinal > fixture.ledger.job(JOB)!.markOrdinal);
  fixture.ledger.setMark(JOB, fixture.ledger.nextOrdinal(), { bootId: 'b', bootMs: 2 });
  assert.ok(ordinal < fixture.ledger.job(JOB)!.markOrdinal);
  fixture.ledger.setMark(JOB, ordinal, { bootId: 'b', bootMs: 3 });
  assert.deepEqual(fixture.ledger.job(JOB)!.fresh, { bootId: 'b', bootMs: 2 }, 'an earlier comparison that ends late');
  assert.equal(fixture.ledger.workerOrdinal('w'), ordinal);
});

test('a state has one digest, whatever its summary for people says', () => {
  const value = { kind: 'value' as const, value: 'a'.repeat(64), summary: '1 row' };
  assert.equal(stateDigest(value), stateDigest({ ...value, summary: 'one row' }));
});

/** Sealed documents: whatever is done to their bytes is recognised before anything of them is used. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { crc32, gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { DocumentSchema } from '../../src/langgraph/document.ts';
import { canonicalJson, type Json } from '../../src/model/canonical-json.ts';
import { HoldfastError } from '../../src/model/failure.ts';
import { SealedCheckpointSchema } from '../../src/model/job/sealed-checkpoint.ts';
import { ChainRecordSchema } from '../../src/model/record/record.ts';
import { firstLine, MAX_SEALED_BYTES, type SealHeader } from '../../src/store/sealed/format.ts';
import { inspectSealed } from '../../src/store/sealed/inspect.ts';
import { migrated, SEALED_KINDS, type KindName } from '../../src/store/sealed/kinds.ts';
import { openSealed } from '../../src/store/sealed/open.ts';
import { enclose, seal } from '../../src/store/sealed/seal.ts';

const FIXTURES = path.join(import.meta.dirname, '../fixtures/sealed');
const BLOCK = 512;
const PLACE = { kind: 'checkpoint', place: 'checkpoint 3' } as const;

/** Text that compression makes little of, the same each time. */
function text(characters: number, salt = 1): string {
  let state = salt;
  return Array.from({ length: characters }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return String.fromCodePoint(33 + ((state >>> 16) % 90));
  }).join('');
}

const SMALL = seal({ kind: 'checkpoint', document: { seq: 3, values: text(520) }, writer: 'worker 1' });
const LARGER = seal({ kind: 'checkpoint', document: { seq: 3, values: text(6000) }, writer: 'worker 1' });

function damageOf(bytes: Buffer): HoldfastError {
  try {
    openSealed(bytes, PLACE);
  } catch (error) {
    assert.ok(error instanceof HoldfastError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: 'it was opened' });
}

/** It is refused as damaged, and what is said to be sound is what it was. */
function assertDamaged(bytes: Buffer, whole: Buffer, message: string): ReturnType<typeof inspectSealed> {
  const error = damageOf(bytes);
  const report = inspectSealed(bytes);
  assert.equal(error.type, 'checkpoint-damaged', `${message}: ${error.message}`);
  assert.match(error.message, /^The checkpoint 3 is damaged/);
  assert.ok(report.damage !== undefined, message);
  assert.equal(error.details['damageAt'], report.damage.at);
  assert.equal(error.details['soundBytes'], report.soundBytes);
  const sound = report.soundBytes;
  assert.ok(bytes.subarray(0, sound).equals(whole.subarray(0, sound)), `${message}: sound bytes are not`);
  assert.ok(report.damage.at >= sound, message);
  return report;
}

describe('a sealed document', () => {
  test('opens as what was sealed, whatever plain JSON that is', () => {
    // Without -0, which is no plain JSON.
    const documents = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.parse(JSON.stringify(value)) as Json);
    fc.assert(
      fc.property(documents, fc.constantFrom('none', 'zstd', undefined), fc.string(), (document, codec, writer) => {
        const bytes = seal({ kind: 'checkpoint', document, writer, ...(codec !== undefined && { codec }) });
        assert.equal(canonicalJson(openSealed(bytes, PLACE).document), canonicalJson(document));
        assert.equal(inspectSealed(bytes).soundBytes, bytes.length);
      }),
      { numRuns: 100 },
    );
  });

  test('names its writer in the first line, which is ASCII', () => {
    const bytes = seal({ kind: 'checkpoint', document: null, writer: 'Wörker\n2' });
    assert.equal(openSealed(bytes, PLACE).writer, 'W?rker?2');
    assert.match(bytes.toString('latin1').split('\n')[0]!, /^[\x20-\x7e]+$/);
  });

  test('is refused cut short at every byte, and it is said where', () => {
    for (let length = 0; length < SMALL.length; length++) {
      const { damage } = assertDamaged(SMALL.subarray(0, length), SMALL, `after ${length} bytes`);
      assert.equal(damage?.kind, 'cut-short', `after ${length} bytes`);
      assert.equal(damage.at, length);
    }
  });

  test('is refused with any bit another, and it is said in which byte from the first line on', () => {
    const lineEnd = SMALL.indexOf(0x0a) + 1;
    const lastLine = SMALL.lastIndexOf(Buffer.from('\n{"complete"'));
    for (let at = 0; at < SMALL.length; at++) {
      for (let bit = 1; bit < 256; bit <<= 1) {
        const bytes = Buffer.from(SMALL);
        bytes[at]! ^= bit;
        const { damage } = assertDamaged(bytes, SMALL, `bit ${bit} of byte ${at}`);
        // The first line's own checksum is in its first bytes; its end is told by its last one.
        const isExact = at >= 20 && at !== lineEnd - 1 && at < lastLine;
        if (isExact) assert.equal(damage?.at, at, `bit ${bit} of byte ${at}`);
      }
    }
  });

  test('is refused with a block of zeros in any place, and it is said where they begin', () => {
    for (let from = 0; from < LARGER.length; from += BLOCK) {
      const bytes = Buffer.from(LARGER);
      bytes.fill(0, from, Math.min(from + BLOCK, bytes.length));
      const { damage } = assertDamaged(bytes, LARGER, `zeros from ${from}`);
      assert.equal(damage?.kind, 'zeroed', `zeros from ${from}`);
      assert.ok(damage.at <= from && damage.at > from - BLOCK, `zeros from ${from}: ${damage.at}`);
    }
  });

  test('is refused with a block that lies elsewhere, or is missing', () => {
    const from = LARGER.indexOf(0x0a) + 1;
    const frame = 8 + BLOCK;
    const [first, second] = [LARGER.subarray(from, from + frame), LARGER.subarray(from + frame, from + 2 * frame)];
    const [head, tail] = [LARGER.subarray(0, from), LARGER.subarray(from + 2 * frame)];
    assert.equal(assertDamaged(Buffer.concat([head, second, first, tail]), LARGER, 'swapped').soundBytes, from);
    assert.equal(assertDamaged(Buffer.concat([head, second, tail]), LARGER, 'missing').soundBytes, from);
    assert.equal(assertDamaged(Buffer.concat([head, first, first, tail]), LARGER, 'twice').soundBytes, from + frame);
  });

  test("is refused made of two writers' halves, wherever they meet, and also where both wrote the same", () => {
    const others = [
      seal({ kind: 'checkpoint', document: { seq: 3, values: text(6000, 2) }, writer: 'worker 1' }),
      seal({ kind: 'checkpoint', document: { seq: 3, values: text(6000) }, writer: 'worker 2' }),
    ];
    for (const other of others)
      for (let at = 1; at < Math.min(LARGER.length, other.length); at += 97) {
        const bytes = Buffer.concat([LARGER.subarray(0, at), other.subarray(at)]);
        if (bytes.equals(other) || bytes.equals(LARGER)) continue;
        const report = inspectSealed(bytes);
        assert.equal(damageOf(bytes).type, 'checkpoint-damaged', `at ${at}`);
        assert.ok(report.soundBytes < bytes.length);
        // As far as the first one's checksums reach, it is the first one's.
        assert.ok(report.soundBytes <= at || report.damage!.at <= at + BLOCK + 8, `at ${at}: ${report.soundBytes}`);
      }
  });

  test('is refused with anything behind it', () => {
    const { damage, soundBytes } = assertDamaged(Buffer.concat([SMALL, Buffer.from('\n')]), SMALL, 'a line more');
    assert.equal(damage?.kind, 'extended');
    assert.equal(soundBytes, SMALL.length);
    assert.equal(assertDamaged(Buffer.concat([SMALL, SMALL]), SMALL, 'twice').damage?.at, SMALL.length);
  });

  test('is told from files that are no sealed document', () => {
    const foreign = ['{"a": 1}\n', '# Notes\n', '\u0089PNG\r\n\u001a\n', 'SQLite format 3\0', '{"check":1}\n', '\n\n'];
    for (const content of [...foreign.map((one) => Buffer.from(one)), gzipSync('a'), zstdCompressSync('a')]) {
      assert.equal(inspectSealed(content).damage?.kind, 'foreign', content.toString('latin1'));
      assert.match(damageOf(content).message, /no sealed document/);
    }
  });

  test('whatever is done to its bytes, nothing else is opened, and a failure says so', () => {
    const change = fc.record({ at: fc.nat(LARGER.length), bytes: fc.uint8Array({ maxLength: 40 }), cut: fc.nat(40) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        let bytes = LARGER;
        for (const one of changes)
          bytes = Buffer.concat([bytes.subarray(0, one.at), one.bytes, bytes.subarray(one.at + one.cut)]);
        if (bytes.equals(LARGER)) return;
        const error = damageOf(bytes);
        assert.ok(['checkpoint-damaged', 'unknown-format'].includes(error.type));
        assert.ok(
          bytes
            .subarray(0, inspectSealed(bytes).soundBytes)
            .equals(LARGER.subarray(0, inspectSealed(bytes).soundBytes)),
        );
      }),
      { numRuns: 300 },
    );
  });
});

/** Sound as far as the checksums go, with another first line. */
function withLine(fields: Partial<Record<keyof SealHeader, unknown>>, stored = Buffer.from('{}')): Buffer {
  const header = { codec: 'none', kind: 'checkpoint', schemaVersion: 1, size: stored.length, writer: 'w' };
  return enclose(firstLine({ ...header, stored: stored.length, ...fields } as SealHeader), stored);
}

describe('the first line', () => {
  test('of a newer version, an unknown codec or kind, or more than can be loaded is refused by name', () => {
    const refused: readonly [Parameters<typeof withLine>[0], RegExp][] = [
      [{ schemaVersion: 2 }, /its version is 2, a newer one\. Expected at most 1/],
      [{ codec: 'lz4' }, /its codec is lz4\. Expected none or zstd/],
      [{ kind: 'photograph' }, /its kind is photograph\. Expected checkpoint(, | or )archive or langgraph/],
      [{ size: MAX_SEALED_BYTES + 1 }, /its size is 268435457 bytes\. Expected at most 268435456/],
    ];
    for (const [fields, message] of refused) {
      const error = damageOf(withLine(fields));
      assert.equal(error.type, 'unknown-format');
      assert.match(error.message, message);
      assert.equal(inspectSealed(withLine(fields)).damage?.kind, 'unknown-format');
    }
  });

  test('of a newer version may have other fields', () => {
    const rest = '"holdfast":"sealed","kind":"checkpoint","parts":[1,2],"schemaVersion":7}\n';
    const line = Buffer.from(`{"check":"${crc32(rest).toString(16).padStart(8, '0')}",${rest}`);
    assert.match(damageOf(enclose(line, Buffer.from('x'))).message, /its version is 7, a newer one/);
  });

  test('of another kind than is asked for is refused', () => {
    const bytes = seal({ kind: 'langgraph', document: {}, writer: 'w' });
    assert.match(damageOf(bytes).message, /is a sealed langgraph\. Expected a checkpoint/);
  });

  test('that promises less than is there is refused, and takes no more memory than it promises', () => {
    const bomb = zstdCompressSync(Buffer.alloc(200 * 1024 * 1024));
    const before = process.memoryUsage().rss;
    const error = damageOf(withLine({ codec: 'zstd', size: 1000 }, bomb));
    assert.equal(error.type, 'checkpoint-damaged');
    assert.match(error.message, /was written wrongly.*Expected 1000 bytes of zstd/);
    assert.ok(process.memoryUsage().rss - before < 60 * 1024 * 1024);
    for (const size of [1, 3]) assert.match(damageOf(withLine({ size })).message, /written wrongly/);
  });

  test('before what is no JSON of now: refused', () => {
    for (const content of ['{', '', '{"a":1}x', Buffer.from([0x22, 0xff, 0x22])])
      assert.match(damageOf(withLine({}, Buffer.from(content))).message, /Expected JSON/);
  });
});

describe('versions', () => {
  for (const [kind, { schemaVersion, migrations }] of Object.entries(SEALED_KINDS))
    test(`of a ${kind}: each one ever written is read, and each but the last has a migration`, () => {
      const versions = Array.from({ length: schemaVersion }, (_one, index) => index + 1);
      assert.deepEqual(Object.keys(migrations).map(Number), versions.slice(0, -1));
      for (const version of versions)
        for (const codec of ['none', 'zstd']) {
          const bytes = readFileSync(path.join(FIXTURES, `${kind}-${version}-${codec}.sealed`));
          const opened = openSealed(bytes, { kind: kind as KindName, place: 'fixture' });
          assert.equal(opened.schemaVersion, version);
          const wanted = readFileSync(path.join(FIXTURES, `${kind}-${version}.json`), 'utf8');
          assert.deepEqual(opened.document, JSON.parse(wanted));
        }
    });

  test("of a job: what is read is a job's checkpoint as of now", () => {
    const bytes = readFileSync(path.join(FIXTURES, 'checkpoint-1-zstd.sealed'));
    const { document } = openSealed(bytes, { kind: 'checkpoint', place: 'fixture' });
    const { chain, before } = SealedCheckpointSchema.parse(document);
    for (const record of [...before!.records, ...chain.records]) ChainRecordSchema.parse(JSON.parse(record));
    assert.deepEqual(Object.values(chain.contents), [Buffer.from('one.txt Größe ✓').toString('base64')]);
  });

  test("of a LangGraph thread: what is read is a thread's generation as of now", () => {
    const bytes = readFileSync(path.join(FIXTURES, 'langgraph-1-zstd.sealed'));
    const { document } = openSealed(bytes, { kind: 'langgraph', place: 'fixture' });
    assert.deepEqual(DocumentSchema.parse(document), document);
  });

  test('no fixture is left over', () => {
    const named = Object.entries(SEALED_KINDS).flatMap(([kind, { schemaVersion }]) =>
      Array.from({ length: schemaVersion }, (_one, index) => `${kind}-${index + 1}`),
    );
    const files = named.flatMap((one) => [`${one}-none.sealed`, `${one}-zstd.sealed`, `${one}.json`]);
    assert.deepEqual(readdirSync(FIXTURES).toSorted(), files.toSorted());
  });

  test('an earlier document goes through every version between', () => {
    const add = (field: string) => (document: Json) => ({ ...(document as Record<string, Json>), [field]: true });
    const kind = { schemaVersion: 3, migrations: { 1: add('second'), 2: add('third') } };
    assert.deepEqual(migrated(kind, 1, {}), { second: true, third: true });
    assert.deepEqual(migrated(kind, 2, {}), { third: true });
    assert.deepEqual(migrated(kind, 3, {}), {});
    assert.throws(() => migrated({ ...kind, migrations: { 2: add('third') } }, 1, {}), /Invariant broken/);
  });
});

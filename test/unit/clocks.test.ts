/** A clock that somebody has set, or that is another machine's: ages and waits go by clocks that nobody sets. */
import assert from 'node:assert/strict';
import {
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { KnownFiles } from '../../src/effects/files/known-files.ts';
import { LastLine } from '../../src/effects/processes/last-line.ts';
import { fileAgeMs } from '../../src/store/disk-clock.ts';
import { BlobStore } from '../../src/store/blobs/blobs.ts';
import { DirectoryStore } from '../../src/store/sealed/directory/store.ts';

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;
const root = path.join(import.meta.dirname, '../..');

let folder: string;
let movedByMs = 0;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'holdfast-clocks-')));
  movedByMs = 0;
  const RealDate = Date;
  mock.method(Date, 'now', () => performance.timeOrigin + performance.now() + movedByMs);
  class MovedDate extends RealDate {
    constructor(...args: readonly []) {
      super(...((args.length === 0 ? [Date.now()] : args) as unknown as []));
    }
  }
  mock.property(globalThis, 'Date', MovedDate as DateConstructor);
});

afterEach(() => {
  mock.restoreAll();
  rmSync(folder, { recursive: true, force: true });
});

/** A content of the store, as it is put there by a worker whose clock is moved. */
async function storedBy(clockMs: number): Promise<{ readonly store: DirectoryStore; readonly content: string }> {
  const store = new DirectoryStore(path.join(folder, 'store'));
  movedByMs = clockMs;
  const { content } = await store.putBlob(Readable.from([Buffer.from('wanted')]));
  movedByMs = 0;
  return { store, content };
}

for (const [whose, clocks] of [
  ['of a cleaner is a day ahead', { writer: 0, cleaner: DAY_MS + 60_000 }],
  ['of a writer is a year behind', { writer: -YEAR_MS, cleaner: 0 }],
] as const)
  test(`a content that was stored just now is not removed as unused where the clock ${whose}`, async () => {
    const { store, content } = await storedBy(clocks.writer);
    movedByMs = clocks.cleaner;
    assert.equal(await store.removeBlob(content as never, DAY_MS), false);
    assert.equal((await store.keepBlobs([content as never])).size, 1);
    movedByMs = 0;
    assert.equal(await store.removeBlob(content as never, DAY_MS), false);
    assert.equal(await store.removeBlob(content as never, 0), true, 'what nobody has used for long goes');
  });

test('what was used in this very millisecond is no younger than nothing', async () => {
  const { store, content } = await storedBy(0);
  const soon = new Date(Date.now() + 500);
  const file = path.join(folder, 'store/blobs', content.slice(0, 1), content.slice(1));
  utimesSync(file, soon, soon);
  assert.equal(await store.removeBlob(content as never, 1), false);
  assert.equal(await store.removeBlob(content as never, 0), true);
});

test('a file that is being written is nobody’s leftover where the clock is a day ahead', () => {
  const temporary = path.join(folder, 'blobs/tmp');
  mkdirSync(temporary, { recursive: true });
  writeFileSync(path.join(temporary, 'half'), 'half');
  movedByMs = DAY_MS + 60_000;
  assert.equal(new BlobStore(path.join(folder, 'blobs')).removeLeftovers(), 0);
  assert.ok(fileAgeMs(path.join(temporary, 'half'))! < DAY_MS);
});

test('asking how old a file is changes no time of its folder that anybody looks at', () => {
  const before = statSync(folder);
  writeFileSync(path.join(folder, 'a'), '');
  const { mtimeMs } = statSync(folder);
  assert.ok(fileAgeMs(path.join(folder, 'a'))! < 60_000);
  assert.equal(fileAgeMs(path.join(folder, 'none')), undefined);
  assert.ok(Math.abs(statSync(folder).mtimeMs - mtimeMs) < 1);
  // It is put back in whole microseconds at most.
  assert.ok(statSync(folder).mtimeMs >= before.mtimeMs - 1);
});

test('what a clock ahead of the disk’s took for old enough is not believed by a quick look', () => {
  const hashed = { inode: '1', sizeBytes: 1, mode: 0o644, mtimeNs: '1', ctimeNs: '1', links: 1 };
  const state = { kind: 'file', sizeBytes: 1, mode: 0o644, content: 'a'.repeat(64) } as const;
  const known = (aheadMs: number): unknown => {
    movedByMs = aheadMs;
    const saving = KnownFiles.load(folder, folder);
    saving.note(`at ${aheadMs}`, { outcome: 'seen', state, stamp: { ...hashed, takenAtMs: Date.now() } });
    saving.save();
    const found = KnownFiles.load(folder, folder).get(`at ${aheadMs}`);
    movedByMs = 0;
    return found;
  };
  assert.notEqual(known(0), undefined);
  assert.equal(known(DAY_MS), undefined);
});

test('a command is heard after the clock was set back', () => {
  const told: string[] = [];
  const lines = new LastLine((line) => told.push(line));
  lines.add(Buffer.from('one\n'));
  const later = performance.now() + 600;
  mock.method(performance, 'now', () => later);
  movedByMs = -YEAR_MS;
  lines.add(Buffer.from('two\n'));
  assert.deepEqual(told, ['one', 'two']);
});

/** Deadlines of gRPC's and times of the server are moments of the wall clock; in a Workflow it is the server's. */
const BY_DATE = /^src\/(?:client\/(?:server-calls|server-clock|task-queue)\.ts|workflows\/)/;

test('no wait of the sources ends by the wall clock, and no file’s age is told by it', () => {
  const wrong = globSync('src/**/*.ts', { cwd: root }).flatMap((file) =>
    readFileSync(path.join(root, file), 'utf8')
      .split('\n')
      .filter((line) => /Date\.now\(\) (?:\+|[<>]=?|- \w+(?:\.\w+)*\.mtimeMs)/.test(line) && !BY_DATE.test(file))
      .map((line) => `${file}: ${line.trim()}`),
  );
  assert.deepEqual(wrong, []);
});

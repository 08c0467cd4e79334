import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { sha256Hex } from '../../src/model/digest.ts';
import { isFailure } from '../../src/model/failure.ts';
import { BlobStore } from '../../src/store/blobs/blobs.ts';

let directory: string;
let blobs: BlobStore;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-blobs-'));
  blobs = new BlobStore(join(directory, 'blobs'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

function damage(path: string, content: string): void {
  chmodSync(path, 0o600);
  writeFileSync(path, content);
}

async function* chunksOf(...chunks: (string | Uint8Array)[]): AsyncGenerator<string | Uint8Array> {
  yield* chunks;
}

test('text, bytes and streams of the same content are one blob', async () => {
  const expected = { content: sha256Hex('Grüße 🜁!'), sizeBytes: Buffer.byteLength('Grüße 🜁!') };
  assert.deepEqual(await blobs.put('Grüße 🜁!'), expected);
  assert.deepEqual(await blobs.put(Buffer.from('Grüße 🜁!')), expected);
  const [first, second] = ['Grüße 🜁!'.slice(0, 7), 'Grüße 🜁!'.slice(7)];
  assert.equal(first!.isWellFormed(), false, 'the pair is split between two chunks');
  assert.deepEqual(await blobs.put(chunksOf(first!, second!)), expected);
  assert.equal((await blobs.read(expected.content)).toString(), 'Grüße 🜁!');
  assert.deepEqual(readdirSync(join(blobs.directory, 'tmp')), []);
});

test('an empty content is a content', async () => {
  const { content, sizeBytes } = await blobs.put('');
  assert.equal(sizeBytes, 0);
  assert.equal((await blobs.read(content)).byteLength, 0);
  assert.deepEqual(await blobs.put(chunksOf()), { content, sizeBytes: 0 });
});

test('text that UTF-8 cannot carry is refused, never changed', async () => {
  for (const content of ['\ud83d', chunksOf('a\ud83d'), chunksOf('\ud83d', Buffer.from('x')), chunksOf('\udc00')]) {
    await assert.rejects(blobs.put(content), (error) => isFailure(error, 'bad-input'));
  }
  assert.deepEqual(readdirSync(join(blobs.directory, 'tmp')), []);
});

test('large contents go through in chunks and are checked on their way out', async () => {
  const bytes = Buffer.alloc(3 * 1024 * 1024 + 17, 'holdfast');
  const digest = sha256Hex(bytes);
  const source = join(directory, 'source');
  writeFileSync(source, bytes);
  assert.deepEqual(await blobs.putFromFile(source), { content: digest, sizeBytes: bytes.byteLength });
  assert.notEqual(statSync(source).ino, statSync(blobs.pathOf(digest)).ino);
  assert.ok((await blobs.read(digest)).equals(bytes));
  await blobs.copyTo(digest, join(directory, 'copy'), 0o640);
  assert.ok(readFileSync(join(directory, 'copy')).equals(bytes));
  assert.equal(statSync(join(directory, 'copy')).mode & 0o7777, 0o640);
  await assert.rejects(blobs.read(digest, { maxBytes: 1024 }), (error) => isFailure(error, 'too-large'));
});

test('a damaged blob is named by every way out and leaves nothing behind', async () => {
  for (const size of [10, 1024 * 1024]) {
    const { content } = await blobs.put(Buffer.alloc(size, 1));
    damage(blobs.pathOf(content), 'x'.repeat(size));
    const isNamed = (error: unknown): boolean => isFailure(error, 'ledger-damaged') && error.message.includes(content);
    await assert.rejects(blobs.read(content), isNamed);
    await assert.rejects(blobs.copyTo(content, join(directory, 'copy'), 0o644), isNamed);
    assert.equal(readdirSync(directory).includes('copy'), false);
    assert.equal(await blobs.verify(content), 'damaged');
  }
});

test('putting a damaged content again mends it and keeps the damaged bytes', async () => {
  for (const content of [Buffer.alloc(10, 1), Buffer.alloc(1024 * 1024, 2)]) {
    const { content: digest } = await blobs.put(content);
    damage(blobs.pathOf(digest), 'cut');
    await blobs.put(content);
    assert.equal(await blobs.verify(digest), 'intact');
    const path = blobs.pathOf(digest);
    const kept = readdirSync(dirname(path)).filter((name) => name.startsWith(`${basename(path)}.damaged-`));
    assert.equal(kept.length, 1);
  }
});

test('a content that is not there is `not-found`', async () => {
  const digest = sha256Hex('never put');
  assert.equal(blobs.has(digest), false);
  await assert.rejects(blobs.read(digest), (error) => isFailure(error, 'not-found'));
  await assert.rejects(blobs.copyTo(digest, join(directory, 'copy'), 0o644), (error) => isFailure(error, 'not-found'));
  assert.equal(await blobs.verify(digest), 'missing');
});

test('writers of one content at the same time all succeed', async () => {
  const large = Buffer.alloc(512 * 1024, 3);
  const results = await Promise.all(
    Array.from({ length: 12 }, (_, index) =>
      blobs.put(index % 2 === 0 ? large : chunksOf(large.subarray(0, 1000), large.subarray(1000))),
    ),
  );
  assert.equal(new Set(results.map(({ content }) => content)).size, 1);
  assert.equal(await blobs.verify(results[0]!.content), 'intact');
  assert.deepEqual(readdirSync(join(blobs.directory, 'tmp')), []);
});

test('a stream that fails leaves nothing', async () => {
  const failing = (async function* () {
    yield 'begin';
    throw new RangeError('lost');
  })();
  await assert.rejects(blobs.put(failing), RangeError);
  assert.deepEqual(readdirSync(join(blobs.directory, 'tmp')), []);
});

test('a symbolic link is not followed, a FIFO does not block', async () => {
  symlinkSync('/etc/passwd', join(directory, 'link'));
  await assert.rejects(blobs.putFromFile(join(directory, 'link')), (error) => isFailure(error, 'storage-failed'));
});

test('leftovers of writers that died are removed when they are old', async () => {
  assert.equal(blobs.removeLeftovers(), 0, 'nothing was stored yet');
  await blobs.put('makes the folders');
  const old = join(blobs.directory, 'tmp', 'old');
  writeFileSync(old, 'x');
  writeFileSync(join(blobs.directory, 'tmp', 'young'), 'x');
  utimesSync(old, 0, 0);
  assert.equal(blobs.removeLeftovers(), 1);
  assert.deepEqual(readdirSync(join(blobs.directory, 'tmp')), ['young']);
});

test("memory does not grow with a content's size", () => {
  const script = `
    import { BlobStore } from ${JSON.stringify(new URL('../../src/store/blobs/blobs.ts', import.meta.url).href)};
    const blobs = new BlobStore(${JSON.stringify(join(directory, 'blobs'))});
    const chunk = Buffer.alloc(1024 * 1024, 7);
    await blobs.put((async function* () { yield chunk; })());
    const before = process.memoryUsage.rss();
    const { content } = await blobs.put((async function* () { for (let n = 0; n < 256; n++) yield chunk; })());
    await blobs.copyTo(content, ${JSON.stringify(join(directory, 'copy'))}, 0o644);
    await blobs.putFromFile(${JSON.stringify(join(directory, 'copy'))});
    const grownBytes = process.resourceUsage().maxRSS * 1024 - before;
    console.log(JSON.stringify({ content, grownMiB: grownBytes / 1024 / 1024 }));`;
  const child = spawnSync(process.execPath, ['--input-type=module-typescript', '--eval', script], { encoding: 'utf8' });
  assert.equal(child.status, 0, child.stderr);
  const { content, grownMiB } = JSON.parse(child.stdout) as { content: string; grownMiB: number };
  const digester = createHash('sha256');
  for (let n = 0; n < 256; n++) digester.update(Buffer.alloc(1024 * 1024, 7));
  assert.equal(content, digester.digest('hex'));
  assert.ok(grownMiB < 64, `${grownMiB} MiB`);
});

test('a content stored elsewhere is read, copied and streamed by the store, and its damage is named', async () => {
  const digest = sha256Hex('small');
  const elsewhere = new Map<string, Uint8Array>([[digest, Buffer.from('small')]]);
  const store = new BlobStore(join(directory, 'blobs'), elsewhere);
  assert.equal((await store.read(digest)).toString(), 'small');
  assert.equal(store.sizeOf(digest), 5);
  assert.ok(store.has(digest));
  const target = join(directory, 'target');
  await store.copyTo(digest, target, 0o640);
  assert.equal(readFileSync(target, 'utf8'), 'small');

  elsewhere.set(digest, Buffer.from('smaLl'));
  assert.equal(await store.verify(digest), 'damaged');
  await assert.rejects(
    store.read(digest),
    (error) => isFailure(error, 'ledger-damaged') && (error as Error).message.includes(digest),
  );
  await assert.rejects(store.copyTo(digest, join(directory, 'other'), 0o640), (error) =>
    isFailure(error, 'ledger-damaged'),
  );
  assert.deepEqual(readdirSync(directory).sort(), ['target'], 'nothing damaged is left');
});

test('many files are stored at once as one by one: large, small, equal, damaged; a failure stores none', async () => {
  const paths = Array.from({ length: 300 }, (_, index) => {
    const path = join(directory, `file-${index}`);
    writeFileSync(path, index === 7 ? 'x'.repeat(300_000) : `content ${index % 200}`);
    return path;
  });
  const { content } = await blobs.put('content 3');
  damage(blobs.pathOf(content), 'content X');
  const stored = await blobs.putFromFiles(paths);
  assert.deepEqual(
    stored,
    paths.map((path) => ({ content: sha256Hex(readFileSync(path, 'utf8')), sizeBytes: statSync(path).size })),
  );
  for (const blob of stored) assert.equal(await blobs.verify(blob.content), 'intact');
  assert.deepEqual(readdirSync(join(blobs.directory, 'tmp')), []);
  symlinkSync(paths[0]!, join(directory, 'link'));
  for (const wrong of [join(directory, 'link'), join(directory, 'missing')])
    await assert.rejects(blobs.putFromFiles([paths[1]!, wrong]), (error) => isFailure(error, 'storage-failed'));
  assert.deepEqual(readdirSync(join(blobs.directory, 'tmp')), []);
});

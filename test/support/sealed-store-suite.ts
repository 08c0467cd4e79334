/** What every store of sealed documents does, run over each by its own test file. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { sha256Hex } from '../../src/model/digest.ts';
import { isFailure } from '../../src/model/failure.ts';
import type { FailureType } from '../../src/model/failures.ts';
import { loadSealed, newestSound } from '../../src/store/sealed/load.ts';
import { openSealed } from '../../src/store/sealed/open.ts';
import { pruneSeries } from '../../src/store/sealed/prune.ts';
import { seal } from '../../src/store/sealed/seal.ts';
import type { SealedStore } from '../../src/store/sealed/store.ts';
import { verifyStore } from '../../src/store/sealed/verify.ts';

/** One place that keeps documents, and what only a test does to it. */
export interface StoreSubject {
  /** A store of this place: each call another one. */
  open(): SealedStore;
  /** Changes what is stored, as a failing disk would. */
  damage(series: string, generation: number, change: (bytes: Buffer) => Buffer): Promise<void>;
  damageBlob(content: string, change: (bytes: Buffer) => Buffer): Promise<void>;
  /** What is kept of what was set aside. */
  aside(series: string): Promise<readonly Buffer[]>;
}

/** A document that differs by its text. */
export function aDocument(text: string, writer = 'worker 1'): Buffer {
  return seal({ kind: 'checkpoint', document: { seq: 1, text }, writer });
}

export async function failureOf(act: Promise<unknown>, type: FailureType): Promise<string> {
  try {
    await act;
  } catch (error) {
    assert.ok(isFailure(error, type), String(error));
    return error.message;
  }
  throw new assert.AssertionError({ message: `expected ${type}` });
}

async function* pieces(content: Buffer, size = 100_000): AsyncGenerator<Buffer, void, undefined> {
  for (let from = 0; from < content.length; from += size) yield content.subarray(from, from + size);
}

async function read(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const read: Buffer[] = [];
  for await (const chunk of chunks) read.push(chunk);
  return Buffer.concat(read);
}

/** @param place makes an empty place */
export function sealedStoreSuite(name: string, place: () => Promise<StoreSubject>): void {
  describe(`a store of sealed documents: ${name}`, () => {
    test('returns each generation byte for byte, lists them with their writers, and each series', async () => {
      const subject = await place();
      await using store = disposable(subject.open());
      const [first, second] = [aDocument('first'), aDocument('x'.repeat(20_000), 'worker 2')];
      assert.deepEqual([await store.series(), await store.list('job'), await store.get('job', 0)], [[], [], undefined]);
      await store.put('job', 10, second);
      await store.put('job', 2, first);
      await store.put('another', 0, first);
      await using again = disposable(subject.open());
      assert.ok((await again.get('job', 10))?.equals(second));
      assert.ok((await again.get('job', 2))?.equals(first));
      assert.equal(await again.get('job', 3), undefined);
      assert.deepEqual([await again.generations('job'), await again.generations('none')], [[2, 10], []]);
      assert.deepEqual(
        (await again.list('job')).map(({ generation, sizeBytes, writer }) => [generation, sizeBytes, writer]),
        [
          [2, first.length, 'worker 1'],
          [10, second.length, 'worker 2'],
        ],
      );
      for (const { at } of await again.list('job')) assert.ok(Math.abs(Date.parse(at) - Date.now()) < 60_000, at);
      assert.deepEqual(await again.series(), ['another', 'job']);
    });

    test('takes the same document again, whoever writes it, and keeps the first bytes', async () => {
      await using store = disposable((await place()).open());
      await store.put('job', 1, aDocument('same'));
      await store.put('job', 1, aDocument('same'));
      await store.put('job', 1, aDocument('same', 'worker 2'));
      assert.ok((await store.get('job', 1))?.equals(aDocument('same')));
    });

    test('refuses another document under a number that is taken, and names both writers', async () => {
      await using store = disposable((await place()).open());
      await store.put('job', 1, aDocument('mine'));
      const message = await failureOf(store.put('job', 1, aDocument('yours', 'worker 2')), 'checkpoint-taken');
      assert.match(message, /checkpoint 1 of "job".*written by "worker 1", and "worker 2" wants/s);
      assert.ok((await store.get('job', 1))?.equals(aDocument('mine')));
      await store.put('job', 2, aDocument('yours', 'worker 2'));
    });

    test('lets one of several writers win that write at once, and each other one learns of it', async () => {
      const subject = await place();
      const stores = Array.from({ length: 4 }, () => subject.open());
      for (let generation = 0; generation < 5; generation++) {
        const puts = stores.map((store, index) =>
          store.put('job', generation, aDocument(`${index}`, `writer ${index}`)),
        );
        const ends = await Promise.allSettled(puts);
        assert.equal(ends.filter(({ status }) => status === 'fulfilled').length, 1);
        const won = ends.findIndex(({ status }) => status === 'fulfilled');
        for (const [index, end] of ends.entries()) {
          if (end.status === 'fulfilled') continue;
          assert.ok(isFailure(end.reason, 'checkpoint-taken'), String(end.reason));
          assert.deepEqual(end.reason.details['writers'], [`writer ${won}`, `writer ${index}`]);
        }
        assert.ok((await stores[0]!.get('job', generation))?.equals(aDocument(`${won}`, `writer ${won}`)));
      }
      await Promise.all(stores.map((store) => store.put('job', 9, aDocument('the same'))));
      await Promise.all(stores.map((store) => store.close()));
    });

    test('keeps series apart, whatever their names are', async () => {
      const subject = await place();
      await using store = disposable(subject.open());
      const odd = ['A', 'a', 'blobs', 'damaged', '%62lobs', '.', '..', '/', 'a/b', 'a+', ' ', '\\', '*', "'; --", '\n'];
      const long = [
        'x'.repeat(1000),
        'x'.repeat(999),
        'X'.repeat(1000),
        '🗄️'.repeat(100),
        'é',
        'e\u0301',
        'é'.repeat(500),
      ];
      const names = [...odd, ...long];
      for (const name of names) await store.put(name, 1, aDocument(name));
      for (const name of names) {
        const opened = openSealed((await store.get(name, 1))!, { kind: 'checkpoint', place: name });
        assert.deepEqual(opened.document, { seq: 1, text: name });
        assert.equal((await store.list(name)).length, 1);
      }
      assert.deepEqual(await store.series(), names.toSorted());
    });

    test('refuses names that it can not keep', async () => {
      await using store = disposable((await place()).open());
      for (const series of ['', 'a\0', '\ud800', 'é'.repeat(501)]) {
        await failureOf(store.put(series, 1, aDocument('a')), 'bad-input');
        await failureOf(store.list(series), 'bad-input');
      }
      for (const generation of [-1, 1.5, Number.NaN, 10_000_000_000])
        await failureOf(store.get('job', generation), 'bad-input');
      await failureOf(store.put('job', 1, Buffer.from('no document')), 'defect');
      assert.deepEqual(await store.series(), []);
    });

    test('finds that what is there is damaged, and takes the document once that is set aside', async () => {
      const subject = await place();
      await using store = disposable(subject.open());
      for (const generation of [1, 2, 3]) await store.put('job', generation, aDocument(`${generation}`));
      await subject.damage('job', 2, (bytes) => bytes.subarray(0, 100));
      const message = await failureOf(store.put('job', 2, aDocument('2')), 'checkpoint-damaged');
      assert.match(message, /checkpoint 2 of "job" .* is damaged/);
      // The others are as they were.
      assert.deepEqual(
        (await store.list('job')).map(({ generation }) => generation),
        [1, 2, 3],
      );
      for (const generation of [1, 3])
        assert.ok((await store.get('job', generation))?.equals(aDocument(`${generation}`)));
      const where = await store.setAside('job', 2, 'It is damaged.');
      assert.ok(where !== undefined && where !== '');
      assert.equal(await store.get('job', 2), undefined);
      assert.deepEqual(await subject.aside('job'), [aDocument('2').subarray(0, 100)]);
      await store.put('job', 2, aDocument('2'));
      await subject.damage('job', 2, (bytes) => Buffer.concat([bytes, Buffer.from('x')]));
      await store.setAside('job', 2, 'It is damaged, too.');
      assert.equal((await subject.aside('job')).length, 2);
      assert.equal(await store.setAside('job', 2, 'There is none.'), undefined);
    });

    test('lists a generation whose first line is damaged, without its writer', async () => {
      const subject = await place();
      await using store = disposable(subject.open());
      await store.put('job', 1, aDocument('1'));
      await subject.damage('job', 1, (bytes) => Buffer.concat([Buffer.alloc(512), bytes.subarray(512)]));
      assert.equal((await store.list('job')).length, 1);
    });

    test('returns damaged bytes as they are, so that opening them says where the damage begins', async () => {
      const subject = await place();
      await using store = disposable(subject.open());
      const whole = aDocument('y'.repeat(3000));
      await store.put('job', 1, whole);
      const middle = whole.length >> 1;
      const changes: ((bytes: Buffer) => Buffer)[] = [
        () => whole.subarray(0, middle),
        () => Buffer.concat([whole.subarray(0, middle), Buffer.from([whole[middle]! ^ 1]), whole.subarray(middle + 1)]),
        () => Buffer.concat([whole.subarray(0, -100), aDocument('z'.repeat(3000)).subarray(-100)]),
        () => Buffer.alloc(0),
      ];
      for (const change of changes) {
        await subject.damage('job', 1, change);
        const found = (await store.get('job', 1))!;
        assert.throws(
          () => openSealed(found, { kind: 'checkpoint', place: 'checkpoint' }),
          (error) => isFailure(error, 'checkpoint-damaged') && typeof error.details['damageAt'] === 'number',
        );
      }
    });

    test('loads a generation verified; of one that is not there it names those that are', async () => {
      const subject = await place();
      await using store = disposable(subject.open());
      const of = { store, series: 'job', kind: 'checkpoint' } as const;
      assert.match(await failureOf(loadSealed(of, 1), 'not-found'), /There is none of it/);
      for (const generation of [0, 4, 7]) await store.put('job', generation, aDocument(`${generation}`));
      assert.deepEqual((await loadSealed(of, 4)).document, { seq: 1, text: '4' });
      assert.match(await failureOf(loadSealed(of, 5), 'not-found'), /There are: 0, 4, 7\.$/);
      assert.match(
        await failureOf(loadSealed({ ...of, kind: 'langgraph' }, 4), 'unknown-format'),
        /Expected a langgraph/,
      );
      await subject.damage('job', 7, (bytes) => bytes.subarray(0, -1));
      const found = await newestSound(of);
      assert.deepEqual([found.sound?.generation, found.unreadable.map(({ generation }) => generation)], [4, [7]]);
      assert.ok(found.unreadable[0]!.failure.message.includes(store.where('job', 7)));
      for (const generation of [0, 4]) await subject.damage('job', generation, () => Buffer.alloc(3));
      assert.equal((await newestSound(of)).sound, undefined);
      assert.equal((await newestSound(of)).unreadable.length, 3);
      assert.deepEqual(await newestSound({ ...of, series: 'none' }), { sound: undefined, unreadable: [] });
    });

    test('lets old generations go only behind two that read back, and always keeps three', async () => {
      const subject = await place();
      await using store = disposable(subject.open());
      const of = { store, series: 'job', kind: 'checkpoint' } as const;
      for (let generation = 1; generation <= 8; generation++)
        await store.put('job', generation, aDocument(`${generation}`));
      assert.deepEqual(await pruneSeries(of, { keep: 5, neededFrom: 2 }), { removed: [1], hindrance: undefined });
      assert.deepEqual((await pruneSeries(of, { keep: 5 })).removed, [2, 3]);
      await subject.damage('job', 7, (bytes) => bytes.subarray(1));
      const hindered = await pruneSeries(of, { keep: 4 });
      assert.deepEqual([hindered.removed, hindered.hindrance?.generation], [[], 7]);
      await store.put('job', 9, aDocument('9'));
      await store.setAside('job', 7, 'It is damaged.');
      assert.deepEqual((await pruneSeries(of, { keep: 0 })).removed, [4, 5]);
      assert.deepEqual(await store.generations('job'), [6, 8, 9]);
    });

    test('is read back whole, and each checkpoint and content that is not as it was written is named', async () => {
      const subject = await place();
      await using store = disposable(subject.open());
      for (const generation of [1, 2]) await store.put('job', generation, aDocument(`${generation}`));
      await store.put('other', 1, aDocument('1'));
      const { content } = await store.putBlob(pieces(Buffer.from('content')));
      const all = { series: 2, checkpoints: 3, contents: 1 };
      assert.deepEqual(await verifyStore(store), { ...all, found: 0, problems: [] });
      await subject.damage('job', 2, (bytes) => bytes.subarray(0, 20));
      await subject.damageBlob(content, () => Buffer.from('another'));
      const { problems, ...counts } = await verifyStore(store);
      assert.deepEqual(counts, { ...all, found: 2 });
      assert.ok(problems[0]!.includes('checkpoint 2 of "job"') && problems[1]!.includes(content), problems.join());
    });

    test('removes one generation and no other', async () => {
      await using store = disposable((await place()).open());
      for (const generation of [1, 2]) await store.put('job', generation, aDocument(`${generation}`));
      assert.equal(await store.remove('job', 1), true);
      assert.equal(await store.remove('job', 1), false);
      assert.equal(await store.get('job', 1), undefined);
      assert.ok((await store.get('job', 2))?.equals(aDocument('2')));
    });

    test('keeps contents of any size under their digest, each once', async () => {
      const subject = await place();
      await using store = disposable(subject.open());
      const contents = [
        Buffer.alloc(0),
        Buffer.from('small'),
        Buffer.alloc(3_500_000, 'large one '),
        Buffer.alloc(1_048_576),
      ];
      for (const content of contents) {
        const stored = { content: sha256Hex(content), sizeBytes: content.length };
        assert.deepEqual(await store.putBlob(pieces(content)), stored);
        assert.deepEqual(await store.putBlob(pieces(content, 999_999)), stored);
        assert.ok((await read(store.getBlob(stored.content))).equals(content));
      }
      const digests = contents.map(sha256Hex);
      const missing = 'f'.repeat(64);
      assert.deepEqual([...(await store.hasBlobs([...digests, missing]))].toSorted(), digests.toSorted());
      assert.deepEqual(await store.hasBlobs([]), new Set());
      const listed: string[] = [];
      for await (const { content, sizeBytes, atMs } of store.blobs()) {
        listed.push(`${content} ${sizeBytes}`);
        assert.ok(Math.abs(atMs - Date.now()) < 60_000);
      }
      const stored = contents.map((one) => `${sha256Hex(one)} ${one.length}`);
      assert.deepEqual(listed.toSorted(), stored.toSorted());
      await failureOf(read(store.getBlob(missing)), 'not-found');
      assert.equal(await store.removeBlob(digests[1]!), true);
      assert.equal(await store.removeBlob(digests[1]!), false);
      assert.deepEqual(await store.hasBlobs([digests[1]!]), new Set());
    });

    test('a content that is kept, or stored again, is not removed as one that nobody needs', async () => {
      await using store = disposable((await place()).open());
      const content = Buffer.from('needed');
      const { content: digest } = await store.putBlob(pieces(content));
      await delay(300);
      assert.deepEqual(await store.keepBlobs([digest, sha256Hex('other')]), new Set([digest]));
      assert.equal(await store.removeBlob(digest, 200), false);
      await delay(300);
      await store.putBlob(pieces(content));
      assert.equal(await store.removeBlob(digest, 200), false);
      assert.ok((await read(store.getBlob(digest))).equals(content));
      await delay(300);
      assert.equal(await store.removeBlob(digest, 200), true);
      assert.deepEqual(await store.keepBlobs([digest]), new Set());
    });

    test('finds a damaged content while it is read, and replaces it when it is stored again', async () => {
      const subject = await place();
      await using store = disposable(subject.open());
      const content = Buffer.alloc(2_200_000, 'content');
      const { content: digest } = await store.putBlob(pieces(content));
      await subject.damageBlob(digest, (bytes) => Buffer.concat([bytes.subarray(0, -1), Buffer.from('!')]));
      assert.match(await failureOf(read(store.getBlob(digest)), 'checkpoint-damaged'), new RegExp(digest));
      await store.putBlob(pieces(content));
      assert.ok((await read(store.getBlob(digest))).equals(content));
    });

    test('stores nothing of a content that ends with an error', async () => {
      await using store = disposable((await place()).open());
      async function* broken(): AsyncGenerator<Buffer, void, undefined> {
        yield Buffer.alloc(1_500_000);
        throw new Error('the source is gone');
      }
      await assert.rejects(store.putBlob(broken()), /the source is gone/);
      for await (const one of store.blobs()) assert.fail(one.content);
      const stored = await store.putBlob(pieces(Buffer.from('next')));
      assert.ok((await store.hasBlobs([stored.content])).has(stored.content));
    });

    test('is closed twice without harm', async () => {
      const store = (await place()).open();
      await store.put('job', 1, aDocument('1'));
      await store.close();
      await store.close();
    });
  });
}

function disposable(store: SealedStore): SealedStore & AsyncDisposable {
  return Object.assign(store, { [Symbol.asyncDispose]: async () => await store.close() });
}

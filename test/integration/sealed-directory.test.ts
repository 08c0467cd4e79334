/** The folder as a store of sealed documents, and what only a folder does. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { DirectoryStore } from '../../src/store/sealed/directory/store.ts';
import { verifyStore } from '../../src/store/sealed/verify.ts';
import { folderOf, generationFile } from '../../src/store/sealed/series-name.ts';
import { answerOf, startChild } from '../support/child-process.ts';
import { onceAt } from '../support/fault-hook.ts';
import { aDocument, failureOf, sealedStoreSuite, type StoreSubject } from '../support/sealed-store-suite.ts';
import { giveAway } from '../support/unprivileged.ts';
import type { SealedEnd, SealedOrder } from '../fault/support/sealed-child.ts';

const root = mkdtempSync(join(tmpdir(), 'holdfast-sealed-'));
after(() => rmSync(root, { recursive: true, force: true }));
const CHILD = new URL('../fault/support/sealed-child.ts', import.meta.url).pathname;
afterEach(() => setFaultHook(undefined));
let count = 0;

function aFolder(): string {
  return join(root, String(count++));
}

function subjectAt(folder: string): StoreSubject {
  const change = (path: string, how: (bytes: Buffer) => Buffer): void => {
    chmodSync(path, 0o600);
    writeFileSync(path, how(readFileSync(path)));
  };
  return {
    open: () => new DirectoryStore(folder),
    async damage(series, generation, how) {
      change(join(folder, folderOf(series), generationFile(generation)), how);
    },
    async damageBlob(content, how) {
      change(join(folder, 'blobs', content.slice(0, 1), content.slice(1)), how);
    },
    async aside(series) {
      const damaged = join(folder, folderOf(series), 'damaged');
      const files = readdirSync(damaged).filter((name) => !name.endsWith('.txt'));
      return files.map((name) => readFileSync(join(damaged, name)));
    },
  };
}

sealedStoreSuite('a folder', async () => subjectAt(aFolder()));

test('a folder that loses what it took, or returns something older, is found when it is read back', async () => {
  const folder = aFolder();
  const store = new DirectoryStore(folder);
  const at = (generation: number): string => join(folder, 'job', generationFile(generation));
  await store.put('job', 1, aDocument('older'));
  const acts: ((generation: number) => void)[] = [
    (generation) => rmSync(at(generation)),
    (generation) => copyFileSync(at(1), at(generation)),
    (generation) => writeFileSync(at(generation), readFileSync(at(generation)).subarray(0, -1)),
    (generation) => writeFileSync(at(generation), ''),
  ];
  for (const [index, act] of acts.entries()) {
    const generation = index + 2;
    // The last thing that a put does before it reads.
    onceAt('fsync-folder.after', () => act(generation));
    const put = store.put('job', generation, aDocument('newer'));
    assert.match(await failureOf(put, 'read-back-failed'), /does not read back as it was written.* found (nothing|\d)/);
    assert.equal(await store.get('job', generation), undefined);
    await store.put('job', generation, aDocument('newer'));
    assert.ok((await store.get('job', generation))?.equals(aDocument('newer')));
  }
  assert.equal(readdirSync(join(folder, 'job/damaged')).length, 2 * (acts.length - 1));
});

test('a folder that is denied: the path and what is missing are named', async () => {
  const folder = aFolder();
  chmodSync(root, 0o755);
  await new DirectoryStore(folder).put('job', 0, aDocument('before'));
  await new DirectoryStore(folder).put('job', 1, aDocument('1'));
  const series = join(folder, 'job');
  const cases: readonly [SealedOrder['act'], string, number, RegExp][] = [
    [
      'put',
      series,
      0o500,
      /^Could not create .*EACCES\. Expected that user \S+ \(uid \d+\) may write to "[^"]*\/job"\.$/,
    ],
    ['get', folder, 0o600, /may enter "[^"]*\/\d+"\.$/],
    ['get', join(series, generationFile(1)), 0o000, /may read "[^"]*\/job\/0000000001\.sealed"\.$/],
    ['put-blob', folder, 0o500, /may write to "[^"]*\/\d+"\.$/],
  ];
  for (const [act, path, mode, message] of cases) {
    giveAway(folder);
    chmodSync(path, mode);
    const order: SealedOrder = { folder, act, text: 'x', isUnprivileged: true };
    const end = await answerOf<SealedEnd>(startChild({ script: CHILD, order }));
    chmodSync(path, 0o700);
    assert.ok(end !== undefined && 'type' in end, `${act} of ${path} was not denied`);
    assert.equal(end.type, 'permission-denied');
    assert.match(end.message, message);
    assert.match(end.nextStep, /^Allow user \S+ \(uid \d+\) to (write to|enter|read) "/);
  }
});

test('a file in the place of a folder, or a folder in the place of a generation, is told and not removed', async () => {
  const folder = aFolder();
  const store = new DirectoryStore(folder);
  mkdirSync(join(folder, 'job', generationFile(1)), { recursive: true });
  await assert.rejects(store.put('job', 1, aDocument('1')), /Could not/);
  await assert.rejects(store.get('job', 1), /Could not read/);
  await store.put('job', 2, aDocument('2'));
  assert.deepEqual(
    (await store.list('job')).map(({ generation, writer }) => [generation, writer]),
    [
      [1, undefined],
      [2, 'worker 1'],
    ],
  );
  assert.equal((await verifyStore(store)).problems.length, 1);
  writeFileSync(join(folder, 'other'), '');
  await assert.rejects(store.put('other', 1, aDocument('1')), /Could not/);
  assert.deepEqual(await store.list('other'), []);
  assert.deepEqual(await store.series(), ['job']);
});

test('temporary files of writers that died are removed when they are old, and no other file', async () => {
  const folder = aFolder();
  const store = new DirectoryStore(folder);
  await store.put('job', 1, aDocument('1'));
  const left = join(folder, 'job/.0000000002.sealed.0123456789ab.tmp');
  for (const path of [left, join(folder, 'job/notes.tmp')]) writeFileSync(path, 'half');
  assert.equal(await store.removeLeftovers(), 0);
  assert.equal(await store.removeLeftovers(-1), 1);
  assert.deepEqual(readdirSync(join(folder, 'job')).toSorted(), ['0000000001.sealed', 'notes.tmp']);
});

test('bytes are durable before they get their name, and the name before a put returns', async () => {
  const store = new DirectoryStore(aFolder());
  await store.put('job', 1, aDocument('1'));
  const points: string[] = [];
  setFaultHook((point) => void points.push(point));
  await store.put('job', 2, aDocument('2'));
  setFaultHook(undefined);
  const acts = ['fsync', 'link', 'unlink', 'fsync-folder'];
  assert.deepEqual(
    points,
    acts.flatMap((act) => [`${act}.before`, `${act}.after`]),
  );
});

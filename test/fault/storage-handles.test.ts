/**
 * A worker that met a disk in trouble goes on with it when the trouble is over, without being started again: whatever
 * failed was opened anew.
 */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, test } from 'node:test';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import { openTestJob } from '../../src/testing.ts';
import { EnduringWorker, type Answer } from '../support/enduring-worker.ts';
import { giveAway } from '../support/unprivileged.ts';

let workspace: string;
let worker: EnduringWorker | undefined;

beforeEach(() => {
  workspace = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-handles-')));
  giveAway(workspace);
});

afterEach(async () => {
  await worker?.end();
  worker = undefined;
  rmSync(workspace, { recursive: true, force: true });
});

const at = (place: string): string => join(workspace, place);
const DONE: Answer = { kind: 'done' };

/** A record that another process has made. */
async function recorded(): Promise<void> {
  await using job = openTestJob({ workspace });
  await job.step(fileWriteStep, { path: 'before.txt', content: 'before\n' });
  await job.release();
  giveAway(workspace);
}

/** A comparison asks about this file. */
async function deniedBy(file: string): Promise<void> {
  const met = await worker!.tell({ kind: 'verify' });
  assert.ok(met.kind === 'asked', JSON.stringify(met));
  const { kind, found, advice } = met.findings[0]!;
  assert.equal(kind, 'unreadable');
  assert.ok(found.text.includes(at(file)), found.text);
  assert.match(found.text, /EACCES/);
  assert.match(advice ?? '', /access.*then answer recheck/i);
}

for (const file of ['ledger.sqlite', 'lock.sqlite'])
  test(`${file} that may only be read: a question names it and the cause; then the same worker goes on`, async () => {
    await recorded();
    chmodSync(at(`.holdfast/${file}`), 0o400);
    worker = new EnduringWorker({ workspace });
    await deniedBy(`.holdfast/${file}`);
    await deniedBy(`.holdfast/${file}`);
    chmodSync(at(`.holdfast/${file}`), 0o600);
    assert.deepEqual(await worker.tell({ kind: 'write', path: 'a.txt' }), DONE);
  });

test('a folder of a record that may not be entered is a question; then the same worker goes on', async () => {
  await recorded();
  worker = new EnduringWorker({ workspace });
  chmodSync(at('.holdfast'), 0o000);
  const met = await worker.tell({ kind: 'write', path: 'a.txt' });
  assert.ok(met.kind === 'asked' && met.findings[0]?.found.text.includes(at('.holdfast')), JSON.stringify(met));
  chmodSync(at('.holdfast'), 0o700);
  assert.deepEqual(await worker.tell({ kind: 'write', path: 'a.txt' }), DONE);
});

// How many descriptors are left decides what fails: the lock, the ledger, its companions, the step's own file.
for (const spare of [1, 3, 6])
  test(`with ${spare} descriptors left nobody is asked, and the same worker goes on when there are more`, async () => {
    worker = new EnduringWorker({ workspace });
    await worker.tell({ kind: 'exhaust', spare });
    const met = await worker.tell({ kind: 'write', path: 'a.txt' });
    if (met.kind === 'failed') {
      assert.match(met.type, /^(storage-failed|busy)$/, met.message);
      assert.match(met.message, /EMFILE/);
    } else assert.equal(met.kind, 'done', JSON.stringify(met));
    await worker.tell({ kind: 'relent' });
    assert.deepEqual(await worker.tell({ kind: 'write', path: 'b.txt' }), DONE);
  });

test("a job's SQLite file that could be opened only for reading is opened anew once it may be written", async () => {
  const made = new DatabaseSync(at('main.db'));
  made.exec('CREATE TABLE note (id INTEGER PRIMARY KEY)');
  made.close();
  giveAway(workspace);
  chmodSync(at('main.db'), 0o400);
  worker = new EnduringWorker({ workspace, databases: { main: 'sqlite:main.db' } });
  const met = await worker.tell({ kind: 'verify' });
  assert.ok(met.kind === 'asked' && /EACCES/.test(met.findings[0]!.found.text), JSON.stringify(met));
  chmodSync(at('main.db'), 0o600);
  assert.deepEqual(await worker.tell({ kind: 'write', path: 'a.txt' }), DONE);
});

test('what a workspace holds of its steps is for its owner alone', async () => {
  await using job = openTestJob({ workspace });
  await job.step(fileWriteStep, { path: 'large.txt', content: 'x'.repeat(100_000) });
  const modeOf = (place: string): number => statSync(at(`.holdfast${place}`)).mode & 0o777;
  assert.deepEqual(['', '/blobs', '/blobs/tmp'].map(modeOf), [0o700, 0o700, 0o700]);
  const files = ['/ledger.sqlite', '/ledger.sqlite-wal', '/ledger.sqlite-shm', '/lock.sqlite'];
  assert.deepEqual(files.map(modeOf), [0o600, 0o600, 0o600, 0o600]);
});

import assert from 'node:assert/strict';
import fs, {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  type StatSyncOptions,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import { spawnSync } from 'node:child_process';
import {
  isReservedFile,
  isReservedName,
  listFolder,
  normaliseFolder,
  normalisePath,
  observeFile,
  openFileWorkspace,
  refuseSameTargets,
  type FileChange,
  type FileWorkspace,
} from '../../src/effects/files/index.ts';
import { isFailure } from '../../src/model/failure.ts';
import type { FailureType } from '../../src/model/failures.ts';
import { ABSENT } from '../../src/model/record/world.ts';

let root: string;
let workspace: FileWorkspace;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-path-'));
  workspace = openFileWorkspace(root);
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

const FILE = { kind: 'file', sizeBytes: 0, mode: 0o644, content: '0'.repeat(64) } as const;
const FOLDER = { kind: 'directory', mode: 0o755 } as const;
const write = (path: string): FileChange => ({ path, before: ABSENT, after: FILE });
const createFolder = (path: string): FileChange => ({ path, before: ABSENT, after: FOLDER });

test('a path has one spelling', () => {
  assert.equal(normalisePath('./a//b/./c.md'), 'a/b/c.md');
  assert.equal(normalisePath('..a/b..'), '..a/b..');
  assert.equal(normaliseFolder('a/b/'), 'a/b');
  assert.equal(normaliseFolder('.'), '');
});

test('what leads elsewhere, is reserved or is no path is refused, each by its own failure', () => {
  const cases: [string, FailureType][] = [
    ['/etc/passwd', 'outside-workspace'],
    ['../x', 'outside-workspace'],
    ['a/../b', 'outside-workspace'],
    ['', 'bad-input'],
    ['.', 'bad-input'],
    ['a/', 'bad-input'],
    ['a\0b', 'bad-input'],
    ['\ud800', 'bad-input'],
    ['x'.repeat(256), 'bad-input'],
    ['a/'.repeat(2_100) + 'b', 'bad-input'],
    ['.holdfast', 'reserved-path'],
    ['.HoldFast/ledger.sqlite', 'reserved-path'],
    ['a/.holdfast/x', 'reserved-path'],
    ['.hold\u200cfast/x', 'reserved-path'],
    ['a/.holdfast-0123-0.tmp', 'reserved-path'],
  ];
  for (const [path, type] of cases)
    assert.throws(
      () => normalisePath(path),
      (error) => isFailure(error, type),
      JSON.stringify(path).slice(0, 60),
    );
  assert.equal(isReservedName('.holdfastly'), false);
});

test('two targets that are one file are refused', () => {
  mkdirSync(join(root, 'real'));
  symlinkSync('real', join(root, 'alias'));
  writeFileSync(join(root, 'one'), '');
  linkSync(join(root, 'one'), join(root, 'two'));
  const refused: FileChange[][] = [
    [write('a'), write('a')],
    [write('real/x'), write('alias/x')],
    [write('alias/new/x'), write('real/new/x')],
    [write('one'), write('two')],
    [write('a'), write('a/b')],
    [write('a/b/c'), write('a')],
    [{ path: 'a', before: FOLDER, after: ABSENT }, write('a/b')],
  ];
  for (const targets of refused)
    assert.throws(
      () => refuseSameTargets(workspace, targets),
      (error) => isFailure(error, 'same-target-twice'),
      targets.map(({ path }) => path).join(' '),
    );
  refuseSameTargets(workspace, [
    createFolder('n'),
    createFolder('n/m'),
    write('n/m/x'),
    write('real/x'),
    write('real/y'),
    write('one'),
  ]);
  refuseSameTargets(workspace, [
    { path: 'a', before: FOLDER, after: ABSENT },
    { path: 'a/b', before: FILE, after: ABSENT },
  ]);
});

test('names that differ in case or Unicode form are two files only where the filesystem says so', () => {
  const composed = 'caf\u00e9';
  const decomposed = 'cafe\u0301';
  writeFileSync(join(root, 'probe-a'), '');
  const folds = readdirSync(root).includes('PROBE-A');
  const check = (): void =>
    refuseSameTargets(workspace, [write('README'), write('readme'), write(composed), write(decomposed)]);
  if (folds) assert.throws(check, (error) => isFailure(error, 'same-target-twice'));
  else check();
  assert.deepEqual(readdirSync(root), ['probe-a'], 'the probe leaves nothing');
});

test('on a filesystem that folds names, spellings of one name are refused', (context) => {
  // Linux folds names only on filesystems made for it, so the test gives the probe lookups that fold.
  const original = fs.lstatSync;
  const fold = (name: string): string => name.normalize('NFC').toLowerCase();
  context.mock.method(fs, 'lstatSync', (path: string, options: StatSyncOptions) => {
    const alike = readdirSync(dirname(path)).find((name) => fold(name) === fold(basename(path)));
    return original(alike === undefined ? path : join(dirname(path), alike), options);
  });
  syncBuiltinESMExports();
  try {
    mkdirSync(join(root, 'dir'));
    for (const pair of [
      ['A', 'a'],
      ['dir/A', 'dir/a'],
      ['New/x', 'new/x'],
      ['D', 'd/x'],
      ['caf\u00e9', 'cafe\u0301'],
    ]) {
      assert.throws(
        () => refuseSameTargets(workspace, pair.map(write)),
        (error) => isFailure(error, 'same-target-twice'),
        pair.join(' '),
      );
    }
    refuseSameTargets(workspace, ['a', 'b', 'dir/a'].map(write));
    assert.deepEqual(readdirSync(root), ['dir'], 'the probes leave nothing');
  } finally {
    context.mock.restoreAll();
    syncBuiltinESMExports();
  }
});

test('a declared database, its companions and its hard links are never opened as files', async () => {
  const path = join(root, 'data.sqlite');
  const database = new DatabaseSync(path);
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)');
  linkSync(path, join(root, 'innocent'));
  writeFileSync(join(root, 'other'), '');
  workspace = openFileWorkspace(root, { databasePaths: [path] });
  for (const name of ['data.sqlite', 'data.sqlite-wal', 'data.sqlite-shm', 'data.sqlite-journal', 'innocent'])
    assert.equal(isReservedFile(workspace, name), true, name);
  assert.equal(isReservedFile(workspace, 'other'), false);
  assert.deepEqual(await observeFile(workspace, 'innocent'), {
    outcome: 'unreadable',
    reason: 'it belongs to a declared database',
  });
  assert.deepEqual(
    (await listFolder(workspace)).map((info) => info.path),
    ['other'],
  );
  // The observation must not release the lock that this process holds.
  database.exec('BEGIN IMMEDIATE');
  await observeFile(workspace, 'innocent');
  const probe = spawnSync(
    process.execPath,
    [
      '-e',
      `const { DatabaseSync } = require('node:sqlite'); try { new DatabaseSync(${JSON.stringify(path)}, ` +
        `{ timeout: 0 }).exec('BEGIN IMMEDIATE'); console.log('taken') } catch { console.log('locked') }`,
    ],
    { encoding: 'utf8' },
  );
  assert.equal(probe.stdout.trim(), 'locked');
  database.close();
});

/** One change of one file: from any state to any other, prepared, committed, checked and tidied up after. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { test } from 'node:test';
import {
  checkFile,
  commitFile,
  findLeftoverFiles,
  prepareFile,
  putFile,
  removeLeftoverFiles,
  syncFolders,
  type FileChange,
} from '../../src/effects/files/index.ts';
import { sha256Hex } from '../../src/model/digest.ts';
import { isFailure } from '../../src/model/failure.ts';
import { ABSENT, type FileState } from '../../src/model/record/world.ts';
import { applied, FOLDER, NAME, testChangedFiles } from '../support/changed-files.ts';

const files = testChangedFiles();

/** Every kind of state, and how to make it. */
const STATES: Record<string, { make: (path: string) => void; state: () => Promise<FileState> }> = {
  absent: { make: () => {}, state: async () => ABSENT },
  file: {
    make: (path) => (writeFileSync(path, 'old'), chmodSync(path, 0o640)),
    state: () => files.fileState('old', 0o640),
  },
  largeFile: {
    make: (path) => (writeFileSync(path, Buffer.alloc(2_000_000, 'x')), chmodSync(path, 0o600)),
    state: () => files.fileState(Buffer.alloc(2_000_000, 'x'), 0o600),
  },
  directory: {
    make: (path) => (mkdirSync(path), chmodSync(path, 0o750)),
    state: async () => ({ kind: 'directory', mode: 0o750 }),
  },
  openDirectory: {
    make: (path) => (mkdirSync(path), chmodSync(path, 0o777)),
    state: async () => ({ kind: 'directory', mode: 0o777 }),
  },
  symlink: {
    make: (path) => symlinkSync('somewhere', path),
    state: async () => ({ kind: 'symlink', target: 'somewhere' }),
  },
  fifo: {
    make: (path) => assert.equal(spawnSync('mkfifo', [path]).status, 0),
    state: async () => ({ kind: 'other', what: 'fifo' }),
  },
};

test('any state becomes any other that can be made, and only from the state that is expected', async () => {
  for (const [fromName, from] of Object.entries(STATES)) {
    for (const [toName, to] of Object.entries(STATES)) {
      if (toName === 'fifo') continue;
      const label = `${fromName} to ${toName}`;
      rmSync(files.at('x'), { recursive: true, force: true });
      rmSync(files.at('.holdfast/captured'), { recursive: true, force: true });
      from.make(files.at('x'));
      const [before, after] = [await from.state(), await to.state()];
      assert.deepEqual(await files.stateOf('x'), before, label);
      const wrong = await files.fileState('never seen', 0o600);
      const conflict = await files.change('x', wrong, after);
      if (fromName !== toName)
        assert.ok(
          conflict.outcome === 'conflict' && conflict.found.outcome === 'seen',
          `${label}: ${JSON.stringify(conflict)}`,
        );
      assert.deepEqual(await files.stateOf('x'), before, `${label} left alone`);
      assert.deepEqual(
        await files.change('x', before, after),
        fromName === toName ? { outcome: 'applied', wasThere: true } : applied,
        label,
      );
      assert.deepEqual(await files.stateOf('x'), after, label);
      assert.deepEqual(
        await files.change('x', before, after),
        { outcome: 'applied', wasThere: true },
        `${label} again`,
      );
      if (fromName !== 'fifo') files.assertTidy();
      if (before.kind === 'file') assert.equal(await files.blobs.verify(before.content), 'intact');
    }
  }
});

test('what is replaced is kept, also when the record never held it', async () => {
  writeFileSync(files.at('x'), 'by hand');
  assert.deepEqual(
    await files.change(
      'x',
      { kind: 'file', mode: 0o644, sizeBytes: 7, content: sha256Hex('by hand') },
      await files.fileState('new'),
    ),
    applied,
  );
  assert.equal((await files.blobs.read(sha256Hex('by hand'))).toString(), 'by hand');
});

test('what is replaced is kept also when it came back after the change was prepared', async () => {
  writeFileSync(files.at('x'), 'another');
  const before: FileState = { kind: 'file', mode: 0o644, sizeBytes: 7, content: sha256Hex('by hand') };
  const prepared = await prepareFile(
    files.workspace,
    { path: 'x', before, after: await files.fileState('new') },
    files.blobs,
    NAME,
  );
  writeFileSync(files.at('x'), 'by hand');
  assert.deepEqual(await commitFile(files.workspace, prepared, files.blobs), applied);
  assert.equal(await files.blobs.verify(before.content), 'intact');
});

test('a blob and a file in the workspace never share an inode', async () => {
  const state = await files.fileState('content');
  await files.change('x', ABSENT, state);
  assert.ok(state.kind === 'file');
  assert.notEqual(statSync(files.at('x')).ino, statSync(files.blobs.pathOf(state.content)).ino);
  assert.equal(statSync(files.at('x')).nlink, 1);
});

test('a file goes into a folder that the same intent creates', async () => {
  const changes: FileChange[] = [
    { path: 'a', before: ABSENT, after: FOLDER },
    { path: 'a/b', before: ABSENT, after: FOLDER },
    { path: 'a/b/x', before: ABSENT, after: await files.fileState('deep') },
  ];
  const prepared = [];
  for (const [index, each] of changes.entries())
    prepared.push(await prepareFile(files.workspace, each, files.blobs, { token: NAME.token, index }));
  assert.equal(existsSync(files.at('a')), false, 'preparing creates nothing that anybody looks at');
  for (const each of prepared)
    assert.deepEqual(await commitFile(files.workspace, each, files.blobs, { deferSync: true }), applied);
  syncFolders(
    files.workspace,
    changes.map(({ path }) => path),
  );
  assert.equal(files.read('a/b/x'), 'deep');
  files.assertTidy();
});

test('a folder that is not empty is not removed', async () => {
  mkdirSync(files.at('d'));
  writeFileSync(files.at('d/theirs'), 'x');
  const outcome = await putFile(files.workspace, 'd', ABSENT, files.blobs, { expectedNow: FOLDER, name: NAME });
  assert.ok(outcome.outcome === 'conflict' && outcome.reason === 'the folder is not empty');
  assert.equal(files.read('d/theirs'), 'x');
});

test('checking tells before, after, neither and unreadable apart', async () => {
  const each: FileChange = { path: 'x', before: ABSENT, after: await files.fileState('new') };
  assert.equal((await checkFile(files.workspace, each)).is, 'before');
  writeFileSync(files.at('x'), 'new');
  assert.equal((await checkFile(files.workspace, each)).is, 'after');
  writeFileSync(files.at('x'), 'theirs');
  assert.equal((await checkFile(files.workspace, each)).is, 'neither');
  symlinkSync('/etc', files.at('out'));
  assert.equal((await checkFile(files.workspace, { ...each, path: 'out/x' })).is, 'unreadable');
});

test('preparing refuses what is reserved, not normal, or outside', async () => {
  symlinkSync('/tmp', files.at('out'));
  symlinkSync('.holdfast', files.at('ours'));
  const after = await files.fileState('x');
  const attempt = (path: string): Promise<unknown> =>
    prepareFile(files.workspace, { path, before: ABSENT, after }, files.blobs, NAME);
  await assert.rejects(attempt('.holdfast/x'), (error) => isFailure(error, 'reserved-path'));
  await assert.rejects(attempt('a//b'), (error) => isFailure(error, 'bad-input'));
  await assert.rejects(attempt('out/x'), (error) => isFailure(error, 'outside-workspace'));
  await assert.rejects(attempt('ours/x'), (error) => isFailure(error, 'outside-workspace'));
});

test('a prepared file that has gone is prepared again', async () => {
  const prepared = await prepareFile(
    files.workspace,
    { path: 'x', before: ABSENT, after: await files.fileState('new') },
    files.blobs,
    NAME,
  );
  const [leftover] = findLeftoverFiles(files.workspace, NAME.token, ['x']);
  rmSync(files.at(leftover!.path));
  writeFileSync(files.at(leftover!.path), 'forged');
  await assert.rejects(commitFile(files.workspace, prepared, files.blobs), (error) => isFailure(error, 'busy'));
  assert.equal(existsSync(files.at('x')), false);
});

test('leftovers are found by their token and removed, captured bytes only after they are kept', async () => {
  mkdirSync(files.at('d'));
  await prepareFile(
    files.workspace,
    { path: 'd/x', before: ABSENT, after: await files.fileState('new') },
    files.blobs,
    NAME,
  );
  await prepareFile(
    files.workspace,
    { path: 'y/z', before: ABSENT, after: await files.fileState('new') },
    files.blobs,
    {
      token: 'b'.repeat(64),
      index: 0,
    },
  );
  mkdirSync(files.at('.holdfast/captured'));
  writeFileSync(files.at('theirs'), 'theirs');
  linkSync(files.at('theirs'), files.at(`.holdfast/captured/${'a'.repeat(16)}-3`));
  assert.deepEqual(
    findLeftoverFiles(files.workspace, NAME.token, ['d/x']).map(({ kind }) => kind),
    ['captured', 'temporary'],
  );
  assert.deepEqual(await removeLeftoverFiles(files.workspace, NAME.token, ['d/x'], files.blobs), [sha256Hex('theirs')]);
  assert.deepEqual(findLeftoverFiles(files.workspace, NAME.token, ['d/x']), []);
  assert.equal(findLeftoverFiles(files.workspace, 'b'.repeat(64), ['y/z']).length, 1, "another token's stay");
});

test('a replaced file keeps its owner', { skip: process.getuid?.() !== 0 }, async () => {
  writeFileSync(files.at('x'), 'old');
  spawnSync('chown', ['1234:4321', files.at('x')]);
  assert.deepEqual(
    await files.change('x', await files.fileState('old'), await files.fileState('new', 0o4755)),
    applied,
  );
  const { uid, gid, mode } = statSync(files.at('x'));
  assert.deepEqual([uid, gid, mode & 0o7777], [1234, 4321, 0o4755]);
});

test('a symbolic link is replaced itself, not what it points to', async () => {
  writeFileSync(files.at('target'), 'untouched');
  symlinkSync('target', files.at('x'));
  assert.deepEqual(
    await files.change('x', { kind: 'symlink', target: 'target' }, { kind: 'symlink', target: 'elsewhere' }),
    applied,
  );
  assert.equal(readlinkSync(files.at('x')), 'elsewhere');
  assert.deepEqual(
    await files.change('x', { kind: 'symlink', target: 'elsewhere' }, await files.fileState('new')),
    applied,
  );
  assert.equal(files.read('target'), 'untouched');
  assert.equal(files.read('x'), 'new');
});

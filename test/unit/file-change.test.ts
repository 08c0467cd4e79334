import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import {
  checkFile,
  commitFile,
  findLeftoverFiles,
  observeFile,
  openFileWorkspace,
  prepareFile,
  putFile,
  removeLeftoverFiles,
  syncFolders,
  type CommitMoment,
  type CommitOutcome,
  type FileChange,
  type FileWorkspace,
} from '../../src/effects/files/index.ts';
import { isFailure } from '../../src/model/failure.ts';
import { sha256Hex } from '../../src/model/digest.ts';
import { ABSENT, type FileState } from '../../src/model/record/world.ts';
import { BlobStore } from '../../src/store/blobs/blobs.ts';

const NAME = { token: 'a'.repeat(64), index: 0 };
const FOLDER: FileState = { kind: 'directory', mode: 0o755 };
let root: string;
let workspace: FileWorkspace;
let blobs: BlobStore;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-change-'));
  workspace = openFileWorkspace(root);
  blobs = new BlobStore(join(root, '.holdfast', 'blobs'));
});
afterEach(async () => {
  await workspace.close();
  rmSync(root, { recursive: true, force: true });
});

async function fileState(content: string | Buffer, mode = 0o644): Promise<FileState> {
  return { kind: 'file', mode, ...(await blobs.put(content)) };
}
async function stateOf(path: string): Promise<FileState> {
  const sighting = await observeFile(workspace, path);
  assert.ok(sighting.outcome === 'seen');
  return sighting.state;
}
const at = (path: string): string => join(root, path);
const read = (path: string): string => readFileSync(at(path), 'utf8');
async function change(
  path: string,
  before: FileState,
  after: FileState,
  onMoment?: (moment: CommitMoment) => void,
): Promise<CommitOutcome> {
  const prepared = await prepareFile(workspace, { path, before, after }, blobs, NAME);
  return commitFile(workspace, prepared, blobs, onMoment ? { onMoment } : {});
}
function assertTidy(): void {
  assert.deepEqual(findLeftoverFiles(workspace, NAME.token, readdirSync(root)), []);
}
const applied: CommitOutcome = { outcome: 'applied', wasThere: false };

/** Every kind of state, and how to make it. */
const STATES: Record<string, { make: (path: string) => void; state: () => Promise<FileState> }> = {
  absent: { make: () => {}, state: async () => ABSENT },
  file: { make: (path) => (writeFileSync(path, 'old'), chmodSync(path, 0o640)), state: () => fileState('old', 0o640) },
  largeFile: {
    make: (path) => (writeFileSync(path, Buffer.alloc(2_000_000, 'x')), chmodSync(path, 0o600)),
    state: () => fileState(Buffer.alloc(2_000_000, 'x'), 0o600),
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
      rmSync(at('x'), { recursive: true, force: true });
      rmSync(at('.holdfast/captured'), { recursive: true, force: true });
      from.make(at('x'));
      const [before, after] = [await from.state(), await to.state()];
      assert.deepEqual(await stateOf('x'), before, label);
      const wrong = await fileState('never seen', 0o600);
      const conflict = await change('x', wrong, after);
      if (fromName !== toName)
        assert.ok(
          conflict.outcome === 'conflict' && conflict.found.outcome === 'seen',
          `${label}: ${JSON.stringify(conflict)}`,
        );
      assert.deepEqual(await stateOf('x'), before, `${label} left alone`);
      assert.deepEqual(
        await change('x', before, after),
        fromName === toName ? { outcome: 'applied', wasThere: true } : applied,
        label,
      );
      assert.deepEqual(await stateOf('x'), after, label);
      assert.deepEqual(await change('x', before, after), { outcome: 'applied', wasThere: true }, `${label} again`);
      if (fromName !== 'fifo') assertTidy();
      if (before.kind === 'file') assert.equal(await blobs.verify(before.content), 'intact');
    }
  }
});

test('what is replaced is kept, also when the record never held it', async () => {
  writeFileSync(at('x'), 'by hand');
  assert.deepEqual(
    await change(
      'x',
      { kind: 'file', mode: 0o644, sizeBytes: 7, content: sha256Hex('by hand') },
      await fileState('new'),
    ),
    applied,
  );
  assert.equal((await blobs.read(sha256Hex('by hand'))).toString(), 'by hand');
});

test('what is replaced is kept also when it came back after the change was prepared', async () => {
  writeFileSync(at('x'), 'another');
  const before: FileState = { kind: 'file', mode: 0o644, sizeBytes: 7, content: sha256Hex('by hand') };
  const prepared = await prepareFile(workspace, { path: 'x', before, after: await fileState('new') }, blobs, NAME);
  writeFileSync(at('x'), 'by hand');
  assert.deepEqual(await commitFile(workspace, prepared, blobs), applied);
  assert.equal(await blobs.verify(before.content), 'intact');
});

test('a blob and a file in the workspace never share an inode', async () => {
  const state = await fileState('content');
  await change('x', ABSENT, state);
  assert.ok(state.kind === 'file');
  assert.notEqual(statSync(at('x')).ino, statSync(blobs.pathOf(state.content)).ino);
  assert.equal(statSync(at('x')).nlink, 1);
});

test('a file goes into a folder that the same intent creates', async () => {
  const changes: FileChange[] = [
    { path: 'a', before: ABSENT, after: FOLDER },
    { path: 'a/b', before: ABSENT, after: FOLDER },
    { path: 'a/b/x', before: ABSENT, after: await fileState('deep') },
  ];
  const prepared = [];
  for (const [index, each] of changes.entries())
    prepared.push(await prepareFile(workspace, each, blobs, { token: NAME.token, index }));
  assert.equal(existsSync(at('a')), false, 'preparing creates nothing that anybody looks at');
  for (const each of prepared) assert.deepEqual(await commitFile(workspace, each, blobs, { deferSync: true }), applied);
  syncFolders(
    workspace,
    changes.map(({ path }) => path),
  );
  assert.equal(read('a/b/x'), 'deep');
  assertTidy();
});

test('a folder that is not empty is not removed', async () => {
  mkdirSync(at('d'));
  writeFileSync(at('d/theirs'), 'x');
  const outcome = await putFile(workspace, 'd', ABSENT, blobs, { expectedNow: FOLDER, name: NAME });
  assert.ok(outcome.outcome === 'conflict' && outcome.reason === 'the folder is not empty');
  assert.equal(read('d/theirs'), 'x');
});

test('checking tells before, after, neither and unreadable apart', async () => {
  const each: FileChange = { path: 'x', before: ABSENT, after: await fileState('new') };
  assert.equal((await checkFile(workspace, each)).is, 'before');
  writeFileSync(at('x'), 'new');
  assert.equal((await checkFile(workspace, each)).is, 'after');
  writeFileSync(at('x'), 'theirs');
  assert.equal((await checkFile(workspace, each)).is, 'neither');
  symlinkSync('/etc', at('out'));
  assert.equal((await checkFile(workspace, { ...each, path: 'out/x' })).is, 'unreadable');
});

test('preparing refuses what is reserved, not normal, or outside', async () => {
  symlinkSync('/tmp', at('out'));
  symlinkSync('.holdfast', at('ours'));
  const after = await fileState('x');
  const attempt = (path: string): Promise<unknown> =>
    prepareFile(workspace, { path, before: ABSENT, after }, blobs, NAME);
  await assert.rejects(attempt('.holdfast/x'), (error) => isFailure(error, 'reserved-path'));
  await assert.rejects(attempt('a//b'), (error) => isFailure(error, 'bad-input'));
  await assert.rejects(attempt('out/x'), (error) => isFailure(error, 'outside-workspace'));
  await assert.rejects(attempt('ours/x'), (error) => isFailure(error, 'outside-workspace'));
});

const MOMENTS: CommitMoment[] = ['opened', 'captured', 'hashed', 'compared', 'placed', 'synced'];

/** Where a person's bytes may have ended up; nowhere is the one answer that is not allowed. */
async function assertNotLost(bytes: string, outcome: CommitOutcome, label: string): Promise<void> {
  const digest = sha256Hex(bytes);
  const isInPlace = existsSync(at('x')) && lstatSync(at('x')).isFile() && sha256Hex(readFileSync(at('x'))) === digest;
  const isKept = 'stored' in outcome && outcome.stored === digest && (await blobs.verify(digest)) === 'intact';
  assert.ok(isInPlace || isKept, `${label}: lost, ${JSON.stringify(outcome)}`);
  if (!isInPlace) assert.notEqual(outcome.outcome, 'applied', `${label}: not told`);
}

for (const size of ['small', 'large'] as const) {
  const old = size === 'small' ? 'old' : 'old'.padEnd(1_500_000, '.');

  test(`a ${size} file that somebody writes into is never lost, at whatever moment of its replacement or removal`, async () => {
    for (const moment of MOMENTS) {
      for (const after of [await fileState('new'), ABSENT]) {
        // Each time others: what an earlier round has kept would hide that this one keeps nothing.
        const theirs = `theirs ${moment} ${after.kind}`.padEnd(size === 'small' ? 0 : 1_500_000, '.');
        rmSync(at('x'), { force: true });
        writeFileSync(at('x'), old);
        const descriptorHolder = await import('node:fs/promises').then((fs) => fs.open(at('x'), 'r+'));
        try {
          const before = await fileState(old);
          const outcome = await change('x', before, after, (now) => {
            if (now === moment) writeFileSync(descriptorHolder.fd, theirs);
          });
          await assertNotLost(theirs, outcome, `${moment}, ${after.kind}`);
          assertTidy();
        } finally {
          await descriptorHolder.close();
        }
      }
    }
  });
}

test('a file that somebody puts in place is never lost: at any moment of a creation or removal, until the last comparison of a replacement', async () => {
  for (const moment of MOMENTS) {
    const cases: [string | undefined, FileState][] = [
      [undefined, await fileState('new')],
      ['old', ABSENT],
      ['old', FOLDER],
    ];
    if (moment === 'opened' || moment === 'captured' || moment === 'hashed')
      cases.push(['old', await fileState('new')]);
    for (const [old, after] of cases) {
      const theirs = `theirs ${moment} ${old ?? 'nothing'} ${after.kind}`;
      rmSync(at('x'), { force: true, recursive: true });
      if (old !== undefined) writeFileSync(at('x'), old);
      const before = old === undefined ? ABSENT : await fileState(old);
      let isDone = false;
      const outcome = await change('x', before, after, (now) => {
        if (now !== moment || isDone) return;
        isDone = true;
        writeFileSync(at('theirs'), theirs);
        try {
          renameSync(at('theirs'), at('x'));
        } catch {
          // A folder stands there by now: nothing that could get lost.
          rmSync(at('theirs'));
          isDone = false;
        }
      });
      if (isDone) await assertNotLost(theirs, outcome, `${moment}, ${before.kind} to ${after.kind}`);
      if (isDone && moment !== 'placed' && moment !== 'synced')
        assert.equal(read('x'), theirs, `${moment}: left in its place, or put back`);
      assertTidy();
    }
  }
});

test('a removal at any moment is told, or done', async () => {
  for (const moment of MOMENTS) {
    writeFileSync(at('x'), 'old');
    const outcome = await change('x', await fileState('old'), await fileState('new'), (now) => {
      if (now === moment) unlinkSync(at('x'));
    });
    const isAfter = moment === 'placed' || moment === 'synced' || moment === 'compared';
    assert.equal(outcome.outcome, isAfter ? 'applied' : 'conflict', moment);
    assertTidy();
  }
});

test('a symbolic link swapped in for a folder at any moment leads nobody out of the workspace', async () => {
  const outside = mkdtempSync(join(tmpdir(), 'holdfast-outside-'));
  try {
    for (const moment of MOMENTS) {
      for (const [before, after] of [
        [ABSENT, await fileState('new')],
        [await fileState('old'), await fileState('new')],
        [await fileState('old'), ABSENT],
      ] as const) {
        rmSync(at('d'), { recursive: true, force: true });
        rmSync(at('moved'), { recursive: true, force: true });
        mkdirSync(at('d'));
        writeFileSync(join(outside, 'x'), 'outside');
        if (before.kind === 'file') writeFileSync(at('d/x'), 'old');
        const outcome = await change('d/x', before, after, (now) => {
          if (now !== moment) return;
          renameSync(at('d'), at('moved'));
          symlinkSync(outside, at('d'));
        }).catch((error: unknown) => error);
        assert.deepEqual(readdirSync(outside), ['x'], `${moment}: ${JSON.stringify(outcome)}`);
        assert.equal(readFileSync(join(outside, 'x'), 'utf8'), 'outside');
      }
    }
    rmSync(at('d'), { recursive: true, force: true });
    mkdirSync(at('d'));
    const prepared = await prepareFile(
      workspace,
      { path: 'd/x', before: ABSENT, after: await fileState('new') },
      blobs,
      NAME,
    );
    renameSync(at('d'), at('elsewhere'));
    symlinkSync(outside, at('d'));
    await assert.rejects(commitFile(workspace, prepared, blobs), (error) => isFailure(error, 'outside-workspace'));
    assert.equal(readFileSync(join(outside, 'x'), 'utf8'), 'outside');
  } finally {
    rmSync(outside, { recursive: true });
  }
});

test('a folder moved out of the workspace at the last moment is noticed', async () => {
  const outside = mkdtempSync(join(tmpdir(), 'holdfast-outside-'));
  try {
    mkdirSync(at('d'));
    const outcome = change('d/x', ABSENT, await fileState('new'), (now) => {
      if (now === 'captured') renameSync(at('d'), join(outside, 'd'));
    });
    await assert.rejects(outcome, (error) => isFailure(error, 'outside-workspace'));
    assert.deepEqual(
      readdirSync(join(outside, 'd')).filter((name) => !name.endsWith('.tmp')),
      [],
    );
  } finally {
    rmSync(outside, { recursive: true });
  }
});

test('a prepared file that has gone is prepared again', async () => {
  const prepared = await prepareFile(
    workspace,
    { path: 'x', before: ABSENT, after: await fileState('new') },
    blobs,
    NAME,
  );
  const [leftover] = findLeftoverFiles(workspace, NAME.token, ['x']);
  rmSync(at(leftover!.path));
  writeFileSync(at(leftover!.path), 'forged');
  await assert.rejects(commitFile(workspace, prepared, blobs), (error) => isFailure(error, 'busy'));
  assert.equal(existsSync(at('x')), false);
});

test('leftovers are found by their token and removed, captured bytes only after they are kept', async () => {
  mkdirSync(at('d'));
  await prepareFile(workspace, { path: 'd/x', before: ABSENT, after: await fileState('new') }, blobs, NAME);
  await prepareFile(workspace, { path: 'y/z', before: ABSENT, after: await fileState('new') }, blobs, {
    token: 'b'.repeat(64),
    index: 0,
  });
  mkdirSync(at('.holdfast/captured'));
  writeFileSync(at('theirs'), 'theirs');
  linkSync(at('theirs'), at(`.holdfast/captured/${'a'.repeat(16)}-3`));
  assert.deepEqual(
    findLeftoverFiles(workspace, NAME.token, ['d/x']).map(({ kind }) => kind),
    ['captured', 'temporary'],
  );
  assert.deepEqual(await removeLeftoverFiles(workspace, NAME.token, ['d/x'], blobs), [sha256Hex('theirs')]);
  assert.deepEqual(findLeftoverFiles(workspace, NAME.token, ['d/x']), []);
  assert.equal(findLeftoverFiles(workspace, 'b'.repeat(64), ['y/z']).length, 1, "another token's stay");
});

test('a replaced file keeps its owner', { skip: process.getuid?.() !== 0 }, async () => {
  writeFileSync(at('x'), 'old');
  spawnSync('chown', ['1234:4321', at('x')]);
  assert.deepEqual(await change('x', await fileState('old'), await fileState('new', 0o4755)), applied);
  const { uid, gid, mode } = statSync(at('x'));
  assert.deepEqual([uid, gid, mode & 0o7777], [1234, 4321, 0o4755]);
});

test('a symbolic link is replaced itself, not what it points to', async () => {
  writeFileSync(at('target'), 'untouched');
  symlinkSync('target', at('x'));
  assert.deepEqual(
    await change('x', { kind: 'symlink', target: 'target' }, { kind: 'symlink', target: 'elsewhere' }),
    applied,
  );
  assert.equal(readlinkSync(at('x')), 'elsewhere');
  assert.deepEqual(await change('x', { kind: 'symlink', target: 'elsewhere' }, await fileState('new')), applied);
  assert.equal(read('target'), 'untouched');
  assert.equal(read('x'), 'new');
});

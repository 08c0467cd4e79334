import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs, {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  glanceAt,
  listFolder,
  observeFile,
  observeFiles,
  openFileWorkspace,
  type FileWorkspace,
} from '../../src/effects/files/index.ts';
import { sha256Hex } from '../../src/model/digest.ts';
import { isFailure } from '../../src/model/failure.ts';

let root: string;
let workspace: FileWorkspace;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-observe-'));
  workspace = openFileWorkspace(root);
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

async function stateOf(path: string): Promise<unknown> {
  const sighting = await observeFile(workspace, path);
  return sighting.outcome === 'seen' ? sighting.state : sighting;
}

test('each kind of thing at a path is told as what it is', async () => {
  writeFileSync(join(root, 'file'), 'content');
  chmodSync(join(root, 'file'), 0o4750);
  mkdirSync(join(root, 'folder'));
  chmodSync(join(root, 'folder'), 0o2775);
  symlinkSync('/etc/passwd', join(root, 'link'));
  spawnSync('mkfifo', [join(root, 'fifo')]);
  assert.deepEqual(await stateOf('file'), { kind: 'file', sizeBytes: 7, mode: 0o4750, content: sha256Hex('content') });
  assert.deepEqual(await stateOf('folder'), { kind: 'directory', mode: 0o2775 });
  assert.deepEqual(await stateOf('link'), { kind: 'symlink', target: '/etc/passwd' });
  assert.deepEqual(await stateOf('fifo'), { kind: 'other', what: 'fifo' }, 'and a FIFO does not block');
  assert.deepEqual(await stateOf('none'), { kind: 'absent' });
  assert.deepEqual(await stateOf('file/below'), { kind: 'absent' });
  assert.deepEqual(await stateOf('no/folder/file'), { kind: 'absent' });
});

test('a symbolic link on the way is followed inside the workspace, never out of it', async () => {
  mkdirSync(join(root, 'real'));
  writeFileSync(join(root, 'real', 'x'), 'x');
  symlinkSync('real', join(root, 'inside'));
  symlinkSync('/etc', join(root, 'outside'));
  symlinkSync('loop', join(root, 'loop'));
  assert.deepEqual(await stateOf('inside/x'), { kind: 'file', sizeBytes: 1, mode: 0o644, content: sha256Hex('x') });
  for (const path of ['outside/passwd', 'loop/x'])
    assert.equal((await observeFile(workspace, path)).outcome, 'unreadable', path);
});

test('what may not be read is unreadable, neither gone nor unchanged', async () => {
  chmodSync(root, 0o755);
  writeFileSync(join(root, 'secret'), 'x', { mode: 0 });
  mkdirSync(join(root, 'closed'), { mode: 0 });
  const files = new URL('../../src/effects/files/index.ts', import.meta.url).href;
  const script = `
    const { openFileWorkspace, observeFiles, listFolder } = await import(${JSON.stringify(files)});
    if (process.getuid() === 0) { process.setgid(65534); process.setuid(65534); }
    const workspace = openFileWorkspace(${JSON.stringify(root)});
    const sightings = await observeFiles(workspace, ['secret', 'closed/x', 'none']);
    const listing = await listFolder(workspace).then(() => 'listed', (error) => error.type);
    console.log(JSON.stringify([...sightings, listing]));`;
  const child = spawnSync(process.execPath, ['--input-type=module-typescript', '--eval', script], { encoding: 'utf8' });
  assert.equal(child.status, 0, child.stderr);
  const reason = 'the worker may not read it (EACCES)';
  assert.deepEqual(JSON.parse(child.stdout), [
    { outcome: 'unreadable', reason, code: 'EACCES' },
    { outcome: 'unreadable', reason, code: 'EACCES' },
    { outcome: 'seen', state: { kind: 'absent' } },
    'permission-denied',
  ]);
});

test('a workspace that has gone takes no file for removed', async () => {
  writeFileSync(join(root, 'file'), 'x');
  renameSync(root, `${root}.away`);
  assert.equal((await observeFile(workspace, 'file')).outcome, 'unreadable');
  renameSync(`${root}.away`, root);
  assert.equal((await observeFile(workspace, 'file')).outcome, 'seen');
});

test('a file that changes while it is read is read again, and unreadable if it goes on', async (context) => {
  const path = join(root, 'busy');
  writeFileSync(path, 'first');
  const file = openSync(path, 'r+');
  const original = fs.readSync;
  let changes = 0;
  // Somebody replaces the bytes by as many others between the reading and the comparison of times.
  const readAndChange = (times: number): void => {
    changes = 0;
    context.mock.method(fs, 'readSync', (...args: Parameters<typeof fs.readSync>) => {
      const count = original(...args);
      if (changes < times) writeSync(file, `${++changes}`.padEnd(5, '.'), 0);
      return count;
    });
    syncBuiltinESMExports();
  };
  try {
    readAndChange(1);
    assert.deepEqual(await stateOf('busy'), { kind: 'file', sizeBytes: 5, mode: 0o644, content: sha256Hex('1....') });
    readAndChange(Number.POSITIVE_INFINITY);
    assert.deepEqual(await observeFile(workspace, 'busy'), {
      outcome: 'unreadable',
      reason: 'it changes while it is read',
      code: 'EBUSY',
    });
  } finally {
    context.mock.restoreAll();
    syncBuiltinESMExports();
    closeSync(file);
  }
});

test('many and large files go to the workers, in order, with progress', async () => {
  const contents = Array.from({ length: 300 }, (_, index) =>
    index % 100 === 7 ? Buffer.alloc(1_500_000, index) : Buffer.from(`file ${index}`),
  );
  contents.forEach((content, index) => writeFileSync(join(root, `f${index}`), content));
  const progress: number[] = [];
  const paths = [...contents.keys()].map((index) => `f${index}`);
  const sightings = await observeFiles(workspace, [...paths, 'none'], {
    onProgress: (done, total) => progress.push(done / total),
  });
  assert.equal(sightings.length, 301);
  for (const [index, content] of contents.entries()) {
    const sighting = sightings[index]!;
    assert.ok(
      sighting.outcome === 'seen' && sighting.state.kind === 'file' && sighting.state.content === sha256Hex(content),
      `f${index}`,
    );
  }
  assert.deepEqual(sightings[300], { outcome: 'seen', state: { kind: 'absent' } });
  assert.equal(progress.at(-1), 1);
  assert.deepEqual(
    (await observeFiles(workspace, ['f0', 'f7', 'f1'])).map((sighting) =>
      sighting.outcome === 'seen' && sighting.state.kind === 'file' ? sighting.state.sizeBytes : 0,
    ),
    [6, 1_500_000, 6],
  );
});

test('a glance vouches for a large file only while nothing about it has changed', async () => {
  const path = join(root, 'large');
  writeFileSync(path, Buffer.alloc(512 * 1024));
  await sleep(150);
  const seen = await observeFile(workspace, 'large');
  assert.ok(seen.outcome === 'seen' && seen.stamp !== undefined);
  assert.equal(glanceAt(workspace, 'large', seen), seen.state);
  const young = { ...seen, stamp: { ...seen.stamp, takenAtMs: statSync(path).mtimeMs + 50 } };
  assert.equal(
    glanceAt(workspace, 'large', young),
    undefined,
    'hashed right after it was written, it may have changed within the same tick',
  );
  utimesSync(path, 0, 0);
  assert.equal(glanceAt(workspace, 'large', seen), undefined);
});

test('a listing is sorted, complete and holds nothing of ours', async () => {
  for (const folder of ['b/c', 'a', '.holdfast/blobs']) mkdirSync(join(root, folder), { recursive: true });
  for (const file of [
    'b/c/2',
    'b/c/10',
    'a/x',
    'a.txt',
    '.gitignore',
    '.holdfast/blobs/x',
    'a/.holdfast-0123456789abcdef-0-1234.tmp',
  ])
    writeFileSync(join(root, file), 'x');
  symlinkSync('b', join(root, 'z'));
  const paths = async (folder?: string, options?: { recursive?: boolean }): Promise<string[]> =>
    (await listFolder(workspace, folder, options)).map((info) => info.path);
  assert.deepEqual(await paths(), ['.gitignore', 'a', 'a.txt', 'a/x', 'b', 'b/c', 'b/c/10', 'b/c/2', 'z']);
  assert.deepEqual(await paths('b/'), ['b/c', 'b/c/10', 'b/c/2']);
  assert.deepEqual(await paths('', { recursive: false }), ['.gitignore', 'a', 'a.txt', 'b', 'z']);
  assert.deepEqual(await paths('none'), []);
  await assert.rejects(listFolder(workspace, 'a.txt'), (error) => isFailure(error, 'not-found'));
  symlinkSync('/etc', join(root, 'out'));
  await assert.rejects(listFolder(workspace, 'out'), (error) => isFailure(error, 'outside-workspace'));
  assert.equal(existsSync(join(root, '.holdfast/captured')), false, 'looking creates nothing');
});

/** File changes under real deaths and failing disks. */
import assert from 'node:assert/strict';
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import {
  commitFile,
  findLeftoverFiles,
  observeFile,
  openFileWorkspace,
  prepareFile,
  removeLeftoverFiles,
  type CommitOutcome,
  type FileChange,
  type FileWorkspace,
} from '../../src/effects/files/index.ts';
import { sha256Hex } from '../../src/model/digest.ts';
import { ABSENT, type FileState } from '../../src/model/record/world.ts';
import { BlobStore } from '../../src/store/blobs/blobs.ts';

const CHILD = new URL('./file-child.ts', import.meta.url).pathname;
const TOKEN = 'c'.repeat(64);
const MOMENTS = ['opened', 'captured', 'hashed', 'compared', 'placed', 'synced'];
const OLD: FileState = { kind: 'file', sizeBytes: 3, mode: 0o644, content: sha256Hex('old') };
const NEW: FileState = { kind: 'file', sizeBytes: 3, mode: 0o644, content: sha256Hex('new') };
const FOLDER: FileState = { kind: 'directory', mode: 0o755 };

let base: string;
let root: string;
let workspace: FileWorkspace;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'holdfast-fault-'));
  renew('w');
});
afterEach(async () => {
  rmSync(base, { recursive: true, force: true });
});

function renew(name: string): void {
  root = join(base, name);
  mkdirSync(root);
  workspace = openFileWorkspace(root);
}
const at = (path: string): string => join(root, path);

function run(
  change: FileChange,
  options: { dieAt?: string; strace?: readonly string[] } = {},
): SpawnSyncReturns<string> {
  const order = JSON.stringify({
    root,
    change,
    content: 'new',
    token: TOKEN,
    ...(options.dieAt !== undefined && { dieAt: options.dieAt }),
  });
  const command = [process.execPath, CHILD, order];
  const [program, ...args] = options.strace === undefined ? command : ['strace', ...options.strace, ...command];
  // strace counts per thread: the file is changed by a thread of the pool, not by the main thread. What Node itself
  // writes of compiled code would be counted, too.
  const env = { ...process.env, UV_THREADPOOL_SIZE: '1', NODE_DISABLE_COMPILE_CACHE: '1' };
  return spawnSync(program!, args, { encoding: 'utf8', env });
}

async function rollForward(change: FileChange): Promise<CommitOutcome> {
  const blobs = new BlobStore(at('.holdfast/blobs'));
  await blobs.put('new');
  const prepared = await prepareFile(workspace, change, blobs, { token: TOKEN, index: 0 });
  const outcome = await commitFile(workspace, prepared, blobs);
  await removeLeftoverFiles(workspace, TOKEN, [change.path], blobs);
  assert.deepEqual(findLeftoverFiles(workspace, TOKEN, [change.path]), []);
  return outcome;
}

const CHANGES: Record<string, FileChange> = {
  creation: { path: 'x', before: ABSENT, after: NEW },
  replacement: { path: 'x', before: OLD, after: NEW },
  removal: { path: 'x', before: OLD, after: ABSENT },
  'change of kind': { path: 'x', before: OLD, after: FOLDER },
};

for (const [kind, change] of Object.entries(CHANGES)) {
  test(`a ${kind} that is killed at any moment is completed by doing it again`, async () => {
    for (const dieAt of MOMENTS) {
      renew(dieAt);
      if (change.before.kind === 'file') writeFileSync(at('x'), 'old');
      const child = run(change, { dieAt });
      assert.equal(child.signal, 'SIGKILL', `${dieAt}: ${child.stderr}`);
      const between = await observeFile(workspace, 'x');
      if (kind !== 'change of kind')
        assert.ok(
          between.outcome === 'seen' &&
            ['before', 'after'].some(
              (side) =>
                JSON.stringify(change[side as 'before']) ===
                JSON.stringify(between.outcome === 'seen' && reorder(between.state)),
            ),
          `${dieAt}: half a file was seen`,
        );
      assert.equal((await rollForward(change)).outcome, 'applied', dieAt);
      const seen = await observeFile(workspace, 'x');
      assert.ok(seen.outcome === 'seen');
      assert.deepEqual(seen.state, change.after, dieAt);
      if (change.before.kind === 'file')
        assert.equal(await new BlobStore(at('.holdfast/blobs')).verify(change.before.content), 'intact', dieAt);
    }
  });
}

function reorder(state: FileState): FileState {
  return state.kind === 'file'
    ? { kind: 'file', sizeBytes: state.sizeBytes, mode: state.mode, content: state.content }
    : state;
}

test('bytes written into the old file between death and roll-forward are kept and told', async () => {
  writeFileSync(at('x'), 'old');
  assert.equal(run(CHANGES['replacement']!, { dieAt: 'placed' }).signal, 'SIGKILL');
  const [captured] = readdirSync(at('.holdfast/captured'));
  writeFileSync(at(`.holdfast/captured/${captured}`), 'theirs');
  assert.deepEqual(await rollForward(CHANGES['replacement']!), {
    outcome: 'written-meanwhile',
    stored: sha256Hex('theirs'),
    sizeBytes: 6,
  });
  assert.equal((await new BlobStore(at('.holdfast/blobs')).read(sha256Hex('theirs'))).toString(), 'theirs');
});

test("a person's file that appears between death and roll-forward is left alone", async () => {
  for (const dieAt of MOMENTS) {
    for (const change of Object.values(CHANGES)) {
      renew(`${dieAt}-${change.before.kind}-${change.after.kind}`);
      if (change.before.kind === 'file') writeFileSync(at('x'), 'old');
      assert.equal(run(change, { dieAt }).signal, 'SIGKILL');
      rmSync(at('x'), { recursive: true, force: true });
      writeFileSync(at('x'), 'theirs');
      assert.equal((await rollForward(change)).outcome, 'conflict', dieAt);
      assert.equal(readFileSync(at('x'), 'utf8'), 'theirs');
      if (change.before.kind === 'file')
        assert.equal(await new BlobStore(at('.holdfast/blobs')).verify(change.before.content), 'intact');
    }
    if (dieAt === 'captured') break;
  }
});

const hasStrace = spawnSync('strace', ['-V']).status === 0;

const OPERATIONS: [string, string, string, number][] = [
  ['fsync', 'fsync', 'EIO', 6],
  ['rename', 'rename,renameat,renameat2', 'EIO', 2],
  ['link', 'link,linkat', 'ENOSPC', 1],
  ['mkdir', 'mkdir,mkdirat', 'ENOSPC', 3],
  ['unlink', 'unlink,unlinkat', 'EIO', 1],
  ['fchmod', 'fchmod', 'EIO', 1],
];

for (const [operation, calls, code, least] of OPERATIONS) {
  test(
    `whichever ${operation} fails, the change fails cleanly, is done again, and ends complete`,
    { skip: !hasStrace && 'strace is not installed' },
    () => {
      for (let count = 1; ; count++) {
        renew(`${operation}-${count}`);
        writeFileSync(at('x'), 'old');
        const log = join(base, `log-${operation}-${count}`);
        const child = run(CHANGES['replacement']!, {
          strace: [
            '-f',
            '-y',
            '--seccomp-bpf',
            '-o',
            log,
            '-e',
            `trace=${calls}`,
            '-e',
            `inject=${calls}:error=${code}:when=${count}`,
          ],
        });
        assert.equal(child.status, 0, child.stderr);
        const { failures, outcome } = JSON.parse(child.stdout) as { failures: string[]; outcome: CommitOutcome };
        assert.equal(outcome.outcome, 'applied');
        assert.equal(readFileSync(at('x'), 'utf8'), 'new');
        assert.deepEqual(readdirSync(root).toSorted(), ['.holdfast', 'x']);
        assert.equal(existsSync(at('.holdfast/captured')) ? readdirSync(at('.holdfast/captured')).length : 0, 0);
        const lines = readFileSync(log, 'utf8')
          .split('\n')
          .filter((line) => line.includes('('));
        const injected = lines.flatMap((line, index) => (line.includes('INJECTED') ? [index] : []));
        if (injected.length === 0) {
          assert.ok(count > least, `only ${count - 1} were made to fail`);
          if (operation === 'fsync')
            assert.ok(lines.at(-1)?.includes(`<${root}>`), 'the last fsync is that of the folder');
          return;
        }
        assert.deepEqual(
          failures,
          injected.map(() => 'storage-failed'),
          lines[injected[0]!],
        );
        for (const index of injected) {
          const path = /<([^>]+)>/.exec(lines[index]!)?.[1];
          // After a failed fsync the same file must not be fsynced again. A folder may be: it has no pages to lose.
          if (operation === 'fsync' && !existsSync(path!))
            assert.equal(
              lines.slice(index + 1).some((line) => line.includes(`<${path}>`)),
              false,
              `${path} was fsynced again`,
            );
        }
      }
    },
  );
}

test('a disk full at any point leaves the target whole; the change completes when there is room', async (context) => {
  const disk = join(base, 'disk');
  mkdirSync(disk);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk]).status !== 0)
    return context.skip('may not mount');
  try {
    let refused = 0;
    for (let freePages = 0; freePages < 8; freePages++) {
      root = join(disk, `pages-${freePages}`);
      mkdirSync(root);
      workspace = openFileWorkspace(root);
      writeFileSync(at('x'), 'old');
      fillUp(join(disk, 'filler'), freePages);
      const child = run(CHANGES['replacement']!);
      const content = readFileSync(at('x'), 'utf8');
      if (child.status !== 0) {
        refused += 1;
        assert.match(child.stderr, /storage-failed/);
        assert.equal(content, 'old');
      } else {
        assert.equal(content, 'new');
      }
      rmSync(join(disk, 'filler'));
      assert.equal((await rollForward(CHANGES['replacement']!)).outcome, 'applied');
      assert.equal(readFileSync(at('x'), 'utf8'), 'new');
      rmSync(root, { recursive: true });
    }
    assert.ok(refused > 0 && refused < 8, `${refused} of 8 had too little room`);
  } finally {
    spawnSync('umount', [disk]);
  }
});

function fillUp(path: string, freePages: number): void {
  const page = Buffer.alloc(4096);
  try {
    for (;;) appendFileSync(path, page);
  } catch {
    truncateSync(path, Math.max(0, statSync(path).size - freePages * page.byteLength));
  }
}

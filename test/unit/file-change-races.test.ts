/** Files that somebody changes while they are changed: nothing is lost, at whatever moment it happens. */
import assert from 'node:assert/strict';
import fs, {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { commitFile, prepareFile, type CommitMoment, type CommitOutcome } from '../../src/effects/files/index.ts';
import { sha256Hex } from '../../src/model/digest.ts';
import { isFailure } from '../../src/model/failure.ts';
import { ABSENT, type FileState } from '../../src/model/record/world.ts';
import { FOLDER, NAME, testChangedFiles } from '../support/changed-files.ts';

const files = testChangedFiles();

const MOMENTS: CommitMoment[] = ['opened', 'captured', 'hashed', 'compared', 'placed', 'synced'];

/** The person's bytes must be in the file or in the store; only their loss is not allowed. */
async function assertNotLost(bytes: string, outcome: CommitOutcome, label: string): Promise<void> {
  const digest = sha256Hex(bytes);
  const isInPlace =
    existsSync(files.at('x')) && lstatSync(files.at('x')).isFile() && sha256Hex(readFileSync(files.at('x'))) === digest;
  const isKept = 'stored' in outcome && outcome.stored === digest && (await files.blobs.verify(digest)) === 'intact';
  assert.ok(isInPlace || isKept, `${label}: lost, ${JSON.stringify(outcome)}`);
  if (!isInPlace) assert.notEqual(outcome.outcome, 'applied', `${label}: not told`);
}

for (const size of ['small', 'large'] as const) {
  const old = size === 'small' ? 'old' : 'old'.padEnd(1_500_000, '.');

  test(`a ${size} file that somebody writes into is never lost, at any moment of replacement or removal`, async () => {
    for (const moment of MOMENTS) {
      for (const after of [await files.fileState('new'), ABSENT]) {
        // New bytes in each round: bytes that an earlier round captured would hide a loss in this one.
        const theirs = `theirs ${moment} ${after.kind}`.padEnd(size === 'small' ? 0 : 1_500_000, '.');
        rmSync(files.at('x'), { force: true });
        writeFileSync(files.at('x'), old);
        const descriptorHolder = await import('node:fs/promises').then((fs) => fs.open(files.at('x'), 'r+'));
        try {
          const before = await files.fileState(old);
          const outcome = await files.change('x', before, after, (now) => {
            if (now === moment) writeFileSync(descriptorHolder.fd, theirs);
          });
          await assertNotLost(theirs, outcome, `${moment}, ${after.kind}`);
          files.assertTidy();
        } finally {
          await descriptorHolder.close();
        }
      }
    }
  });
}

test('a file put in place is never lost in a creation, a removal, or a replacement up to its last look', async () => {
  for (const moment of MOMENTS) {
    const cases: [string | undefined, FileState][] = [
      [undefined, await files.fileState('new')],
      ['old', ABSENT],
      ['old', FOLDER],
    ];
    if (moment === 'opened' || moment === 'captured' || moment === 'hashed')
      cases.push(['old', await files.fileState('new')]);
    for (const [old, after] of cases) {
      const theirs = `theirs ${moment} ${old ?? 'nothing'} ${after.kind}`;
      rmSync(files.at('x'), { force: true, recursive: true });
      if (old !== undefined) writeFileSync(files.at('x'), old);
      const before = old === undefined ? ABSENT : await files.fileState(old);
      let isDone = false;
      const outcome = await files.change('x', before, after, (now) => {
        if (now !== moment || isDone) return;
        isDone = true;
        writeFileSync(files.at('theirs'), theirs);
        try {
          renameSync(files.at('theirs'), files.at('x'));
        } catch {
          // The path is a folder by now, so there is nothing to lose.
          rmSync(files.at('theirs'));
          isDone = false;
        }
      });
      if (isDone) await assertNotLost(theirs, outcome, `${moment}, ${before.kind} to ${after.kind}`);
      if (isDone && moment !== 'placed' && moment !== 'synced')
        assert.equal(files.read('x'), theirs, `${moment}: left in its place, or put back`);
      files.assertTidy();
    }
  }
});

test('a file put in the place of a link, up to the last look before the link is replaced, is left alone', async () => {
  for (const moment of ['opened', 'captured', 'hashed'] as const) {
    for (const after of [await files.fileState('new'), { kind: 'symlink', target: 'there' } as const]) {
      rmSync(files.at('x'), { force: true });
      symlinkSync('here', files.at('x'));
      const outcome = await files.change('x', { kind: 'symlink', target: 'here' }, after, (now) => {
        if (now !== moment) return;
        writeFileSync(files.at('theirs'), 'theirs');
        renameSync(files.at('theirs'), files.at('x'));
      });
      assert.equal(outcome.outcome, 'conflict', `${moment}, ${after.kind}`);
      assert.equal(files.read('x'), 'theirs');
      files.assertTidy();
    }
  }
});

test('a removal at any moment is told, or done', async () => {
  for (const moment of MOMENTS) {
    writeFileSync(files.at('x'), 'old');
    const outcome = await files.change('x', await files.fileState('old'), await files.fileState('new'), (now) => {
      if (now === moment) unlinkSync(files.at('x'));
    });
    const isAfter = moment === 'placed' || moment === 'synced' || moment === 'compared';
    assert.equal(outcome.outcome, isAfter ? 'applied' : 'conflict', moment);
    files.assertTidy();
  }
});

test('what was captured and is removed by hand stops nothing; what fails there names the file itself', async () => {
  const captured = files.at('.holdfast/captured');
  const atPlaced = async (after: FileState, act: () => void): Promise<unknown> => {
    rmSync(files.at('x'), { force: true });
    writeFileSync(files.at('x'), 'old');
    const done = files.change('x', await files.fileState('old'), after, (now) => now === 'placed' && act());
    return await done.catch((error: unknown) => error);
  };
  const removeAll = (): void => rmSync(captured, { recursive: true });
  const blockAll = (): void => {
    for (const name of readdirSync(captured)) {
      rmSync(join(captured, name));
      mkdirSync(join(captured, name, 'in'), { recursive: true });
    }
  };
  assert.deepEqual(await atPlaced(await files.fileState('new'), removeAll), { outcome: 'applied', wasThere: false });
  for (const [after, act] of [
    [await files.fileState('new'), blockAll],
    [ABSENT, removeAll],
  ] as const) {
    const failure = await atPlaced(after, act);
    assert.ok(isFailure(failure, 'storage-failed', 'bad-input', 'permission-denied'), String(failure));
    assert.match(failure.message, new RegExp(`"${files.at('x')}"`));
    assert.doesNotMatch(failure.message, /captured/);
    rmSync(captured, { recursive: true, force: true });
  }
});

test('a symbolic link swapped in for a folder at any moment leads nobody out of the workspace', async () => {
  const outside = mkdtempSync(join(tmpdir(), 'holdfast-outside-'));
  try {
    for (const moment of MOMENTS) {
      for (const [before, after] of [
        [ABSENT, await files.fileState('new')],
        [await files.fileState('old'), await files.fileState('new')],
        [await files.fileState('old'), ABSENT],
      ] as const) {
        rmSync(files.at('d'), { recursive: true, force: true });
        rmSync(files.at('moved'), { recursive: true, force: true });
        mkdirSync(files.at('d'));
        writeFileSync(join(outside, 'x'), 'outside');
        if (before.kind === 'file') writeFileSync(files.at('d/x'), 'old');
        const outcome = await files
          .change('d/x', before, after, (now) => {
            if (now !== moment) return;
            renameSync(files.at('d'), files.at('moved'));
            symlinkSync(outside, files.at('d'));
          })
          .catch((error: unknown) => error);
        assert.deepEqual(readdirSync(outside), ['x'], `${moment}: ${JSON.stringify(outcome)}`);
        assert.equal(readFileSync(join(outside, 'x'), 'utf8'), 'outside');
      }
    }
    rmSync(files.at('d'), { recursive: true, force: true });
    mkdirSync(files.at('d'));
    const prepared = await prepareFile(
      files.workspace,
      { path: 'd/x', before: ABSENT, after: await files.fileState('new') },
      files.blobs,
      NAME,
    );
    renameSync(files.at('d'), files.at('elsewhere'));
    symlinkSync(outside, files.at('d'));
    await assert.rejects(commitFile(files.workspace, prepared, files.blobs), (error) =>
      isFailure(error, 'outside-workspace'),
    );
    assert.equal(readFileSync(join(outside, 'x'), 'utf8'), 'outside');
  } finally {
    rmSync(outside, { recursive: true });
  }
});

test('a folder moved out of the workspace at the last moment is noticed', async () => {
  const outside = mkdtempSync(join(tmpdir(), 'holdfast-outside-'));
  try {
    mkdirSync(files.at('d'));
    const outcome = files.change('d/x', ABSENT, await files.fileState('new'), (now) => {
      if (now === 'captured') renameSync(files.at('d'), join(outside, 'd'));
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

for (const code of ['EMFILE', 'EACCES'])
  test(`a file that can't be opened while it is replaced (${code}) is told as that, and stays`, async (t) => {
    writeFileSync(files.at('x'), 'old');
    const before = await files.stateOf('x');
    const change = { path: 'x', before, after: await files.fileState('new') };
    const prepared = await prepareFile(files.workspace, change, files.blobs, NAME);
    const open = fs.openSync;
    t.mock.method(fs, 'openSync', (...args: Parameters<typeof open>) => {
      if (String(args[0]).endsWith('/x')) throw Object.assign(new Error(`${code}: open`), { code, syscall: 'open' });
      return open(...args);
    });
    syncBuiltinESMExports();
    t.after(() => {
      t.mock.restoreAll();
      syncBuiltinESMExports();
    });
    await assert.rejects(commitFile(files.workspace, prepared, files.blobs), (error: Error) => {
      assert.ok(!isFailure(error, 'busy'), error.message);
      return error.message.includes(code) || String((error.cause as Error | undefined)?.message).includes(code);
    });
    assert.equal(readFileSync(files.at('x'), 'utf8'), 'old');
  });

/** What a person is told of trouble with files: a path that can be found, the system's code, whether it may pass. */
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { mayPass, sightingOfError } from '../../src/effects/files/sighting.ts';
import { cannotRead } from '../../src/protocol/workspace/unreadable.ts';
import { pathForPeople, storageError } from '../../src/store/durable-file.ts';

const withCode = (code: string): Error => Object.assign(new Error(code), { code });

test('what leads through an open folder is named by where that lies', { skip: process.platform !== 'linux' }, () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-named-')));
  const descriptor = openSync(folder, 'r');
  try {
    const { message, details } = storageError('write', `/proc/self/fd/${descriptor}/a b`, withCode('ENOSPC'));
    assert.equal(message, `Could not write "${folder}/a b": ENOSPC.`);
    assert.equal(details['path'], `${folder}/a b`);
  } finally {
    closeSync(descriptor);
    rmSync(folder, { recursive: true });
  }
  assert.equal(pathForPeople('/proc/self/fd/999999/a'), 'a', 'where it lay is not known any more');
});

test('what the system refused is named, where the words for it stand for something else', () => {
  const failed = (said: string, syscall: string): string =>
    storageError(said, '/a', Object.assign(withCode('ENOSPC'), { syscall })).message;
  assert.equal(failed('mkdir', 'write'), 'Could not write "/a": ENOSPC.');
  assert.equal(failed('mkdir', 'chmod'), 'Could not chmod "/a": ENOSPC.');
  assert.equal(failed('symlink', 'lutime'), 'Could not set the time of "/a": ENOSPC.');
  assert.equal(failed('copy', 'scandir'), 'Could not list "/a": ENOSPC.');
  assert.equal(failed('read', 'open'), 'Could not read "/a": ENOSPC.', 'it says more than the name of the call');
  assert.equal(failed('create', 'open'), 'Could not create "/a": ENOSPC.');
});

for (const [code, type, passes] of [
  ['EACCES', 'permission-denied', false],
  ['EPERM', 'permission-denied', false],
  ['EIO', 'storage-failed', true],
  ['EMFILE', 'storage-failed', true],
  ['ESTALE', 'storage-failed', true],
] as const)
  test(`a file that can't be read for ${code} is ${type}, in a comparison and in a step alike`, () => {
    const sighting = sightingOfError(withCode(code));
    assert.ok(sighting.outcome === 'unreadable');
    assert.equal(mayPass(sighting), passes);
    const failure = cannotRead('a.txt', sighting);
    assert.equal(failure.type, type);
    assert.match(failure.message, new RegExp(`a\\.txt.*${code}`));
  });

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isFailure } from '../../src/model/failure.ts';
import { assertLocalFilesystem, mountType, mountTypeFromCommand } from '../../src/store/filesystem.ts';
import { StillnessWatch } from '../../src/store/lock/stillness.ts';
import { openWorkspaceLock } from '../../src/store/lock/lock.ts';
import { bootMoment, clockName } from '../../src/store/life/boot-clock.ts';
import { isAlive, isGone, thisProcess } from '../../src/store/life/process-identity.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-lock-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

test('holds run one at a time, in the order of their requests, across openings of one directory', async () => {
  const first = openWorkspaceLock(directory);
  const second = openWorkspaceLock(`${directory}/.`);
  const order: number[] = [];
  let inside = 0;
  await Promise.all(
    [0, 1, 2, 3, 4].map((turn) =>
      (turn % 2 === 0 ? first : second).hold(`turn ${turn}`, async () => {
        assert.equal(++inside, 1);
        await sleep(2);
        order.push(turn);
        inside -= 1;
      }),
    ),
  );
  assert.deepEqual(order, [0, 1, 2, 3, 4]);
  first.close();
  second.close();
});

test('what the work throws is thrown on, and the lock is free again', async () => {
  const lock = openWorkspaceLock(directory);
  await assert.rejects(
    lock.hold('work', () => Promise.reject(new RangeError('no'))),
    RangeError,
  );
  assert.equal(await lock.hold('work', async () => 7), 7);
  lock.close();
});

test('a wait ends with `busy` naming the holder, and with the reason of its signal', async () => {
  const lock = openWorkspaceLock(directory);
  const controller = new AbortController();
  await lock.hold('the long work', async () => {
    await assert.rejects(
      lock.hold('other', async () => assert.fail('must not run'), { waitMs: 20 }),
      (error) => isFailure(error, 'busy') && error.message.includes('the long work'),
    );
    const waiting = lock.hold('other', async () => assert.fail('must not run'), { signal: controller.signal });
    controller.abort(new RangeError('stop'));
    await assert.rejects(waiting, RangeError);
  });
  await lock.hold('afterwards', async () => {});
  await assert.rejects(
    lock.hold('aborted before', async () => assert.fail('must not run'), { signal: controller.signal }),
    RangeError,
  );
  lock.close();
});

test('closing lets a running hold end and refuses another', async () => {
  const lock = openWorkspaceLock(directory);
  const running = lock.hold('work', () => sleep(30, 'done'));
  lock.close();
  await assert.rejects(
    lock.hold('late', async () => {}),
    (error) => isFailure(error, 'defect'),
  );
  assert.equal(await running, 'done');
  const { pid, startTime } = thisProcess();
  assert.equal(existsSync(join(directory, 'holders', `${pid}-${startTime}.json`)), false);
});

test('nothing is written to the lock file', async () => {
  const lock = openWorkspaceLock(directory);
  for (let turn = 0; turn < 50; turn++) await lock.hold('turn', async () => {});
  assert.equal(statSync(join(directory, 'lock.sqlite')).size, 0);
  lock.close();
});

test('a lock file that is a symbolic link is refused', async () => {
  symlinkSync('/dev/null', join(directory, 'lock.sqlite'));
  const lock = openWorkspaceLock(directory);
  await assert.rejects(
    lock.hold('work', async () => {}),
    (error) => isFailure(error, 'storage-failed'),
  );
  lock.close();
});

test('a lock file that cannot be looked at once it is locked is given back, and can be obtained later', async () => {
  const lock = openWorkspaceLock(directory);
  await lock.hold('opens the connection', async () => {});
  const path = join(directory, 'lock.sqlite');
  renameSync(path, `${path}.away`);
  mkdirSync(path);
  await assert.rejects(
    lock.hold('work', async () => assert.fail('must not run')),
    (error) => isFailure(error, 'storage-failed'),
  );
  rmdirSync(path);
  renameSync(`${path}.away`, path);
  assert.equal(await lock.hold('afterwards', () => Promise.resolve('done')), 'done');
  lock.close();
});

test('a process that beats makes nothing where its folder was taken away', async () => {
  const lock = openWorkspaceLock(directory, { stillMs: 60 });
  await lock.hold('beating', async () => {
    assert.ok(existsSync(join(directory, 'holders')));
    rmSync(directory, { recursive: true });
    await sleep(100);
    assert.equal(existsSync(directory), false);
  });
  lock.close();
});

test('time that the watcher itself was away is not time that the holder stood still', () => {
  const watch = new StillnessWatch();
  const holder = { identity: thisProcess(), beat: 3, holding: null };
  assert.equal(watch.look(holder, 0), 0);
  assert.equal(watch.look(holder, 100), 100);
  assert.equal(watch.look(holder, 3_600_000), 350, 'an hour of sleep counts as one slice');
  assert.equal(watch.look({ ...holder, beat: 4 }, 3_600_100), 0, 'a beat begins anew');
  assert.equal(watch.look(undefined, 3_600_200), 0);
  assert.equal(watch.look({ ...holder, beat: 4 }, 3_600_300), 0, 'released in between begins anew');
});

test('a process is alive only under its own start time, boot and numbering; the name of its host may change', () => {
  const self = thisProcess();
  assert.deepEqual([isAlive(self), isGone(self)], [true, false]);
  const renamed = { ...self, host: 'as the network calls it now' };
  assert.deepEqual([isAlive(renamed), isGone(renamed)], [true, false]);
  for (const other of [
    { ...self, startTime: '1' },
    { ...self, bootId: 'x' },
    { ...self, pid: 2 ** 22 + 1 },
  ])
    assert.deepEqual([isAlive(other), isGone(other)], [false, true]);
  for (const unproved of [
    { ...self, pidNamespace: 'x' },
    { ...self, bootId: 'unknown-1', host: 'x' },
  ])
    assert.deepEqual([isAlive(unproved), isGone(unproved)], [false, false]);
});

test('the boot clock runs forward in steps of at most 20 ms', async () => {
  const before = bootMoment();
  await sleep(60);
  const after = bootMoment();
  const elapsedMs = after.bootMs - before.bootMs;
  assert.ok(elapsedMs >= 40 && elapsedMs < 2_000, `${elapsedMs} ms`);
  assert.equal(after.bootId, before.bootId);
});

test('an uptime that is counted from the start of a container is another clock than the boot’s', () => {
  const anHourNs = 3_600_000_000_000n;
  assert.equal(clockName(anHourNs, 3_600), thisProcess().bootId);
  assert.equal(clockName(anHourNs, 7_200), thisProcess().bootId, 'the host has slept');
  assert.notEqual(clockName(anHourNs, 60), thisProcess().bootId);
});

test('a local filesystem is accepted; the innermost mount decides which one it is', () => {
  assertLocalFilesystem(directory);
  const mountinfo = [
    '1 0 8:1 / / rw - ext4 /dev/sda rw',
    '2 1 0:1 / /home/a\\040b rw shared:1 - fuse.sshfs host: rw',
    '3 2 0:2 / /home/a\\040b/x rw - fuse.ntfs /dev/sdb rw',
  ].join('\n');
  assert.equal(mountType(mountinfo, '/home/a'), 'ext4');
  assert.equal(mountType(mountinfo, '/home/a b/c'), 'fuse.sshfs');
  assert.equal(mountType(mountinfo, '/home/a b/x/y'), 'fuse.ntfs');
  const printed = ['/dev/disk1 on / (apfs, local)', '//me@nas/share on /Volumes/share (smbfs, nodev)'].join('\n');
  assert.equal(mountTypeFromCommand(printed, '/Volumes/share/x'), 'smbfs');
  assert.equal(mountTypeFromCommand(printed, '/Volumes/shared'), 'apfs');
});

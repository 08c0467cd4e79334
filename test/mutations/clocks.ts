/** Clocks that are set, hosts that sleep or change, records that are taken away. */
import type { Mutation } from './mutation.ts';

const CLOCKS = ['test/unit/clocks.test.ts'];

export const CLOCK_FAULTS: readonly Mutation[] = [
  {
    guarantee: 'G1',
    breaks: 'an attempt that the server has given up calls when its host wakes',
    file: 'src/protocol/attempt/calls/make-call.ts',
    find: 'const isGivenUp = attempt.caller.isGivenUp?.() === true;',
    replace: 'const isGivenUp = false as boolean;',
    tests: ['test/fault/former-host.test.ts'],
    name: 'is copied',
  },
  {
    guarantee: 'G1',
    breaks: 'an attempt that was silent for too long counts as heard of again',
    file: 'src/activities/heartbeat.ts',
    find: 'if (!this.isGivenUp) this.#sentAtMs',
    replace: 'this.#sentAtMs',
    tests: ['test/unit/heartbeat.test.ts'],
  },
  {
    guarantee: 'G4',
    breaks: 'a content is taken for unused by a clock that is ahead',
    file: 'src/store/sealed/directory/unused-blob.ts',
    find: 'diskNowMs(dirname(path)) - stat.mtimeMs',
    replace: 'diskNowMs(dirname(path) + "/nowhere") - stat.mtimeMs',
    tests: CLOCKS,
  },
  {
    guarantee: 'G4',
    breaks: 'a content that was used in this millisecond is younger than nothing',
    file: 'src/store/sealed/directory/unused-blob.ts',
    find: 'Math.max(0, diskNowMs(dirname(path)) - stat.mtimeMs)',
    replace: '(diskNowMs(dirname(path)) - stat.mtimeMs)',
    tests: CLOCKS,
  },
  {
    guarantee: 'G4',
    breaks: 'a content is taken for unused that a clock behind has stored',
    file: 'src/store/sealed/directory/unused-blob.ts',
    find: 'if (Math.abs(ctime.getTime() - now.getTime()) > CLOCKS_APART_MS) utimesSync',
    replace: 'if (ctime.getTime() - now.getTime() > Infinity * CLOCKS_APART_MS) utimesSync',
    tests: CLOCKS,
  },
  {
    guarantee: 'G2',
    breaks: 'a quick look believes what a clock ahead of the disk has hashed',
    file: 'src/effects/files/known-files.ts',
    find: '|| !isOfDisksClock(path, head.savedAtMs)',
    replace: '|| (!isOfDisksClock(path, head.savedAtMs) && root === "")',
    tests: CLOCKS,
  },
  {
    guarantee: 'T',
    breaks: 'a command on a host whose clock is ahead says that no worker is there',
    file: 'src/client/task-queue.ts',
    find: 'isClear ? Date.now() : await serverNowMs(connection, namespace)',
    replace: 'isClear ? Date.now() : connection && namespace && serverNowMs && Date.now()',
    tests: ['test/fault/moved-clocks.test.ts'],
    name: 'commands on a host',
  },
  {
    guarantee: 'G6',
    breaks: 'a sign of life makes a folder where the record was taken away',
    file: 'src/store/lock/holder-file.ts',
    find: '      mkdirSync(this.#directory);',
    replace: '      mkdirSync(this.#directory, { recursive: true });',
    tests: ['test/unit/lock.test.ts'],
    name: 'makes nothing where its folder',
  },
];

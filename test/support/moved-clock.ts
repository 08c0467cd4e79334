/**
 * A clock that a test moves while a process runs: what `Date` and the system's libraries are told, as after a person or
 * a time server has set it. What counts how long something takes goes on as it is, as it does then.
 */
import { globSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const [LIBRARY] = globSync('/usr/lib/{,*/}faketime/libfaketime.so.1');
/** Processes look at the file again after so long. */
const READ_AGAIN_S = 1;

/** For the option `skip` of a test. */
export const withoutMovedClock: string | false =
  LIBRARY === undefined ? 'no libfaketime here: apt-get install faketime' : false;

export class MovedClock {
  readonly #path: string;

  /** @param folder holds what the clock shows @param shows as `moveTo` */
  constructor(folder: string, shows = '+0d') {
    this.#path = join(folder, `clock-${process.hrtime.bigint()}`);
    this.#write(shows);
  }

  /** For processes that are to go by it. */
  get env(): Readonly<Record<string, string>> {
    return {
      LD_PRELOAD: LIBRARY!,
      FAKETIME_TIMESTAMP_FILE: this.#path,
      FAKETIME_CACHE_DURATION: String(READ_AGAIN_S),
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
  }

  /** @param shows so far from the true time: `-365d`, `+1d`, `+90m` */
  async moveTo(shows: string): Promise<void> {
    this.#write(shows);
    // It counts in whole seconds, and more than so many.
    await delay((READ_AGAIN_S + 1) * 1_000 + 100);
  }

  #write(shows: string): void {
    writeFileSync(`${this.#path}.new`, `${shows}\n`);
    renameSync(`${this.#path}.new`, this.#path);
  }
}

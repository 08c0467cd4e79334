/**
 * Folders outside of any workspace, for as long as a process works in them: copies of records for whoever only reads.
 * What a process that was killed has left is removed by the next one that makes such a folder.
 *
 * Invariants
 * 1. Beside each folder lies the file that its process lives by (life.ts), from before the folder is there until after
 *    it is gone. So no folder is without one, whenever its process is killed.
 * 2. Nothing is removed of a process that lives, and nothing that another user has made: a place for temporary files
 *    is anybody's.
 */
import { randomBytes } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { invariant } from '../../model/invariant.ts';
import { storageError } from '../durable-file.ts';
import { atPoints } from '../fault-point.ts';
import { Life } from './life.ts';

const LOCK = '.lock';
const LOCK_NAME = /^holdfast-[a-z-]+-[0-9a-f]{16}\.lock$/;
/** A new file may be taken for a dead one's before it is locked. */
const MAX_TRIES = 10;

/** Dispose of it: the folder goes, with all that is in it. */
export class TemporaryFolder implements Disposable {
  /** Absolute, without symbolic links; only its user may read it. */
  readonly path: string;
  readonly #life: Life;

  /**
   * @param kind small letters and dashes, for whoever looks into the place for temporary files
   * @throws HoldfastError `storage-failed`, `permission-denied`
   */
  static make(kind: string): TemporaryFolder {
    const place = realpathSync(tmpdir());
    removeLeftBehind(place);
    for (let tries = 1; ; tries++) {
      const name = `holdfast-${kind}-${randomBytes(8).toString('hex')}`;
      invariant(LOCK_NAME.test(`${name}${LOCK}`), `its successors find a "${kind}"`);
      const path = join(place, name);
      const lock = `${path}${LOCK}`;
      const life = tries < MAX_TRIES ? Life.tryTake(lock) : Life.take(lock);
      if (life !== undefined) return new TemporaryFolder(path, life);
    }
  }

  private constructor(path: string, life: Life) {
    this.path = path;
    this.#life = life;
    try {
      atPoints('mkdir', () => mkdirSync(path, { mode: 0o700 }));
    } catch (error) {
      life.end();
      throw storageError('mkdir', path, error);
    }
  }

  /** Safe to repeat. */
  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
    this.#life.end();
  }
}

/** What can't be removed is left for the next one: nobody has asked for it. */
function removeLeftBehind(place: string): void {
  for (const name of locksIn(place)) {
    try {
      removeOfDead(join(place, name));
    } catch {
      // Another successor was faster, or it is not to be removed.
    }
  }
}

function locksIn(place: string): readonly string[] {
  try {
    return readdirSync(place).filter((name) => LOCK_NAME.test(name));
  } catch {
    // Files can be made in some places whose list may not be read.
    return [];
  }
}

function removeOfDead(lock: string): void {
  if (!isOwn(lock)) return;
  const life = Life.ofDead(lock);
  if (life === undefined) return;
  try {
    const folder = lock.slice(0, -LOCK.length);
    // With a link or a folder of somebody else's in its place, nothing of ours was left.
    if (isOwn(folder)) rmSync(folder, { recursive: true, force: true });
    life.end();
  } finally {
    life.free();
  }
}

/** Where files have no owners, everything is. */
function isOwn(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat !== undefined && (process.getuid === undefined || stat.uid === process.getuid());
}

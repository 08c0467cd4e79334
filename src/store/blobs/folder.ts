/**
 * The store's folder: `<directory>/a/bcdef…` for each content, `<directory>/tmp` for those that are being written. Few
 * folders, so that they are made at once with one fsync; a folder of many files costs nothing.
 *
 * Invariant: a content has its name only once its bytes are durable; the name is durable when `publish` returns.
 */
import { randomBytes } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '../../model/digest.ts';
import {
  makeDirectory,
  renameFile,
  storageError,
  syncDirectory,
  systemCode,
  tryUnlink,
  unlinkFile,
} from '../durable-file.ts';
import { diskNowMs } from '../disk-clock.ts';
import { atPoints, faultPoint } from '../fault-point.ts';

const PREFIXES = '0123456789abcdef';
const REST_OF_DIGEST = /^[0-9a-f]{63}$/;
/** A temporary file that is older belonged to a process that died. */
const LEFTOVER_AGE_MS = 24 * 60 * 60 * 1000;

/** A finished file that has no name yet. */
export interface UnnamedContent {
  readonly temporary: string;
  readonly content: Digest;
}

export class BlobFolder {
  readonly path: string;
  /** Does this process know the folders of all prefixes to be durable? */
  #hasDurablePrefixes = false;

  /** Nothing is created before something is stored. */
  constructor(path: string) {
    this.path = path;
  }

  pathOf(digest: Digest): string {
    return join(this.#folderOf(digest), digest.slice(1));
  }

  /** Of every content that has its name. */
  digests(): readonly Digest[] {
    return Array.from(PREFIXES).flatMap((prefix) =>
      namesIn(this.#folderOf(prefix))
        .filter((name) => REST_OF_DIGEST.test(name))
        .map((name) => `${prefix}${name}`),
    );
  }

  /** In a folder that is there, readable by its owner only: it holds what files of any mode held. */
  temporaryPath(): string {
    makeDirectory(this.#temporary, 0o700);
    return join(this.#temporary, randomBytes(12).toString('hex'));
  }

  /**
   * Gives finished files their names, durably. The same content there already is replaced by the same.
   * @param named contents that have their names: these are made durable with the same fsyncs
   */
  publish(finished: readonly UnnamedContent[], named: readonly Digest[] = []): void {
    faultPoint('blob.before');
    try {
      this.#makePrefixesDurable();
      for (const { temporary, content } of finished) renameFile(temporary, this.pathOf(content));
    } catch (error) {
      // Somebody has removed the store's folders, or made them again: the next try looks what is there.
      this.#hasDurablePrefixes = false;
      for (const { temporary } of finished) tryUnlink(temporary);
      throw error;
    }
    this.sync([...finished.map(({ content }) => content), ...named]);
    faultPoint('blob.after');
  }

  /** Makes names durable that are there: perhaps by another writer's rename, which its fsync has not reached yet. */
  sync(digests: readonly Digest[]): void {
    for (const folder of new Set(digests.map((digest) => this.#folderOf(digest)))) syncDirectory(folder);
  }

  /** Removes contents, durably. */
  remove(digests: readonly Digest[]): void {
    for (const digest of digests) unlinkFile(this.pathOf(digest));
    this.sync(digests);
  }

  /** Takes a damaged content's name from it; the bytes stay beside it as evidence. */
  setAside(digest: Digest): void {
    const path = this.pathOf(digest);
    renameFile(path, `${path}.damaged-${randomBytes(4).toString('hex')}`);
  }

  /** Removes temporary files of writers that died. Safe at any time. @returns how many files */
  removeLeftovers(): number {
    const names = namesIn(this.#temporary);
    if (names.length === 0) return 0;
    const nowMs = diskNowMs(this.#temporary);
    let removed = 0;
    for (const name of names) {
      const path = join(this.#temporary, name);
      const stat = lstatSync(path, { throwIfNoEntry: false });
      if (stat === undefined || nowMs - stat.mtimeMs < LEFTOVER_AGE_MS) continue;
      tryUnlink(path);
      removed += 1;
    }
    return removed;
  }

  get #temporary(): string {
    return join(this.path, 'tmp');
  }

  /** All of them at once: one fsync for a store's life in this process, not one for each new prefix. */
  #makePrefixesDurable(): void {
    if (this.#hasDurablePrefixes) return;
    atPoints('mkdir', () => {
      for (const prefix of PREFIXES) makeUnlessThere(join(this.path, prefix));
    });
    // Also when they were there: their maker may have died before its fsync.
    syncDirectory(this.path);
    this.#hasDurablePrefixes = true;
  }

  #folderOf(digest: Digest): string {
    return join(this.path, digest.slice(0, 1));
  }
}

function makeUnlessThere(directory: string): void {
  try {
    atPoints('mkdir', () => mkdirSync(directory, { mode: 0o700 }));
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw storageError('mkdir', directory, error);
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw storageError('list', directory, error);
  }
}

/**
 * Generations as files: `<root>/<series>/<ten digits>.sealed`; what is set aside lies in `damaged` beside them.
 *
 * Invariants
 * 1. A generation has its name only once its bytes are durable, and it gets it by a link, which never replaces
 *    anything. What `write` has returned for is durable.
 * 2. Nothing is removed but by `remove`, and temporary files of one's own.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { HoldfastError } from '../../../model/failure.ts';
import { readWhole } from '../../chunks.ts';
import {
  createFile,
  linkUnlessThere,
  makeDirectory,
  renameFile,
  storageError,
  syncDirectory,
  syncFile,
  syncFileSlowly,
  systemCode,
  tryUnlink,
  unlinkFile,
  writeDurably,
  writeWhole,
} from '../../durable-file.ts';
import { MAX_FIRST_LINE_BYTES, MAX_STORED_BYTES } from '../format.ts';
import { sealHeader } from '../inspect.ts';
import type { StoredGeneration } from '../store.ts';
import { namesIn } from './looks.ts';
import { folderOf, generationFile, generationOf, seriesPart } from '../series-name.ts';

/** What is larger is fsynced off the main loop. */
const SMALL_BYTES = 256 * 1024;
const TEMPORARY = /^\.\d{10}\.sealed\.[0-9a-f]+\.tmp$/;
const OWNER_ONLY = { file: 0o600, folder: 0o700 } as const;

export class GenerationFiles {
  readonly #root: string;
  /** Folders that this process knows to be durable. */
  readonly #made = new Set<string>();

  /** Creates nothing before something is written. */
  constructor(root: string) {
    this.#root = root;
  }

  pathOf(series: string, generation: number): string {
    return join(this.#root, folderOf(series), generationFile(generation));
  }

  /** False: there is one already, which is durable now. */
  async write(series: string, generation: number, sealed: Buffer): Promise<boolean> {
    const path = this.pathOf(series, generation);
    const folder = dirname(path);
    const temporary = join(folder, `.${generationFile(generation)}.${randomBytes(6).toString('hex')}.tmp`);
    const file = this.#create(temporary);
    let isNew: boolean;
    try {
      try {
        writeWhole(file, sealed, temporary);
        await (sealed.length > SMALL_BYTES ? syncFileSlowly(file, temporary) : syncFile(file, temporary));
      } finally {
        closeSync(file);
      }
      isNew = linkUnlessThere(temporary, path);
    } finally {
      tryUnlink(temporary);
    }
    // Also where it was there: whoever gave it its name may have died before this.
    syncDirectory(folder);
    return isNew;
  }

  /** Undefined: there is none. @throws HoldfastError `too-large` */
  read(series: string, generation: number): Buffer | undefined {
    const path = this.pathOf(series, generation);
    const file = openUnlessMissing(path);
    if (file === undefined) return undefined;
    try {
      const { size } = fstatSync(file);
      if (size > MAX_STORED_BYTES)
        throw new HoldfastError('too-large', `"${path}" has ${size} bytes. Expected at most ${MAX_STORED_BYTES}.`, {
          path,
          sizeBytes: size,
        });
      return readWhole(file, path);
    } catch (error) {
      throw storageError('read', path, error);
    } finally {
      closeSync(file);
    }
  }

  /** In order. */
  numbers(series: string): readonly number[] {
    const names = namesIn(join(this.#root, folderOf(series)));
    return names.flatMap((name) => generationOf(name) ?? []).toSorted((a, b) => a - b);
  }

  list(series: string): readonly StoredGeneration[] {
    return this.numbers(series).flatMap((generation) => this.#listed(series, generation) ?? []);
  }

  series(): readonly string[] {
    const folders = this.#folders().filter(({ folder }) =>
      namesIn(folder).some((one) => generationOf(one) !== undefined),
    );
    return folders.map(({ series }) => series).toSorted();
  }

  /** Removes temporary files that were last written before a moment. @returns how many */
  removeLeftovers(beforeMs: number): number {
    const paths = this.#folders().flatMap(({ folder }) =>
      namesIn(folder)
        .filter((name) => TEMPORARY.test(name))
        .map((name) => join(folder, name)),
    );
    const old = paths.filter((path) => (lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity) < beforeMs);
    for (const path of old) tryUnlink(path);
    return old.length;
  }

  /** Where it lies now. Undefined: there is none. */
  setAside(series: string, generation: number, why: string): string | undefined {
    const path = this.pathOf(series, generation);
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
    const folder = join(dirname(path), 'damaged');
    makeDirectory(folder, OWNER_ONLY.folder);
    const target = join(folder, `${generationFile(generation)}.${randomBytes(4).toString('hex')}`);
    writeDurably(`${target}.txt`, `${why}\n`, { mode: OWNER_ONLY.file });
    renameFile(path, target);
    syncDirectory(folder);
    syncDirectory(dirname(path));
    return target;
  }

  remove(series: string, generation: number): boolean {
    const path = this.pathOf(series, generation);
    try {
      unlinkFile(path);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return false;
      throw error;
    }
    syncDirectory(dirname(path));
    return true;
  }

  /** In the series' folder, which somebody may have removed since it was made. */
  #create(temporary: string): number {
    const folder = dirname(temporary);
    if (this.#made.has(folder)) {
      try {
        return createFile(temporary, OWNER_ONLY.file);
      } catch (error) {
        if (systemCode(error) !== 'ENOENT') throw error;
      }
    }
    makeDirectory(folder, OWNER_ONLY.folder);
    // Also where it was there: whoever made it may have died before its fsync.
    syncDirectory(dirname(folder));
    this.#made.add(folder);
    return createFile(temporary, OWNER_ONLY.file);
  }

  /** Of every series that was ever written. */
  #folders(): readonly { readonly series: string; readonly folder: string }[] {
    const found: { series: string; folder: string }[] = [];
    const look = (folder: string, before: Buffer): void => {
      for (const name of namesIn(folder)) {
        const part = seriesPart(name);
        if (part === undefined) continue;
        const bytes = Buffer.concat([before, part.bytes]);
        const within = join(folder, name);
        if (part.goesOn) look(within, bytes);
        else found.push({ series: bytes.toString('utf8'), folder: within });
      }
    };
    look(this.#root, Buffer.alloc(0));
    return found;
  }

  /** Undefined: it was removed meanwhile. One that can't be read is listed all the same: it hides no other. */
  #listed(series: string, generation: number): StoredGeneration | undefined {
    const path = this.pathOf(series, generation);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    return { generation, sizeBytes: stat.size, at: stat.mtime.toISOString(), writer: writerIn(path) };
  }
}

function writerIn(path: string): string | undefined {
  let file: number | undefined;
  try {
    file = openUnlessMissing(path);
    if (file === undefined) return undefined;
    const line = Buffer.alloc(MAX_FIRST_LINE_BYTES);
    return sealHeader(line.subarray(0, readSync(file, line, 0, line.length, 0)))?.writer;
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function openUnlessMissing(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw storageError('read', path, error);
  }
}

/**
 * The connections to one SQLite file: one for reading, one for writing.
 *
 * Invariants
 * 1. Before each use the path is compared with the file that is open: a file that was replaced is opened anew, one that
 *    has gone is `storage-unreachable`, never a new empty database.
 * 2. What reads cannot write, whatever its statement says.
 * 3. A connection that failed for another reason than its statement is not used again.
 */
import { statSync } from 'node:fs';
import { HoldfastError } from '../../../model/failure.ts';
import { SqliteConnection } from './connection.ts';

export interface SqliteOptions {
  readonly name: string;
  /** Absolute. */
  readonly filePath: string;
  /**
   * Whether a file that is not there yet may be created by the first write. Default true; false from when a record
   * knows the database.
   */
  readonly create?: boolean | (() => boolean);
}

/** A connection and the file (device and inode) that it has open. */
interface OpenFile {
  readonly connection: SqliteConnection;
  readonly inode: string;
}

const NO_FILE = '';

export class SqliteFile {
  readonly #name: string;
  readonly #path: string;
  readonly #mayCreate: () => boolean;
  #reader: OpenFile | undefined;
  #writer: OpenFile | undefined;
  #wasSeen = false;
  #isClosed = false;

  constructor({ name, filePath, create = true }: SqliteOptions) {
    this.#name = name;
    this.#path = filePath;
    this.#mayCreate = typeof create === 'function' ? create : () => create;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  reader(): SqliteConnection {
    const inode = this.#currentInode();
    if (!isUsable(this.#reader, inode)) {
      this.#reader?.connection.close();
      this.#reader = undefined;
      const filePath = inode === NO_FILE ? undefined : this.#path;
      const connection = new SqliteConnection({ name: this.#name, filePath, isReader: true, mayCreate: false });
      this.#reader = { connection, inode };
    }
    return this.#reader!.connection;
  }

  /** Creates the file where there is none yet. */
  writer(): SqliteConnection {
    const inode = this.#currentInode();
    if (!isUsable(this.#writer, inode)) {
      this.#writer?.connection.close();
      this.#writer = undefined;
      const mayCreate = inode === NO_FILE;
      const connection = new SqliteConnection({ name: this.#name, filePath: this.#path, isReader: false, mayCreate });
      this.#writer = { connection, inode: mayCreate ? this.#currentInode() : inode };
    }
    return this.#writer!.connection;
  }

  /** @throws HoldfastError `storage-unreachable` if the path no longer leads to the file that the writer has open */
  assertSameFile(): void {
    if (this.#inodeAtPath() === this.#writer?.inode) return;
    throw this.#unreachable('was replaced or removed while a transaction was open. Nothing was committed');
  }

  /** No new connections from now on. */
  refuse(): void {
    this.#isClosed = true;
  }

  closeConnections(): void {
    this.#reader?.connection.close();
    this.#writer?.connection.close();
  }

  /** Device and inode of the file at the path, or NO_FILE where one may still be created. */
  #currentInode(): string {
    if (this.#isClosed) throw new HoldfastError('defect', `Database ${this.#name} is closed.`);
    const inode = this.#inodeAtPath();
    if (inode !== undefined) {
      this.#wasSeen = true;
      return inode;
    }
    if (!this.#wasSeen && this.#mayCreate()) return NO_FILE;
    throw this.#unreachable('is not there. Expected the database that the record knows; put it back');
  }

  #inodeAtPath(): string | undefined {
    try {
      const stat = statSync(this.#path, { bigint: true, throwIfNoEntry: false });
      return stat && `${stat.dev}:${stat.ino}`;
    } catch (error) {
      throw this.#unreachable(`cannot be looked at: ${String(error)}`, { cause: error });
    }
  }

  #unreachable(problem: string, options: ErrorOptions = {}): HoldfastError {
    return new HoldfastError(
      'storage-unreachable',
      `Database ${this.#name}: the file ${this.#path} ${problem}.`,
      { database: this.#name },
      options,
    );
  }
}

function isUsable(open: OpenFile | undefined, inode: string): boolean {
  return open !== undefined && open.inode === inode && !open.connection.isSuspect;
}

/**
 * What an error means that the system, SQLite, PostgreSQL or a connection reports: by its code and by what was being
 * done, never by its message. The failure type says what follows (`FAILURES`): it may pass and is tried again, it was
 * denied and a person is asked, something is damaged, or it is a defect.
 *
 * Invariant: every such error that Holdfast meets is sorted here and nowhere else; a code without a row means what the
 * fallback of its table says.
 */
import type { FailureType } from './failures.ts';

/** Of file system calls, by `errno`. */
const SYSTEM: Readonly<Record<string, FailureType>> = {
  // Denied: by modes, owners, attributes (`chattr +i`) or a security module.
  EACCES: 'permission-denied',
  EPERM: 'permission-denied',
  // A name or a size that the filesystem never takes; a folder that is to be read as a file.
  ENAMETOOLONG: 'bad-input',
  EILSEQ: 'bad-input',
  EISDIR: 'bad-input',
  EFBIG: 'too-large',
  // Somebody uses it at this moment.
  EBUSY: 'busy',
  ETXTBSY: 'busy',
};
/**
 * Everything else may pass: no space (ENOSPC, EDQUOT), no descriptors or memory (EMFILE, ENFILE, ENOMEM), a disk that
 * fails (EIO), is mounted read-only after errors (EROFS) or is away (ESTALE, ENODEV, ENXIO), a path that somebody is
 * changing (ENOENT, EEXIST, ENOTDIR, ELOOP).
 */
const SYSTEM_FALLBACK: FailureType = 'storage-failed';

export function systemFailureType(code: string | undefined): FailureType {
  return (code === undefined ? undefined : SYSTEM[code]) ?? SYSTEM_FALLBACK;
}

/**
 * Who uses SQLite. `opening`: the ledger while it is opened. `register`: of workers; its only question is whether
 * another worker has taken the folder.
 */
export type SqliteUse = 'opening' | 'ledger' | 'lock' | 'register' | 'database';

interface SqliteMeaning extends Partial<Record<Exclude<SqliteUse, 'register'>, FailureType>> {
  readonly register?: 'taken';
}

const EVERYWHERE = (type: FailureType): SqliteMeaning => ({ opening: type, ledger: type, lock: type, database: type });

/** By primary result code (sqlite.org/rescode.html). */
const SQLITE: Readonly<Record<number, SqliteMeaning>> = {
  // SQLITE_ERROR: tables that are not the ledger's; a step's statement that is wrong.
  1: { opening: 'ledger-damaged', ledger: 'ledger-damaged', database: 'sql-failed' },
  // SQLITE_INTERNAL
  2: EVERYWHERE('defect'),
  // SQLITE_PERM
  3: EVERYWHERE('permission-denied'),
  // SQLITE_ABORT: a statement ended with its transaction.
  4: { opening: 'busy', ledger: 'busy', lock: 'busy', database: 'sql-failed' },
  // SQLITE_BUSY: another connection has the lock.
  5: { ...EVERYWHERE('busy'), register: 'taken' },
  // SQLITE_LOCKED
  6: EVERYWHERE('busy'),
  // SQLITE_NOMEM
  7: EVERYWHERE('storage-failed'),
  // SQLITE_READONLY: SQLite falls back to a connection for reading whatever kept it from writing, so that the code says
  // nothing of the cause: see `deniedOrPasses`. To the register: the file was removed under an open connection.
  8: { ...EVERYWHERE('permission-denied'), register: 'taken' },
  // SQLITE_INTERRUPT
  9: { opening: 'busy', ledger: 'busy', lock: 'busy', database: 'busy' },
  // SQLITE_IOERR; to the register: the same as 8.
  10: { ...EVERYWHERE('storage-failed'), register: 'taken' },
  // SQLITE_CORRUPT
  11: { opening: 'ledger-damaged', ledger: 'ledger-damaged', lock: 'storage-failed', database: 'database-damaged' },
  // SQLITE_FULL
  13: EVERYWHERE('storage-failed'),
  // SQLITE_CANTOPEN: no descriptors, no permission, something else at its path: see `deniedOrPasses`.
  14: {
    opening: 'storage-failed',
    ledger: 'storage-failed',
    lock: 'storage-failed',
    register: 'taken',
    database: 'storage-unreachable',
  },
  // SQLITE_PROTOCOL: the locks of a WAL file kept changing.
  15: EVERYWHERE('busy'),
  // SQLITE_SCHEMA: the schema changed while a statement ran.
  17: EVERYWHERE('busy'),
  // SQLITE_CONSTRAINT: a row that the ledger's tables refuse was Holdfast's to prevent.
  19: { opening: 'ledger-damaged', ledger: 'defect', lock: 'defect', database: 'sql-failed' },
  // SQLITE_NOLFS: the filesystem holds no larger files.
  22: EVERYWHERE('storage-failed'),
  // SQLITE_AUTH; to a database: our authorizer said no.
  23: { opening: 'permission-denied', ledger: 'permission-denied', lock: 'permission-denied', database: 'sql-failed' },
  // SQLITE_NOTADB
  26: { opening: 'ledger-damaged', ledger: 'ledger-damaged', lock: 'storage-failed', database: 'database-damaged' },
};

/** Any other code: a call that SQLite does not take was Holdfast's, or the step's. */
const SQLITE_FALLBACK: Readonly<Record<Exclude<SqliteUse, 'register'>, FailureType>> = {
  opening: 'storage-failed',
  ledger: 'defect',
  lock: 'storage-failed',
  database: 'sql-failed',
};

/** Codes that say that something could not be written or opened, and not why. */
const UNEXPLAINED: ReadonlySet<number> = new Set([8, 10, 14]);

/** @param errcode extended; its low byte is the primary code */
export function sqliteFailureType(errcode: number, use: Exclude<SqliteUse, 'register'>): FailureType {
  return SQLITE[errcode & 0xff]?.[use] ?? SQLITE_FALLBACK[use];
}

export function isTakenByAnother(errcode: number): boolean {
  return SQLITE[errcode & 0xff]?.register === 'taken';
}

/** Does SQLite's code leave open whether it was denied or may pass? Then the system says. */
export function isUnexplained(errcode: number): boolean {
  return UNEXPLAINED.has(errcode & 0xff);
}

/** @param systemCode what the system answered for the file; undefined: it finds nothing wrong, so that it has passed */
export function deniedOrPasses(systemCode: string | undefined, passing: FailureType): FailureType {
  return systemFailureType(systemCode) === 'permission-denied' ? 'permission-denied' : passing;
}

/** Of PostgreSQL, by SQLSTATE (postgresql.org/docs/current/errcodes-appendix.html). The longest prefix decides. */
const SQLSTATE: Readonly<Record<string, FailureType>> = {
  '08': 'storage-unreachable', // connection
  '25P03': 'busy', // idle in transaction
  '25P04': 'busy', // transaction_timeout
  '28': 'permission-denied', // authentication
  '3D': 'storage-unreachable', // no such database
  '3F': 'unknown-table', // no such schema
  '40': 'busy', // serialization failure, deadlock
  '42501': 'permission-denied',
  '42P01': 'unknown-table',
  '53': 'storage-unreachable', // too many connections, out of memory
  '53100': 'storage-failed', // disk full
  '55006': 'busy', // object in use
  '55P03': 'busy', // lock_timeout
  '57014': 'busy', // statement_timeout
  '57P': 'storage-unreachable', // server stopping or starting
  '58': 'storage-failed', // I/O
  XX001: 'database-damaged', // a file
  XX002: 'database-damaged', // an index
};

/** Without a row: the statement, or the data, is at fault. */
export function sqlStateFailureType(sqlState: string): FailureType {
  for (let length = sqlState.length; length > 0; length--) {
    const type = SQLSTATE[sqlState.slice(0, length)];
    if (type !== undefined) return type;
  }
  return 'sql-failed';
}

/** Of a connection to a server, by `errno`; a socket file may be denied, everything else may pass. */
export function connectionFailureType(code: string | undefined): FailureType {
  return code === 'EACCES' || code === 'EPERM' ? 'permission-denied' : 'storage-unreachable';
}

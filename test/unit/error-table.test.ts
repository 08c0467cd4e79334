/** Row by row: what an error of the system, SQLite, PostgreSQL or a connection means, and what follows from it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  connectionFailureType,
  deniedOrPasses,
  isTakenByAnother,
  isUnexplained,
  sqliteFailureType,
  sqlStateFailureType,
  systemFailureType,
  type SqliteUse,
} from '../../src/model/error-table.ts';
import { FAILURES, type FailureType } from '../../src/model/failures.ts';

type Follows = 'tried again' | 'asked';

const followsFrom = (type: FailureType): Follows => (FAILURES[type].retryable ? 'tried again' : 'asked');

const SYSTEM: readonly (readonly [codes: string, FailureType, Follows])[] = [
  ['EACCES EPERM', 'permission-denied', 'asked'],
  ['ENAMETOOLONG EILSEQ EISDIR', 'bad-input', 'asked'],
  ['EFBIG', 'too-large', 'asked'],
  ['EBUSY ETXTBSY', 'busy', 'tried again'],
  ['EIO ENOSPC EDQUOT EMFILE ENFILE ENOMEM EROFS ESTALE ENODEV ENXIO EAGAIN', 'storage-failed', 'tried again'],
  ['ENOENT EEXIST ENOTDIR ELOOP ENOTEMPTY EINVAL', 'storage-failed', 'tried again'],
];

for (const [codes, type, follows] of SYSTEM)
  test(`a file system call that ends in ${codes} is ${type}: ${follows}`, () => {
    for (const code of codes.split(' ')) assert.equal(systemFailureType(code), type, code);
    assert.equal(followsFrom(type), follows);
  });

test('an error without a code, and a code that is in no table, may pass', () => {
  assert.equal(systemFailureType(undefined), 'storage-failed');
  assert.equal(systemFailureType('ENEVERSEEN'), 'storage-failed');
});

type Use = Exclude<SqliteUse, 'register'>;
const [SQLITE_ERROR, PERM, BUSY, LOCKED, NOMEM, READONLY] = [1, 3, 5, 6, 7, 8];
const [IOERR, CORRUPT, FULL, CANTOPEN, PROTOCOL, SCHEMA, CONSTRAINT, AUTH, NOTADB] = [
  10, 11, 13, 14, 15, 17, 19, 23, 26,
];

const SQLITE: readonly (readonly [codes: readonly number[], Readonly<Record<Use, FailureType>>])[] = [
  [
    [SQLITE_ERROR],
    { opening: 'ledger-damaged', ledger: 'ledger-damaged', lock: 'storage-failed', database: 'sql-failed' },
  ],
  [
    [PERM, READONLY],
    {
      opening: 'permission-denied',
      ledger: 'permission-denied',
      lock: 'permission-denied',
      database: 'permission-denied',
    },
  ],
  [[BUSY, LOCKED, PROTOCOL, SCHEMA], { opening: 'busy', ledger: 'busy', lock: 'busy', database: 'busy' }],
  [
    [NOMEM, IOERR, FULL],
    { opening: 'storage-failed', ledger: 'storage-failed', lock: 'storage-failed', database: 'storage-failed' },
  ],
  [
    [CORRUPT, NOTADB],
    { opening: 'ledger-damaged', ledger: 'ledger-damaged', lock: 'storage-failed', database: 'database-damaged' },
  ],
  [
    [CANTOPEN],
    { opening: 'storage-failed', ledger: 'storage-failed', lock: 'storage-failed', database: 'storage-unreachable' },
  ],
  [[CONSTRAINT], { opening: 'ledger-damaged', ledger: 'defect', lock: 'defect', database: 'sql-failed' }],
  [
    [AUTH],
    { opening: 'permission-denied', ledger: 'permission-denied', lock: 'permission-denied', database: 'sql-failed' },
  ],
];

for (const [codes, meanings] of SQLITE)
  test(`SQLite's ${codes.join(', ')} means to each of its uses what follows there`, () => {
    for (const code of codes)
      for (const [use, type] of Object.entries(meanings) as [Use, FailureType][]) {
        assert.equal(sqliteFailureType(code, use), type, `${code} ${use}`);
        assert.equal(sqliteFailureType(code | (5 << 8), use), type, `${code} extended, ${use}`);
      }
  });

test('a code of SQLite without a row is a defect to the ledger, and a wrong statement to a database', () => {
  const MISUSE = 21;
  assert.equal(sqliteFailureType(MISUSE, 'ledger'), 'defect');
  assert.equal(sqliteFailureType(MISUSE, 'database'), 'sql-failed');
  assert.equal(sqliteFailureType(MISUSE, 'lock'), 'storage-failed');
  assert.equal(sqliteFailureType(MISUSE, 'opening'), 'storage-failed');
});

test("whether a worker's folder was taken is told by the lock, and by what is left of a removed file", () => {
  assert.deepEqual(
    [BUSY, READONLY, IOERR, CANTOPEN].map((code) => isTakenByAnother(code)),
    [true, true, true, true],
  );
  assert.deepEqual(
    [CORRUPT, FULL, SQLITE_ERROR].map((code) => isTakenByAnother(code)),
    [false, false, false],
  );
});

test('SQLite leaves open why it could not open, read or write: the system decides', () => {
  assert.deepEqual(
    [READONLY, IOERR, CANTOPEN, CORRUPT, FULL, BUSY].map((code) => isUnexplained(code)),
    [true, true, true, false, false, false],
  );
  assert.equal(deniedOrPasses('EACCES', 'storage-failed'), 'permission-denied');
  for (const passing of ['EMFILE', 'EROFS', 'ENOSPC', 'EIO', undefined])
    assert.equal(deniedOrPasses(passing, 'storage-unreachable'), 'storage-unreachable');
});

const SQLSTATES: readonly (readonly [states: string, FailureType, Follows])[] = [
  ['08006 08001 57P01 57P03 53300 3D000', 'storage-unreachable', 'tried again'],
  ['53100 58030', 'storage-failed', 'tried again'],
  ['XX001 XX002', 'database-damaged', 'asked'],
  ['40001 40P01 55P03 57014 25P03 55006', 'busy', 'tried again'],
  ['28P01 42501', 'permission-denied', 'asked'],
  ['42P01 3F000', 'unknown-table', 'asked'],
  ['23505 42601 22P02', 'sql-failed', 'asked'],
];

for (const [states, type, follows] of SQLSTATES)
  test(`PostgreSQL's ${states} is ${type}: ${follows}`, () => {
    for (const state of states.split(' ')) assert.equal(sqlStateFailureType(state), type, state);
    assert.equal(followsFrom(type), follows);
  });

test('a connection that fails may pass, but for a socket that may not be used', () => {
  for (const code of ['ECONNREFUSED', 'ENOTFOUND', 'ETIMEDOUT', 'ECONNRESET', undefined])
    assert.equal(connectionFailureType(code), 'storage-unreachable', code);
  assert.equal(connectionFailureType('EACCES'), 'permission-denied');
});

/**
 * SQLite's log beside the ledger's file. It belongs to the file that it was written for: SQLite would take it for the
 * log of any other ledger that somebody puts there.
 *
 * Invariant: a log is set aside, never deleted; and only the one that this process has written with others.
 */
import { lstatSync, renameSync, unlinkSync } from 'node:fs';
import { systemCode } from '../durable-file.ts';
import { atPoints } from '../fault-point.ts';

const LOG = '-wal';
const LOG_INDEX = '-shm';
const ASIDE = '.replaced';

/** Which file is the log of a ledger that is open; undefined: none yet. */
export function logInode(ledgerPath: string): bigint | undefined {
  return lstatSync(ledgerPath + LOG, { bigint: true, throwIfNoEntry: false })?.ino;
}

/** Call once the ledger is closed and another is at its path. */
export function setLogAside(ledgerPath: string, inode: bigint | undefined): void {
  if (inode === undefined || logInode(ledgerPath) !== inode) return;
  try {
    atPoints('rename', () => renameSync(ledgerPath + LOG, `${ledgerPath}${LOG}${ASIDE}`));
    atPoints('unlink', () => unlinkSync(ledgerPath + LOG_INDEX));
  } catch (error) {
    // Somebody else has done it, or has taken it away.
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}

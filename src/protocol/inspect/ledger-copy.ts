/**
 * A copy of a workspace's ledger, for whoever looks from outside.
 *
 * Invariant: SQLite's main file and its log are copied as they were at one moment; nothing is written in the workspace.
 */
import { copyFileSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError } from '../../model/failure.ts';
import { storageError, systemCode } from '../../store/durable-file.ts';
import { LEDGER_FILE } from '../../store/ledger/file.ts';
import { Ledger } from '../../store/ledger/ledger.ts';
import { HOLDFAST_DIRECTORY } from '../../model/step/workspace-path.ts';

const MAX_COPIES = 50;
const PAUSE_MS = 20;

/** Is there a record in this folder? */
export function hasLedger(root: string): boolean {
  return existsSync(join(root, HOLDFAST_DIRECTORY, LEDGER_FILE));
}

/** A new folder of `copies` holds the copy. @throws HoldfastError `busy`, `permission-denied`, `ledger-damaged` */
export async function copyLedger(root: string, copies: string): Promise<Ledger> {
  const source = join(root, HOLDFAST_DIRECTORY, LEDGER_FILE);
  const folder = mkdtempSync(join(copies, 'copy-'));
  for (let copy = 1; ; copy++) {
    const stamp = stampOf(source);
    for (const suffix of ['', '-wal']) {
      rmSync(join(folder, `${LEDGER_FILE}${suffix}`), { force: true });
      if (existsSync(`${source}${suffix}`)) copyFile(`${source}${suffix}`, join(folder, `${LEDGER_FILE}${suffix}`));
    }
    if (stampOf(source) === stamp) return Ledger.open(folder, { create: false });
    if (copy === MAX_COPIES)
      throw new HoldfastError('busy', `The record in ${root} is written all the time; no copy of it could be taken.`, {
        folder: root,
      });
    await delay(PAUSE_MS);
  }
}

function copyFile(from: string, to: string): void {
  try {
    copyFileSync(from, to);
  } catch (error) {
    // The log goes when the last worker ends; the stamp then tells that this is no copy.
    if (systemCode(error) === 'ENOENT') return;
    throw storageError('read', from, error);
  }
}

function stampOf(source: string): string {
  return [source, `${source}-wal`]
    .map((file) => {
      const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
      return stat === undefined ? '-' : `${stat.ino} ${stat.size} ${stat.mtimeNs}`;
    })
    .join(' ');
}

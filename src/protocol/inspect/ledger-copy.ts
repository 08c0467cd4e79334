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
import { TemporaryFolder } from '../../store/life/temporary-folder.ts';
import { HOLDFAST_DIRECTORY } from '../../model/step/workspace-path.ts';

const MAX_COPIES = 50;
const PAUSE_MS = 20;

/** Is there a record in this folder? */
export function hasLedger(root: string): boolean {
  return existsSync(join(root, HOLDFAST_DIRECTORY, LEDGER_FILE));
}

/** Dispose of it: it is kept in a temporary folder. */
export class LedgerCopy implements Disposable {
  readonly #root: string;
  readonly #copies: TemporaryFolder;
  #ledger: Ledger;

  private constructor(root: string, copies: TemporaryFolder, ledger: Ledger) {
    this.#root = root;
    this.#copies = copies;
    this.#ledger = ledger;
  }

  /** @param root that `hasLedger`. @throws HoldfastError `busy`, `permission-denied`, `ledger-damaged` */
  static async of(root: string): Promise<LedgerCopy> {
    const copies = TemporaryFolder.make('inspect');
    try {
      return new LedgerCopy(root, copies, await copyLedger(root, copies.path));
    } catch (error) {
      copies[Symbol.dispose]();
      throw error;
    }
  }

  /** As it was when it was copied, or renewed. */
  get ledger(): Ledger {
    return this.#ledger;
  }

  /** As it is now; what was read from the copy before is not read on. @throws HoldfastError as `of` */
  async renew(): Promise<void> {
    this.#ledger.close();
    this.#ledger = await copyLedger(this.#root, this.#copies.path);
  }

  [Symbol.dispose](): void {
    this.#ledger.close();
    this.#copies[Symbol.dispose]();
  }
}

/** A new folder of `copies` holds the copy. */
async function copyLedger(root: string, copies: string): Promise<Ledger> {
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

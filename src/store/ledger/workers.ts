/** The table `worker`: who has worked here, in the order of the counter that marks and claims share. */
import { Columns } from './columns.ts';
import type { LedgerFile } from './file.ts';

const COLUMNS = new Columns('worker');

export class WorkerTable {
  readonly #file: LedgerFile;

  constructor(file: LedgerFile) {
    this.#file = file;
  }

  /** Undefined: the worker is not registered. */
  ordinalOf(workerId: string): number | undefined {
    const row = this.#file.get('SELECT ordinal FROM worker WHERE worker_id = ?', workerId);
    return row === undefined ? undefined : COLUMNS.integer(row, 'ordinal');
  }

  /** @param identity for people. @returns the ordinal */
  add(workerId: string, ordinal: number, identity: unknown): number {
    this.#file.run('INSERT INTO worker VALUES (?, ?, ?)', workerId, ordinal, JSON.stringify(identity));
    return ordinal;
  }
}

/**
 * The row of a table that was read last: while the same view of the file lasts, it need not be read again.
 *
 * Invariant: whoever writes the table forgets it first.
 */
import type { LedgerFile } from './file.ts';

export class SeenRow<Row> {
  readonly #file: LedgerFile;
  #seen: { readonly view: object; readonly key: string; readonly row: Row | undefined } | undefined;

  constructor(file: LedgerFile) {
    this.#file = file;
  }

  find(key: string, read: () => Row | undefined): Row | undefined {
    const { view } = this.#file;
    if (view !== undefined && this.#seen?.view === view && this.#seen.key === key) return this.#seen.row;
    const row = read();
    this.#seen = view === undefined ? undefined : { view, key, row };
    return row;
  }

  forget(): void {
    this.#seen = undefined;
  }
}

/** The table `once`: values that do not change on a retry. Those of earlier drafts stay as evidence. */
import type { Digest } from '../../model/digest.ts';
import { Columns, sealedText } from './columns.ts';
import type { LedgerFile } from './file.ts';

export interface OnceValue {
  /** Canonical JSON. */
  readonly value: string;
  /** What the step had read when the value was made. */
  readonly reads: Digest;
}

export interface NamedOnceValue extends Pick<OnceValue, 'value'> {
  readonly draft: number;
  readonly name: string;
}

const COLUMNS = new Columns('once');

export class OnceTable {
  readonly #file: LedgerFile;

  constructor(file: LedgerFile) {
    this.#file = file;
  }

  find(token: Digest, draft: number, name: string): OnceValue | undefined {
    const row = this.#file.get(
      'SELECT value, reads FROM once WHERE token = ? AND draft = ? AND name = ?',
      token,
      draft,
      name,
    );
    return row === undefined ? undefined : { value: COLUMNS.sealed(row, 'value'), reads: COLUMNS.text(row, 'reads') };
  }

  put(token: Digest, draft: number, name: string, { value, reads }: OnceValue): void {
    this.#file.run('INSERT INTO once VALUES (?, ?, ?, ?, ?)', token, draft, name, sealedText(value), reads);
  }

  /** Gives a value to a later draft, too. */
  copy(token: Digest, name: string, from: number, to: number): void {
    this.#file.run(
      'INSERT INTO once SELECT token, ?, name, value, reads FROM once WHERE token = ? AND draft = ? AND name = ?',
      to,
      token,
      from,
      name,
    );
  }

  /** Gives all of a draft to the next one, which has none yet. */
  handOn(token: Digest, from: number): void {
    this.#file.run(
      'INSERT INTO once SELECT token, draft + 1, name, value, reads FROM once WHERE token = ? AND draft = ?',
      token,
      from,
    );
  }

  /** Of all drafts, in their order. */
  all(token: Digest): readonly NamedOnceValue[] {
    const rows = this.#file.all('SELECT draft, name, value FROM once WHERE token = ? ORDER BY draft, rowid', token);
    return rows.map((row) => ({
      draft: COLUMNS.integer(row, 'draft'),
      name: COLUMNS.text(row, 'name'),
      value: COLUMNS.sealed(row, 'value'),
    }));
  }
}

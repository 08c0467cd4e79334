/**
 * The table `content`: small contents of sealed intents. Written with the seal, they cost no file and no fsync of
 * their own.
 */
import type { Digest } from '../../model/digest.ts';
import { Columns } from './columns.ts';
import type { LedgerFile } from './file.ts';

const COLUMNS = new Columns('content');

export class ContentTable {
  readonly #file: LedgerFile;

  constructor(file: LedgerFile) {
    this.#file = file;
  }

  /** As it is stored; whoever reads it compares it with its digest. */
  find(digest: Digest): Uint8Array | undefined {
    const row = this.#file.get('SELECT bytes FROM content WHERE digest = ?', digest);
    return row === undefined ? undefined : COLUMNS.bytes(row, 'bytes');
  }

  /** All of them. Read them to the end: the statement is open meanwhile. */
  *all(): Generator<{ readonly digest: Digest; readonly bytes: Uint8Array }> {
    for (const row of this.#file.iterate('SELECT digest, bytes FROM content'))
      yield { digest: COLUMNS.text(row, 'digest'), bytes: COLUMNS.bytes(row, 'bytes') };
  }

  /** One that is there and damaged is replaced. */
  put(digest: Digest, bytes: Uint8Array): void {
    this.#file.run(
      `INSERT INTO content VALUES (?, ?)
       ON CONFLICT (digest) DO UPDATE SET bytes = excluded.bytes WHERE bytes <> excluded.bytes`,
      digest,
      bytes,
    );
  }
}

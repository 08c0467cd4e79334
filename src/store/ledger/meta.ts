/**
 * The table `meta`: single values by name. Among them the counter that orders registrations, claims and marks against
 * each other: it only rises.
 */
import { randomUUID } from 'node:crypto';
import { HoldfastError } from '../../model/failure.ts';
import { Columns } from './columns.ts';
import type { LedgerFile } from './file.ts';
import { LEDGER_SCHEMA_VERSION } from './schema.ts';

const COLUMNS = new Columns('meta');
const UNKNOWN_CALLS = 'unknownCalls:';

export class MetaTable {
  readonly #file: LedgerFile;
  #firstDraft: number | undefined;

  constructor(file: LedgerFile) {
    this.#file = file;
  }

  /** The next value of the counter. Call it inside a transaction. */
  nextOrdinal(): number {
    const present = Number(this.find('ordinal') ?? '0');
    if (!Number.isSafeInteger(present) || present < 0)
      throw new HoldfastError(
        'ledger-damaged',
        "The ledger's counter of registrations, claims and marks is no number.",
      );
    const next = present + 1;
    this.set('ordinal', String(next));
    return next;
  }

  /** The number of a token's first draft: not 0 in a ledger that was rebuilt. It never changes. */
  firstDraft(): number {
    return (this.#firstDraft ??= Number(this.find('firstDraft') ?? '0'));
  }

  /** Calls of the step were in a record that is lost, up to this generation: whether they were made is not known. */
  noteUnknownCalls(stepId: string, generation: number): void {
    this.set(UNKNOWN_CALLS + stepId, String(generation));
  }

  /** The generation whose calls are not known. Undefined: all are, as in each ledger that was never rebuilt. */
  unknownCallsOf(stepId: string): number | undefined {
    if (this.firstDraft() === 0) return undefined;
    const found = this.find(UNKNOWN_CALLS + stepId);
    return found === undefined ? undefined : Number(found);
  }

  find(key: string): string | undefined {
    const row = this.#file.get('SELECT value FROM meta WHERE key = ?', key);
    return row === undefined ? undefined : COLUMNS.text(row, 'value');
  }

  set(key: string, value: string): void {
    this.#file.run('INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value', key, value);
  }

  remove(key: string): void {
    this.#file.run('DELETE FROM meta WHERE key = ?', key);
  }
}

/**
 * Gives a new ledger its version and id.
 * @throws HoldfastError `ledger-damaged` for a version that this release can't read
 */
export function checkVersion(file: LedgerFile): void {
  const meta = new MetaTable(file);
  const found = meta.find('schemaVersion');
  if (found === undefined) {
    file.transaction(() => {
      meta.set('schemaVersion', String(LEDGER_SCHEMA_VERSION));
      meta.set('ledgerId', randomUUID());
    });
  } else if (Number(found) !== LEDGER_SCHEMA_VERSION) {
    const expected = `this release reads version ${LEDGER_SCHEMA_VERSION}`;
    throw new HoldfastError('ledger-damaged', `The ledger at ${file.path} has schema version ${found}; ${expected}.`, {
      found,
    });
  }
}

/** The table `manifest`: what the world should look like, as the chain folds to it. */
import { foldChanges, manifestEntryOf, type LatestChange, type ManifestEntry } from '../../model/record/manifest.ts';
import type { ChainRecord } from '../../model/record/record.ts';
import { stateDigest } from '../../model/record/world.ts';
import { formatResource, parseResource } from '../../model/record/resource.ts';
import type { NamedRow } from '../sqlite-store.ts';
import { Columns, outline } from './columns.ts';
import type { EntryText } from './entry-digests.ts';
import type { LedgerFile } from './file.ts';

const COLUMNS = new Columns('manifest');
/** What the columns do not say. Version 0.1 wrote resource and digest here, too. */
type ToldEntry = Omit<ManifestEntry, 'resource' | 'digest'>;

const isEntry = outline<ToldEntry>({
  state: 'object',
  role: 'string',
  seq: 'number',
  at: 'string',
});

const PAGE_ENTRIES = 1_000;
const MAX_KNOWN = 1_000;
/** Put by one statement. */
const ENTRIES_AT_ONCE = 16;

/** An entry as it is stored, and as it is read. */
export interface StoredEntry extends EntryText {
  readonly entry: ManifestEntry;
}

export class ManifestTable {
  readonly #file: LedgerFile;
  /** What a transaction before this one has found there: nothing ever leaves the table. */
  readonly #known = new Set<string>();
  /** What this transaction has put there, which a rollback may take away again. */
  #fresh: { readonly view: object | undefined; readonly keys: Set<string> } | undefined;

  constructor(file: LedgerFile) {
    this.#file = file;
  }

  find(jobId: string, resource: string): ManifestEntry | undefined {
    const row = this.#file.get(
      'SELECT resource, digest, entry FROM manifest WHERE job_id = ? AND resource = ?',
      jobId,
      resource,
    );
    return row === undefined ? undefined : read(row);
  }

  all(jobId: string): Map<string, ManifestEntry> {
    const entries = new Map<string, ManifestEntry>();
    for (const page of this.pages(jobId)) for (const { resource, entry } of page) entries.set(resource, entry);
    return entries;
  }

  /** All entries with their texts, by the names of resources, so that whoever reads many can give others a turn. */
  *pages(jobId: string): Generator<readonly StoredEntry[]> {
    let after = '';
    for (;;) {
      const rows = this.#file.all(
        'SELECT resource, digest, entry FROM manifest WHERE job_id = ? AND resource > ? ORDER BY resource LIMIT ?',
        jobId,
        after,
        PAGE_ENTRIES,
      );
      const page = rows.map((row) => ({
        resource: COLUMNS.text(row, 'resource'),
        text: `${COLUMNS.text(row, 'digest')} ${COLUMNS.text(row, 'entry')}`,
        entry: read(row),
      }));
      if (page.length > 0) yield page;
      if (page.length < PAGE_ENTRIES) return;
      after = page.at(-1)!.resource;
    }
  }

  /** Tables whose schema the record has, as they were spelled. */
  tables(jobId: string, database: string): readonly string[] {
    return this.#resources(jobId, formatResource({ kind: 'schema', database, table: '' }))
      .map((uri) => parseResource(uri))
      .flatMap((resource) => (resource.kind === 'schema' ? [resource.table] : []));
  }

  /** Paths of the workspace that the record has something of. */
  files(jobId: string): readonly string[] {
    return this.#resources(jobId, 'file:').map((uri) => uri.slice('file:'.length));
  }

  /** What the record has of a table's rows. */
  rows(jobId: string, database: string, table: string): readonly ManifestEntry[] {
    const prefix = formatResource({ kind: 'row', database, table, key: {} }).slice(0, -'{}'.length);
    const rows = this.#file.all(
      `SELECT resource, digest, entry FROM manifest WHERE job_id = ? AND resource >= ? AND resource < ?
       ORDER BY resource`,
      jobId,
      prefix,
      endOf(prefix),
    );
    return rows.map(read);
  }

  /** Folds in a record that was appended just now. */
  fold(record: ChainRecord): void {
    const latest = new Map<string, LatestChange>();
    foldChanges(latest, record);
    const entries: ManifestEntry[] = [];
    for (const [resource, change] of latest) {
      // A read never replaces what is recorded.
      if (change.change.role === 'read' && this.#has(record.jobId, resource)) continue;
      entries.push(manifestEntryOf(change, stateDigest(change.change.state)));
    }
    for (let first = 0; first < entries.length; first += ENTRIES_AT_ONCE)
      this.#put(record.jobId, entries.slice(first, first + ENTRIES_AT_ONCE));
  }

  /** Each step has read its own code and its tables' schemas, and finds them here again and again. */
  #has(jobId: string, resource: string): boolean {
    const key = `${jobId} ${resource}`;
    if (this.#known.has(key)) return true;
    const row = this.#file.get('SELECT 1 FROM manifest WHERE job_id = ? AND resource = ?', jobId, resource);
    if (row === undefined) return false;
    if (this.#known.size < MAX_KNOWN && !this.#freshKeys().has(key)) this.#known.add(key);
    return true;
  }

  /** Of the transaction that runs. */
  #freshKeys(): Set<string> {
    const { view } = this.#file;
    if (this.#fresh === undefined || this.#fresh.view !== view) this.#fresh = { view, keys: new Set() };
    return this.#fresh.keys;
  }

  #put(jobId: string, entries: readonly ManifestEntry[]): void {
    const fresh = this.#freshKeys();
    for (const { resource } of entries) fresh.add(`${jobId} ${resource}`);
    this.#file.run(
      `INSERT INTO manifest VALUES ${entries.map(() => '(?, ?, ?, ?)').join(', ')}
       ON CONFLICT (job_id, resource) DO UPDATE SET digest = excluded.digest, entry = excluded.entry`,
      ...entries.flatMap(({ resource, digest, ...told }) => [jobId, resource, digest, JSON.stringify(told)]),
    );
  }

  /** Of a chain that was made before its job had an id. */
  giveTo(jobId: string, from: string): void {
    this.#file.run('UPDATE manifest SET job_id = ? WHERE job_id = ?', jobId, from);
  }

  #resources(jobId: string, prefix: string): readonly string[] {
    const rows = this.#file.all(
      'SELECT resource FROM manifest WHERE job_id = ? AND resource >= ? AND resource < ? ORDER BY resource',
      jobId,
      prefix,
      endOf(prefix),
    );
    return rows.map((row) => COLUMNS.text(row, 'resource'));
  }
}

/** The first text after all that begin with the prefix: its last character (ASCII), raised by one. */
function endOf(prefix: string): string {
  return `${prefix.slice(0, -1)}${String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)}`;
}

function read(row: NamedRow): ManifestEntry {
  const resource = COLUMNS.text(row, 'resource');
  const told = COLUMNS.json(row, 'entry', isEntry, `manifest entry for ${resource}`);
  return { ...told, resource, digest: COLUMNS.text(row, 'digest') };
}

/**
 * Rows that a database may change by itself while it makes the changes of an intent: what foreign keys take along, and
 * recorded rows that triggers can reach. They are looked at before and after.
 *
 * Invariant: where nothing of the kind can happen, as the catalog says, no row is looked at.
 */
import type { Dialect, RowReader } from '../../effects/database/database.ts';
import type { FollowingKey, FoundRow, KeyAction, Reach } from '../../effects/database/reach.ts';
import { isSameTable } from '../../effects/database/table-name.ts';
import type { Json, JsonObject } from '../../model/canonical-json.ts';
import { formatResource, parseResource, type Resource } from '../../model/record/resource.ts';
import type { RowChange } from '../../model/record/effect.ts';
import type { ManifestEntry } from '../../model/record/manifest.ts';
import type { NotUndone } from '../../model/record/intent.ts';
import { onlyColumns, sameState, type RowState } from '../../model/record/world.ts';

/** More rows than these are not taken into the record of one step. */
export const MAX_ROWS_TAKEN_ALONG = 1_000;

/** A row as it is before the changes. */
export interface WatchedRow {
  readonly resource: string;
  readonly table: string;
  readonly key: JsonObject;
  readonly columns: readonly string[];
  readonly before: RowState;
  /** How the database comes to change it: for people. */
  readonly by: string;
}

export interface TakenAlong {
  /** Each after the row that it refers to. */
  readonly rows: readonly WatchedRow[];
  /** What is taken along beyond the bound, or cannot be named. */
  readonly beyond: readonly NotUndone[];
}

export interface TakingSite {
  readonly name: string;
  readonly dialect: Dialect;
  readonly reader: RowReader;
  readonly reach: Reach;
  /** Tables as the record spells them. */
  readonly spellings: readonly string[];
}

/**
 * Of these changes, what foreign keys change with them: also through rows that are taken along themselves.
 * @param asked rows that are changed anyway: what goes along with them counts, but not they themselves
 */
export async function rowsTakenAlong(
  site: TakingSite,
  changes: readonly RowChange[],
  asked: ReadonlySet<string> = new Set(),
): Promise<TakenAlong> {
  return await new Taking(site, changes, asked).run(changes);
}

export function spelledAs({ dialect, spellings }: Pick<TakingSite, 'dialect' | 'spellings'>, table: string): string {
  return spellings.find((spelling) => isSameTable(dialect, spelling, table)) ?? table;
}

/** Recorded rows that triggers or foreign keys can reach, whole. What is not as recorded is somebody else's matter. */
export async function watchedRecords(
  reader: Pick<RowReader, 'rows' | 'schema'>,
  entries: readonly ManifestEntry[],
): Promise<readonly WatchedRow[]> {
  const writable = new Map<string, readonly string[]>();
  const rows = entries.map(({ resource, state }) => {
    const { table, key } = parseResource(resource) as Extract<Resource, { kind: 'row' }>;
    return { resource, table, key, state, recorded: Object.keys(state.kind === 'row' ? state.columns : key) };
  });
  for (const { table } of rows) if (!writable.has(table)) writable.set(table, await writableOf(reader, table));
  const requests = rows.map(({ table, key, recorded }) => {
    const columns = [...new Set([...recorded, ...writable.get(table)!])];
    return { table, key, columns };
  });
  const states = await reader.rows(requests);
  return rows.flatMap(({ resource, state, recorded }, place) => {
    const before = states[place]!;
    if (!sameState(onlyColumns(before, recorded), state)) return [];
    return [{ resource, ...requests[place]!, before, by: 'by the database itself' }];
  });
}

async function writableOf(reader: Pick<RowReader, 'schema'>, table: string): Promise<readonly string[]> {
  const schema = await reader.schema(table);
  return schema.kind === 'schema' ? schema.columns.filter((one) => one.generated === null).map(({ name }) => name) : [];
}

/** Rows of one table that are deleted, or that get other values in some columns. */
interface Moved {
  readonly table: string;
  readonly rows: readonly JsonObject[];
  readonly act: 'delete' | 'update';
  readonly changed: ReadonlySet<string>;
}

class Taking {
  readonly #site: TakingSite;
  readonly #own: ReadonlySet<string>;
  readonly #asked: ReadonlySet<string>;
  readonly #passed = new Set<string>();
  readonly #rows = new Map<string, WatchedRow>();
  readonly #beyond = new Map<string, NotUndone>();

  constructor(site: TakingSite, changes: readonly RowChange[], asked: ReadonlySet<string>) {
    this.#site = site;
    this.#asked = asked;
    this.#own = new Set(changes.map(({ table, key }) => this.#resource(table, key)));
  }

  async run(changes: readonly RowChange[]): Promise<TakenAlong> {
    let moved = await this.#moved(changes);
    while (moved.length > 0) {
      const next: Moved[] = [];
      for (const one of moved)
        for (const key of this.#site.reach.keys) {
          const follows = await this.#follow(one, key);
          if (follows !== undefined) next.push(follows);
        }
      moved = next;
    }
    return { rows: [...this.#rows.values()], beyond: [...this.#beyond.values()] };
  }

  /** The rows that the changes delete, or whose referred columns they set. */
  async #moved(changes: readonly RowChange[]): Promise<Moved[]> {
    const { reader, reach } = this.#site;
    const there = changes.filter(({ before }) => before.kind === 'row');
    const moved: Moved[] = [];
    for (const [table, group] of Map.groupBy(there, (change) => change.table)) {
      const columns = [
        ...new Set(reach.keys.flatMap((key) => (this.#isSame(key.target, table) ? key.targetColumns : []))),
      ];
      if (columns.length === 0) continue;
      const states = await reader.rows(group.map(({ key }) => ({ table, key, columns })));
      const rowOf = (place: number): JsonObject[] => {
        const state = states[place]!;
        return state.kind === 'row' ? [state.columns] : [];
      };
      const deleted = group.flatMap(({ kind }, place) => (kind === 'row.delete' ? rowOf(place) : []));
      moved.push({ table, rows: deleted, act: 'delete', changed: new Set(columns) });
      group.forEach(({ kind, values }, place) => {
        if (kind !== 'row.delete')
          moved.push({ table, rows: rowOf(place), act: 'update', changed: new Set(Object.keys(values)) });
      });
    }
    return moved;
  }

  /** Rows that refer to the moved ones by this key; what becomes of them. */
  async #follow(moved: Moved, key: FollowingKey): Promise<Moved | undefined> {
    const action = actionOf(moved, key);
    if (action === 'none' || moved.rows.length === 0 || !this.#isSame(key.target, moved.table)) return undefined;
    const values = moved.rows
      .map((row) => key.targetColumns.map((column): Json => row[column] ?? null))
      .filter((tuple) => tuple.every((value) => value !== null));
    if (values.length === 0) return undefined;
    // The changes' own rows are among those that are found.
    const limit = MAX_ROWS_TAKEN_ALONG + 1 + Math.max(this.#own.size, this.#asked.size);
    const found = await this.#site.reader.referring({ table: key.table, columns: key.columns, values, limit });
    const text = `by ${actionText(moved.act, action)} of its reference to ${moved.table}`;
    const taken = found.filter((row) => this.#take(row, key, text));
    const act = moved.act === 'delete' && action === 'cascade' ? 'delete' : 'update';
    return {
      table: spelledAs(this.#site, key.table),
      rows: taken.map(({ columns }) => columns),
      act,
      changed: new Set(key.columns),
    };
  }

  /** False: it is known already, or is not taken into the record. */
  #take({ key, columns }: FoundRow, { table: given }: FollowingKey, by: string): boolean {
    const table = spelledAs(this.#site, given);
    const resource = key === undefined ? undefined : this.#resource(table, key);
    if (resource !== undefined && this.#isKnown(resource)) return false;
    if (resource !== undefined && this.#asked.has(resource)) {
      this.#passed.add(resource);
      return true;
    }
    if (key === undefined || resource === undefined || this.#rows.size >= MAX_ROWS_TAKEN_ALONG) {
      const why =
        key === undefined
          ? `${by}; the table has no key to name them by`
          : `${by}; more than ${MAX_ROWS_TAKEN_ALONG.toLocaleString('en-US')} go along`;
      this.#beyond.set(table, { what: `rows of ${table} in database ${this.#site.name}`, why });
      return false;
    }
    this.#rows.set(resource, {
      resource,
      table,
      key,
      columns: Object.keys(columns),
      before: { kind: 'row', columns },
      by,
    });
    return true;
  }

  #isKnown(resource: string): boolean {
    return this.#own.has(resource) || this.#rows.has(resource) || this.#passed.has(resource);
  }

  #isSame(a: string, b: string): boolean {
    return isSameTable(this.#site.dialect, a, b);
  }

  #resource(table: string, key: JsonObject): string {
    return formatResource({ kind: 'row', database: this.#site.name, table, key });
  }
}

function actionOf({ act, changed }: Moved, { onDelete, onUpdate, targetColumns }: FollowingKey): KeyAction {
  if (act === 'delete') return onDelete;
  return targetColumns.some((column) => changed.has(column)) ? onUpdate : 'none';
}

function actionText(act: Moved['act'], action: KeyAction): string {
  return `ON ${act.toUpperCase()} ${action.toUpperCase()}`;
}

/**
 * One table is one resource, however steps spell its name: as it was spelled first.
 *
 * Invariant: a sealed intent names each table as the record does, or as a sealed intent that is not recorded yet. A
 * step sees the record while it runs; which of two parallel steps came first is known only under the lock.
 */
import type { Dialect } from '../../effects/database/database.ts';
import { isSameTable } from '../../effects/database/table-name.ts';
import type { Effect } from '../../model/record/effect.ts';
import type { Intent } from '../../model/record/intent.ts';
import { formatResource, parseResource } from '../../model/record/resource.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';

/** A table's name as it is to be sealed. */
type Spelling = (database: string, table: string) => string;

interface KnownDatabases {
  /** Tables whose schema the record has, as they were spelled. */
  readonly recordedIn: (database: string) => readonly string[];
  readonly dialectOf: (database: string) => Dialect;
}

/** The intent itself where nothing has to change. Call under the lock. */
export function spelledAsRecorded(ledger: Ledger, intent: Intent, { recordedIn, dialectOf }: KnownDatabases): Intent {
  const respelled = new Map<string, ReadonlyMap<string, string>>();
  for (const [database, tables] of tablesOf(intent)) {
    const recorded = recordedIn(database);
    const unrecorded = [...tables].filter((table) => !recorded.includes(table));
    if (unrecorded.length === 0) continue;
    const earlierSpellings = [...recorded, ...sealedTables(ledger, intent, database)];
    const dialect = dialectOf(database);
    const firstSpelling = (table: string): string =>
      earlierSpellings.find((earlier) => isSameTable(dialect, earlier, table)) ?? table;
    respelled.set(database, new Map(unrecorded.map((table) => [table, firstSpelling(table)])));
  }
  const isAsSpelled = [...respelled.values()].every((tables) => [...tables].every(([table, first]) => table === first));
  return isAsSpelled ? intent : respell(intent, (database, table) => respelled.get(database)?.get(table) ?? table);
}

/** Database → tables. A table that is written was looked at first, so that the observations name them all. */
function tablesOf({ observations }: Pick<Intent, 'observations'>): Map<string, Set<string>> {
  const tables = new Map<string, Set<string>>();
  for (const { resource } of observations) {
    const parsed = parseResource(resource);
    if (parsed.kind === 'schema')
      tables.set(parsed.database, (tables.get(parsed.database) ?? new Set()).add(parsed.table));
  }
  return tables;
}

function sealedTables(ledger: Ledger, { jobId, token }: Intent, database: string): readonly string[] {
  return ledger
    .openIntents(jobId)
    .filter(({ intent }) => intent.token !== token)
    .flatMap(({ intent }) => [...(tablesOf(intent).get(database) ?? [])]);
}

function respell(intent: Intent, spelled: Spelling): Intent {
  return {
    ...intent,
    effects: intent.effects.map((effect) => respellEffect(effect, spelled)),
    observations: intent.observations.map(({ resource, state }) => ({
      resource: respellResource(resource, spelled),
      state,
    })),
  };
}

function respellEffect(effect: Effect, spelled: Spelling): Effect {
  if (!('database' in effect)) return effect;
  if (effect.kind === 'sql')
    return { ...effect, writes: effect.writes.map((table) => spelled(effect.database, table)) };
  return { ...effect, table: spelled(effect.database, effect.table) };
}

function respellResource(resource: string, spelled: Spelling): string {
  const parsed = parseResource(resource);
  return 'table' in parsed ? formatResource({ ...parsed, table: spelled(parsed.database, parsed.table) }) : resource;
}

/**
 * What databases will do by themselves with the changes of an intent, as far as it can be known before: for a person
 * who approves it. Applied is only what was shown: a list that differs by then makes the draft stale.
 */
import type { Reach } from '../../effects/database/reach.ts';
import { canonicalJson } from '../../model/canonical-json.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import type { Foreseen, Intent } from '../../model/record/intent.ts';
import type { Claim } from '../attempt/claim.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { databaseEffects, databaseNames, rowChanges } from './application.ts';
import { tablesOf } from './recorded-rows.ts';
import { rowsTakenAlong, type TakenAlong } from './watched-rows.ts';

export interface ForeseeingSite {
  readonly workspace: Workspace;
  readonly settings: JobSettings;
  readonly claim: Pick<Claim, 'recordedTables'>;
}

/** The intent itself where nothing is foreseen. Reads only. */
export async function withForeseen({ workspace, settings, claim }: ForeseeingSite, intent: Intent): Promise<Intent> {
  const foreseen: Foreseen[] = [];
  for (const name of databaseNames(intent)) {
    const database = await workspace.database(name, settings);
    const effects = databaseEffects(intent, name);
    const tables = tablesOf(effects.map(([, effect]) => effect));
    const reach = await database.reach(tables);
    const spellings = [...claim.recordedTables(name), ...tables];
    const site = { name, dialect: database.dialect, reader: database, reach, spellings };
    const changes = rowChanges(effects).map(([, change]) => change);
    foreseen.push(...foreseenOf(name, await rowsTakenAlong(site, changes), reach));
  }
  return foreseen.length === 0 ? intent : { ...intent, foreseen };
}

/** Is what the transaction finds what was shown? */
export function isAsForeseen({ foreseen = [] }: Intent, name: string, found: readonly Foreseen[]): boolean {
  const shown = foreseen.filter(({ database }) => database === name);
  return canonicalJson(inOrder(shown)) === canonicalJson(inOrder(found));
}

/** A server gives rows in any order. */
function inOrder(foreseen: readonly Foreseen[]): readonly string[] {
  return foreseen.map((one) => canonicalJson(one)).sort();
}

/** What a person is shown of one database. */
export function foreseenOf(database: string, { rows, beyond }: TakenAlong, { acts }: Reach): readonly Foreseen[] {
  return [
    ...rows.map(({ resource, by }) => ({ database, what: resource, why: by })),
    ...beyond.map((one) => ({ database, ...one })),
    ...acts.map(({ kind, name, table }) => ({
      database,
      what: `${kind} ${name} of ${table}`,
      why: 'may change other rows; what the record does not have of them is not undone',
    })),
  ];
}

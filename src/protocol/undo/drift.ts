/** What is not as recorded where an undoing is to change it, as a comparison of the world would tell it. */
import type { JobSettings } from '../../model/job/settings.ts';
import type { Finding } from '../../model/question/finding.ts';
import type { DatabaseEffect } from '../../model/record/effect.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { readRecorded, recordedRows } from '../commit/recorded-rows.ts';
import { compare } from '../compare/compare.ts';
import type { ProtocolHost } from '../host.ts';
import { withoutRerun } from '../question/discrepancy.ts';
import type { Workspace } from '../workspace/workspace.ts';

export interface UndoWorld {
  readonly host: ProtocolHost;
  readonly workspace: Workspace;
  readonly ledger: Ledger;
  readonly settings: JobSettings;
  readonly jobId: string;
}

/** A statement must not take in what somebody else has changed. */
export async function statementDrift(
  world: UndoWorld,
  changes: readonly DatabaseEffect[],
): Promise<readonly Finding[]> {
  const { ledger, jobId, workspace, settings } = world;
  const drifted: string[] = [];
  for (const [name, group] of Map.groupBy(changes, ({ database }) => database)) {
    const database = await workspace.database(name, settings);
    const { dialect } = database;
    const found = await readRecorded(database, recordedRows({ ledger, jobId, name, dialect }, group));
    drifted.push(...found.filter(({ isAsRecorded }) => !isAsRecorded).map(({ resource }) => resource));
  }
  return drifted.length === 0 ? [] : await driftOf(world, drifted);
}

/** No step runs again any more: the findings offer neither `rerun` nor `undo`. */
export async function driftOf(
  { host, workspace, ledger, settings, jobId }: UndoWorld,
  resources: readonly string[],
): Promise<readonly Finding[]> {
  const only = new Set(resources);
  const { at } = ledger.job(jobId)!;
  const manifest = ledger.manifest(jobId);
  const { findings } = await compare({ host, workspace, settings, jobId, ledger, at, manifest }, only);
  return findings.filter(({ resource }) => only.has(resource)).map(withoutRerun);
}

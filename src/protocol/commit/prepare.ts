/** Writes the new contents of an intent's files beside their targets, before the lock is taken where that may take long. */
import { Turns } from '../../effects/turns.ts';
import { changesKind } from '../../model/record/effect.ts';
import type { FileState } from '../../model/record/world.ts';
import { faultPointAsync } from '../../store/fault-point.ts';
import type { IntentRow } from '../../store/ledger/intents.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { PreparedFile } from '../workspace/files.ts';
import type { Workspace } from '../workspace/workspace.ts';

/** By effect; undefined where it is no file. */
export type PreparedFiles = readonly (PreparedFile | undefined)[];

/** More files than these are committed in batches. */
export const MAX_FILES_ONE_BY_ONE = 100;
/** Small files whose fsync runs beside what else is prepared. */
const MAX_SYNCS_AT_ONCE = 8;

/** Writes new contents beside their targets; nothing slow then happens under the lock. Safe to repeat. */
export async function prepareFiles(
  { workspace, row }: { readonly workspace: Workspace; readonly row: IntentRow },
  overrides: ReadonlyMap<number, FileState> = new Map(),
): Promise<PreparedFiles> {
  const prepared: (PreparedFile | undefined)[] = [];
  const turns = new Turns();
  const files = row.intent.effects.filter((effect) => 'path' in effect);
  if (files.length > MAX_FILES_ONE_BY_ONE) await workspace.files.captureReplaced(files);
  for (const [index, effect] of row.intent.effects.entries()) {
    await prepared[index - MAX_SYNCS_AT_ONCE]?.durable;
    const before =
      overrides.get(index) ??
      (row.state === 'applying' && 'path' in effect && changesKind(effect)
        ? await workspace.files.absentMidCommit(effect, row.intent.token, index)
        : undefined);
    prepared.push(
      'path' in effect ? await workspace.files.prepare(effect, row.intent.token, index, before) : undefined,
    );
    await turns.take();
  }
  await faultPointAsync('prepare.files-written');
  return prepared;
}

/** What a person decided may be replaced, by effect. */
export function overridesOf(ledger: Ledger, row: IntentRow): ReadonlyMap<number, FileState> {
  return new Map(
    [...ledger.effectMarks(row.intent.token)].flatMap(([index, mark]) =>
      mark.outcome === 'overwrite' ? [[index, mark.after as FileState] as const] : [],
    ),
  );
}

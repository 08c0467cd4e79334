/** Writes the new contents of an intent's files beside their targets: applying them is then only a rename each. */
import { Turns } from '../../effects/turns.ts';
import { changesKind, type FileEffect } from '../../model/record/effect.ts';
import { fileState } from '../../model/record/narrowed-state.ts';
import type { FileState } from '../../model/record/world.ts';
import { faultPointAsync } from '../../store/fault-point.ts';
import type { IntentRow } from '../../store/ledger/intents.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { PreparedFile } from '../../effects/files/prepare.ts';
import type { Workspace } from '../workspace/workspace.ts';

/** By effect; undefined where the effect changes no file. */
export type PreparedFiles = readonly (PreparedFile | undefined)[];

/** Files that a person decided may be replaced as they were found, by effect. */
export type FileOverrides = ReadonlyMap<number, FileState>;

/** More files than these are committed in batches. */
export const MAX_FILES_ONE_BY_ONE = 100;
/** Small files whose fsync runs while the next ones are prepared. */
const MAX_SYNCS_AT_ONCE = 8;

/**
 * Needs no lock: whatever may take long is over before the lock is taken. Safe to repeat: where one of many can't be
 * prepared, none stays.
 */
export async function prepareFiles(
  workspace: Workspace,
  row: IntentRow,
  overrides: FileOverrides = new Map(),
): Promise<PreparedFiles> {
  const { effects } = row.intent;
  const prepared: (PreparedFile | undefined)[] = [];
  const turns = new Turns();
  const files = effects.filter((effect) => 'path' in effect);
  if (files.length > MAX_FILES_ONE_BY_ONE) await workspace.files.captureReplaced(files);
  try {
    for (const [index, effect] of effects.entries()) {
      await prepared[index - MAX_SYNCS_AT_ONCE]?.durable;
      if ('path' in effect) {
        const before = overrides.get(index) ?? (await absentMidCommit(workspace, row, index, effect));
        // What is half applied may be there already.
        const isNew = effect.before.kind === 'absent' && row.state !== 'applying';
        prepared.push(await workspace.files.prepare(effect, { token: row.intent.token, index }, { before, isNew }));
      } else prepared.push(undefined);
      await turns.take();
    }
    await faultPointAsync('prepare.files-written');
    return prepared;
  } catch (error) {
    discardFiles(workspace, prepared);
    throw error;
  }
}

/** What was prepared and not committed is taken away; whoever goes on prepares it again. Never fails. */
export function discardFiles(workspace: Workspace, prepared: PreparedFiles): void {
  for (const file of prepared) if (file !== undefined) workspace.files.discard(file);
}

export function overridesOf(ledger: Ledger, { intent }: IntentRow): FileOverrides {
  const overrides = new Map<number, FileState>();
  for (const [index, { outcome, after }] of ledger.effectMarks(intent.token)) {
    const effect = intent.effects[index];
    if (outcome === 'overwrite' && effect !== undefined && 'path' in effect) overrides.set(index, fileState(after));
  }
  return overrides;
}

/** A path that becomes another kind of thing is empty for a moment; an attempt may have been killed then. */
async function absentMidCommit(
  workspace: Workspace,
  { state, intent }: IntentRow,
  index: number,
  effect: FileEffect,
): Promise<FileState | undefined> {
  if (state !== 'applying' || !changesKind(effect)) return undefined;
  return await workspace.files.absentMidCommit(effect, intent.token, index);
}

/**
 * Removes temporary files whose attempts the ledger does not know: a power loss may take the note of an attempt and
 * leave what it had written beside its targets.
 *
 * Invariants
 * 1. Only what bears a name that Holdfast gives, down to its random digits, is removed, and only outside the changes
 *    that the caller names; a folder only where it is empty.
 * 2. Folders that are workspaces of their own are not entered, nor is any symbolic link.
 */
import { lstatSync, readdirSync, type Dirent } from 'node:fs';
import { HOLDFAST_DIRECTORY } from '../../model/step/workspace-path.ts';
import { diskNowMs } from '../../store/disk-clock.ts';
import { systemCode, tryUnlink } from '../../store/durable-file.ts';
import { Turns } from '../turns.ts';
import { shortToken } from './change.ts';
import { OpenFolder } from './open-folder.ts';
import { PROBE_NAME } from './targets.ts';
import { removeTemporary, TEMPORARY_NAME } from './temporary.ts';
import type { FileWorkspace } from './workspace.ts';

/** A probe is there for microseconds. */
const PROBE_MS = 60_000;

/** Call under the lock. Takes as long as looking at every name in the workspace. Safe to repeat. */
export async function removeForgottenFiles(workspace: FileWorkspace, knownTokens: readonly string[]): Promise<void> {
  const known = new Set(knownTokens.map(shortToken));
  const turns = new Turns();
  const pending = [''];
  for (let place = pending.pop(); place !== undefined; place = pending.pop()) {
    const entries = entriesOf(`${workspace.root}/${place}`);
    if (place !== '' && entries.some(({ name }) => name === HOLDFAST_DIRECTORY)) continue;
    for (const entry of entries) {
      await turns.take();
      const isForgotten = isForgottenName(entry.name, known);
      if (isForgotten) removeIn(workspace, place, entry.name);
      else if (entry.isDirectory() && entry.name !== HOLDFAST_DIRECTORY)
        pending.push(place === '' ? entry.name : `${place}/${entry.name}`);
    }
  }
}

function isForgottenName(name: string, known: ReadonlySet<string>): boolean {
  const token = TEMPORARY_NAME.exec(name)?.[1];
  return token === undefined ? PROBE_NAME.test(name) : !known.has(token);
}

function removeIn(workspace: FileWorkspace, place: string, name: string): void {
  const folder = OpenFolder.open(workspace, place);
  if (folder === undefined) return;
  try {
    const path = folder.at(name);
    if (!PROBE_NAME.test(name)) return removeTemporary(path);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isFile() !== true || stat.size !== 0) return;
    const nowMs = diskNowMs(`${workspace.root}/${HOLDFAST_DIRECTORY}`);
    if (nowMs - stat.mtimeMs > PROBE_MS) tryUnlink(path);
  } finally {
    folder.close();
  }
}

/** What can't be listed holds nothing that can be removed. */
function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES' || code === 'EPERM') return [];
    throw error;
  }
}

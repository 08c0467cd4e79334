/** A change of one path of the workspace from one state to another, and what its temporary files are named by. */
import type { FileEffect } from '../../model/record/effect.ts';
import { sameState, type FileState } from '../../model/record/world.ts';
import { glanceAt, observeFile } from './observation.ts';
import { TEMPORARY_PREFIX } from './path.ts';
import type { FileSighting } from './sighting.ts';
import type { FileWorkspace } from './workspace.ts';

/** What every file effect is; also what a restore or an undo is. */
export interface FileChange {
  readonly path: string;
  readonly before: FileState;
  readonly after: FileState;
  /**
   * Nothing was there a moment ago, and whoever makes the change looks again: what has come there since is not touched,
   * so that it needs no looking at before. Default: false.
   */
  readonly isNew?: boolean;
}

/**
 * Names a change among all: the step's token (a repair's: its question's digest), and what it is a change of: the place
 * in the list of effects, or a repair's word for it. The same change has the same name in each attempt, whatever was
 * done before it: under this name an attempt finds what an earlier one has captured.
 */
export interface ChangeName {
  readonly token: string;
  readonly index: number | string;
}

export interface CheckedFile {
  readonly is: 'before' | 'after' | 'neither' | 'unreadable';
  readonly found: FileSighting;
}

export function changeOf({ path, before, after }: FileEffect): FileChange {
  return { path, before, after };
}

/** `.holdfast-<16 digits of the token>-<index>`: how the name of everything temporary of a change begins. */
export function temporaryStem({ token, index }: ChangeName): string {
  return `${TEMPORARY_PREFIX}${shortToken(token)}-${index}`;
}

/** As much of a token as stands in the names of its files. */
export function shortToken(token: string): string {
  return token.slice(0, 16);
}

/**
 * Is the target still as the change expects it? `earlier` (from preparing or observing) spares reading a large file
 * again.
 */
export async function checkFile(
  workspace: FileWorkspace,
  change: FileChange,
  earlier?: FileSighting,
): Promise<CheckedFile> {
  const glance = earlier && glanceAt(workspace, change.path, earlier);
  const found = glance ? earlier : await observeFile(workspace, change.path);
  if (found.outcome === 'unreadable') return { is: 'unreadable', found };
  if (sameState(found.state, change.before)) return { is: 'before', found };
  return { is: sameState(found.state, change.after) ? 'after' : 'neither', found };
}

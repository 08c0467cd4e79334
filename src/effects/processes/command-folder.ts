/**
 * Where commands work: `.holdfast/commands/<id>/tree`, a folder for each command, and beside it a note that names its
 * owner.
 *
 * Invariants
 * 1. The note is there before the folder and is removed after it: a folder without a note was being removed.
 * 2. The leftovers of a dead process (its command's processes, then the folder) are removed by the next verification or
 *    release; a folder whose owner may be alive is not touched.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import * as z from 'zod';
import { storageError, systemCode } from '../../store/durable-file.ts';
import {
  isAlive,
  isOnThisHost,
  ProcessIdentitySchema,
  thisProcess,
  type ProcessIdentity,
} from '../../store/lock/process-identity.ts';
import { killLeftoverProcesses } from './leftovers.ts';
import { removeTree } from '../files/remove-tree.ts';

export interface CommandFolder {
  /** Also the marker of its processes. */
  readonly id: string;
  readonly path: string;
  /** The copy; not there yet. */
  readonly tree: string;
}

const NoteSchema = z.object({ owner: ProcessIdentitySchema, step: z.string() });

/** Tools that look for ignore files upward would find `.holdfast/.gitignore`, which ignores everything. */
const IGNORE_NOTHING = '!*\n';

/** @throws HoldfastError `permission-denied`, `storage-failed` */
export function makeCommandFolder(holdfastDirectory: string, step: string): CommandFolder {
  const folder = folderOf(holdfastDirectory, randomUUID());
  try {
    mkdirSync(join(holdfastDirectory, 'commands'), { recursive: true, mode: 0o700 });
    writeFileSync(
      `${folder.path}.json`,
      JSON.stringify({ owner: thisProcess(), step } satisfies z.infer<typeof NoteSchema>),
      { mode: 0o600 },
    );
    mkdirSync(folder.path, { mode: 0o700 });
    writeFileSync(join(folder.path, '.gitignore'), IGNORE_NOTHING);
  } catch (error) {
    throw storageError('mkdir', folder.path, error);
  }
  return folder;
}

/** Safe to repeat. */
export async function removeCommandFolder(folder: CommandFolder): Promise<void> {
  await removeTree(folder.path);
  rmSync(`${folder.path}.json`, { force: true });
}

/**
 * Ends the leftover processes of dead workers' commands, and removes what they worked in. Safe to repeat, and to do at
 * once.
 */
export async function removeDeadCommands(holdfastDirectory: string): Promise<void> {
  for (const id of idsIn(join(holdfastDirectory, 'commands'))) {
    const folder = folderOf(holdfastDirectory, id);
    const owner = ownerOf(`${folder.path}.json`);
    if (owner === undefined || !isDead(owner)) continue;
    await killLeftoverProcesses({ marker: id, leader: undefined, folder: folder.path });
    await removeCommandFolder(folder);
  }
}

function folderOf(holdfastDirectory: string, id: string): CommandFolder {
  const path = join(holdfastDirectory, 'commands', id);
  return { id, path, tree: join(path, 'tree') };
}

function idsIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).flatMap((name) => (name.endsWith('.json') ? [name.slice(0, -'.json'.length)] : []));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw storageError('list', directory, error);
  }
}

/** Undefined: it is being written, or was removed meanwhile. */
function ownerOf(note: string): ProcessIdentity | undefined {
  try {
    return NoteSchema.safeParse(JSON.parse(readFileSync(note, 'utf8'))).data?.owner;
  } catch {
    return undefined;
  }
}

/** Of another container nothing can be told; no process of another host or of an earlier boot runs here. */
function isDead(owner: ProcessIdentity): boolean {
  const self = thisProcess();
  return isOnThisHost(owner) ? !isAlive(owner) : owner.host !== self.host || owner.bootId !== self.bootId;
}

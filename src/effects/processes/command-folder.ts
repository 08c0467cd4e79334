/**
 * Where commands work: `.holdfast/commands/<id>/tree`, a folder for each command, and beside it a note on what runs
 * there and a lock that the worker has as long as the command is its own.
 *
 * Invariants
 * 1. The lock is there before the note, the note before the folder; they are removed in the opposite order. So a folder
 *    without a note was being removed, and a note without a lock is of a version that had none.
 * 2. The leftovers of a dead process (its command's processes, then the folder) are removed by the next verification or
 *    release. Whether it is dead is told by the lock (life.ts), in whatever container it ran; a folder whose worker may
 *    be alive is not touched.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import * as z from 'zod';
import { fileAgeMs } from '../../store/disk-clock.ts';
import { storageError, systemCode } from '../../store/durable-file.ts';
import { Life } from '../../store/life/life.ts';
import { isGone, ProcessIdentitySchema, thisProcess } from '../../store/life/process-identity.ts';
import { killLeftoverProcesses } from './leftovers.ts';
import { removeTree } from '../files/remove-tree.ts';

export interface CommandFolder {
  /** Also the marker of its processes. */
  readonly id: string;
  readonly path: string;
  /** The copy; not there yet. */
  readonly tree: string;
  /** Undefined: of a version that had no locks. */
  readonly life: Life | undefined;
}

/** Which command it is, for whoever finds it. */
export interface CommandNote {
  readonly jobId: string;
  readonly step: string;
  /** The call that it is, of a command in the workspace itself. */
  readonly call?: { readonly token: string; readonly name: string };
}

const NoteSchema = z.object({
  owner: ProcessIdentitySchema,
  step: z.string(),
  // Version 0.1 wrote none of these.
  jobId: z.string().optional(),
  startedAt: z.string().optional(),
  call: z.object({ token: z.string(), name: z.string() }).optional(),
});

/** So often a new folder may be taken for a dead worker's before its lock is obtained. */
const MAX_FOLDERS = 10;
/** A note that nobody can read and that is older was not being written, but failed to be. */
const WRITTEN_WITHIN_MS = 60_000;

/** Tools that look for ignore files upward would find `.holdfast/.gitignore`, which ignores everything. */
const IGNORE_NOTHING = '!*\n';

/** @throws HoldfastError `permission-denied`, `storage-failed` */
export function makeCommandFolder(holdfastDirectory: string, note: CommandNote): CommandFolder {
  const commands = join(holdfastDirectory, 'commands');
  let folder: CommandFolder | undefined;
  try {
    makeFolder(commands);
    folder = lockedFolder(holdfastDirectory);
    const written: LivingCommand['note'] = { ...note, owner: thisProcess(), startedAt: new Date().toISOString() };
    writeText(noteOf(folder), JSON.stringify(written));
    makeFolder(folder.path);
    writeText(join(folder.path, '.gitignore'), IGNORE_NOTHING);
    return folder;
  } catch (error) {
    if (folder !== undefined) giveUp(folder);
    throw error;
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw storageError('mkdir', path, error);
  }
}

function writeText(path: string, text: string): void {
  try {
    writeFileSync(path, text, { mode: 0o600 });
  } catch (error) {
    throw storageError('write', path, error);
  }
}

/** Safe to repeat. What can't be removed now is a dead worker's to whoever looks next, also in this process. */
export async function removeCommandFolder(folder: CommandFolder): Promise<void> {
  try {
    await removeTree(folder.path);
    rmSync(noteOf(folder), { force: true });
  } catch (error) {
    folder.life?.free();
    throw error;
  }
  folder.life?.end();
}

/** A command whose worker may be alive. */
export interface LivingCommand {
  readonly id: string;
  readonly note: z.infer<typeof NoteSchema>;
}

/**
 * Ends the leftover processes of dead workers' commands, and removes what they worked in. Safe to repeat, and to do at
 * once.
 * @returns the commands that are not removed
 */
export async function removeDeadCommands(holdfastDirectory: string): Promise<readonly LivingCommand[]> {
  const living: LivingCommand[] = [];
  for (const id of idsIn(join(holdfastDirectory, 'commands'))) {
    const folder = ofDead(folderOf(holdfastDirectory, id));
    if (folder === undefined) {
      const note = readNote(folderOf(holdfastDirectory, id));
      if (note !== undefined) living.push({ id, note });
      continue;
    }
    await killLeftoverProcesses({ marker: id, leader: undefined, folder: folder.path });
    await removeCommandFolder(folder);
  }
  return living;
}

function lockedFolder(holdfastDirectory: string): CommandFolder {
  for (let count = 1; ; count++) {
    const folder = folderOf(holdfastDirectory, randomUUID());
    const life = count < MAX_FOLDERS ? Life.tryTake(lockOf(folder)) : Life.take(lockOf(folder));
    if (life !== undefined) return { ...folder, life };
  }
}

/** What could not be made whole is not left behind. Never fails. */
function giveUp(folder: CommandFolder): void {
  try {
    rmSync(folder.path, { recursive: true, force: true });
    rmSync(noteOf(folder), { force: true });
  } catch {
    // The next comparison removes it: its lock is free.
  } finally {
    folder.life?.end();
  }
}

function folderOf(holdfastDirectory: string, id: string): CommandFolder {
  const path = join(holdfastDirectory, 'commands', id);
  return { id, path, tree: join(path, 'tree'), life: undefined };
}

function noteOf({ path }: CommandFolder): string {
  return `${path}.json`;
}

function lockOf({ path }: CommandFolder): string {
  return `${path}.lock`;
}

/** With its lock, where it has one. Undefined: its worker may be alive, or it is being removed. */
function ofDead(folder: CommandFolder): CommandFolder | undefined {
  if (existsSync(lockOf(folder))) {
    const life = Life.ofDead(lockOf(folder));
    return life === undefined ? undefined : { ...folder, life };
  }
  const note = readNote(folder);
  return (note === undefined ? isAbandoned(noteOf(folder)) || isAlone(folder) : isGone(note.owner))
    ? folder
    : undefined;
}

/** It is made behind its lock and its note, and goes before both: alone it is what a power loss has left. */
function isAlone(folder: CommandFolder): boolean {
  return existsSync(folder.path) && !existsSync(noteOf(folder)) && !existsSync(lockOf(folder));
}

/** Could a note that can't be read not be written, long ago? */
function isAbandoned(note: string): boolean {
  return (fileAgeMs(note) ?? 0) > WRITTEN_WITHIN_MS;
}

function idsIn(directory: string): readonly string[] {
  try {
    const ids = readdirSync(directory).flatMap((name) => /^(.+?)(?:\.json|\.lock)?$/.exec(name)?.[1] ?? []);
    return [...new Set(ids)];
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw storageError('list', directory, error);
  }
}

/** Undefined: it is being written, could not be written, or was removed meanwhile. */
function readNote(folder: CommandFolder): LivingCommand['note'] | undefined {
  try {
    return NoteSchema.safeParse(JSON.parse(readFileSync(noteOf(folder), 'utf8'))).data;
  } catch {
    return undefined;
  }
}

/** Removes what a command worked in. Nothing in it is followed: a symbolic link is removed, not its target. */
import { chmodSync, lstatSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { storageError, systemCode } from '../../store/durable-file.ts';
import { Turns } from '../turns.ts';

/** Removes a folder or file, with any modes and names that a command has made in it. Safe to repeat. */
export async function removeTree(path: string): Promise<void> {
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isDirectory() === true) await removeFolder(Buffer.from(path), new Turns());
    else if (stat !== undefined) unlinkSync(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw storageError('remove', path, error);
  }
}

async function removeFolder(folder: Buffer, turns: Turns): Promise<void> {
  if (process.getuid?.() !== 0) chmodSync(folder, 0o700);
  // As bytes: a command may have made names that are no text.
  for (const entry of readdirSync(folder, { withFileTypes: true, encoding: 'buffer' })) {
    const path = Buffer.concat([folder, Buffer.from('/'), entry.name]);
    if (entry.isDirectory()) await removeFolder(path, turns);
    else unlinkSync(path);
    await turns.take();
  }
  rmdirSync(folder);
}

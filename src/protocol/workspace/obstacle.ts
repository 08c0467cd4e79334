/**
 * What stands where a workspace and its record are to be: a file in the place of a folder, a link to nowhere, a disk
 * that is not mounted. A few looks; nothing is opened or made.
 */
import { lstatSync, readlinkSync, statSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { HoldfastError } from '../../model/failure.ts';
import { HOLDFAST_DIRECTORY } from '../../model/step/workspace-path.ts';
import { OF_RECORD, storageError, systemCode } from '../../store/durable-file.ts';
import { LEDGER_FILE } from '../../store/ledger/file.ts';

type Kind = 'folder' | 'file';

/** @throws HoldfastError `workspace-unusable` naming the path and what stands there, `permission-denied`, … */
export function mustBeUsable(path: string): void {
  if (!isOf('folder', path, 'the workspace')) return;
  const directory = join(path, HOLDFAST_DIRECTORY);
  if (!isOf('folder', directory, "the workspace's folder for its record")) return;
  isOf('file', join(directory, LEDGER_FILE), 'the ledger');
  isOf('file', join(directory, 'lock.sqlite'), "the workspace's lock");
}

/** False: nothing is there. */
function isOf(kind: Kind, path: string, role: string): boolean {
  const stat = statIfThere(path, role);
  if (stat === undefined) return false;
  if (kind === 'folder' ? stat.isDirectory() : stat.isFile()) return true;
  throw unusable(path, `${whatOf(stat)} stands there`, role);
}

/** A link is followed; one that leads nowhere is not "nothing". */
function statIfThere(path: string, role: string): Stats | undefined {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) refuseLinkToNowhere(path, role);
    return stat;
  } catch (error) {
    if (error instanceof HoldfastError) throw error;
    const code = systemCode(error);
    if (code === 'ELOOP') throw unusable(path, 'a symbolic link on the way leads in a circle', role);
    if (code === 'ENOTDIR') throw unusable(path, 'a file stands in the place of a folder above it', role);
    throw storageError('look at', path, error, OF_RECORD);
  }
}

/** Also where it is a folder above that is such a link. */
function refuseLinkToNowhere(path: string, role: string): void {
  for (let place = path; ; place = dirname(place)) {
    const stat = lstatSync(place, { throwIfNoEntry: false });
    if (stat?.isSymbolicLink() === true) {
      const what = `"${place}" is a symbolic link to "${readlinkSync(place)}", where nothing is`;
      throw unusable(path, what, role);
    }
    if (stat !== undefined || dirname(place) === place) return;
  }
}

function unusable(path: string, found: string, role: string): HoldfastError {
  return new HoldfastError('workspace-unusable', `"${path}" cannot be ${role}: ${found}.`, { path });
}

function whatOf(stat: Stats): string {
  if (stat.isFile()) return 'a file';
  if (stat.isDirectory()) return 'a folder';
  if (stat.isFIFO()) return 'a FIFO';
  return stat.isSocket() ? 'a socket' : 'a device';
}

/**
 * Observing files: a few small ones on this thread, the rest by the hash workers on every core.
 *
 * Invariant: what the world does to a file (gone, unreadable, a link out of the workspace) is told as a sighting;
 * errors are for paths that may not be looked at.
 */
import { join } from 'node:path';
import { defined } from '../../model/defined.ts';
import type { FileState } from '../../model/record/world.ts';
import { Turns } from '../turns.ts';
import type { KnownFiles } from './known-files.ts';
import { FileLooker } from './looker.ts';
import { isStillAsHashed, type FileSighting } from './sighting.ts';
import { tryStatOf } from './stat.ts';
import { viewOf } from './view.ts';
import type { FileWorkspace } from './workspace.ts';

export interface ObserveOptions {
  /** Told now and then how many of the paths have been looked at. */
  readonly onProgress?: (count: number, total: number) => void;
  /** A quick look: what is still as it was hashed last is not read. Default: every file is read. */
  readonly known?: KnownFiles;
}

/** This much is hashed in less time than a worker takes to answer. */
const MAX_PATHS_HERE = 64;
const MAX_BYTES_HERE = 256 * 1024;

/** Looks at one path (normal, see `normalisePath`). Changes nothing; safe to repeat. */
export async function observeFile(workspace: FileWorkspace, path: string): Promise<FileSighting> {
  const [sighting] = await observeFiles(workspace, [path]);
  return sighting!;
}

/** One sighting a path, in order. */
export async function observeFiles(
  workspace: FileWorkspace,
  paths: readonly string[],
  options: ObserveOptions = {},
): Promise<FileSighting[]> {
  const { onProgress, known } = options;
  if (known !== undefined) return await lookQuickly(workspace, paths, known, onProgress);
  const view = viewOf(workspace);
  if (paths.length > MAX_PATHS_HERE)
    return workspace.pool.look(view, paths, onProgress && ((count) => onProgress(count, paths.length)));
  const looker = new FileLooker(view);
  const sightings = paths.map((path) => looker.look(path, MAX_BYTES_HERE));
  const large = paths.filter((_, index) => sightings[index] === undefined);
  const here = paths.length - large.length;
  if (large.length === 0) onProgress?.(here, paths.length);
  const fromWorkers =
    large.length === 0
      ? []
      : await workspace.pool.look(view, large, onProgress && ((count) => onProgress(here + count, paths.length)));
  return sightings.map((sighting) => sighting ?? fromWorkers.shift()!);
}

async function lookQuickly(
  workspace: FileWorkspace,
  paths: readonly string[],
  known: KnownFiles,
  onProgress: ObserveOptions['onProgress'],
): Promise<FileSighting[]> {
  const looker = new FileLooker(viewOf(workspace));
  const turns = new Turns();
  const sightings: (FileSighting | undefined)[] = [];
  for (const path of paths) {
    const earlier = known.get(path);
    const sighting = earlier === undefined ? undefined : looker.glance(path, earlier);
    if (sighting !== undefined) known.noteUnread();
    sightings.push(sighting);
    await turns.take();
  }
  const unknown = paths.filter((_, index) => sightings[index] === undefined);
  const here = paths.length - unknown.length;
  if (unknown.length === 0) onProgress?.(here, paths.length);
  const progress = onProgress && ((count: number): void => onProgress(here + count, paths.length));
  const read = unknown.length === 0 ? [] : await observeFiles(workspace, unknown, defined({ onProgress: progress }));
  let next = 0;
  const all = sightings.map((sighting) => sighting ?? read[next++]!);
  paths.forEach((path, index) => known.note(path, all[index]!));
  return all;
}

/** How many names (hard links) a file has; 1 for whatever else is there, or nothing. */
export function namesOf(workspace: FileWorkspace, path: string): number {
  const stat = tryStatOf(join(workspace.root, path));
  return stat?.isFile() === true ? Number(stat.nlink) : 1;
}

/**
 * Does the file still show what was seen before? By its stamp where that can tell, without reading it; else undefined:
 * look again. Never for a small file that could as well be read.
 */
export function glanceAt(workspace: FileWorkspace, path: string, earlier: FileSighting): FileState | undefined {
  if (earlier.outcome !== 'seen' || earlier.stamp === undefined || earlier.stamp.sizeBytes <= MAX_BYTES_HERE)
    return undefined;
  const now = tryStatOf(join(workspace.root, path));
  return now !== undefined && isStillAsHashed(earlier.stamp, now) ? earlier.state : undefined;
}

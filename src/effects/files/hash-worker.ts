/** A thread that looks at batches of files: hashing on every core, without a round through the thread pool a call. */
import { parentPort } from 'node:worker_threads';
import { FileLooker } from './looker.ts';
import { unreadable, type FileSighting } from './sighting.ts';
import type { FileView } from './workspace.ts';

export interface HashRequest {
  readonly id: number;
  readonly view: FileView;
  readonly paths: readonly string[];
}

export interface HashReply {
  readonly id: number;
  readonly sightings: readonly FileSighting[];
}

parentPort?.on('message', ({ id, view, paths }: HashRequest) => {
  const looker = new FileLooker(view);
  const sightings = paths.map((path): FileSighting => looker.look(path) ?? unreadable('it was not read'));
  parentPort?.postMessage({ id, sightings } satisfies HashReply);
});

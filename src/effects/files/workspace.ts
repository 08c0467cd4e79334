/** The types of a workspace as file effects see it. `open-workspace.ts` makes one. */
import type { FileSighting } from './sighting.ts';

/** Device and inode of every file that must not be opened, as they are now. */
export type ReservedInodes = ReadonlySet<string>;

/** What a look needs of a workspace; plain data, so that it can go to a worker thread. */
export interface FileView {
  readonly root: string;
  readonly rootDevice: bigint;
  readonly reserved: ReservedInodes;
}

/** Looks at many files at once, on every core. */
export interface HashWorkers {
  /** One sighting a path, in order. `onProgress` is told how many have been looked at. */
  look(view: FileView, paths: readonly string[], onProgress?: (count: number) => void): Promise<FileSighting[]>;
}

export interface FileWorkspace {
  /** Absolute and real. */
  readonly root: string;
  readonly rootDevice: bigint;
  /** `<root>/.holdfast`. */
  readonly holdfastDirectory: string;
  /** Absolute paths of declared SQLite databases, wherever they lie. */
  readonly databasePaths: readonly string[];
  /** Of the whole process. */
  readonly pool: HashWorkers;
}

export interface FileWorkspaceOptions {
  readonly databasePaths?: readonly string[];
}

/**
 * Where the folders of one workspace really lie, looked up once a folder: for one batch of looks, not longer.
 *
 * Invariant: a folder that a symbolic link leads out of the workspace, and a workspace whose root is out of reach, are
 * unreadable; what is in them is not absent.
 */
import { lstatSync, realpathSync } from 'node:fs';
import { systemCode } from '../../store/durable-file.ts';
import { placeInWorkspace } from './path.ts';
import { sightingOfError, unreadable, type FileSighting } from './sighting.ts';
import type { FileView } from './workspace.ts';

/** A folder's real path, or what its absence means for everything in it. */
export type FolderPlace = { readonly real: string } | FileSighting;

export class FolderPlaces {
  readonly #view: Pick<FileView, 'root' | 'rootDevice'>;
  readonly #places = new Map<string, FolderPlace>();
  #root: FileSighting | 'reachable' | undefined;

  constructor(view: Pick<FileView, 'root' | 'rootDevice'>) {
    this.#view = view;
  }

  of(folder: string): FolderPlace {
    let place = this.#places.get(folder);
    if (place === undefined) this.#places.set(folder, (place = this.#find(folder)));
    return place;
  }

  #find(folder: string): FolderPlace {
    this.#root ??= this.#findRoot();
    if (this.#root !== 'reachable') return this.#root;
    try {
      const real = realpathSync.native(`${this.#view.root}/${folder}`);
      if (placeInWorkspace(this.#view.root, real) !== undefined) return { real: real === '/' ? '' : real };
      return { ...unreadable(`a symbolic link leads "${folder}" out of the workspace`), leadsOutside: true };
    } catch (error) {
      return sightingOfError(error);
    }
  }

  /** Without its root a workspace is out of reach; its files have not been removed. */
  #findRoot(): FileSighting | 'reachable' {
    const { root, rootDevice } = this.#view;
    try {
      const isSameDevice = lstatSync(root, { bigint: true }).dev === rootDevice;
      return isSameDevice ? 'reachable' : unreadable(`"${root}" lies on another device than when it was opened`);
    } catch (error) {
      const code = systemCode(error);
      const reason = `the workspace "${root}" cannot be reached (${code ?? 'unknown error'})`;
      return code === 'ENOENT' || code === 'ENOTDIR' ? unreadable(reason) : unreadable(reason, code);
    }
  }
}

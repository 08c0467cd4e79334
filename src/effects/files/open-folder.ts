/**
 * A folder of the workspace, opened so that nothing swapped in afterwards leads elsewhere.
 *
 * Invariants
 * 1. A folder is judged by where the opened directory lies, not by its path's text: a symbolic link inside the
 *    workspace is followed, one out of it is refused, and one swapped in after the opening changes nothing (on Linux
 *    every access goes through the open directory; elsewhere its path is compared before each use).
 * 2. A root that is missing, or that lies on another device than when it was opened (unmounted), is an error, not a
 *    workspace without files.
 */
import { closeSync, constants, fstatSync, fsyncSync, lstatSync, openSync, readlinkSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { HoldfastError } from '../../model/failure.ts';
import { storageError, systemCode } from '../../store/durable-file.ts';
import { atPoints } from '../../store/fault-point.ts';
import { placeInWorkspace } from './path.ts';
import type { FileWorkspace } from './workspace.ts';

type WorkspaceRoot = Pick<FileWorkspace, 'root' | 'rootDevice'>;

const HAS_DESCRIPTOR_PATHS = process.platform === 'linux';

/** An open folder of the workspace. Close it. */
export class OpenFolder {
  readonly #root: string;
  readonly #descriptor: number;
  readonly #real: string;

  /**
   * @param folder relative, normal; '' is the root
   * @returns undefined where there is no such folder
   * @throws HoldfastError `outside-workspace`, `permission-denied`, `storage-failed`
   */
  static open(workspace: WorkspaceRoot, folder: string): OpenFolder | undefined {
    const path = join(workspace.root, folder);
    let descriptor: number;
    try {
      descriptor = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NONBLOCK);
    } catch (error) {
      const code = systemCode(error);
      if (folder !== '' && (code === 'ENOENT' || code === 'ENOTDIR')) return undefined;
      throw storageError('open', path, error);
    }
    try {
      const real = realPathOf(descriptor, path);
      if (real !== undefined) {
        refuseElsewhere(workspace, folder, { descriptor, real });
        return new OpenFolder(workspace.root, descriptor, real);
      }
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
    closeSync(descriptor);
    return undefined;
  }

  private constructor(root: string, descriptor: number, real: string) {
    this.#root = root;
    this.#descriptor = descriptor;
    this.#real = real;
  }

  /** A path for system calls that goes through the open directory. */
  at(name: string): string {
    return HAS_DESCRIPTOR_PATHS ? `/proc/self/fd/${this.#descriptor}/${name}` : join(this.#real, name);
  }

  /** Where it really is, for messages. */
  get real(): string {
    return this.#real;
  }

  /** The folder itself may have been moved away since it was opened. @throws HoldfastError `outside-workspace` */
  assertInside(): void {
    const real = realPathOf(this.#descriptor, this.#real);
    if (real === undefined || placeInWorkspace(this.#root, real) === undefined)
      throw leadsOutside(this.#real, real ?? 'nowhere');
  }

  sync(): void {
    try {
      atPoints('fsync-folder', () => fsyncSync(this.#descriptor));
    } catch (error) {
      throw storageError('fsync', this.#real, error);
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** @throws HoldfastError unless the open folder lies in the workspace */
function refuseElsewhere(
  { root, rootDevice }: WorkspaceRoot,
  folder: string,
  { descriptor, real }: { readonly descriptor: number; readonly real: string },
): void {
  if (placeInWorkspace(root, real) === undefined) throw leadsOutside(folder, real);
  if (folder !== '' || fstatSync(descriptor, { bigint: true }).dev === rootDevice) return;
  throw new HoldfastError(
    'storage-failed',
    `"${root}" lies on another device than when it was opened. Is it mounted?`,
    { path: root },
  );
}

/** Undefined: the directory has no name any more, or (where descriptors have no paths) another one has it. */
function realPathOf(descriptor: number, path: string): string | undefined {
  const stat = fstatSync(descriptor);
  if (HAS_DESCRIPTOR_PATHS) return stat.nlink === 0 ? undefined : readlinkSync(`/proc/self/fd/${descriptor}`);
  const real = realpathSync.native(path);
  const there = lstatSync(real);
  return there.dev === stat.dev && there.ino === stat.ino ? real : undefined;
}

function leadsOutside(folder: string, real: string): HoldfastError {
  return new HoldfastError(
    'outside-workspace',
    `"${folder}" leads to "${real}". Expected a folder in the workspace, outside ".holdfast".`,
    { path: folder, real },
  );
}

/** Opens a directory as a workspace. */
import { realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { HoldfastError } from '../../model/failure.ts';
import { storageError, systemCode } from '../../store/durable-file.ts';
import { assertLocalFilesystem } from '../../store/filesystem.ts';
import { sharedHashPool } from './hash-pool.ts';
import { HOLDFAST_DIRECTORY } from '../../model/step/workspace-path.ts';
import type { FileWorkspace, FileWorkspaceOptions } from './workspace.ts';

/**
 * Opens an existing directory as a workspace. Cheap; holds nothing open.
 * @throws HoldfastError `not-found`, `permission-denied`, `network-filesystem`
 */
export function openFileWorkspace(root: string, options: FileWorkspaceOptions = {}): FileWorkspace {
  const { real, device } = rootAt(root);
  assertLocalFilesystem(real);
  return {
    root: real,
    rootDevice: device,
    holdfastDirectory: join(real, HOLDFAST_DIRECTORY),
    databasePaths: options.databasePaths ?? [],
    pool: sharedHashPool(),
  };
}

function rootAt(root: string): { readonly real: string; readonly device: bigint } {
  try {
    const real = realpathSync.native(root);
    const stat = statSync(real, { bigint: true });
    if (stat.isDirectory()) return { real, device: stat.dev };
    throw new HoldfastError('not-found', `"${root}" is not a directory. Expected a workspace.`, { path: root });
  } catch (error) {
    if (systemCode(error) === 'ENOENT')
      throw new HoldfastError('not-found', `There is no directory "${root}".`, { path: root }, { cause: error });
    throw storageError('open', root, error);
  }
}

/** All workspaces that a process has open: each is opened once, under its real path. */
import { existsSync, mkdirSync, realpathSync, statSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { HoldfastError } from '../../model/failure.ts';
import { HOLDFAST_DIRECTORY } from '../../model/step/workspace-path.ts';
import { syncDirectory, systemCode, writeDurably } from '../../store/durable-file.ts';
import { atPoints } from '../../store/fault-point.ts';
import { assertLocalFilesystem } from '../../store/filesystem.ts';
import { LEDGER_FILE } from '../../store/ledger/file.ts';
import { Secrets } from '../secrets/secrets.ts';
import type { WorkerEnv } from './database-url.ts';
import { Workspace } from './workspace.ts';

export class Workspaces {
  readonly #root: string;
  readonly #env: WorkerEnv;
  readonly #open = new Map<string, Workspace>();
  readonly secrets: Secrets;

  constructor(root: string, env: WorkerEnv) {
    this.secrets = new Secrets(env);
    this.#root = root;
    this.#env = env;
  }

  pathOf(workspace: string): string {
    return isAbsolute(workspace) ? resolve(workspace) : resolve(this.#root, workspace);
  }

  /**
   * The opened workspace, or undefined where there is none yet (no folder, or no ledger in it).
   * @throws HoldfastError `network-filesystem`, `permission-denied`, `storage-failed`
   */
  find(workspace: string): Workspace | undefined {
    const path = this.pathOf(workspace);
    if (!existsSync(join(path, HOLDFAST_DIRECTORY, LEDGER_FILE))) return undefined;
    return this.#opened(path);
  }

  hasFolder(workspace: string): boolean {
    return existsSync(this.pathOf(workspace));
  }

  /** Creates what is missing. Safe to repeat. @throws HoldfastError as `find`; `bad-input` where there is no folder */
  create(workspace: string): Workspace {
    const path = this.pathOf(workspace);
    try {
      createFolders(path);
    } catch (error) {
      throw creationError(path, error);
    }
    return this.#opened(path);
  }

  async close(): Promise<void> {
    for (const workspace of this.#open.values()) await workspace.close();
    this.#open.clear();
  }

  #opened(path: string): Workspace {
    const root = realpathSync(path);
    let workspace = this.#open.get(root);
    if (workspace === undefined) {
      workspace = new Workspace(root, this.#env, this.secrets);
      this.#open.set(root, workspace);
    }
    return workspace;
  }
}

function createFolders(path: string): void {
  atPoints('mkdir', () => mkdirSync(path, { recursive: true }));
  if (!statSync(path).isDirectory()) throw new HoldfastError('bad-input', `The workspace ${path} is not a folder.`);
  assertLocalFilesystem(path);
  const directory = join(path, HOLDFAST_DIRECTORY);
  atPoints('mkdir', () => mkdirSync(join(directory, 'blobs'), { recursive: true }));
  const ignore = join(directory, '.gitignore');
  if (!existsSync(ignore)) writeDurably(ignore, '*\n');
  syncDirectory(path);
}

/** In the words of a person who named the workspace, where it is theirs to change. */
function creationError(path: string, error: unknown): unknown {
  if (error instanceof HoldfastError) return error;
  const code = systemCode(error);
  switch (code) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS': {
      const message = `The workspace ${path} cannot be written (${code}).`;
      return new HoldfastError('permission-denied', message, { path }, { cause: error });
    }
    case 'EEXIST':
    case 'ENOTDIR':
      return new HoldfastError('bad-input', `The workspace ${path} is not a folder.`, { path }, { cause: error });
    default:
      return error;
  }
}

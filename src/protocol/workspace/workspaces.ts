/** All workspaces that a process has open: each is opened once, under its real path. */
import { readdirSync, realpathSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import type { JobSettings } from '../../model/job/settings.ts';
import { HOLDFAST_DIRECTORY } from '../../model/step/workspace-path.ts';
import {
  isThere,
  makeDirectory,
  makeDirectoryPath,
  OF_RECORD,
  storageError,
  syncDirectory,
  writeDurably,
} from '../../store/durable-file.ts';
import { assertLocalFilesystem } from '../../store/filesystem.ts';
import { LEDGER_FILE } from '../../store/ledger/file.ts';
import { openStore } from '../../store/sealed/open-store.ts';
import type { SealedStore } from '../../store/sealed/store.ts';
import { Secrets } from '../secrets/secrets.ts';
import type { WorkerEnv } from './database-url.ts';
import { mustBeUsable } from './obstacle.ts';
import { OpenWorkspaces } from './open-workspaces.ts';
import { storeLocation } from './store-location.ts';
import { Workspace } from './workspace.ts';

export class Workspaces {
  readonly #root: string;
  readonly #env: WorkerEnv;
  readonly #open = new OpenWorkspaces();
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
   * @throws HoldfastError `workspace-unusable`, `network-filesystem`, `permission-denied`, `storage-failed`
   */
  find(workspace: string): Workspace | undefined {
    const path = this.pathOf(workspace);
    return this.hasLedger(workspace) ? this.#opened(path) : undefined;
  }

  /** @throws HoldfastError `workspace-unusable`, `permission-denied`, `storage-failed` */
  hasLedger(workspace: string): boolean {
    const path = this.pathOf(workspace);
    mustBeUsable(path);
    return isThere(join(path, HOLDFAST_DIRECTORY, LEDGER_FILE));
  }

  hasFolder(workspace: string): boolean {
    return isThere(this.pathOf(workspace));
  }

  /** Is nothing there that somebody could have put there, or lost? */
  isNew(workspace: string): boolean {
    const path = this.pathOf(workspace);
    return !isThere(path) || readdirSync(path).every((name) => name === HOLDFAST_DIRECTORY && isBare(join(path, name)));
  }

  /**
   * Where a job's checkpoints are kept. Makes nothing; whoever asks closes it.
   * @throws HoldfastError `not-found`, `missing-variable`, `bad-input`
   */
  checkpointStore({ checkpoint }: Pick<JobSettings, 'checkpoint'>): SealedStore {
    return openStore(storeLocation(checkpoint!.store, this.#env), { base: this.#root, create: false });
  }

  /** Creates what is missing. Safe to repeat. @throws HoldfastError as `find` */
  create(workspace: string): Workspace {
    const path = this.pathOf(workspace);
    mustBeUsable(path);
    try {
      createFolders(path);
    } catch (error) {
      throw storageError('create', path, error, OF_RECORD);
    }
    return this.#opened(path);
  }

  /** Runs a request; nothing that it finds under this path is closed before it ends. */
  async using<T>(workspace: string, request: () => Promise<T>): Promise<T> {
    return await this.#open.using(this.pathOf(workspace), request);
  }

  /** A job has given it back: its files and connections are closed once no other request uses them. */
  retire(workspace: string): void {
    this.#open.retire(this.pathOf(workspace));
  }

  async close(): Promise<void> {
    await this.#open.close();
  }

  #opened(path: string): Workspace {
    const root = realPathOf(path);
    return this.#open.get(root, path, () => new Workspace(root, this.#env, this.secrets, this.#root));
  }
}

/** Has no attempt at a ledger left anything in it that a job had there? */
function isBare(directory: string): boolean {
  return readdirSync(directory).every((name) => !name.startsWith(LEDGER_FILE));
}

function createFolders(path: string): void {
  makeDirectoryPath(path);
  assertLocalFilesystem(path);
  const directory = join(path, HOLDFAST_DIRECTORY);
  // For its owner alone: what lies in it is what steps were given, wrote and answered, whatever the files' modes.
  makeDirectory(directory, 0o700);
  const ignore = join(directory, '.gitignore');
  if (!isThere(ignore)) writeDurably(ignore, '*\n');
  syncDirectory(path);
}

function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    throw storageError('look at', path, error, OF_RECORD);
  }
}

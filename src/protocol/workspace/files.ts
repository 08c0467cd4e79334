/** File effects bound to one workspace and its blobs. */
import { createHash } from 'node:crypto';
import {
  checkFile,
  discardPrepared,
  isCaptured,
  listFolder,
  normaliseFolder,
  normalisePath,
  assertReplaceable,
  namesOf,
  observeFile,
  observeFiles,
  openFileWorkspace,
  prepareFile,
  refuseSameTargets,
  removeLeftoverFiles,
  syncFolders,
  type CommitOptions,
  type FileChange,
  type FileSighting,
  type FileWorkspace,
  type PreparedFile,
} from '../../effects/files/index.ts';
import type { ChangeName } from '../../effects/files/change.ts';
import type { ObserveOptions } from '../../effects/files/observation.ts';
import { removeForgottenFiles } from '../../effects/files/forgotten.ts';
import { removeSettledCaptures } from '../../effects/files/leftovers.ts';
import { readWorkspaceFile } from '../../effects/files/read.ts';
import { databasePlaces, refuseReservedFile, reservedInodes } from '../../effects/files/reserved.ts';
import { scanTree, type Tree } from '../../effects/files/tree.ts';
import type { Digest } from '../../model/digest.ts';
import { HoldfastError, isFailure } from '../../model/failure.ts';
import type { FileEffect } from '../../model/record/effect.ts';
import { ABSENT, type FileState } from '../../model/record/world.ts';
import type { FileInfo } from '../../model/step/step-files.ts';
import type { BlobStore } from '../../store/blobs/blobs.ts';
import type { Secrets } from '../secrets/secrets.ts';
import { captureFile, captureReplaced } from './capture.ts';
import { FileDifferences, type FoundDifferenceOptions } from './difference.ts';
import {
  commitPrepared,
  fileStateNow,
  replaceFile,
  type FileCommit,
  type FilePut,
  type FileReplacement,
} from './place.ts';

export class WorkspaceFiles {
  readonly #workspace: FileWorkspace;
  readonly #blobs: BlobStore;
  readonly #differences: FileDifferences;
  /** Grows as databases are declared; the workspace sees what is in it at each look. */
  readonly #databasePaths: string[] = [];
  /** Prepared changes that are committed or discarded. */
  readonly #settled = new WeakSet<PreparedFile>();

  constructor(root: string, blobs: BlobStore) {
    this.#workspace = openFileWorkspace(root, { databasePaths: this.#databasePaths });
    this.#blobs = blobs;
    this.#differences = new FileDifferences(this.#workspace, blobs);
  }

  /** From now on these files are never file resources. */
  reserve(databasePath: string): void {
    if (!this.#databasePaths.includes(databasePath)) this.#databasePaths.push(databasePath);
  }

  /**
   * The workspace as stat shows it now, without databases and Holdfast's own files.
   * @throws HoldfastError `permission-denied`, `bad-input`
   */
  async scan(): Promise<Tree> {
    const tree = new Map(await scanTree(this.#workspace.root, reservedInodes(this.#workspace)));
    // Also those that came while it was looked at: a database's companions come and go.
    for (const path of databasePlaces(this.#workspace)) tree.delete(path);
    return tree;
  }

  /** @throws HoldfastError `reserved-path` */
  refuseReserved(path: string): void {
    refuseReservedFile(this.#workspace, path);
  }

  normalise(path: string): string {
    return normalisePath(path);
  }

  normaliseFolder(path: string): string {
    return normaliseFolder(path);
  }

  /** @throws HoldfastError `same-target-twice` */
  refuseSameTargets(targets: readonly FileChange[]): void {
    refuseSameTargets(this.#workspace, targets);
  }

  async observe(path: string): Promise<FileSighting> {
    return await observeFile(this.#workspace, path);
  }

  async observeMany(paths: readonly string[], options: ObserveOptions = {}): Promise<readonly FileSighting[]> {
    return await observeFiles(this.#workspace, paths, options);
  }

  /**
   * What is there now; `earlier` spares reading a large file again whose stamp vouches for it.
   * @throws HoldfastError `permission-denied`
   */
  async stateNow(path: string, earlier?: FileSighting): Promise<FileState> {
    return await fileStateNow(this.#workspace, path, earlier);
  }

  /** How many names (hard links) the file there has. */
  names(path: string): number {
    return namesOf(this.#workspace, path);
  }

  /** The content of a file that was seen in this state. @throws HoldfastError `busy` when it has changed since */
  async *stream(path: string, state: Extract<FileState, { kind: 'file' }>): AsyncIterable<Uint8Array> {
    const hash = createHash('sha256');
    for await (const chunk of readWorkspaceFile(this.#workspace, path)) {
      hash.update(chunk);
      yield chunk;
    }
    if (hash.digest('hex') !== state.content)
      throw new HoldfastError('busy', `${path} changed while the step read it.`, { path });
  }

  async list(folder: string, recursive: boolean): Promise<readonly FileInfo[]> {
    return await listFolder(this.#workspace, folder, { recursive });
  }

  /** Captures what many changes will replace: in batches, which costs a fraction. */
  async captureReplaced(effects: readonly FileEffect[]): Promise<void> {
    await captureReplaced(this.#workspace, this.#blobs, effects);
  }

  /** Writes a new content beside its target. Safe to repeat. */
  async prepare(
    effect: FileEffect,
    name: ChangeName,
    options: { readonly before?: FileState | undefined; readonly isNew?: boolean } = {},
  ): Promise<PreparedFile> {
    const { before = effect.before, isNew = false } = options;
    const change = { path: effect.path, before, after: effect.after, isNew };
    return await prepareFile(this.#workspace, change, this.#blobs, name);
  }

  /**
   * An attempt that ended between taking a file away and placing the new one leaves nothing at the path, and nothing
   * captured that would show it: the next attempt goes on from there. Undefined: it is not so.
   */
  async absentMidCommit({ path }: FileEffect, token: string, index: number): Promise<FileState | undefined> {
    const { found } = await checkFile(this.#workspace, { path, before: ABSENT, after: ABSENT });
    const isAbsent = found.outcome === 'seen' && found.state.kind === 'absent';
    return isAbsent && !isCaptured(this.#workspace, path, { token, index }) ? ABSENT : undefined;
  }

  /** Somebody who wrote into the old file while it was replaced gets it back: then it is a conflict like any other. */
  async commit(prepared: PreparedFile, options: Pick<CommitOptions, 'deferSync'> = {}): Promise<FileCommit> {
    this.#settled.add(prepared);
    return await commitPrepared(this.#workspace, this.#blobs, prepared, options);
  }

  /** The syncs that `deferSync` put off. @throws HoldfastError `storage-failed` */
  syncFolders(paths: readonly string[]): void {
    syncFolders(this.#workspace, paths);
  }

  /** Puts a path to a state if it shows what is expected; what is replaced is a blob afterwards. Safe to repeat. */
  async put(path: string, state: FileState, expectedNow: FileState, name: FileReplacement['name']): Promise<FilePut> {
    return await replaceFile(this.#workspace, this.#blobs, { path, state, expectedNow, name });
  }

  /** What stands at a path may be replaced or taken away. @throws HoldfastError `permission-denied` */
  mustBeReplaceable(path: string): void {
    assertReplaceable(this.#workspace, path);
  }

  /** Removes what was prepared, unless it was committed. Never fails. */
  discard(prepared: PreparedFile): void {
    if (this.#settled.has(prepared)) return;
    this.#settled.add(prepared);
    discardPrepared(this.#workspace, prepared);
  }

  /** Files that killed attempts did not remove, of a token whose changes are settled. */
  async removeLeftovers(token: string, paths: readonly string[]): Promise<void> {
    await removeLeftoverFiles(this.#workspace, token, paths, this.#blobs);
  }

  /**
   * Temporary files of attempts that nobody knows any more, and what settled changes have captured.
   * @param known tokens whose changes are not settled
   * @param isSettled of the first digits of a token: are its changes recorded?
   */
  async removeForgotten(known: readonly string[], isSettled: (shortToken: string) => boolean): Promise<void> {
    await removeForgottenFiles(this.#workspace, known);
    await removeSettledCaptures(this.#workspace, this.#blobs, isSettled);
  }

  /** Captures what is there as evidence before it is taken for the record. */
  async capture(path: string, state: FileState): Promise<Digest | undefined> {
    return await captureFile(this.#workspace, this.#blobs, path, state);
  }

  /** Does what is there hold a secret? */
  async holdsSecret(path: string, state: FileState, secrets: Secrets): Promise<boolean> {
    if (secrets.isEmpty || state.kind !== 'file') return false;
    try {
      for await (const chunk of secrets.refusing(readWorkspaceFile(this.#workspace, path), path)) void chunk;
      return false;
    } catch (error) {
      if (isFailure(error, 'secret-in-output')) return true;
      throw error;
    }
  }

  /** The difference between what was recorded and what is found. */
  async describe(
    path: string,
    recorded: FileState,
    found: FileState,
    options: FoundDifferenceOptions,
  ): Promise<string> {
    return await this.#differences.ofFound(path, recorded, found, options);
  }

  /** The difference that a planned write will make. */
  async describePlanned(path: string, before: FileState, after: FileState): Promise<string> {
    return await this.#differences.ofPlanned(path, before, after);
  }
}

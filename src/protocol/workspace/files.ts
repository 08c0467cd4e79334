/** File effects bound to one workspace and its blobs. */
import { createHash } from 'node:crypto';
import {
  checkFile,
  commitFile,
  describeFileDifference,
  discardPrepared,
  isCaptured,
  listFolder,
  normaliseFolder,
  normalisePath,
  observeFile,
  observeFiles,
  openFileWorkspace,
  prepareFile,
  putFile,
  refuseSameTargets,
  removeLeftoverFiles,
  syncFolders,
  type CommitOptions,
  type FileDifference,
  type FileSighting,
  type FileWorkspace,
  type PreparedFile,
} from '../../effects/files/index.ts';
import { readWorkspaceFile } from '../../effects/files/read.ts';
import { databasePlaces, refuseReservedFile, reservedInodes } from '../../effects/files/reserved.ts';
import { entryAt, scanTree, type Tree } from '../../effects/files/tree.ts';
import { HoldfastError, isFailure } from '../../model/failure.ts';
import type { Digest } from '../../model/digest.ts';
import type { FileEffect } from '../../model/record/effect.ts';
import type { FileInfo } from '../../model/step/step-files.ts';
import { ABSENT, sameState, type FileState } from '../../model/record/world.ts';
import type { BlobStore } from '../../store/blobs/blobs.ts';
import type { Secrets } from '../secrets/secrets.ts';

export type { PreparedFile };

export type FileCommit = { readonly kind: 'applied' } | { readonly kind: 'conflict'; readonly found: FileState };

export type FilePut =
  | { readonly kind: 'done'; readonly kept?: Digest }
  | { readonly kind: 'left'; readonly reason: string; readonly kept?: Digest };

export function cannotRead(
  path: string,
  { reason, leadsOutside }: Extract<FileSighting, { outcome: 'unreadable' }>,
): HoldfastError {
  return new HoldfastError(
    leadsOutside === true ? 'outside-workspace' : 'permission-denied',
    `${path} cannot be read: ${reason}.`,
    { path },
  );
}

const MAX_DIFFERENCE_BYTES = 1024 * 1024;

export class WorkspaceFiles {
  readonly #workspace: FileWorkspace;
  readonly #blobs: BlobStore;
  /** Grows as databases are declared; the workspace sees what is in it at each look. */
  readonly #databasePaths: string[] = [];
  /** Prepared changes of which nothing is left. */
  readonly #settled = new WeakSet<PreparedFile>();

  constructor(root: string, blobs: BlobStore) {
    this.#workspace = openFileWorkspace(root, { databasePaths: this.#databasePaths });
    this.#blobs = blobs;
  }

  /** From now on these files are never file resources. */
  reserve(databasePath: string): void {
    if (!this.#databasePaths.includes(databasePath)) this.#databasePaths.push(databasePath);
  }

  /** The workspace as stat shows it now, without databases and what is ours. @throws HoldfastError `permission-denied`, `bad-input` */
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

  refuseSameTargets(
    targets: readonly { readonly path: string; readonly before: FileState; readonly after: FileState }[],
  ): void {
    refuseSameTargets(this.#workspace, targets);
  }

  async observe(path: string): Promise<FileSighting> {
    return await observeFile(this.#workspace, path);
  }

  async observeMany(
    paths: readonly string[],
    onProgress?: (done: number, total: number) => void,
  ): Promise<readonly FileSighting[]> {
    return await observeFiles(this.#workspace, paths, onProgress === undefined ? {} : { onProgress });
  }

  /** What is there now; `earlier` spares reading a large file again whose stamp vouches for it. @throws HoldfastError `permission-denied` */
  async stateNow(path: string, earlier?: FileSighting): Promise<FileState> {
    const { found } = await checkFile(this.#workspace, { path, before: ABSENT, after: ABSENT }, earlier);
    if (found.outcome !== 'seen') throw cannotRead(path, found);
    return found.state;
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

  /** Keeps what many changes will replace, as preparing each of them would: in batches, which costs a fraction. */
  async captureReplaced(effects: readonly FileEffect[]): Promise<void> {
    const reserved = reservedInodes(this.#workspace);
    const paths = effects.flatMap(({ path, before }) => {
      if (before.kind !== 'file' || this.#blobs.has(before.content)) return [];
      const absolute = `${this.#workspace.root}/${path}`;
      // What has changed since is for preparing and comparing to say.
      return entryAt(absolute, reserved)?.kind === 'file' ? [absolute] : [];
    });
    try {
      await this.#blobs.putFromFiles(paths);
    } catch (error) {
      if (!isFailure(error, 'storage-failed', 'permission-denied')) throw error;
    }
  }

  async prepare(
    effect: FileEffect,
    token: string,
    index: number,
    before: FileState = effect.before,
  ): Promise<PreparedFile> {
    return await prepareFile(this.#workspace, { path: effect.path, before, after: effect.after }, this.#blobs, {
      token,
      index,
    });
  }

  /** An attempt that ended between taking away and placing has left nothing there, and nothing captured that would say so: then that is what it goes on from. */
  async absentMidCommit({ path }: FileEffect, token: string, index: number): Promise<FileState | undefined> {
    const { found } = await checkFile(this.#workspace, { path, before: ABSENT, after: ABSENT });
    return found.outcome === 'seen' &&
      found.state.kind === 'absent' &&
      !isCaptured(this.#workspace, path, { token, index })
      ? ABSENT
      : undefined;
  }

  /** Somebody who wrote into the old file while it was replaced gets it back: then it is a conflict like any other. */
  async commit(prepared: PreparedFile, options: Pick<CommitOptions, 'deferSync'> = {}): Promise<FileCommit> {
    this.#settled.add(prepared);
    const outcome = await commitFile(this.#workspace, prepared, this.#blobs, options);
    if (outcome.outcome === 'applied') return { kind: 'applied' };
    const { path, before, after } = prepared.change;
    if (outcome.outcome === 'written-meanwhile') {
      const theirs: FileState = {
        kind: 'file',
        sizeBytes: outcome.sizeBytes,
        mode: before.kind === 'file' ? before.mode : 0o644,
        content: outcome.stored,
      };
      await this.put(path, theirs, after, prepared.name);
      return { kind: 'conflict', found: await this.stateNow(path) };
    }
    if (outcome.found.outcome !== 'seen') throw cannotRead(path, outcome.found);
    return { kind: 'conflict', found: outcome.found.state };
  }

  /** What `deferSync` left out. @throws HoldfastError `storage-failed` */
  syncFolders(paths: readonly string[]): void {
    syncFolders(this.#workspace, paths);
  }

  /** Puts a path to a state if it shows what is expected; what is replaced is a blob afterwards. Safe to repeat. */
  async put(
    path: string,
    state: FileState,
    expectedNow: FileState,
    name: { readonly token: string; readonly index: number },
  ): Promise<FilePut> {
    const outcome = await putFile(this.#workspace, path, state, this.#blobs, { expectedNow, name });
    if (outcome.outcome === 'applied')
      return {
        kind: 'done',
        ...(expectedNow.kind === 'file' && !sameState(expectedNow, state) ? { kept: expectedNow.content } : {}),
      };
    if (outcome.outcome === 'written-meanwhile') return { kind: 'done', kept: outcome.stored };
    return { kind: 'left', reason: outcome.reason, ...(outcome.stored === undefined ? {} : { kept: outcome.stored }) };
  }

  /** Takes away what was prepared and will not be committed by this attempt. Never fails. */
  discard(prepared: PreparedFile): void {
    if (this.#settled.has(prepared)) return;
    this.#settled.add(prepared);
    discardPrepared(this.#workspace, prepared);
  }

  /** What attempts that were killed left of a token's changes, once those are settled. */
  async removeLeftovers(token: string, paths: readonly string[]): Promise<void> {
    await removeLeftoverFiles(this.#workspace, token, paths, this.#blobs);
  }

  /** Keeps what is there as evidence before it is taken for the record. */
  async capture(path: string, state: FileState): Promise<Digest | undefined> {
    if (state.kind !== 'file') return undefined;
    if (!this.#blobs.has(state.content)) await this.#blobs.put(readWorkspaceFile(this.#workspace, path));
    return this.#blobs.has(state.content) ? state.content : undefined;
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

  /** The difference between what was recorded (a blob, if it was kept) and what is found. */
  async describe(path: string, expected: FileState, found: FileState): Promise<string> {
    const difference = await describeFileDifference(expected, found, async (digest, side) =>
      side === 'expected' ? await this.#blob(digest) : await this.#here(path),
    );
    return textOf(difference);
  }

  /** The difference that a planned write will make. */
  async describePlanned(path: string, before: FileState, after: FileState): Promise<string> {
    const difference = await describeFileDifference(before, after, async (digest, side) =>
      side === 'expected' ? await this.#here(path) : await this.#blob(digest),
    );
    return textOf(difference);
  }

  async close(): Promise<void> {
    await this.#workspace.close();
  }

  async #blob(digest: Digest): Promise<Uint8Array | undefined> {
    return this.#blobs.has(digest) ? await this.#blobs.read(digest, { maxBytes: MAX_DIFFERENCE_BYTES }) : undefined;
  }

  async #here(path: string): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of readWorkspaceFile(this.#workspace, path)) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks);
  }
}

function textOf({ summary, text, isCut }: FileDifference): string {
  return [
    summary,
    ...(text === undefined ? [] : [text]),
    ...(isCut && text !== undefined ? ['… (the record keeps no more of it; open the file to see all)'] : []),
  ].join('\n');
}

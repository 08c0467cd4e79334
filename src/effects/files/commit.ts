/**
 * Commits a prepared change under the lock: compares once more, replaces, and proves afterwards that nothing was lost.
 *
 * Invariants
 * 1. Nothing is replaced or removed that isn't, byte for byte, what the change expects; otherwise the outcome says what
 *    was found and nothing has changed.
 * 2. A new file is placed by `link`, which replaces nothing; a removal takes the file away by `rename` and looks at what
 *    it took: neither has a gap. A replacement has one, between the last comparison of inodes and the rename: whoever
 *    renames another file there in these microseconds loses it. Who writes into the old file meanwhile doesn't.
 * 3. Committing again after a crash at any point ends in the same state, and finds what the first attempt captured.
 */
import { closeSync, constants, fchmodSync, lstatSync, openSync, symlinkSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import type { Digest } from '../../model/digest.ts';
import { HoldfastError } from '../../model/failure.ts';
import { ABSENT, sameState, type FileState } from '../../model/record/world.ts';
import type { BlobStore } from '../../store/blobs/blobs.ts';
import {
  linkFile,
  removeDirectory,
  renameFile,
  storageError,
  systemCode,
  unlinkFile,
} from '../../store/durable-file.ts';
import { atPoints, faultPoint } from '../../store/fault-point.ts';
import { captureByLink, captureByRename, captureState, dropCaptured, findCaptured, OldFile } from './captured.ts';
import {
  discardPrepared,
  prepareFile,
  temporaryStem,
  versionOf,
  type ChangeName,
  type FileChange,
  type PreparedFile,
} from './change.ts';
import { observeFile } from './observation.ts';
import { folderOf, nameOf } from './path.ts';
import { inodeKey, reservedInodes } from './reserved.ts';
import { FileLooker, isStillAsHashed, type FileSighting } from './sighting.ts';
import { OpenFolder, viewOf, type FileWorkspace } from './workspace.ts';

export type CommitOutcome =
  /** `wasThere`: an earlier attempt had placed it already, or nothing had to change. */
  | { readonly outcome: 'applied'; readonly wasThere: boolean }
  /** Nothing was changed. `kept`: bytes that could not be put back where they were found. */
  | { readonly outcome: 'conflict'; readonly found: FileSighting; readonly reason: string; readonly kept?: Digest }
  /** The change is in place; somebody wrote into the old file while it was replaced, and this is what they wrote. */
  | { readonly outcome: 'written-meanwhile'; readonly kept: Digest; readonly sizeBytes: number };

/** A larger file is not hashed before it is replaced if its times vouch for it; afterwards each is. */
const LARGE_BYTES = 1024 * 1024;

const REPLACED = Symbol('another file has taken the place of the one that was opened');

/** Where a commit stands; tests let somebody else act there. */
export type CommitMoment = 'opened' | 'captured' | 'hashed' | 'compared' | 'placed' | 'synced';

export interface CommitOptions {
  /** Leave the folder's fsync to `syncFolders`, once for many changes. Nothing is durable before it. */
  readonly deferSync?: boolean;
  readonly onMoment?: (moment: CommitMoment) => void;
}

/**
 * Commits a prepared change. About 0.25 ms for a small file. Safe to repeat, with the same or a newly prepared change.
 * @throws HoldfastError `outside-workspace`, `permission-denied`, `storage-failed`; `busy` when the prepared file has gone: prepare again
 */
export async function commitFile(
  workspace: FileWorkspace,
  prepared: PreparedFile,
  blobs: BlobStore,
  options: CommitOptions = {},
): Promise<CommitOutcome> {
  faultPoint('commit.file-before');
  let outcome: CommitOutcome | undefined;
  try {
    await prepared.durable;
    outcome = await commitInFolder(workspace, prepared, blobs, options);
    return outcome;
  } finally {
    // Only a change that was made has used its temporary file up.
    const isUsed = outcome?.outcome === 'applied' && !outcome.wasThere;
    if (!isUsed) discardPrepared(workspace, prepared);
  }
}

async function commitInFolder(
  workspace: FileWorkspace,
  prepared: PreparedFile,
  blobs: BlobStore,
  options: CommitOptions,
): Promise<CommitOutcome> {
  const { path, after } = prepared.change;
  const folder = OpenFolder.open(workspace, folderOf(path));
  if (folder === undefined) {
    if (after.kind === 'absent') return { outcome: 'applied', wasThere: true };
    return {
      outcome: 'conflict',
      found: { outcome: 'seen', state: ABSENT },
      reason: `its folder "${folderOf(path)}" is missing`,
    };
  }
  try {
    return await new Commit(workspace, folder, prepared, blobs, options).run();
  } finally {
    folder.close();
  }
}

/** The fsyncs that `deferSync` left out: once a folder. */
export function syncFolders(workspace: FileWorkspace, paths: readonly string[]): void {
  for (const place of new Set(paths.map(folderOf))) {
    const folder = OpenFolder.open(workspace, place);
    try {
      folder?.sync();
    } finally {
      folder?.close();
    }
  }
}

/**
 * Puts a path to exactly this state (restore, undo) if it shows what is expected now. What is replaced is in the store
 * afterwards; a folder is removed only when it is empty. Safe to repeat.
 */
export async function putFile(
  workspace: FileWorkspace,
  path: string,
  state: FileState,
  blobs: BlobStore,
  options: CommitOptions & { readonly expectedNow: FileState; readonly name: ChangeName },
): Promise<CommitOutcome> {
  const prepared = await prepareFile(
    workspace,
    { path, before: options.expectedNow, after: state },
    blobs,
    options.name,
  );
  return commitFile(workspace, prepared, blobs, options);
}

type Conflict = Extract<CommitOutcome, { outcome: 'conflict' }>;

class Commit {
  readonly #workspace: FileWorkspace;
  readonly #folder: OpenFolder;
  readonly #prepared: PreparedFile;
  readonly #change: FileChange;
  readonly #blobs: BlobStore;
  readonly #options: CommitOptions;
  readonly #target: string;
  /** Bytes of an earlier attempt's captured file that the record doesn't know. */
  #keptEarlier: { readonly content: Digest; readonly sizeBytes: number } | undefined;

  constructor(
    workspace: FileWorkspace,
    folder: OpenFolder,
    prepared: PreparedFile,
    blobs: BlobStore,
    options: CommitOptions,
  ) {
    this.#workspace = workspace;
    this.#folder = folder;
    this.#prepared = prepared;
    this.#change = prepared.change;
    this.#blobs = blobs;
    this.#options = options;
    this.#target = folder.at(nameOf(prepared.change.path));
  }

  async run(): Promise<CommitOutcome> {
    const isTakenAway = await this.#settleEarlierAttempt();
    if (typeof isTakenAway !== 'boolean') return isTakenAway;
    const old = this.#openOld();
    if (old === 'reserved')
      return this.#conflict('it belongs to a declared database', {
        outcome: 'unreadable',
        reason: 'it belongs to a declared database',
      });
    try {
      this.#moment('opened');
      return await this.#compareAndChange(old, isTakenAway);
    } finally {
      old?.close();
    }
  }

  async #compareAndChange(old: OldFile | undefined, isTakenAway: boolean): Promise<CommitOutcome> {
    const { before, after } = this.#change;
    // Captured first, hashed then: whatever was hashed has a name that a crash leaves behind.
    const captured =
      old !== undefined && after.kind === 'file' && before.kind === 'file' ? this.#capture(old) : undefined;
    if (captured === REPLACED) return this.#conflict('it was replaced at this moment');
    this.#moment('captured');
    const found = await this.#stateNow(old);
    this.#moment('hashed');
    if (found.outcome === 'unreadable') return this.#conflictDropping(captured, found.reason, found);
    const isVirtuallyBefore = isTakenAway && found.state.kind === 'absent';
    if (!isVirtuallyBefore) {
      if (sameState(found.state, after) && !sameState(before, after)) return this.#wasThere(old, captured);
      if (!sameState(found.state, before)) return this.#conflictDropping(captured, 'it is not what it was', found);
      if (sameState(before, after)) return this.#wasThere(old, captured);
    }
    this.#folder.assertInside();
    if (isVirtuallyBefore && after.kind === 'absent') return this.#settleTakenAway(true);
    if (isVirtuallyBefore || before.kind === 'absent') return this.#create(isVirtuallyBefore);
    if (old !== undefined && after.kind === 'file' && before.kind === 'file') return this.#replaceFile(old, captured);
    if (before.kind === 'directory') return this.#changeDirectory();
    if (before.kind === 'symlink' && (after.kind === 'file' || after.kind === 'symlink')) return this.#replaceLink();
    return this.#takeAway(old);
  }

  async #replaceFile(old: OldFile, captured: string | undefined): Promise<CommitOutcome> {
    if (!this.#isAtTarget(old)) return this.#conflictDropping(captured, 'it was replaced at this moment');
    this.#moment('compared');
    this.#withTemporary((temporary) => renameFile(temporary, this.#target));
    faultPoint('commit.file-renamed');
    this.#moment('placed');
    this.#sync();
    this.#moment('synced');
    const afterwards = await old.state();
    const { before } = this.#change;
    if (before.kind === 'file' && afterwards.content === before.content) {
      await this.#keepIfUnknown(old, afterwards.content);
      dropCaptured(captured);
      return this.#applied();
    }
    const { content, sizeBytes } = await old.keep(this.#blobs);
    dropCaptured(captured);
    return { outcome: 'written-meanwhile', kept: content, sizeBytes };
  }

  /** Nothing is there: what comes must not replace what somebody puts there at this moment. */
  async #create(isTakenAway: boolean): Promise<CommitOutcome> {
    const { after } = this.#change;
    this.#moment('compared');
    try {
      if (after.kind === 'file') this.#withTemporary((temporary) => this.#linkOrRename(temporary));
      else if (after.kind === 'directory') this.#withTemporary((temporary) => this.#renameFolder(temporary));
      else if (after.kind === 'symlink') this.#makeLink(after.target, this.#target);
      else if (after.kind === 'other')
        throw new HoldfastError('bad-input', `"${this.#change.path}" was a ${after.what}, which cannot be put back.`, {
          path: this.#change.path,
        });
    } catch (error) {
      const code = systemCode(error);
      if (code !== 'EEXIST' && code !== 'ENOTEMPTY' && code !== 'ENOTDIR') throw error;
      await this.#settleTakenAway();
      return await this.#conflict('it was created at this moment');
    }
    faultPoint('commit.file-renamed');
    this.#moment('placed');
    this.#sync();
    this.#moment('synced');
    return isTakenAway ? this.#settleTakenAway() : this.#applied();
  }

  /** Removes what is there, or makes room for another kind of thing. It is looked at where it was taken to. */
  async #takeAway(old: OldFile | undefined): Promise<CommitOutcome> {
    this.#moment('compared');
    let captured: string;
    try {
      captured = captureByRename(this.#workspace, this.#folder, nameOf(this.#change.path), this.#prepared.name);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return await this.#conflict('it was removed at this moment');
      throw error;
    }
    faultPoint('commit.file-captured');
    this.#moment('placed');
    if (!(await this.#isExpected(captured, old))) return this.#putBack(captured);
    if (this.#change.after.kind !== 'absent') return this.#create(true);
    faultPoint('commit.file-renamed');
    this.#sync();
    this.#moment('synced');
    return this.#settleTakenAway();
  }

  async #changeDirectory(): Promise<CommitOutcome> {
    const { after } = this.#change;
    this.#moment('compared');
    try {
      if (after.kind === 'directory') changeFolderMode(this.#target, after.mode);
      else removeDirectory(this.#target);
    } catch (error) {
      const code = systemCode(error);
      if (code === 'ENOTEMPTY' || code === 'EEXIST') return await this.#conflict('the folder is not empty');
      if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP')
        return await this.#conflict('it was replaced at this moment');
      throw storageError('change', this.#target, error);
    }
    if (after.kind !== 'directory' && after.kind !== 'absent') return this.#create(false);
    faultPoint('commit.file-renamed');
    this.#moment('placed');
    this.#sync();
    return this.#applied();
  }

  /** A symbolic link holds nothing but its target, which the record has. */
  #replaceLink(): CommitOutcome {
    const { after } = this.#change;
    this.#moment('compared');
    if (after.kind === 'file') {
      this.#withTemporary((temporary) => renameFile(temporary, this.#target));
    } else if (after.kind === 'symlink') {
      const temporary = this.#folder.at(`${temporaryStem(this.#prepared.name)}-${randomBytes(4).toString('hex')}.tmp`);
      this.#makeLink(after.target, temporary);
      renameFile(temporary, this.#target);
    }
    faultPoint('commit.file-renamed');
    this.#moment('placed');
    this.#sync();
    return this.#applied();
  }

  /**
   * An attempt that ended in between left the old file captured. If the target is still that file, the capture is simply
   * dropped; if not, its bytes are made safe before anything else happens.
   * @returns true: the target had been taken away, as it should be
   */
  async #settleEarlierAttempt(): Promise<boolean | CommitOutcome> {
    const captured = findCaptured(this.#workspace, this.#folder, this.#prepared.name);
    if (captured === undefined) return false;
    const there = lstatSync(this.#target, { bigint: true, throwIfNoEntry: false });
    const file = OldFile.open(captured, () => reservedInodes(this.#workspace));
    if (file === 'reserved')
      throw new HoldfastError('reserved-path', `"${captured}" belongs to a declared database.`, { path: captured });
    try {
      if (file !== undefined && there !== undefined && inodeKey(there) === file.inode) {
        dropCaptured(captured);
        return false;
      }
      const state = file === undefined ? captureState(captured) : await file.state();
      const isBefore = sameState(state, this.#change.before);
      if (there === undefined) return isBefore ? true : await this.#putBack(captured);
      if (file === undefined) return false;
      const kept = await file.keep(this.#blobs);
      if (!isBefore) this.#keptEarlier = kept;
      dropCaptured(captured);
      return false;
    } finally {
      file?.close();
    }
  }

  /** What was taken away is done with once its content, as it is now, is in the store. */
  async #settleTakenAway(wasThere = false): Promise<CommitOutcome> {
    const captured = findCaptured(this.#workspace, this.#folder, this.#prepared.name);
    if (captured === undefined) return this.#applied(wasThere);
    const file = OldFile.open(captured, () => new Set());
    // A link's target is in the record. A FIFO or a socket stays where it is: evidence.
    if (file === undefined || file === 'reserved') {
      if (captureState(captured).kind === 'symlink') dropCaptured(captured);
      return this.#applied(wasThere);
    }
    try {
      const { before } = this.#change;
      const state = await file.state();
      await this.#keepIfUnknown(file, state.content);
      if (before.kind === 'file' && state.content !== before.content) this.#keptEarlier = state;
      dropCaptured(captured);
      return this.#applied(wasThere);
    } finally {
      file.close();
    }
  }

  async #isExpected(captured: string, old: OldFile | undefined): Promise<boolean> {
    if (old === undefined) return sameState(captureState(captured), this.#change.before);
    if (inodeKey(lstatSync(captured, { bigint: true })) !== old.inode) return false;
    return sameState(await old.state(), this.#change.before);
  }

  /** Something else was taken away than was expected. If its place is taken again, its bytes go to the store. */
  async #putBack(captured: string): Promise<CommitOutcome> {
    const isFolder = lstatSync(captured).isDirectory();
    try {
      // A folder can't have two names; nobody's file is in the way of its rename, which at most replaces an empty folder.
      if (isFolder) renameFile(captured, this.#target);
      else linkFile(captured, this.#target);
      if (!isFolder) unlinkFile(captured);
      this.#folder.sync();
      return await this.#conflict('it was replaced at this moment');
    } catch (error) {
      const code = systemCode(error);
      if (code !== 'EEXIST' && code !== 'ENOTEMPTY' && code !== 'ENOTDIR') throw error;
    }
    // What has no content stays where it was taken to.
    if (!lstatSync(captured).isFile()) return this.#conflict('it was replaced at this moment');
    const { content } = await this.#blobs.putFromFile(captured);
    dropCaptured(captured);
    return { ...(await this.#conflict('it was replaced at this moment')), kept: content };
  }

  #openOld(): OldFile | 'reserved' | undefined {
    try {
      return OldFile.open(this.#target, () => reservedInodes(this.#workspace));
    } catch {
      // What exactly is in the way is for the looker to tell.
      return undefined;
    }
  }

  #capture(old: OldFile): string | undefined | typeof REPLACED {
    let captured: string | undefined;
    try {
      captured = captureByLink(this.#workspace, this.#folder, nameOf(this.#change.path), this.#prepared.name);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return REPLACED;
      throw error;
    }
    faultPoint('commit.file-captured');
    if (captured === undefined || inodeKey(lstatSync(captured, { bigint: true })) === old.inode) return captured;
    unlinkFile(captured);
    return REPLACED;
  }

  async #stateNow(old: OldFile | undefined): Promise<FileSighting> {
    if (old === undefined) return this.#look();
    const { seen } = this.#prepared;
    // Capturing it has changed its ctime; the other times and the size still tell. Afterwards it is hashed in any case.
    if (
      seen.outcome === 'seen' &&
      seen.stamp !== undefined &&
      seen.stamp.sizeBytes > LARGE_BYTES &&
      isStillAsHashed(seen.stamp, old.stat(), 'linked')
    )
      return seen;
    return { outcome: 'seen', state: await old.state() };
  }

  #look(): FileSighting {
    return new FileLooker(viewOf(this.#workspace)).lookAt(this.#target)!;
  }

  #isAtTarget(old: OldFile): boolean {
    const stat = lstatSync(this.#target, { bigint: true, throwIfNoEntry: false });
    return stat !== undefined && inodeKey(stat) === old.inode;
  }

  #withTemporary(place: (temporary: string) => void): void {
    const { temporary } = this.#prepared;
    const isHere = temporary?.folder === folderOf(this.#change.path);
    const folder =
      temporary === undefined ? undefined : isHere ? this.#folder : OpenFolder.open(this.#workspace, temporary.folder);
    try {
      const path = folder?.at(temporary!.name);
      const stat = path === undefined ? undefined : lstatSync(path, { bigint: true, throwIfNoEntry: false });
      if (path === undefined || stat === undefined || versionOf(stat) !== temporary!.version) {
        throw new HoldfastError(
          'busy',
          `The file prepared for "${this.#change.path}" has gone. It is prepared again.`,
          { path: this.#change.path },
        );
      }
      place(path);
    } finally {
      if (!isHere) folder?.close();
    }
  }

  #linkOrRename(temporary: string): void {
    try {
      linkFile(temporary, this.#target);
    } catch (error) {
      const code = systemCode(error);
      if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP' && code !== 'ENOSYS') throw error;
      // No hard links here: a comparison and a rename have to do.
      if (lstatSync(this.#target, { throwIfNoEntry: false }) !== undefined)
        throw storageError('link', this.#target, Object.assign(new Error('exists'), { code: 'EEXIST' }));
      renameFile(temporary, this.#target);
      return;
    }
    unlinkFile(temporary);
  }

  #renameFolder(temporary: string): void {
    // rename would replace an empty folder.
    if (lstatSync(this.#target, { throwIfNoEntry: false }) !== undefined)
      throw storageError('rename', this.#target, Object.assign(new Error('exists'), { code: 'EEXIST' }));
    renameFile(temporary, this.#target);
  }

  #makeLink(target: string, path: string): void {
    try {
      atPoints('symlink', () => symlinkSync(target, path));
    } catch (error) {
      throw storageError('symlink', path, error);
    }
  }

  async #keepIfUnknown(file: OldFile, content: Digest): Promise<void> {
    if (!this.#blobs.has(content)) await file.keep(this.#blobs);
  }

  #wasThere(old: OldFile | undefined, captured: string | undefined): CommitOutcome {
    dropCaptured(captured);
    if (!sameState(this.#change.before, this.#change.after)) {
      // The attempt that placed it may have ended before its fsync; or it was placed by a person, with none.
      old?.sync();
      this.#sync();
    }
    return this.#applied(true);
  }

  #applied(wasThere = false): CommitOutcome {
    if (this.#keptEarlier !== undefined)
      return { outcome: 'written-meanwhile', kept: this.#keptEarlier.content, sizeBytes: this.#keptEarlier.sizeBytes };
    return { outcome: 'applied', wasThere };
  }

  async #conflictDropping(captured: string | undefined, reason: string, found?: FileSighting): Promise<CommitOutcome> {
    dropCaptured(captured);
    return this.#conflict(reason, found);
  }

  async #conflict(reason: string, found?: FileSighting): Promise<Conflict> {
    return {
      outcome: 'conflict',
      found: found ?? (await observeFile(this.#workspace, this.#change.path)),
      reason,
      ...(this.#keptEarlier && { kept: this.#keptEarlier.content }),
    };
  }

  #sync(): void {
    if (this.#options.deferSync !== true) this.#folder.sync();
  }

  #moment(moment: CommitMoment): void {
    this.#options.onMoment?.(moment);
  }
}

/** Never through a symbolic link that took the folder's place. */
function changeFolderMode(path: string, mode: number): void {
  const folder = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    atPoints('chmod', () => fchmodSync(folder, mode));
  } finally {
    closeSync(folder);
  }
}

/** One commit while it runs: what it works on, and how its acts report. */
import { lstatSync } from 'node:fs';
import type { BlobStore, StoredContent } from '../../../store/blobs/blobs.ts';
import { defined } from '../../../model/defined.ts';
import { dropCaptured, findCaptured } from '../captured.ts';
import type { ChangeName, FileChange } from '../change.ts';
import { FileLooker } from '../looker.ts';
import { observeFile } from '../observation.ts';
import type { OldFile } from '../old-file.ts';
import type { OpenFolder } from '../open-folder.ts';
import { nameOf } from '../path.ts';
import type { PreparedFile } from '../prepare.ts';
import type { FileSighting } from '../sighting.ts';
import { inodeKey } from '../stat.ts';
import { viewOf } from '../view.ts';
import type { FileWorkspace } from '../workspace.ts';
import type { CommitMoment, CommitOptions, CommitOutcome, ConflictOutcome } from './outcome.ts';

export interface CommitParts {
  readonly workspace: FileWorkspace;
  /** The target's. */
  readonly folder: OpenFolder;
  readonly prepared: PreparedFile;
  readonly blobs: BlobStore;
  readonly options: CommitOptions;
}

export class RunningCommit {
  readonly workspace: FileWorkspace;
  readonly folder: OpenFolder;
  readonly prepared: PreparedFile;
  readonly change: FileChange;
  readonly name: ChangeName;
  readonly blobs: BlobStore;
  /** A path for system calls, through the open folder. */
  readonly target: string;
  readonly #options: CommitOptions;
  #unrecorded: StoredContent | undefined;
  #names: number | undefined;

  constructor({ workspace, folder, prepared, blobs, options }: CommitParts) {
    this.workspace = workspace;
    this.folder = folder;
    this.prepared = prepared;
    this.change = prepared.change;
    this.name = prepared.name;
    this.blobs = blobs;
    this.target = folder.at(nameOf(prepared.change.path));
    this.#options = options;
  }

  /**
   * What was captured, by this attempt or an earlier one, held bytes that the record doesn't know; they are stored now.
   */
  reportUnrecorded(stored: StoredContent): void {
    this.#unrecorded = stored;
  }

  /** Told while the file that was replaced or removed has no name any more but that under which it is captured. */
  reportOtherNames(old: OldFile, captured: string | undefined): void {
    const others = Number(old.stat().nlink) - (captured === undefined ? 0 : 1);
    if (others > 0) this.#names = others + 1;
  }

  applied(wasThere = false): CommitOutcome {
    if (this.#unrecorded === undefined) return { outcome: 'applied', wasThere, ...defined({ names: this.#names }) };
    const { content, sizeBytes } = this.#unrecorded;
    return { outcome: 'written-meanwhile', stored: content, sizeBytes };
  }

  /** `found`: what is there. Default: the target is looked at. */
  async conflict(reason: string, found?: FileSighting): Promise<ConflictOutcome> {
    return {
      outcome: 'conflict',
      found: found ?? (await observeFile(this.workspace, this.change.path)),
      reason,
      ...defined({ stored: this.#unrecorded?.content }),
    };
  }

  async conflictDropping(captured: string | undefined, reason: string, found?: FileSighting): Promise<CommitOutcome> {
    dropCaptured(captured);
    return this.conflict(reason, found);
  }

  findCaptured(): string | undefined {
    return findCaptured(this.workspace, this.folder, this.name);
  }

  look(): FileSighting {
    return new FileLooker(viewOf(this.workspace)).lookAt(this.target)!;
  }

  isAtTarget(old: OldFile): boolean {
    const stat = lstatSync(this.target, { bigint: true, throwIfNoEntry: false });
    return stat !== undefined && inodeKey(stat) === old.inode;
  }

  sync(): void {
    if (this.#options.deferSync !== true) this.folder.sync();
  }

  moment(moment: CommitMoment): void {
    this.#options.onMoment?.(moment);
  }
}

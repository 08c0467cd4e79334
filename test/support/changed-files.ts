/** A workspace in which single files are changed as a step's effects are, each file from a state to a state. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'node:test';
import {
  commitFile,
  findLeftoverFiles,
  observeFile,
  openFileWorkspace,
  prepareFile,
  type CommitMoment,
  type CommitOutcome,
  type FileWorkspace,
} from '../../src/effects/files/index.ts';
import type { FileState } from '../../src/model/record/world.ts';
import { BlobStore } from '../../src/store/blobs/blobs.ts';

export const NAME = { token: 'a'.repeat(64), index: 0 };
export const FOLDER: FileState = { kind: 'directory', mode: 0o755 };
export const applied: CommitOutcome = { outcome: 'applied', wasThere: false };

export class ChangedFiles {
  root!: string;
  workspace!: FileWorkspace;
  blobs!: BlobStore;

  begin(): void {
    this.root = mkdtempSync(join(tmpdir(), 'holdfast-change-'));
    this.workspace = openFileWorkspace(this.root);
    this.blobs = new BlobStore(join(this.root, '.holdfast', 'blobs'));
  }

  async end(): Promise<void> {
    rmSync(this.root, { recursive: true, force: true });
  }

  /** The state of a file with that content, which is put into the store. */
  async fileState(content: string | Buffer, mode = 0o644): Promise<FileState> {
    return { kind: 'file', mode, ...(await this.blobs.put(content)) };
  }

  async stateOf(path: string): Promise<FileState> {
    const sighting = await observeFile(this.workspace, path);
    assert.ok(sighting.outcome === 'seen');
    return sighting.state;
  }

  at(path: string): string {
    return join(this.root, path);
  }

  read(path: string): string {
    return readFileSync(this.at(path), 'utf8');
  }

  async change(
    path: string,
    before: FileState,
    after: FileState,
    onMoment?: (moment: CommitMoment) => void,
  ): Promise<CommitOutcome> {
    const prepared = await prepareFile(this.workspace, { path, before, after }, this.blobs, NAME);
    return commitFile(this.workspace, prepared, this.blobs, onMoment ? { onMoment } : {});
  }

  assertTidy(): void {
    assert.deepEqual(findLeftoverFiles(this.workspace, NAME.token, readdirSync(this.root)), []);
  }
}

/** Begins anew before each test of the file. */
export function testChangedFiles(): ChangedFiles {
  const files = new ChangedFiles();
  beforeEach(() => files.begin());
  afterEach(() => files.end());
  return files;
}

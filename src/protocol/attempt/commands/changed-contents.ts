/**
 * Contents of the files that a command changed, before what names them is recorded: small ones go into the ledger with
 * it, the others become blobs.
 *
 * Invariant: no content that holds a secret gets into either.
 */
import { createReadStream } from 'node:fs';
import { contentOf } from '../../../effects/files/content.ts';
import type { TreeEntry } from '../../../effects/files/tree.ts';
import type { Digest } from '../../../model/digest.ts';
import type { FileState } from '../../../model/record/world.ts';
import type { Attempt } from '../attempt.ts';

type File = Extract<FileState, { kind: 'file' }>;

/** A file of the copy when the command has ended. */
export interface ChangedFile {
  /** In the workspace. */
  readonly path: string;
  /** In the copy. */
  readonly place: string;
  readonly state: File;
  /** The content, where it is small. */
  readonly bytes: Uint8Array | undefined;
}

export async function readChangedFile(path: string, place: string, { mode }: TreeEntry): Promise<ChangedFile> {
  const { content, bytes, sizeBytes } = await contentOf(place);
  return { path, place, state: { kind: 'file', sizeBytes, mode, content }, bytes };
}

export class ChangedContents {
  readonly #attempt: Attempt;
  /** Not in the store yet. */
  readonly small = new Map<Digest, Uint8Array>();
  /** Places in the copy whose contents become blobs together. */
  readonly #large: string[] = [];

  constructor(attempt: Attempt) {
    this.#attempt = attempt;
  }

  /** @throws HoldfastError `secret-in-output` */
  async add({ path, place, state, bytes }: ChangedFile): Promise<void> {
    const { workspace, stage } = this.#attempt;
    const { secrets, blobs } = workspace;
    const where = `the file ${path} that the command wrote`;
    if (bytes !== undefined) secrets.refuse(bytes, where);
    if (bytes !== undefined && stage.contents.reserve(bytes.byteLength)) this.small.set(state.content, bytes);
    else if (bytes !== undefined || secrets.isEmpty) this.#large.push(place);
    else await blobs.put(secrets.refusing(createReadStream(place), where));
  }

  /** Makes blobs of all but the small ones. */
  async storeLarge(): Promise<void> {
    await this.#attempt.workspace.blobs.putFromFiles(this.#large);
  }

  /** From now on the step's other calls find the small ones. */
  stageSmall(): void {
    for (const [content, bytes] of this.small) this.#attempt.stage.contents.add(content, bytes);
  }
}

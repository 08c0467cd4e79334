/** Differences of files, in lines for a person. A content that was not captured is told by its size alone. */
import {
  describeFileDifference,
  type ContentReader,
  type FileDifference,
  type FileWorkspace,
} from '../../effects/files/index.ts';
import { readWorkspaceFile } from '../../effects/files/read.ts';
import type { Digest } from '../../model/digest.ts';
import { isFailure } from '../../model/failure.ts';
import type { FileState } from '../../model/record/world.ts';
import type { BlobStore } from '../../store/blobs/blobs.ts';

const MAX_DIFFERENCE_BYTES = 1024 * 1024;
/** The store keeps what a step writes and what it replaces; a content that was read alone was never put there. */
const WAS_ONLY_READ = 'what it was cannot be shown: of a file that was only read the record keeps the digest alone';

export interface FoundDifferenceOptions {
  /** Was the recorded content only read? Then the store need not have it. Default: no. */
  readonly wasOnlyRead?: boolean;
}

export class FileDifferences {
  readonly #workspace: FileWorkspace;
  readonly #blobs: BlobStore;

  constructor(workspace: FileWorkspace, blobs: BlobStore) {
    this.#workspace = workspace;
    this.#blobs = blobs;
  }

  /** Between what was recorded and what the workspace shows. */
  async ofFound(
    path: string,
    recorded: FileState,
    found: FileState,
    { wasOnlyRead = false }: FoundDifferenceOptions = {},
  ): Promise<string> {
    const read: ContentReader = async (digest, side) =>
      side === 'expected' ? await this.#blob(digest) : await this.#here(path);
    const options = wasOnlyRead ? { whyMissing: WAS_ONLY_READ } : {};
    return linesOf(await describeFileDifference(recorded, found, read, options));
  }

  /** Between what the workspace shows and what a planned write will make of it. */
  async ofPlanned(path: string, before: FileState, after: FileState): Promise<string> {
    const difference = await describeFileDifference(before, after, async (digest, side) =>
      side === 'expected' ? await this.#here(path) : await this.#blob(digest),
    );
    return linesOf({ ...difference, summary: plannedText(difference.summary) });
  }

  async #blob(digest: Digest): Promise<Uint8Array | undefined> {
    if (!this.#blobs.has(digest)) return undefined;
    try {
      return await this.#blobs.read(digest, { maxBytes: MAX_DIFFERENCE_BYTES });
    } catch (error) {
      // Whoever asks says so; the difference goes without it.
      if (isFailure(error, 'ledger-damaged')) return undefined;
      throw error;
    }
  }

  async #here(path: string): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of readWorkspaceFile(this.#workspace, path)) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks);
  }
}

function linesOf({ summary, text, isCut }: FileDifference): string {
  if (text === undefined) return summary;
  const cut = isCut ? ['… (the record keeps no more of it; open the file to see all)'] : [];
  return [summary, text, ...cut].join('\n');
}

/** Nothing of it is done yet. */
function plannedText(summary: string): string {
  return summary
    .replace(/^missing: was /, 'would be removed: ')
    .replace(/^new: /, 'would be new: ')
    .replace(' was replaced by ', ' would be replaced by ')
    .replace(/(\d+ lines?) added, (\d+ removed)$/, '$1 would be added, $2');
}

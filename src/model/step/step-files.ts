/** `ctx.files`: the workspace as a step sees it, with its own staged changes. */

/** `latin1`: each byte is the character of its number. */
export const TEXT_ENCODINGS = ['utf-8', 'latin1', 'utf-16le'] as const;
/** How a text is written or read. */
export type TextEncoding = (typeof TEXT_ENCODINGS)[number];

/** Text is written as UTF-8 unless said otherwise. A stream is read once; memory does not grow with its length. */
export type FileContent = string | Uint8Array | AsyncIterable<Uint8Array | string>;

/** How a file is written. */
export interface WriteOptions {
  /** Permission bits. Default: those of the file that is replaced, else 0o644. */
  readonly mode?: number;
  /** Of text. Default: `utf-8`. */
  readonly encoding?: TextEncoding;
  /**
   * What becomes of a file that has other names (hard links). `refuse` (default): it is not written. `split`: it is
   * replaced; the other names keep the old content, also when the step is undone.
   */
  readonly hardLinks?: 'refuse' | 'split';
}

/** What `list` tells of one path. */
export interface FileInfo {
  /** Relative to the workspace, `/` between parts. */
  readonly path: string;
  /** A symbolic link is told as one, and not followed. `other`: a FIFO, a socket or a device. */
  readonly kind: 'file' | 'directory' | 'symlink' | 'other';
  /** Of a file; 0 for what is none. */
  readonly sizeBytes: number;
  /**
   * The name is not Unicode: what is no text of it stands as U+FFFD in `path`, and nothing can be read or written under
   * it.
   */
  readonly isUnnameable?: true;
}

/**
 * The workspace as a step sees it, with its own staged changes. Paths are relative, `/` between parts. One that leads
 * out of it is refused (`outside-workspace`), and so are names that begin with `.holdfast` and declared SQLite files
 * (`reserved-path`); one that no file can have is `bad-input`. A path is what stands there: a symbolic link is never
 * followed, but folders above the path may be links within the workspace. What is read is recorded: a later change of
 * it is noticed, and one before the step is applied drops the draft, so that the code runs again. Reading is safe to
 * repeat. Where the file is being replaced (`busy`) or may not be read (`permission-denied`) a read says so.
 */
export interface StepFiles {
  /**
   * The whole file as bytes, at most 256 MiB; use `stream` beyond.
   * @throws `not-found`; `too-large`; `bad-input` where a folder, a symbolic link or a device is
   */
  read(path: string): Promise<Uint8Array>;
  /**
   * The whole file as text, at most 256 MiB, a byte-order mark (U+FEFF) at its start included. Default: as UTF-8. Bytes
   * that are no such text are an error, never replaced.
   * @throws as `read`; `bad-input` where it is no such text
   */
  readText(path: string, options?: { readonly encoding?: TextEncoding }): Promise<string>;
  /**
   * The content in chunks of at most 256 KiB; each is yours to keep. Nothing is opened before the first is asked for.
   * Of any length. @throws as `read`, but for `too-large`, while it is read
   */
  stream(path: string): AsyncIterable<Uint8Array>;
  /**
   * Is there anything at this path: a file, a folder, a link, leading somewhere or not? Its appearing or going later is
   * noticed. No folder's path ends with `/` here.
   */
  exists(path: string): Promise<boolean>;
  /**
   * Stages a write, in place of what the step has staged there before; folders that are missing are created with it.
   * It replaces a file or a symbolic link. What stands there is looked at when the code has returned: a folder or a
   * device then fails the step (`bad-input`), a file with other names, too, without `hardLinks: 'split'`.
   * @throws `bad-input` for an option, a text or an encoding; `secret-in-output`
   */
  write(path: string, content: FileContent, options?: WriteOptions): Promise<void>;
  /**
   * Stages the removal of a file or a symbolic link. Where nothing is when the code has returned, nothing happens; a
   * folder then fails the step (`bad-input`).
   */
  remove(path: string): Promise<void>;
  /**
   * What lies in a folder, sorted by path (UTF-16 code units), with the files that the step has staged; not yet with
   * folders that they bring. Without `.holdfast`, Holdfast's temporary files and declared SQLite files. Empty where no
   * such folder is. A later change of the listing is noticed; contents aren't read.
   * @param folder default: the workspace
   * @param options.recursive also what lies in its folders. Default: false
   * @throws `not-found` where a file is in its place; `permission-denied`
   */
  list(folder?: string, options?: { readonly recursive?: boolean }): Promise<readonly FileInfo[]>;
}

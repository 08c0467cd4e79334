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
 * The workspace as a step sees it. Paths are relative, `/` between parts. One that leads out of it is refused
 * (`outside-workspace`), and so is one in `.holdfast` (`reserved-path`). What is read is recorded: a later change of it
 * is noticed.
 */
export interface StepFiles {
  /** The whole file as bytes (at most 256 MiB; use `stream` beyond). @throws `not-found` */
  read(path: string): Promise<Uint8Array>;
  /**
   * The whole file as text, a byte-order mark (U+FEFF) at its start included. Default: as UTF-8. Bytes that are no such
   * text are an error, never replaced. @throws `not-found`, `bad-input`
   */
  readText(path: string, options?: { readonly encoding?: TextEncoding }): Promise<string>;
  /** The content in chunks. It is hashed while it is read; read it to its end. @throws `not-found` */
  stream(path: string): AsyncIterable<Uint8Array>;
  /** Is there anything at this path? Its appearing or going later is noticed. */
  exists(path: string): Promise<boolean>;
  /** Stages a write; folders that are missing are created with it. */
  write(path: string, content: FileContent, options?: WriteOptions): Promise<void>;
  /** Stages a removal. Removing what is not there is no error. */
  remove(path: string): Promise<void>;
  /** What lies below a folder (default: the whole workspace), sorted by path, staged changes included. */
  list(folder?: string, options?: { readonly recursive?: boolean }): Promise<readonly FileInfo[]>;
}

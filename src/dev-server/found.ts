/** A Temporal server, or the program that is one, and where it was found. */

export type TemporalExecutable = {
  readonly kind: 'executable';
  readonly path: string;
  readonly from: 'option' | 'HOLDFAST_TEMPORAL_BIN' | 'PATH' | 'cache' | 'SDK download' | 'go install';
};
export type TemporalAddress = {
  readonly kind: 'address';
  readonly address: string;
  readonly from: 'option' | 'TEMPORAL_ADDRESS';
};
export type TemporalFound = TemporalAddress | TemporalExecutable;

export interface FindTemporalOptions {
  /** A running server, `host:port`. `false`: a program is wanted, whatever TEMPORAL_ADDRESS says. */
  readonly address?: string | false;
  /** The `temporal` program. */
  readonly executable?: string;
  /** One line of text for a person; anything that takes more than a second says so. */
  readonly onProgress?: (line: string) => void;
  /** Default: this process's. */
  readonly env?: NodeJS.ProcessEnv;
}

/** What was taken, as one line for a person. */
export function describeTemporal(found: TemporalFound): string {
  if (found.kind === 'address') {
    const by = found.from === 'option' ? '' : ` by ${found.from}`;
    return `Temporal server: ${found.address} (address given${by})`;
  }
  return `Temporal server: ${found.path} (${found.from === 'option' ? 'given' : `from ${found.from}`})`;
}

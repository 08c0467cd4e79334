/** One way to break a guarantee, and the tests that must then fail. */
export interface Mutation {
  /** The guarantee that is broken, as in docs/guarantees.md. */
  readonly guarantee: 'G1' | 'G2' | 'G3' | 'G4' | 'G5' | 'G6' | 'T' | 'Encryption' | 'Secrets';
  readonly breaks: string;
  readonly file: string;
  /** Must occur exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** Test files, at least one of which must fail. */
  readonly tests: readonly string[];
  /** Only the tests whose names match. */
  readonly name?: string;
}

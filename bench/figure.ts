/** What a figure is, and what measuring one gets. */
import type { BenchServer } from './bench-server.ts';
import type { Summary, Verdict } from './statistics.ts';

export interface FigureContext {
  /** The server and its worker, started when it is first needed. */
  readonly server: () => Promise<BenchServer>;
  readonly isQuick: boolean;
  /** One line for a person. */
  readonly say: (line: string) => void;
}

export interface Figure {
  readonly name: string;
  /** What is measured, for a table's row. */
  readonly what: string;
  /** The value must be below it. */
  readonly bound: number;
  readonly unit: string;
  /** It is left out of `--quick`, unless it is named. Default: it takes part. */
  readonly takesMinutes?: boolean;
  /** Comparisons interleave their variants; each round gives one value. */
  measure(context: FigureContext): Promise<readonly number[]>;
}

export interface FigureResult extends Summary {
  readonly bound: number;
  readonly unit: string;
  readonly holds: Verdict;
}

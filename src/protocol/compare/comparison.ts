/** What a comparison is given, and what it says. */
import type { ChainPlace } from '../../model/job/chain-place.ts';
import type { Finding } from '../../model/question/finding.ts';
import type { ManifestEntry } from '../../model/record/manifest.ts';
import type { Change } from '../../model/record/record.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { LookPlace } from '../look/request.ts';

export interface ComparedRecord extends LookPlace {
  readonly jobId: string;
  readonly ledger: Ledger;
  /** The record at one moment: its place and what it said. */
  readonly at: ChainPlace;
  readonly manifest: ReadonlyMap<string, ManifestEntry>;
}

export interface Comparison {
  readonly at: ChainPlace;
  readonly findings: readonly Finding[];
  /** Resources to look at again. */
  readonly differing: readonly string[];
  /** Watched things that the record didn't have yet. */
  readonly firstSeen: readonly Change[];
  readonly resources: number;
  readonly sizeBytes: number;
}

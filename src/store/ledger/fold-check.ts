/**
 * Is a manifest what the chain folds to?
 *
 * Invariants
 * 1. Entry by entry and digest by digest: what the records that were read have changed is what they fold to; everything
 *    else is, to the byte, what it was at the head from which the check goes on.
 * 2. No entry is lost, and none is there that no record put there.
 */
import { hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { foldChanges, manifestEntryOf, type LatestChange, type ManifestEntry } from '../../model/record/manifest.ts';
import type { ChainRecord } from '../../model/record/record.ts';
import { stateText } from '../../model/record/world.ts';
import type { CheckedHead } from './checked.ts';
import { EntryDigests, nameKey, readCells, WholeDigest, type Cell } from './entry-digests.ts';
import type { StoredEntry } from './manifest.ts';

type Remembered = Pick<CheckedHead, 'manifest' | 'cells'>;

export interface FoldCheckResult {
  readonly problems: readonly string[];
  /** As it is stored. */
  readonly manifest: ReadonlyMap<string, ManifestEntry>;
  /** For a later check to go on from. Undefined: nothing is to be remembered. */
  readonly digests: Remembered | undefined;
}

export class FoldCheck {
  readonly #remembered: Remembered | undefined;
  /** Of the entries that the manifest had at that head: name → text, as their digests. */
  readonly #before: ReadonlyMap<string, string>;
  readonly #latest = new Map<string, LatestChange>();

  /** @param remembered of the head from which the check goes on; undefined: it goes from the beginning */
  constructor(remembered: Remembered | undefined) {
    this.#remembered = remembered;
    this.#before = readCells(remembered?.cells ?? new Uint8Array());
  }

  add(record: ChainRecord): void {
    foldChanges(this.#latest, record, (resource) => this.#before.size > 0 && this.#before.has(nameKey(resource)));
  }

  /** Yields between pages. `isKept`: a later check is to go on from this one. */
  *compare(pages: Iterable<readonly StoredEntry[]>, isKept: boolean): Generator<undefined, FoldCheckResult> {
    if (this.#remembered !== undefined && this.#latest.size === 0) return yield* compareWhole(pages, this.#remembered);
    const problems: string[] = [];
    const manifest = new Map<string, ManifestEntry>();
    const digests = new EntryDigests();
    const needsCells = isKept || this.#before.size > 0;
    const left = new Set(this.#before.keys());
    for (const page of pages) {
      for (const stored of page) {
        const cell = needsCells ? digests.add(stored) : undefined;
        if (cell !== undefined) left.delete(cell.name);
        problems.push(...this.#problemOf(stored, cell));
        manifest.set(stored.resource, stored.entry);
      }
      yield;
    }
    for (const resource of this.#latest.keys()) if (!manifest.has(resource)) problems.push(differs(resource));
    if (left.size > 0) problems.push(`the manifest lacks ${left.size} of the entries that it had`);
    return { problems, manifest, digests: isKept ? digests.all() : undefined };
  }

  #problemOf({ resource, entry }: StoredEntry, cell: Cell | undefined): readonly string[] {
    const change = this.#latest.get(resource);
    if (change !== undefined) return isSameEntry(entry, change) ? [] : [differs(resource)];
    const before = cell === undefined ? undefined : this.#before.get(cell.name);
    if (before === undefined) return [`the manifest has ${resource}, which no record put there`];
    return before === cell!.text ? [] : [differs(resource)];
  }
}

/** Where nothing was recorded since: to the byte what it was. */
function* compareWhole(
  pages: Iterable<readonly StoredEntry[]>,
  before: Remembered,
): Generator<undefined, FoldCheckResult> {
  const manifest = new Map<string, ManifestEntry>();
  const whole = new WholeDigest();
  for (const page of pages) {
    for (const stored of page) {
      whole.add(stored);
      manifest.set(stored.resource, stored.entry);
    }
    yield;
  }
  const isSame = whole.digest() === before.manifest;
  const problems = isSame ? [] : ['the manifest is not what it was, and no record has changed it'];
  return { problems, manifest, digests: before };
}

function differs(resource: string): string {
  return `the manifest's entry for ${resource} differs from the chain's`;
}

function isSameEntry(stored: ManifestEntry, latest: LatestChange): boolean {
  return isDeepStrictEqual(stored, manifestEntryOf(latest, hash('sha256', stateText(latest.change.state))));
}

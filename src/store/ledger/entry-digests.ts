/**
 * The entries of a manifest by their digests: what a later check needs to know that the entries which no record has
 * changed since are still the same, that none is lost and none was added.
 *
 * A cell is 24 bytes: the first 8 of the SHA-256 of the resource's name, the first 16 of that of the entry's text.
 */
import { createHash, hash } from 'node:crypto';
import type { Digest } from '../../model/digest.ts';

const NAME_BYTES = 8;
const TEXT_BYTES = 16;
const CELL_BYTES = NAME_BYTES + TEXT_BYTES;

/** An entry as the table has it. */
export interface EntryText {
  readonly resource: string;
  readonly text: string;
}

/** Two digests, cut, in hex. */
export interface Cell {
  readonly name: string;
  readonly text: string;
}

export function nameKey(resource: string): string {
  return hash('sha256', resource).slice(0, 2 * NAME_BYTES);
}

/** Of all entries at once, in the table's order: cheap, and enough where nothing was recorded since. */
export class WholeDigest {
  readonly #hash = createHash('sha256');

  add({ resource, text }: EntryText): void {
    this.#hash.update(`${resource.length} ${text.length}\n${resource}${text}`);
  }

  /** Once, at the end. */
  digest(): Digest {
    return this.#hash.digest('hex');
  }
}

/** Of all entries at once, and of each. */
export class EntryDigests {
  readonly #whole = new WholeDigest();
  readonly #cells: string[] = [];

  add(stored: EntryText): Cell {
    this.#whole.add(stored);
    const cell = { name: nameKey(stored.resource), text: hash('sha256', stored.text).slice(0, 2 * TEXT_BYTES) };
    this.#cells.push(cell.name, cell.text);
    return cell;
  }

  /** Once, at the end. */
  all(): { readonly manifest: Digest; readonly cells: Uint8Array } {
    return { manifest: this.#whole.digest(), cells: Buffer.from(this.#cells.join(''), 'hex') };
  }
}

/** Name → text of each cell. */
export function readCells(cells: Uint8Array): Map<string, string> {
  const text = Buffer.from(cells.buffer, cells.byteOffset, cells.byteLength).toString('hex');
  const found = new Map<string, string>();
  for (let from = 0; from < text.length; from += 2 * CELL_BYTES)
    found.set(text.slice(from, from + 2 * NAME_BYTES), text.slice(from + 2 * NAME_BYTES, from + 2 * CELL_BYTES));
  return found;
}

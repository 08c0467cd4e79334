/** What a store finds where it is to put a document, and what it reads back: the same decisions in every store. */
import { hash } from 'node:crypto';
import { HoldfastError } from '../../model/failure.ts';
import { invariant } from '../../model/invariant.ts';
import { sealHeader } from './inspect.ts';
import { openPlain } from './open.ts';

/** Where a document is to lie. */
export interface SealedPlace {
  readonly series: string;
  readonly generation: number;
  /** The file's path, or the row, for people. */
  readonly where: string;
}

/** `checkpoint 12 of "job" (/srv/checkpoints/job/0000000012.sealed)` */
export function placeText({ series, generation, where }: SealedPlace): string {
  return `checkpoint ${generation} of ${JSON.stringify(series)} (${where})`;
}

/** Who wrote sealed bytes. A caller that puts something else has not sealed it: a defect. */
export function writerOf(sealed: Buffer): string {
  const header = sealHeader(sealed);
  invariant(header !== undefined, 'what is put into a store is a sealed document');
  return header.writer;
}

/**
 * What is there already under the number must be the same document, whoever wrote it.
 * @throws HoldfastError `checkpoint-taken`, `checkpoint-damaged`
 */
export function mustBeSame(found: Buffer, sealed: Buffer, place: SealedPlace): void {
  if (found.equals(sealed)) return;
  const text = placeText(place);
  const there = openPlain(found, text);
  const own = openPlain(sealed, `new ${text}`);
  if (there.header.kind === own.header.kind && there.plain.equals(own.plain)) return;
  const writers = { found: there.header.writer, own: own.header.writer };
  throw new HoldfastError(
    'checkpoint-taken',
    `There is another ${text} already: it was written by "${writers.found}", and "${writers.own}" wants to write ` +
      'one that differs. Expected one writer for one job; the one that is there stays.',
    { series: place.series, generation: place.generation, where: place.where, writers: [writers.found, writers.own] },
  );
}

/** @param found undefined: nothing is there. @throws HoldfastError `read-back-failed` */
export function mustReadBack(found: Buffer | undefined, sealed: Buffer, place: SealedPlace): void {
  if (found?.equals(sealed) === true) return;
  throw readBackFailed(placeText(place), described(sealed), found === undefined ? 'nothing' : described(found), {
    series: place.series,
    generation: place.generation,
    where: place.where,
  });
}

/** @param expected what was written */
export function readBackFailed(what: string, expected: string, found: string, details: object): HoldfastError {
  return new HoldfastError(
    'read-back-failed',
    `The ${what} was written without an error, and does not read back as it was written. Expected ${expected}, ` +
      `found ${found}: this store does not keep what it takes.`,
    { ...details, expected, found },
  );
}

function described(bytes: Buffer): string {
  return `${bytes.length} bytes with the digest ${hash('sha256', bytes).slice(0, 12)}`;
}

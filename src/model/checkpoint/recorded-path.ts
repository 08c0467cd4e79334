/** Which checkpoints the record has, as a Workflow of one's own is told them: it notes them again. Pure. */
import type { Digest } from '../digest.ts';
import { pathTo } from './state-at.ts';

/** Of those that are told, or carried: the latest. */
export const MAX_RECORDED = 1_000;
const DIGITS = 16;

/** Its place among the job's checkpoints, its number, and how its digest begins. */
export type RecordedCheckpoint = readonly [place: number, seq: number, digest: string];

interface Recorded {
  readonly seq: number;
  readonly parent: number | null;
  readonly digest: Digest;
}

/** @param place among the job's checkpoints, from 0 on */
export function recordedCheckpoint(
  place: number,
  { seq, digest }: Pick<Recorded, 'seq' | 'digest'>,
): [number, number, string] {
  return [place, seq, digest.slice(0, DIGITS)];
}

/** Those that led to one, and that one. @param all in the record's order */
export function recordedPath(all: readonly Recorded[], last: Recorded): [number, number, string][] {
  return pathTo(all, last)
    .map((one, place) => recordedCheckpoint(place, one))
    .slice(-MAX_RECORDED);
}

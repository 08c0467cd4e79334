/**
 * A bounded, readable difference between two texts. Pure.
 *
 * Invariants
 * 1. Bounded in lines, bytes, width and work, whatever the texts hold; the text says how much is omitted.
 * 2. Nothing in a text can act on a terminal or hide: control, bidirectional and invisible characters are shown as what
 *    they are, and so is what makes two lines differ that look the same.
 */
import { structuredPatch, type StructuredPatchHunk } from 'diff';
import { markLookAlikes } from './look-alikes.ts';
import { readableLine } from './readable-line.ts';

export interface DifferenceOptions {
  /** Default 60. */
  readonly maxLines?: number;
  /** Default 8 KiB. */
  readonly maxBytes?: number;
}

export interface TextDifference {
  /** Unified: `-` is the first text, `+` the second. */
  readonly text: string;
  readonly addedLines: number;
  readonly removedLines: number;
  /** The text is not all of it. */
  readonly isCut: boolean;
}

const DEFAULT_MAX_LINES = 60;
const DEFAULT_MAX_BYTES = 8 * 1024;

const CONTEXT_LINES = 3;
/** The work grows with lines times edits; beyond this many a list of lines tells a person nothing. */
const MAX_EDITS = 1_500;

/** Undefined: too different to compare line by line. */
export function differenceOfTexts(
  before: string,
  after: string,
  options: DifferenceOptions = {},
): TextDifference | undefined {
  // One side empty needs no comparing, and may be longer than the limit on edits.
  const limit = before === '' || after === '' ? {} : { maxEditLength: MAX_EDITS };
  const patch = structuredPatch('', '', before, after, undefined, undefined, { context: CONTEXT_LINES, ...limit });
  if (patch === undefined) return undefined;
  const lines = patch.hunks.flatMap(linesOf);
  const counts = { addedLines: countStarting(lines, '+'), removedLines: countStarting(lines, '-') };
  return {
    ...counts,
    ...boundLines(lines, options.maxLines ?? DEFAULT_MAX_LINES, options.maxBytes ?? DEFAULT_MAX_BYTES),
  };
}

function linesOf({ oldStart, oldLines, newStart, newLines, lines }: StructuredPatchHunk): string[] {
  return [`@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`, ...markLookAlikes(lines)];
}

function countStarting(lines: readonly string[], sign: string): number {
  return lines.filter((line) => line.startsWith(sign)).length;
}

function boundLines(
  lines: readonly string[],
  maxLines: number,
  maxBytes: number,
): { readonly text: string; readonly isCut: boolean } {
  const shown: string[] = [];
  let bytes = 0;
  let isCut = false;
  for (const line of lines) {
    const readable = readableLine(line);
    bytes += utf8Length(readable.text) + 1;
    if (shown.length >= maxLines || bytes > maxBytes)
      return { text: [...shown, `… ${lines.length - shown.length} more lines`].join('\n'), isCut: true };
    isCut ||= readable.isCut;
    shown.push(readable.text);
  }
  return { text: shown.join('\n'), isCut };
}

/** Bytes in UTF-8, without what only Node has. */
function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x1_0000 ? 3 : 4;
  }
  return bytes;
}

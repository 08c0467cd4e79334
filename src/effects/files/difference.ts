/**
 * What differs between two states of a file, so that a person can read it.
 *
 * Invariants
 * 1. Bounded: contents beyond `MAX_COMPARED_BYTES` are not even read.
 * 2. What is omitted is said.
 */
import { shortDigest, type Digest } from '../../model/digest.ts';
import { differenceOfTexts, type DifferenceOptions } from '../../model/text-difference.ts';
import { readableLine } from '../../model/readable-line.ts';
import { shownText, type ShownText } from './shown-text.ts';
import type { FileState } from '../../model/record/world.ts';

export interface FileDifference {
  /** One line: `changed: 3 lines added, 1 removed; mode 0644 → 0755`. */
  readonly summary: string;
  /** A unified difference, where both sides are text; `-` is expected, `+` is found. */
  readonly text?: string;
  /** The text is not all of it. */
  readonly isCut: boolean;
}

/**
 * Gives a content, or undefined where it is not available. Called only for contents of at most `MAX_COMPARED_BYTES`.
 */
export type ContentReader = (digest: Digest, side: 'expected' | 'found') => Promise<Uint8Array | undefined>;

const MAX_COMPARED_BYTES = 1024 * 1024;

export interface FileDifferenceOptions extends DifferenceOptions {
  /** What to say where a content is not available. Default: that the store has lost it. */
  readonly whyMissing?: string;
}

/** Describes what differs. Reads contents only where both sides could be text. */
export async function describeFileDifference(
  expected: FileState,
  found: FileState,
  read: ContentReader,
  { whyMissing = 'a content is not in the store any more', ...options }: FileDifferenceOptions = {},
): Promise<FileDifference> {
  const parts = kindChange(expected, found);
  if (!isContent(expected) || !isContent(found) || contentOf(expected) === contentOf(found)) {
    return { summary: parts.join('; ') || 'no difference', isCut: false };
  }
  const sizes = `${describeContent(expected)} → ${describeContent(found)}`;
  if (sizeOf(expected) > MAX_COMPARED_BYTES || sizeOf(found) > MAX_COMPARED_BYTES) {
    return { summary: [...parts, sizes, 'too large to compare line by line'].join('; '), isCut: true };
  }
  const [before, after] = [await textOf(expected, 'expected', read), await textOf(found, 'found', read)];
  if (before === undefined || after === undefined)
    return { summary: [...parts, sizes, whyMissing].join('; '), isCut: true };
  if (before === 'binary' || after === 'binary')
    return { summary: [...parts, `binary, ${sizes}`].join('; '), isCut: false };
  return describeText(before, after, [...parts, sizes, ...encodingChange(before, after)], options);
}

function describeText(
  { text: before }: ShownText,
  { text: after }: ShownText,
  parts: readonly string[],
  options: DifferenceOptions,
): FileDifference {
  const difference = differenceOfTexts(before, after, options);
  if (difference === undefined)
    return { summary: [...parts, 'too different to compare line by line'].join('; '), isCut: true };
  const { text, addedLines, removedLines, isCut } = difference;
  return {
    summary: [...parts, `${addedLines} ${addedLines === 1 ? 'line' : 'lines'} added, ${removedLines} removed`].join(
      '; ',
    ),
    text,
    isCut,
  };
}

function kindChange(expected: FileState, found: FileState): string[] {
  if (expected.kind === 'absent' || found.kind === 'absent') {
    if (expected.kind === found.kind) return [];
    return [expected.kind === 'absent' ? `new: ${describeKind(found)}` : `missing: was ${describeKind(expected)}`];
  }
  if (expected.kind !== found.kind) return [`${describeKind(expected)} was replaced by ${describeKind(found)}`];
  const parts: string[] = [];
  if (expected.kind === 'symlink' && found.kind === 'symlink' && expected.target !== found.target) {
    parts.push(`symbolic link ${quote(expected.target)} → ${quote(found.target)}`);
  }
  if (expected.kind === 'other' && found.kind === 'other' && expected.what !== found.what)
    parts.push(`${expected.what} → ${found.what}`);
  if ('mode' in expected && 'mode' in found && expected.mode !== found.mode)
    parts.push(`mode ${octal(expected.mode)} → ${octal(found.mode)}`);
  return parts;
}

function describeKind(state: FileState): string {
  switch (state.kind) {
    case 'absent':
      return 'nothing';
    case 'file':
      return `a file (mode ${octal(state.mode)})`;
    case 'directory':
      return `a folder (mode ${octal(state.mode)})`;
    case 'symlink':
      return `a symbolic link to ${quote(state.target)}`;
    case 'other':
      return `a ${state.what}`;
  }
}

type Content = Extract<FileState, { kind: 'file' | 'absent' }>;

function isContent(state: FileState): state is Content {
  return state.kind === 'file' || state.kind === 'absent';
}

function contentOf(state: Content): Digest | undefined {
  return state.kind === 'file' ? state.content : undefined;
}

function sizeOf(state: Content): number {
  return state.kind === 'file' ? state.sizeBytes : 0;
}

function describeContent(state: Content): string {
  return state.kind === 'file'
    ? `${state.sizeBytes.toLocaleString('en-US')} bytes (${shortDigest(state.content)})`
    : 'nothing';
}

async function textOf(
  state: Content,
  side: 'expected' | 'found',
  read: ContentReader,
): Promise<ShownText | 'binary' | undefined> {
  if (state.kind === 'absent') return { text: '', encoding: 'UTF-8', hasMark: false };
  const bytes = await read(state.content, side);
  if (bytes === undefined) return undefined;
  return shownText(bytes) ?? 'binary';
}

/** What a reader of the lines could miss. An empty content has every encoding. */
function encodingChange(before: ShownText, after: ShownText): string[] {
  const parts: string[] = [];
  const isBoth = before.text !== '' && after.text !== '';
  if (isBoth && before.encoding !== after.encoding) parts.push(`encoding ${before.encoding} → ${after.encoding}`);
  else if (after.encoding === 'not UTF-8') parts.push('not UTF-8: odd bytes are shown as <E9>');
  if (isBoth && before.hasMark !== after.hasMark) parts.push(`byte-order mark ${after.hasMark ? 'added' : 'removed'}`);
  return parts;
}

function quote(text: string): string {
  return `"${readableLine(text).text}"`;
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

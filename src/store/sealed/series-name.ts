/**
 * What a series and a generation may be called, and the folder of a series.
 *
 * Invariant: two series have two folders on every file system, whatever it does with letter case and Unicode; a
 * folder's name tells its series.
 */
import { HoldfastError } from '../../model/failure.ts';

const MAX_SERIES_BYTES = 1000;
/** Ten digits. */
const MAX_GENERATION = 9_999_999_999;
/** File systems take 255 bytes. What is longer goes on in a folder within, and the name then ends in `+`. */
const MAX_PART = 200;
const MORE = '+';
/** Folders of the store's own. */
const RESERVED: ReadonlySet<string> = new Set(['blobs', 'damaged']);
const GENERATION_FILE = /^(\d{10})\.sealed$/;

/** @throws HoldfastError `bad-input` */
export function mustBeNames(series: string, generation: number): void {
  mustBeSeries(series);
  if (!Number.isInteger(generation) || generation < 0 || generation > MAX_GENERATION)
    throw new HoldfastError(
      'bad-input',
      `${generation} is no generation. Expected a whole number from 0 to ${MAX_GENERATION}.`,
      { generation },
    );
}

/** @throws HoldfastError `bad-input` */
export function mustBeSeries(series: string): void {
  const sizeBytes = Buffer.byteLength(series);
  if (series.isWellFormed() && !series.includes('\0') && sizeBytes > 0 && sizeBytes <= MAX_SERIES_BYTES) return;
  throw new HoldfastError(
    'bad-input',
    `${JSON.stringify(series.slice(0, 80))} can't name a series of checkpoints. Expected 1 to ` +
      `${MAX_SERIES_BYTES} bytes of text without U+0000; found ${sizeBytes} bytes.`,
    { series: series.slice(0, 80), sizeBytes },
  );
}

/** The folder's path within the store: one name, or several of a long series. */
export function folderOf(series: string): string {
  const escaped = [...Buffer.from(series, 'utf8')].map(escapedByte);
  const name = escaped.join('');
  if (RESERVED.has(name)) return `${hexEscape(name.codePointAt(0)!)}${name.slice(1)}`;
  const parts: string[] = [];
  let part = '';
  for (const one of escaped) {
    if (part.length + one.length > MAX_PART) {
      parts.push(`${part}${MORE}`);
      part = '';
    }
    part += one;
  }
  return [...parts, part].join('/');
}

/** The series, or its beginning, that a folder's name tells. Undefined: it is none of ours. */
export function seriesPart(name: string): { readonly bytes: Buffer; readonly goesOn: boolean } | undefined {
  const goesOn = name.endsWith(MORE);
  const escaped = goesOn ? name.slice(0, -1) : name;
  if (RESERVED.has(name) || !/^(?:[a-z0-9_-]|%[0-9a-f]{2})+$/.test(escaped)) return undefined;
  const bytes = escaped.replaceAll(/%(..)/g, (_whole, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)));
  return { bytes: Buffer.from(bytes, 'latin1'), goesOn };
}

export function generationFile(generation: number): string {
  return `${String(generation).padStart(10, '0')}.sealed`;
}

/** Undefined: the file is no generation's. */
export function generationOf(file: string): number | undefined {
  const digits = GENERATION_FILE.exec(file)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function escapedByte(byte: number): string {
  const character = String.fromCodePoint(byte);
  return /[a-z0-9_-]/.test(character) ? character : hexEscape(byte);
}

function hexEscape(byte: number): string {
  return `%${byte.toString(16).padStart(2, '0')}`;
}

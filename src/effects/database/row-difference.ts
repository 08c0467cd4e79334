/**
 * What differs between two states of a row, in lines that a person can read. Pure.
 *
 * Invariants
 * 1. Different states give at least one line, equal ones none.
 * 2. Values are cut to a bound, around the place where they differ; their number is bounded too.
 */
import { canonicalJson, type Json } from '../../model/canonical-json.ts';
import { sha256Hex, shortDigest } from '../../model/digest.ts';
import type { RowState } from '../../model/record/world.ts';
import { decodedBytes } from '../odd-bytes.ts';
import { tagOf } from './values.ts';

export const MAX_ROW_DIFFERENCE_LINES = 50;
const MAX_VALUE_CHARS = 80;
/** What is shown before the first difference of two long values. */
const CONTEXT_CHARS = 20;

export function describeRowDifference(expected: RowState, found: RowState): readonly string[] {
  if (expected.kind === 'absent')
    return found.kind === 'absent'
      ? []
      : bounded(['a row is there; expected none', ...valueLines('found', found.columns)]);
  if (found.kind === 'absent') return bounded(['the row is gone', ...valueLines('expected', expected.columns)]);
  const names = [...new Set([...Object.keys(expected.columns), ...Object.keys(found.columns)])];
  return bounded(names.flatMap((name) => columnLine(name, own(expected.columns, name), own(found.columns, name))));
}

/** A change that is still to come: `-` what goes, `+` what comes. */
export function describeRowChange(before: RowState, after: RowState): readonly string[] {
  const goes = before.kind === 'row' ? before.columns : {};
  const comes = after.kind === 'row' ? after.columns : {};
  return bounded(
    [...new Set([...Object.keys(goes), ...Object.keys(comes)])].flatMap((name) => {
      const [old, next] = [own(goes, name), own(comes, name)];
      if (old !== undefined && next !== undefined && canonicalJson(old) === canonicalJson(next)) return [];
      if (old === undefined) return next === undefined ? [] : [`+"${name}": ${shown(next)}`];
      if (next === undefined) return [`-"${name}": ${shown(old)}`];
      const [from, to] = shownPair(textOf(old), textOf(next));
      return [`-"${name}": ${from}`, `+"${name}": ${to}`];
    }),
  );
}

function columnLine(name: string, expected: Json | undefined, found: Json | undefined): readonly string[] {
  if (expected === undefined) return [`"${name}": found ${shown(found!)}, expected no such column`];
  if (found === undefined) return [`"${name}": expected ${shown(expected)}, found no such column`];
  if (canonicalJson(expected) === canonicalJson(found)) return [];
  const [before, after] = shownPair(textOf(expected), textOf(found));
  return [`"${name}": expected ${before}, found ${after}`];
}

function valueLines(word: string, columns: Readonly<Record<string, Json>>): readonly string[] {
  return Object.entries(columns).map(([name, value]) => `"${name}": ${word} ${shown(value)}`);
}

/** Exact numbers as digits, bytes as size and digest, all else as JSON. */
function textOf(value: Json): string {
  const tagged = tagOf(value);
  switch (tagged?.tag) {
    case '$bytes': {
      const bytes = Buffer.from(tagged.content as string, 'base64');
      return `${bytes.byteLength} bytes (${shortDigest(sha256Hex(bytes))})`;
    }
    case '$oddtext':
      return JSON.stringify(decodedBytes(Buffer.from(tagged.content as string, 'base64')).text);
    case '$int':
    case '$numeric':
    case '$float':
    case '$jsontext':
      return tagged.content as string;
    case '$json':
      return canonicalJson(tagged.content);
    case undefined:
      return canonicalJson(value);
  }
}

function shown(value: Json): string {
  return window(textOf(value), 0);
}

/** Two values, from shortly before the place where they part. The same texts of different types say which is which. */
function shownPair(expected: string, found: string): readonly [string, string] {
  if (expected === found) return [`${window(expected, 0)} (as another type)`, window(found, 0)];
  let parting = 0;
  while (parting < expected.length && expected[parting] === found[parting]) parting++;
  const start = Math.max(expected.length, found.length) <= MAX_VALUE_CHARS ? 0 : Math.max(0, parting - CONTEXT_CHARS);
  return [window(expected, start), window(found, start)];
}

function window(text: string, start: number): string {
  const part = text.slice(start, start + MAX_VALUE_CHARS);
  const more = text.length - start - part.length;
  const end = more > 0 ? `… (${text.length.toLocaleString('en-US')} characters)` : '';
  return `${start > 0 ? '…' : ''}${part.toWellFormed()}${end}`;
}

function own(columns: Readonly<Record<string, Json>>, name: string): Json | undefined {
  return Object.hasOwn(columns, name) ? columns[name] : undefined;
}

function bounded(lines: readonly string[]): readonly string[] {
  if (lines.length <= MAX_ROW_DIFFERENCE_LINES) return lines;
  const first = lines.slice(0, MAX_ROW_DIFFERENCE_LINES - 1);
  return [...first, `… and ${lines.length - first.length} more`];
}

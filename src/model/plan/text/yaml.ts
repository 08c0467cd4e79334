/**
 * YAML or JSON text to plain JSON.
 *
 * Invariants
 * 1. Nothing is read other than written: duplicate keys, unknown tags and numbers that JSON cannot hold exactly are
 *    refused.
 * 2. Bounded: 1 MiB of text, 100 uses of an alias, 256 levels.
 */
import { Lexer, type LineCounter, parseDocument, type Document } from 'yaml';
import { canonicalJson, MAX_JSON_DEPTH } from '../../canonical-json.ts';
import { HoldfastError } from '../../failure.ts';
import type { PlanProblem } from '../problem/problem.ts';
import { placed, position } from './place.ts';

export const MAX_PLAN_BYTES = 1_048_576;
const MAX_ALIAS_USES = 100;

type ReadValue =
  | { readonly ok: true; readonly value: unknown; readonly document: Document.Parsed }
  | { readonly ok: false; readonly problems: readonly PlanProblem[] };

export function readValue(text: string, lines: LineCounter): ReadValue {
  // Each UTF-16 unit is at least one byte, so this bounds the text before anything reads it.
  if (text.length > MAX_PLAN_BYTES)
    return refused({
      path: '',
      message: 'the plan is too large',
      expected: `at most ${MAX_PLAN_BYTES} bytes`,
      found: `${text.length} characters`,
      hint: 'keep data in files or tables, and refer to them',
    });
  const depth = flowDepth(text);
  if (depth > MAX_JSON_DEPTH) return refused(tooDeep());
  let document: Document.Parsed;
  try {
    document = parseDocument(text, {
      lineCounter: lines,
      version: '1.2',
      schema: 'core',
      uniqueKeys: true,
      stringKeys: true,
      intAsBigInt: true,
      prettyErrors: false,
      logLevel: 'error',
    });
  } catch (error) {
    if (error instanceof RangeError) return refused(tooDeep());
    throw error;
  }
  const faults = [...document.errors, ...document.warnings];
  if (faults.some(({ message }) => message.includes('call stack'))) return refused(tooDeep());
  if (faults.length > 0) {
    return {
      ok: false,
      problems: withoutConsequences(faults).map(({ code, message, pos }) => {
        const quote = UNCLOSED.test(message) ? openingQuote(text, pos[0]) : undefined;
        return {
          path: '',
          message: quote === undefined ? textProblem(code, message) : 'this quotation mark is never closed',
          ...position(lines, quote ?? pos[0]),
        };
      }),
    };
  }
  if (document.contents === null)
    return refused({ path: '', message: 'the plan is empty', expected: 'schemaVersion, name, workspace, steps' });
  try {
    const value = exactNumbers(document.toJS({ maxAliasCount: MAX_ALIAS_USES }), '$');
    canonicalJson(value, '$');
    return { ok: true, value, document };
  } catch (error) {
    if (error instanceof RangeError) return refused(tooDeep());
    if (error instanceof ReferenceError)
      return refused({
        path: '',
        message: 'aliases unfold to too much',
        expected: `at most ${MAX_ALIAS_USES} uses of an alias`,
        found: error.message,
        hint: 'write the parts out',
      });
    if (error instanceof HoldfastError && error.type === 'not-json') {
      const path = String(error.details['path'])
        .replace(/^\$\.?/, '')
        .replace(/ key$/, '');
      return refused(
        placed({ path, message: error.message.replace(/^\$\S* /, '').replace(/\.$/, '') }, document, lines),
      );
    }
    throw error;
  }
}

/** YAML integers come as bigints, so that none is rounded without a word. */
function exactNumbers(value: unknown, path: string, depth = 0): unknown {
  if (depth > MAX_JSON_DEPTH) throw new RangeError('too deep');
  if (typeof value === 'bigint') {
    const number = Number(value);
    if (Number.isSafeInteger(number)) return number;
    throw new HoldfastError(
      'not-json',
      `${path} is the number ${value}, which JSON readers would round; quote it to keep it as text.`,
      { path },
    );
  }
  if (Object.is(value, -0)) return 0;
  if (Array.isArray(value)) return value.map((item, index) => exactNumbers(item, `${path}[${index}]`, depth + 1));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      if (key === '__proto__')
        throw new HoldfastError('not-json', `${path} has a field named __proto__, which no plan may have.`, { path });
      return [
        key,
        exactNumbers(
          member,
          `${path}${/^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`}`,
          depth + 1,
        ),
      ];
    }),
  );
}

/** The deepest nesting of brackets, quoted text not looked at: a bound before a recursive parser sees the text. */
function flowDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const character of text) {
    if (character === '[' || character === '{') deepest = Math.max(deepest, ++depth);
    else if (character === ']' || character === '}') depth = Math.max(0, depth - 1);
  }
  return deepest;
}

const UNCLOSED = /^Missing closing ['"]quote/;
/** The lexer's own marks (document, scalar, error), which stand for no text. */
const LEXER_MARKS = ['\u0002', '\u0018', '\u001f'];

/** Where the quoted text begins that runs to `end`: the parser names its end alone. */
function openingQuote(text: string, end: number): number | undefined {
  let offset = 0;
  for (const lexeme of new Lexer().lex(text)) {
    if (LEXER_MARKS.includes(lexeme)) continue;
    const next = offset + lexeme.length;
    if (next >= end && /^["']/.test(lexeme)) return offset;
    offset = next;
  }
  return undefined;
}

/** Faults after which the parser still knows where it is. */
const HARMLESS: readonly string[] = [
  'DUPLICATE_KEY',
  'MULTIPLE_DOCS',
  'TAG_RESOLVE_FAILED',
  'NON_STRING_KEY',
  'BAD_ALIAS',
];

/** Behind a quotation mark or bracket that is never closed, the parser finds faults that aren't there. */
function withoutConsequences<T extends { readonly code: string }>(faults: readonly T[]): readonly T[] {
  const first = faults.findIndex(({ code }) => !HARMLESS.includes(code));
  return first < 0 ? faults : faults.slice(0, first + 1);
}

function textProblem(code: string, message: string): string {
  if (code === 'DUPLICATE_KEY') return 'a field is given twice';
  if (code === 'MULTIPLE_DOCS') return 'the file holds several documents (---); a plan is one';
  if (code === 'TAG_RESOLVE_FAILED') return `${message}: a plan holds plain values only`;
  return message.split('\n')[0]!;
}

function tooDeep(): PlanProblem {
  return { path: '', message: `the plan is nested deeper than ${MAX_JSON_DEPTH} levels` };
}

function refused(problem: PlanProblem): { readonly ok: false; readonly problems: readonly PlanProblem[] } {
  return { ok: false, problems: [problem] };
}

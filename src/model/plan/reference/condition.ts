/**
 * Whether a condition holds, and in words why it does not.
 *
 * Invariants
 * 1. Nothing is converted: text and a number are different, and can't be ordered.
 * 2. A reference without a value is an error, as it is everywhere; `exists` alone asks whether there is one.
 */
import { canonicalJson, type Json } from '../../canonical-json.ts';
import { HoldfastError } from '../../failure.ts';
import { cutAt } from '../../shown-value.ts';
import { isList } from '../../list.ts';
import type { Condition } from '../condition.ts';
import { describe } from './follow.ts';
import type { Scope } from './reference.ts';
import { resolve } from './resolve.ts';

type Sides = readonly [Json, Json];

const MAX_VALUE_SHOWN = 60;

/** Pure. @throws HoldfastError `bad-input` where it can't be told */
export function holds(condition: Condition, scope: Scope): boolean {
  if (typeof condition === 'string') return truthOf(condition, scope);
  if ('and' in condition) return condition.and.every((part) => holds(part, scope));
  if ('or' in condition) return condition.or.some((part) => holds(part, scope));
  if ('not' in condition) return !holds(condition.not, scope);
  if ('exists' in condition) return exists(condition.exists, scope);
  const [[operator, given]] = Object.entries(condition) as [[keyof typeof COMPARE, Sides]];
  const [a, b] = [resolve(given[0], scope), resolve(given[1], scope)];
  return COMPARE[operator](a, b);
}

/** Of a condition that does not hold: the part that decides it, with the values. Pure. */
export function whyNot(condition: Condition, scope: Scope): string {
  if (typeof condition === 'string') return `${condition} is false`;
  if ('and' in condition)
    return whyNot(
      condition.and.find((part) => !holds(part, scope))!,
      scope,
    );
  if ('or' in condition) return condition.or.map((part) => whyNot(part, scope)).join(', and ');
  if ('not' in condition) return `${textOf(condition.not)} holds`;
  if ('exists' in condition) return `${condition.exists} does not exist`;
  const [[operator, given]] = Object.entries(condition) as [[keyof typeof COMPARE, Sides]];
  return `${sideText(given[0], scope)} is not ${WORDS[operator]} ${sideText(given[1], scope)}`;
}

const COMPARE = {
  eq: isSame,
  ne: (a: Json, b: Json) => !isSame(a, b),
  gt: (a: Json, b: Json) => order(a, b) > 0,
  ge: (a: Json, b: Json) => order(a, b) >= 0,
  lt: (a: Json, b: Json) => order(a, b) < 0,
  le: (a: Json, b: Json) => order(a, b) <= 0,
  in: (item: Json, list: Json) => {
    if (!isList(list)) throw undecidable(`\`in\` needs a list, and found ${describe(list)}`);
    return list.some((one) => isSame(one, item));
  },
};

const WORDS: Readonly<Record<keyof typeof COMPARE, string>> = {
  eq: 'equal to',
  ne: 'other than',
  gt: 'greater than',
  ge: 'at least',
  lt: 'less than',
  le: 'at most',
  in: 'in',
};

function isSame(a: Json, b: Json): boolean {
  return canonicalJson(a) === canonicalJson(b);
}

/** Of text by its UTF-16 units, which is the same everywhere. */
function order(a: Json, b: Json): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a !== 'string' || typeof b !== 'string')
    throw undecidable(`only two numbers, or two texts, have an order; found ${describe(a)} and ${describe(b)}`);
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function truthOf(reference: string, scope: Scope): boolean {
  const value = resolve(reference, scope);
  if (typeof value === 'boolean') return value;
  throw undecidable(`${reference} is ${describe(value)}, neither true nor false`);
}

function exists(reference: string, scope: Scope): boolean {
  try {
    return resolve(reference, scope) !== null;
  } catch (error) {
    if (error instanceof HoldfastError && error.type === 'bad-input') return false;
    throw error;
  }
}

function undecidable(why: string): HoldfastError {
  return new HoldfastError('bad-input', `The condition can't be decided: ${why}.`);
}

function sideText(side: Json, scope: Scope): string {
  const value = shortText(resolve(side, scope));
  return typeof side === 'string' && side.includes('${{') ? `${side} (${value})` : value;
}

function textOf(condition: Condition): string {
  return typeof condition === 'string' ? condition : shortText(condition as Json);
}

function shortText(value: Json): string {
  return cutAt(JSON.stringify(value), MAX_VALUE_SHOWN);
}

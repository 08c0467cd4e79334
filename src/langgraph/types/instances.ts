/** What is neither plain JSON nor a plain object: types of the language, and of LangChain and LangGraph. */
import type { Json } from '../../model/canonical-json.ts';
import { isDeltaSnapshot } from '@langchain/langgraph-checkpoint';
import { encodeLangChain, isLangChain } from './langchain.ts';
import { BINARY, ERRORS, MARKS, TAG } from './tags.ts';
import type { Walk } from './walk.ts';

type Encode = (value: unknown, walk: Walk) => Json;

/** @throws HoldfastError `not-json` naming the path and the class */
export function encodeInstance(value: object, walk: Walk, encode: Encode): Json {
  if (isLangChain(value)) return encodeLangChain(value, walk);
  if (isDeltaSnapshot(value))
    return { [TAG]: 'DeltaSnapshot', value: walk.below('value', () => encode(value.value, walk)) };
  const mark = encodeMark(value, walk, encode);
  if (mark !== undefined) return mark;
  const named = Object.keys(walk.classes).find((name) => walk.classes[name] === value.constructor);
  if (named !== undefined) {
    // As a list: their names are the user's.
    const fields = Object.entries(value).map(
      ([key, part]) => [key, walk.below(key, () => encode(part, walk))] as const,
    );
    return { [TAG]: 'class', name: named, fields };
  }
  const builtIn = encodeBuiltIn(value, walk, encode);
  if (builtIn !== undefined) return builtIn;
  throw walk.refused(`an instance of ${className(value)}`);
}

/** LangGraph takes them back by their fields: every saver gives them so. */
function encodeMark(value: object, walk: Walk, encode: Encode): Json | undefined {
  if (!('lg_name' in value) || !MARKS.some((name) => name === value.lg_name)) return undefined;
  const { lg_name: name, ...rest } = { ...(value as { toJSON?: () => object }).toJSON?.() } as Record<string, unknown>;
  return encode(value.lg_name === 'Command' ? { lg_name: name, ...rest } : withoutUndefined(rest), walk);
}

function withoutUndefined(fields: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** Undefined: it is none of them, or a subclass, whose own class would be lost. */
function encodeBuiltIn(value: object, walk: Walk, encode: Encode): Json | undefined {
  const name = className(value);
  switch (value.constructor) {
    case Date:
      return { [TAG]: 'Date', value: bare(value, walk) && jsonTime((value as Date).getTime()) };
    case Map:
      return { [TAG]: 'Map', entries: encode([...(bare(value, walk) as Map<unknown, unknown>)], walk) };
    case Set:
      return { [TAG]: 'Set', values: encode([...(bare(value, walk) as Set<unknown>)], walk) };
    case RegExp: {
      const { source, flags, lastIndex } = bare(value, walk) as RegExp;
      return { [TAG]: 'RegExp', source, flags, lastIndex };
    }
    case URL:
      return { [TAG]: 'URL', value: (bare(value, walk) as URL).href };
    case ArrayBuffer:
      return { [TAG]: 'ArrayBuffer', value: Buffer.from(bare(value, walk) as ArrayBuffer).toString('base64') };
    case Buffer:
      return { [TAG]: 'Buffer', value: (value as Buffer).toString('base64') };
    default:
      if (value.constructor === BINARY[name as keyof typeof BINARY]) return encodeBinary(name, value as Uint8Array);
      if (value.constructor === ERRORS[name as keyof typeof ERRORS]) return encodeError(value as Error, walk, encode);
      return undefined;
  }
}

/** A property of one's own on such an object would be lost. */
function bare(value: object, walk: Walk): object {
  const [own] = Object.keys(value);
  if (own !== undefined) throw walk.refused(`a ${className(value)} with a property of its own, ${JSON.stringify(own)}`);
  return value;
}

function jsonTime(time: number): number | null {
  return Number.isNaN(time) ? null : time;
}

function encodeBinary(name: string, { buffer, byteOffset, byteLength }: Uint8Array): Json {
  return { [TAG]: name, value: Buffer.from(buffer, byteOffset, byteLength).toString('base64') };
}

function encodeError(error: Error, walk: Walk, encode: Encode): Json {
  const { message, stack = null } = error;
  const own = Object.fromEntries(Object.entries(error));
  const cause = 'cause' in error ? { cause: walk.below('cause', () => encode(error.cause, walk)) } : {};
  return { [TAG]: error.constructor.name, message, stack, ...cause, own: encode(own, walk) };
}

function className(value: object): string {
  const { constructor } = value as { constructor?: unknown };
  return typeof constructor === 'function' && constructor.name !== '' ? constructor.name : 'a class without a name';
}

/**
 * Messages, documents and what else of LangChain's writes itself: by their own way, where that loses nothing. It would
 * make a text of a Date within a message, so what stands in one is plain JSON or LangChain's again.
 */
import type { Json } from '../../model/canonical-json.ts';
import { TAG } from './tags.ts';
import type { Walk } from './walk.ts';

interface LangChainInstance {
  readonly lc_kwargs: object;
  toJSON(): { readonly type: string; readonly id: readonly string[] };
}

export function isLangChain(value: object): value is LangChainInstance {
  return (
    'lc_serializable' in value &&
    'lc_kwargs' in value &&
    typeof value.lc_kwargs === 'object' &&
    'toJSON' in value &&
    typeof value.toJSON === 'function'
  );
}

/** @throws HoldfastError `not-json` for what doesn't write itself, and for what would be lost within it */
export function encodeLangChain(instance: LangChainInstance, walk: Walk): Json {
  const shown = instance.toJSON();
  if (shown.type !== 'constructor')
    throw walk.refused(`an instance of ${shown.id.join('/')}, which can't write itself`);
  for (const key of Object.keys(instance.lc_kwargs))
    walk.below(key, () => {
      mustBePlain((key in instance ? instance : instance.lc_kwargs)[key as keyof object], walk);
    });
  walk.mustBeTried(instance);
  return { [TAG]: 'LangChain', value: JSON.parse(JSON.stringify(shown)) as Json };
}

function mustBePlain(value: unknown, walk: Walk): void {
  if (value === undefined || value === null || typeof value === 'string' || typeof value === 'boolean') return;
  if (typeof value === 'number') {
    if (!Number.isFinite(value) || Object.is(value, -0)) throw inMessage(walk, String(value));
    return;
  }
  if (typeof value !== 'object') throw inMessage(walk, `a ${typeof value}`);
  walk.into(value, () => mustBePlainObject(value, walk));
}

function mustBePlainObject(value: object, walk: Walk): void {
  if (Array.isArray(value)) {
    value.forEach((item, index) => {
      if (item === undefined) throw walk.below(index, () => inMessage(walk, 'undefined'));
      walk.below(index, () => mustBePlain(item, walk));
    });
    return;
  }
  if (isLangChain(value)) {
    encodeLangChain(value, walk);
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null)
    throw inMessage(walk, `an instance of ${value.constructor.name}`);
  for (const [key, item] of Object.entries(value)) {
    if (key === 'lc') throw walk.below(key, () => inMessage(walk, "a key that is LangChain's own"));
    walk.below(key, () => mustBePlain(item, walk));
  }
}

function inMessage(walk: Walk, what: string): Error {
  return walk.refused(`${what} within something of LangChain's, which would lose its type`);
}

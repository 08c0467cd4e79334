/** Secrets that a plan has put into the input of a step. */
import { canonicalJson, type Json } from '../../model/canonical-json.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { PlacedSecret } from '../../model/step/secret.ts';

/**
 * A step's input with the secrets where the plan put them.
 * @param valueOf as `Secrets.value`
 * @throws HoldfastError what `valueOf` throws; `bad-input` for a place that is not there
 */
export function resolveSecrets(input: Json, places: readonly PlacedSecret[], valueOf: (name: string) => string): Json {
  return places.reduce<Json>((value, { at, parts }) => {
    const text = parts.map((part) => (typeof part === 'string' ? part : valueOf(part.secret))).join('');
    return withText(value, at, text);
  }, input);
}

/** The value with the text in one place. */
function withText(value: Json, at: PlacedSecret['at'], text: string): Json {
  const [part, ...rest] = at;
  if (part === undefined) return text;
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part))
    throw new HoldfastError('bad-input', `The input has no place ${canonicalJson([...at])} for a secret.`, {});
  if (Array.isArray(value))
    return value.map((item: Json, index) => (index === part ? withText(item, rest, text) : item));
  const members = Object.entries(value as Readonly<Record<string, Json>>);
  return Object.fromEntries(
    members.map(([key, member]) => [key, key === part ? withText(member, rest, text) : member]),
  );
}

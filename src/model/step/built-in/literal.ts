/** Parts of a step's input that are known before the job runs: text without references. */
import type { Json } from '../../canonical-json.ts';

export function member(input: Json, name: string): Json | undefined {
  return typeof input === 'object' && input !== null && Object.hasOwn(input, name)
    ? (input as { readonly [key: string]: Json })[name]
    : undefined;
}

export function literalText(value: Json | undefined): string | undefined {
  return typeof value === 'string' && !value.includes('${{') ? value : undefined;
}

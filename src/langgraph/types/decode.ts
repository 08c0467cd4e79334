/** The value of what `encode` wrote. */
import { DeltaSnapshot } from '@langchain/langgraph-checkpoint';
import { HoldfastError } from '../../model/failure.ts';
import { BINARY, ERRORS, TAG } from './tags.ts';
import type { Classes } from './walk.ts';

/** Makes something of LangChain's from what it wrote of itself. */
export type LoadLangChain = (written: unknown) => Promise<unknown>;

type Fields = Readonly<Record<string, unknown>>;
type Revive = (value: unknown) => unknown;

/** @throws HoldfastError `unknown-format` for a mark that this version doesn't know, a class that it wasn't given */
export async function decode(value: unknown, load: LoadLangChain, classes: Classes): Promise<unknown> {
  const loaded = new Map<unknown, unknown>();
  const written: unknown[] = [];
  collect(value, written);
  for (const one of written) loaded.set(one, await load(one));
  const revive = (part: unknown): unknown => {
    if (typeof part !== 'object' || part === null) return part;
    if (Array.isArray(part)) return part.map(revive);
    const fields = part as Fields;
    if (!Object.hasOwn(fields, TAG)) return withEntries(Object.entries(fields), revive);
    if (fields[TAG] === 'LangChain') return loaded.get(fields['value']);
    return fields[TAG] === 'class' ? reviveClass(fields, revive, classes) : reviveTagged(fields, revive);
  };
  return revive(value);
}

/** LangChain loads only asynchronously, so that is done before. */
function collect(value: unknown, written: unknown[]): void {
  if (typeof value !== 'object' || value === null) return;
  if ((value as Fields)[TAG] === 'LangChain') written.push((value as Fields)['value']);
  else for (const part of Object.values(value)) collect(part, written);
}

/** `Object.fromEntries` makes a property even of the name `__proto__`. */
function withEntries(entries: readonly (readonly [string, unknown])[], revive: Revive): object {
  return Object.fromEntries(entries.map(([key, part]) => [key, revive(part)]));
}

const TAGS: Readonly<Record<string, (fields: Fields, revive: Revive) => unknown>> = {
  undefined: () => undefined,
  number: ({ value }) => Number(value),
  bigint: ({ value }) => BigInt(value as string),
  Date: ({ value }) => new Date(value === null ? Number.NaN : (value as number)),
  Map: ({ entries }, revive) => new Map(revive(entries) as [unknown, unknown][]),
  Set: ({ values }, revive) => new Set(revive(values) as unknown[]),
  RegExp: ({ source, flags, lastIndex }) =>
    Object.assign(new RegExp(source as string, flags as string), { lastIndex: lastIndex as number }),
  URL: ({ value }) => new URL(value as string),
  ArrayBuffer: ({ value }) => bytesOf(value).buffer,
  Buffer: ({ value }) => Buffer.from(value as string, 'base64'),
  DeltaSnapshot: ({ value }, revive) => new DeltaSnapshot(revive(value)),
  object: ({ entries }, revive) => withEntries(entries as [string, unknown][], revive),
  'bare-object': ({ entries }, revive) =>
    Object.setPrototypeOf(withEntries(entries as [string, unknown][], revive), null) as object,
};

function reviveClass({ name, fields }: Fields, revive: Revive, classes: Classes): object {
  const known = Object.hasOwn(classes, String(name)) ? classes[String(name)] : undefined;
  if (known !== undefined)
    return Object.assign(
      Object.create(known.prototype as object) as object,
      withEntries(fields as [string, unknown][], revive),
    );
  throw new HoldfastError(
    'unknown-format',
    `The state holds an instance of the class ${JSON.stringify(name)}, which the saver wasn't given.`,
    { found: name, nextStep: 'Name the class in the option `classes` of the saver.' },
  );
}

function reviveTagged(fields: Fields, revive: Revive): unknown {
  const tag = String(fields[TAG]);
  const make = Object.hasOwn(TAGS, tag) ? TAGS[tag] : undefined;
  if (make !== undefined) return make(fields, revive);
  if (Object.hasOwn(BINARY, tag)) return new BINARY[tag as keyof typeof BINARY](bytesOf(fields['value']).buffer);
  if (Object.hasOwn(ERRORS, tag)) return reviveError(tag as keyof typeof ERRORS, fields, revive);
  throw new HoldfastError(
    'unknown-format',
    `The state holds a value of the type ${JSON.stringify(tag)}, which this version of Holdfast doesn't know.`,
    { found: tag },
  );
}

/** In memory of its own: a typed array of it begins at its first byte. */
function bytesOf(base64: unknown): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(base64 as string, 'base64'));
}

function reviveError(name: keyof typeof ERRORS, fields: Fields, revive: Revive): Error {
  const options = Object.hasOwn(fields, 'cause') ? { cause: revive(fields['cause']) } : undefined;
  const error = new ERRORS[name](fields['message'] as string, options);
  Object.defineProperty(error, 'stack', {
    value: fields['stack'] ?? undefined,
    configurable: true,
    writable: true,
    enumerable: false,
  });
  return Object.assign(error, revive(fields['own']));
}

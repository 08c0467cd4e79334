/** Paths, databases and URLs that a built-in step's input names; those behind references are not known yet. */
import type { Json } from '../../canonical-json.ts';
import { literalText, member } from './literal.ts';

/** Step → the fields of its input that hold paths. */
const PATH_FIELDS: Readonly<Record<string, readonly string[]>> = {
  'file.copy': ['from', 'to'],
  'file.write': ['path'],
  'file.remove': ['path'],
  http: ['saveTo'],
};

export interface PathField {
  readonly field: string;
  readonly path: string;
}

export function builtInPaths(use: string, input: Json): readonly PathField[] {
  const fields = Object.hasOwn(PATH_FIELDS, use) ? PATH_FIELDS[use]! : [];
  return fields.flatMap((field) => {
    const path = literalText(member(input, field));
    return path === undefined ? [] : [{ field, path }];
  });
}

/** The database that the step works on. */
export function builtInDatabase(use: string, input: Json): string | undefined {
  return use.startsWith('db.') ? literalText(member(input, 'database')) : undefined;
}

/** The URL that the step calls. */
export function builtInUrl(use: string, input: Json): string | undefined {
  return use === 'http' ? literalText(member(input, 'url')) : undefined;
}

/** Paths, databases and URLs that a built-in step's input names. */
import type { Json } from '../../canonical-json.ts';
import { member, literalText } from './literal.ts';

/** Paths in a built-in step's input, by field. */
export function builtInPaths(use: string, input: Json): readonly { readonly field: string; readonly path: string }[] {
  const fields =
    use === 'file.copy'
      ? ['from', 'to']
      : use === 'file.write' || use === 'file.remove'
        ? ['path']
        : use === 'http'
          ? ['saveTo']
          : [];
  return fields.flatMap((field) => {
    const path = literalText(member(input, field));
    return path === undefined ? [] : [{ field, path }];
  });
}

/** The database that a built-in step names, unless by reference. */
export function builtInDatabase(use: string, input: Json): string | undefined {
  return use.startsWith('db.') ? literalText(member(input, 'database')) : undefined;
}

/** The URL that a built-in step calls, unless by reference. */
export function builtInUrl(use: string, input: Json): string | undefined {
  return use === 'http' ? literalText(member(input, 'url')) : undefined;
}

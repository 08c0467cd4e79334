/**
 * Paths and resources as a plan spells them. What can be told from the text alone; symbolic links and the like are
 * checked when a step applies.
 *
 * Invariant: two spellings of one path or table get one spelling here, so that they can be compared as text.
 */

export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string; readonly hint: string };

/** What a step claims. `whole`: nobody else may write any part of it meanwhile. */
export interface Claim {
  readonly kind: 'file' | 'folder' | 'table' | 'row' | 'schema';
  /** As the plan spells it, made uniform: `file:a/b`, `file:a/`, `table:main/weather`. */
  readonly resource: string;
  readonly whole: boolean;
  readonly database?: string;
  /** For a row: the table that it is in. */
  readonly table?: string;
}

const RESERVED = '.holdfast';

/** A path in the workspace, without `./`, `//` and the like. */
export function workspacePath(path: string): Checked<string> {
  if (path === '') return refused('is empty', 'name a path inside the workspace');
  if (path.includes('\0')) return refused('holds a NUL character', 'no file can be named so');
  if (path.includes('\\')) return refused('holds a backslash', 'write / between folders');
  if (path.startsWith('/') || /^[A-Za-z]:\//.test(path))
    return refused('is an absolute path', 'write it relative to the workspace');
  if (path.startsWith('~'))
    return refused('begins with ~, which is not expanded', 'write it relative to the workspace');
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined)
      return refused('leads out of the workspace', 'use a path inside the workspace; `..` cannot leave it');
  }
  if (parts.length === 0) return refused('is the workspace itself', 'name a file or folder in it');
  if (parts[0]!.toLowerCase() === RESERVED)
    return refused('lies in .holdfast/, where the record of the job is kept', 'choose another folder');
  return { ok: true, value: parts.join('/').normalize('NFC') };
}

/** `file:a/b.md`, `file:folder/`, `table:main/weather`, `row:main/weather/{"id":7}`, `schema:main/weather`. */
export function parseClaim(text: string): Checked<Claim> {
  const colon = text.indexOf(':');
  const scheme = text.slice(0, Math.max(colon, 0));
  const rest = text.slice(colon + 1);
  if (scheme === 'file') {
    const path = workspacePath(rest);
    if (!path.ok) return path;
    const folder = rest.endsWith('/');
    return {
      ok: true,
      value: { kind: folder ? 'folder' : 'file', resource: `file:${path.value}${folder ? '/' : ''}`, whole: true },
    };
  }
  if (scheme === 'table' || scheme === 'schema') {
    const match = /^([^/\s]+)\/([^/\s][^/]*)$/.exec(rest);
    if (match)
      return {
        ok: true,
        value: {
          kind: scheme,
          resource: `${scheme}:${rest}`,
          whole: true,
          database: match[1]!,
          table: `table:${rest}`,
        },
      };
    return refused(`names no table`, `write ${scheme}:DATABASE/TABLE, for example ${scheme}:main/weather`);
  }
  if (scheme === 'row') {
    const match = /^([^/\s]+)\/([^/\s][^/]*)\/(\{.*\})$/s.exec(rest);
    if (match && isObjectText(match[3]!))
      return {
        ok: true,
        value: {
          kind: 'row',
          resource: `row:${match[1]}/${match[2]}/${match[3]}`,
          whole: true,
          database: match[1]!,
          table: `table:${match[1]}/${match[2]}`,
        },
      };
    return refused('names no row', 'write row:DATABASE/TABLE/{"KEY":VALUE}, for example row:main/weather/{"id":7}');
  }
  if (colon < 0)
    return refused(
      'is no resource',
      `write file:${text === '' ? 'PATH' : text} for a file, table:DATABASE/TABLE for a table`,
    );
  return refused(
    `begins with "${scheme}:", which is no resource of a plan`,
    'write file:PATH, file:FOLDER/, table:DATABASE/TABLE or row:DATABASE/TABLE/{"KEY":VALUE}',
  );
}

/** Do two claims overlap? A folder covers what is in it; a table covers its rows. */
export function overlaps(a: Claim, b: Claim): boolean {
  if (!a.whole && !b.whole) return false;
  if (a.kind === 'folder' && isFile(b)) return b.resource.startsWith(a.resource) || `${b.resource}/` === a.resource;
  if (b.kind === 'folder' && isFile(a)) return a.resource.startsWith(b.resource) || `${a.resource}/` === b.resource;
  if (isFile(a) || isFile(b))
    return (
      a.resource === b.resource || a.resource.startsWith(`${b.resource}/`) || b.resource.startsWith(`${a.resource}/`)
    );
  if (a.kind === 'row' && b.kind === 'row') return a.resource === b.resource;
  return a.table !== undefined && a.table === b.table;
}

function isFile(claim: Claim): boolean {
  return claim.kind === 'file' || claim.kind === 'folder';
}

function isObjectText(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
  } catch {
    return false;
  }
}

function refused(
  problem: string,
  hint: string,
): { readonly ok: false; readonly problem: string; readonly hint: string } {
  return { ok: false, problem, hint };
}

/**
 * What a step declares to read or write: `file:a/b.md`, `file:folder/`, `table:main/weather`,
 * `row:main/weather/{"id":7}`.
 *
 * Invariant: two spellings of one path or table get one spelling here, so that claims can be compared as text.
 */
import { PathSelection } from './path-selection.ts';
import { mayTouch } from './pattern-claim.ts';
import { type Checked, workspacePath, refused } from './workspace-path.ts';

/** What a step claims. `whole`: nobody else may write any part of it meanwhile. */
export interface Claim {
  readonly kind: 'file' | 'folder' | 'table' | 'row' | 'schema';
  /** As the plan spells it, made uniform: `file:a/b`, `file:a/`, `table:main/weather`. */
  readonly resource: string;
  readonly whole: boolean;
  /** Of a file: it is written as a file, so that nothing below its path is touched. */
  readonly isOneFile?: boolean;
  /** Of a `folder` that is claimed only where this matches: a pattern of files. */
  readonly pattern?: string;
  readonly database?: string;
  /** For a row: the table that it is in. */
  readonly table?: string;
}

/** The files that a pattern matches. */
export function patternClaim(pattern: string): Claim {
  return { kind: 'folder', resource: `file:${pattern}`, whole: true, pattern };
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
  if (a.pattern !== undefined) return isFile(b) && patternOverlaps(a.pattern, b);
  if (b.pattern !== undefined) return isFile(a) && patternOverlaps(b.pattern, a);
  if (a.kind === 'folder' && isFile(b)) return b.resource.startsWith(a.resource) || `${b.resource}/` === a.resource;
  if (b.kind === 'folder' && isFile(a)) return a.resource.startsWith(b.resource) || `${a.resource}/` === b.resource;
  if (isFile(a) || isFile(b))
    return (
      a.resource === b.resource || a.resource.startsWith(`${b.resource}/`) || b.resource.startsWith(`${a.resource}/`)
    );
  if (a.kind === 'row' && b.kind === 'row') return a.resource === b.resource;
  return a.table !== undefined && a.table === b.table;
}

function patternOverlaps(pattern: string, { resource, isOneFile }: Claim): boolean {
  const path = resource.slice('file:'.length).replace(/\/$/, '');
  return isOneFile === true ? new PathSelection([pattern]).has(path) : mayTouch(pattern, path);
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

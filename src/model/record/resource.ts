/**
 * Resources: everything a job reads or changes, each named by a URI that a person can read.
 *
 * file:reports/summary.md            a path in the workspace (relative, `/` between parts)
 * row:main/weather/{"id":7}          a row, by database, table and canonical JSON of its primary key
 * schema:main/weather                a table's schema
 * token:main/<token>                 the token row that a step left in a database
 * database:main                      which database this is (system identifier, timeline)
 * files:data/*.csv                   which files a watched pattern was first met with: a later one has appeared
 * query:watch/<name>                 the rows of a declared query
 * endpoint:watch/<name>              the version that a declared endpoint tells
 * command:["node","--version"]       what a watched command prints
 * perform:pay/charge                 a call that a step makes while its code runs, by step id and the call's name
 * code:<step name>  plan:  ledger:  workspace:
 */
import { canonicalJson, isTooDeep, type JsonObject } from '../canonical-json.ts';
import { HoldfastError } from '../failure.ts';

export type RowKey = JsonObject;

export type Resource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'files'; readonly pattern: string }
  | { readonly kind: 'row'; readonly database: string; readonly table: string; readonly key: RowKey }
  | { readonly kind: 'schema'; readonly database: string; readonly table: string }
  | { readonly kind: 'token'; readonly database: string; readonly token: string }
  | { readonly kind: 'database'; readonly database: string }
  | { readonly kind: 'query'; readonly name: string }
  | { readonly kind: 'command'; readonly argv: readonly string[] }
  | { readonly kind: 'endpoint'; readonly name: string }
  | { readonly kind: 'perform'; readonly stepId: string; readonly name: string }
  | { readonly kind: 'code'; readonly step: string }
  | { readonly kind: 'plan' }
  | { readonly kind: 'ledger' }
  | { readonly kind: 'workspace' };

/** A table may carry its schema (`audit.events`); `/` in a name is written `%2F`, `%` as `%25`. */
export function formatResource(resource: Resource): string {
  switch (resource.kind) {
    case 'file':
      return `file:${resource.path}`;
    case 'files':
      return `files:${resource.pattern}`;
    case 'row':
      return `row:${escape(resource.database)}/${escape(resource.table)}/${canonicalJson(resource.key)}`;
    case 'schema':
      return `schema:${escape(resource.database)}/${escape(resource.table)}`;
    case 'token':
      return `token:${escape(resource.database)}/${resource.token}`;
    case 'database':
      return `database:${resource.database}`;
    case 'query':
      return `query:watch/${resource.name}`;
    case 'command':
      return `command:${canonicalJson(resource.argv)}`;
    case 'endpoint':
      return `endpoint:watch/${resource.name}`;
    case 'perform':
      return `perform:${escape(resource.stepId)}/${escape(resource.name)}`;
    case 'code':
      return `code:${resource.step}`;
    case 'plan':
    case 'ledger':
    case 'workspace':
      return `${resource.kind}:`;
  }
}

/** The inverse of `formatResource`. @throws HoldfastError `bad-input`. */
export function parseResource(uri: string): Resource {
  const colon = uri.indexOf(':');
  const scheme = uri.slice(0, Math.max(colon, 0));
  const rest = uri.slice(colon + 1);
  switch (scheme) {
    case 'file':
      return { kind: 'file', path: rest };
    case 'files':
      return { kind: 'files', pattern: rest };
    case 'row': {
      const [, database, table, text] = /^([^/]*)\/([^/]*)\/(\{.*\})$/s.exec(rest) ?? [];
      const key = text === undefined ? undefined : parsedKey(text);
      if (key !== undefined) return { kind: 'row', database: unescape(database!), table: unescape(table!), key };
      break;
    }
    case 'schema': {
      const parts = rest.split('/');
      if (parts.length === 2) return { kind: 'schema', database: unescape(parts[0]!), table: unescape(parts[1]!) };
      break;
    }
    case 'token': {
      const parts = rest.split('/');
      if (parts.length === 2) return { kind: 'token', database: unescape(parts[0]!), token: parts[1]! };
      break;
    }
    case 'perform': {
      const parts = rest.split('/');
      if (parts.length === 2) return { kind: 'perform', stepId: unescape(parts[0]!), name: unescape(parts[1]!) };
      break;
    }
    case 'database':
      return { kind: 'database', database: rest };
    case 'query':
      if (rest.startsWith('watch/')) return { kind: 'query', name: rest.slice('watch/'.length) };
      break;
    case 'endpoint':
      if (rest.startsWith('watch/')) return { kind: 'endpoint', name: rest.slice('watch/'.length) };
      break;
    case 'command': {
      const argv = parseWords(rest);
      if (argv !== undefined) return { kind: 'command', argv };
      break;
    }
    case 'code':
      return { kind: 'code', step: rest };
    case 'plan':
    case 'ledger':
    case 'workspace':
      return { kind: scheme };
  }
  throw new HoldfastError(
    'bad-input',
    `"${uri}" is not a resource. ` +
      'Expected for example file:report.md, row:main/weather/{"id":7} or schema:main/weather.',
    { uri },
  );
}

/** The text has braces around it: what is JSON is an object. */
function parsedKey(text: string): RowKey | undefined {
  const key = parsedJson(text) as RowKey | undefined;
  return isTooDeep(key) ? undefined : key;
}

function parseWords(text: string): readonly string[] | undefined {
  const words = parsedJson(text);
  return Array.isArray(words) && words.every((word) => typeof word === 'string') ? words : undefined;
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function escape(name: string): string {
  return name.replaceAll('%', '%25').replaceAll('/', '%2F');
}

function unescape(name: string): string {
  return name.replaceAll('%2F', '/').replaceAll('%25', '%');
}

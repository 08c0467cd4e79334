/** A database that could not be looked at is one finding, with everything that depends on it. Pure. */
import type { JobSettings } from '../../model/job/settings.ts';
import type { Finding } from '../../model/question/finding.ts';
import { formatResource, parseResource } from '../../model/record/resource.ts';
import { watchNamed } from '../look/watches.ts';

const MAX_NAMED = 30;

/** The findings, without those that a finding of the same kind about their whole database stands for. */
export function oneForEachDatabase(settings: JobSettings, findings: readonly Finding[]): readonly Finding[] {
  const whole = new Map<string, Finding>();
  for (const one of findings)
    if (isUnseen(one) && one.resource.startsWith('database:') && !whole.has(one.resource)) whole.set(one.resource, one);
  if (whole.size === 0) return findings;
  const dependents = new Map<Finding, string[]>([...whole.values()].map((one) => [one, []]));
  const others = findings.filter((one) => {
    const database = isUnseen(one) ? whole.get(databaseOf(settings, one.resource)) : undefined;
    if (database === undefined || database === one || !standsFor(database, one)) return true;
    if (one.resource !== database.resource) dependents.get(database)!.push(one.resource);
    return false;
  });
  return others.map((one) => withDependents(one, dependents.get(one) ?? []));
}

/** Out of reach is all of it; what may not be read is told apart by its reason. */
function standsFor(database: Finding, one: Finding): boolean {
  return one.kind === database.kind && (one.kind === 'unreachable' || one.found.text === database.found.text);
}

function isUnseen({ class: findingClass, kind }: Finding): boolean {
  return findingClass === 'unverifiable' && (kind === 'unreachable' || kind === 'unreadable');
}

/** `database:…`; empty: it is in none. */
function databaseOf(settings: JobSettings, uri: string): string {
  if (!/^(row|schema|token|database|query):/.test(uri)) return '';
  const resource = parseResource(uri);
  const watch = resource.kind === 'query' ? watchNamed(settings, 'query', resource.name) : resource;
  return watch === undefined || !('database' in watch)
    ? ''
    : formatResource({ kind: 'database', database: watch.database });
}

function withDependents(database: Finding, resources: readonly string[]): Finding {
  if (resources.length === 0) return database;
  const named = resources.slice(0, MAX_NAMED);
  const more = resources.length > named.length ? [`… and ${resources.length - named.length} more`] : [];
  return { ...database, difference: ['not looked at, as they are in it:', ...named, ...more].join('\n') };
}

/** What a job's settings declare to be watched. */
import { isFailure } from '../../model/failure.ts';
import type { JobSettings, Watch } from '../../model/job/settings.ts';
import { formatResource } from '../../model/record/resource.ts';
import { expressionOfPattern, folderOfPattern, isFilePattern } from '../../model/step/file-pattern.ts';
import type { LookPlace } from './request.ts';
import type { UnseenSighting } from './sighting.ts';

/** A watched pattern with what it matches now. */
export interface WatchedPattern {
  /** `files:…` */
  readonly resource: string;
  readonly pattern: string;
  /** `file:…` of all that match; none where nobody could tell. */
  readonly matches: readonly string[];
  /** Why nobody could tell. */
  readonly unseen?: UnseenSighting;
}

type NamedWatch<K> = Extract<Watch, { readonly kind: K; readonly name: string }>;

/** Undefined: the settings declare it no more. */
export function watchNamed<K extends 'query' | 'endpoint'>(
  settings: JobSettings,
  kind: K,
  name: string,
): NamedWatch<K> | undefined {
  return settings.watch.find(
    (watch): watch is NamedWatch<K> => watch.kind === kind && 'name' in watch && watch.name === name,
  );
}

/** Everything that is watched by a name of its own: all but the patterns; also the plan and each database. */
export function watchedResources(settings: JobSettings): readonly string[] {
  const watches = settings.watch.flatMap(resourcesOf);
  const databases = Object.keys(settings.databases).map((database) => formatResource({ kind: 'database', database }));
  return [...new Set([...watches, ...databases, ...(settings.plan === null ? [] : ['plan:'])])];
}

export async function watchedPatterns(
  place: Pick<LookPlace, 'workspace' | 'settings'>,
): Promise<readonly WatchedPattern[]> {
  const patterns = place.settings.watch.flatMap((watch) =>
    watch.kind === 'file' && isFilePattern(watch.path) ? [watch.path] : [],
  );
  return await Promise.all([...new Set(patterns)].map((pattern) => matchPattern(place, pattern)));
}

function resourcesOf(watch: Watch): readonly string[] {
  switch (watch.kind) {
    case 'file':
      return isFilePattern(watch.path) ? [] : [formatResource({ kind: 'file', path: watch.path })];
    case 'schema':
      return [formatResource({ kind: 'schema', database: watch.database, table: watch.table })];
    case 'query':
    case 'endpoint':
      return [formatResource({ kind: watch.kind, name: watch.name })];
    case 'command':
      return [formatResource({ kind: 'command', argv: watch.argv })];
  }
}

async function matchPattern({ workspace }: Pick<LookPlace, 'workspace'>, pattern: string): Promise<WatchedPattern> {
  const resource = formatResource({ kind: 'files', pattern });
  try {
    const expression = expressionOfPattern(pattern);
    const infos = await workspace.files.list(folderOfPattern(pattern), true);
    const matching = infos.filter(({ kind, path }) => kind !== 'directory' && expression.test(path));
    return { resource, pattern, matches: matching.map(({ path }) => formatResource({ kind: 'file', path })) };
  } catch (error) {
    if (!isFailure(error)) throw error;
    if (error.type === 'not-found') return { resource, pattern, matches: [] };
    return { resource, pattern, matches: [], unseen: { outcome: 'unreadable', reason: error.message } };
  }
}

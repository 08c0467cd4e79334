/**
 * Looks at everything that the record speaks of: files in parallel, rows and tokens in batches. Reads only.
 *
 * Invariant: "could not read" and "could not reach" are outcomes of their own; never taken for "gone" or "unchanged".
 */
import { randomUUID } from 'node:crypto';
import { runProcess } from '../../effects/processes/run.ts';
import type { Database } from '../../effects/database/database.ts';
import { HoldfastError, isFailure } from '../../model/failure.ts';
import type { JobSettings, Watch } from '../../model/job/settings.ts';
import { folderOfPattern, isFilePattern, matchesPattern } from '../../model/step/file-pattern.ts';
import { formatResource, parseResource, type Resource } from '../../model/record/resource.ts';
import { ABSENT, type ResourceState, type Sighting } from '../../model/record/world.ts';
import { digestOf } from '../../model/digest.ts';
import { lookAtEndpoint } from './endpoint.ts';
import { patternState, planState, rowsDigest, versionState } from './digests.ts';
import { DEFAULT_PATH } from '../../effects/processes/default-path.ts';
import type { ProtocolHost } from '../host.ts';
import type { Workspace } from '../workspace/workspace.ts';

/** A watched command says what version something is: soon, and briefly. */
const WATCH_TIMEOUT_MS = 10_000;
const MAX_WATCH_BYTES = 64 * 1024;

export interface LookParts {
  readonly workspace: Workspace;
  readonly settings: JobSettings;
  readonly host: Pick<ProtocolHost, 'steps' | 'env'>;
  readonly onProgress?: (done: number, total: number) => void;
}

/** One resource to look at, with what the record has of it (which columns a row covers). */
export interface Looked {
  readonly resource: string;
  readonly recorded?: ResourceState | undefined;
}

/** A sighting for each request. Never rejects for what it finds; a defect does. */
export async function lookAt(parts: LookParts, requests: readonly Looked[]): Promise<ReadonlyMap<string, Sighting>> {
  const sightings = new Map<string, Sighting>();
  const parsed = requests.map((request) => ({ request, resource: parseResource(request.resource) }));
  const files = parsed.flatMap(({ request, resource }) =>
    resource.kind === 'file' ? [{ request, path: resource.path }] : [],
  );
  const seen = await parts.workspace.files.observeMany(
    files.map(({ path }) => path),
    parts.onProgress,
  );
  files.forEach(({ request }, index) => sightings.set(request.resource, seen[index]!));

  const inDatabases = parsed.filter(({ resource }) => 'database' in resource);
  for (const [name, group] of Map.groupBy(inDatabases, ({ resource }) => (resource as { database: string }).database)) {
    await lookInDatabase(parts, name, group, sightings);
  }
  for (const { request, resource } of parsed) {
    if (resource.kind === 'code') sightings.set(request.resource, lookAtCode(parts.host, resource.step));
    // A pattern's own entry only says that its files were noted; each of them has an entry.
    if (resource.kind === 'files') sightings.set(request.resource, seenState(patternState(resource.pattern)));
    if (resource.kind === 'plan') sightings.set(request.resource, seenState(planState(parts.settings)));
    if (resource.kind === 'command') sightings.set(request.resource, await lookAtCommand(parts, resource.argv));
    if (resource.kind === 'endpoint') sightings.set(request.resource, await lookAtEndpoint(parts, resource.name));
    if (resource.kind === 'query') sightings.set(request.resource, await lookAtQuery(parts, resource.name));
  }
  return sightings;
}

async function lookInDatabase(
  { workspace, settings }: LookParts,
  name: string,
  group: readonly { readonly request: Looked; readonly resource: Resource }[],
  sightings: Map<string, Sighting>,
): Promise<void> {
  try {
    const database = await workspace.database(name, settings);
    for (const { request, resource } of group) {
      if (resource.kind === 'schema') sightings.set(request.resource, seenState(await database.schema(resource.table)));
      if (resource.kind === 'database') sightings.set(request.resource, seenState(await database.identity()));
    }
    await lookAtRows(database, group, sightings);
    const tokens = group.flatMap(({ request, resource }) =>
      resource.kind === 'token' ? [{ request, token: resource.token }] : [],
    );
    const rows = await database.tokens(tokens.map(({ token }) => token));
    for (const { request, token } of tokens) sightings.set(request.resource, seenState(rows.get(token) ?? ABSENT));
  } catch (error) {
    // One answer for all of it: nothing can be said of any resource there.
    const sighting = unseen(error);
    if (sighting.outcome === 'unreachable') await workspace.forget(name);
    for (const { request } of group) sightings.set(request.resource, sighting);
  }
}

async function lookAtRows(
  database: Database,
  group: readonly { readonly request: Looked; readonly resource: Resource }[],
  sightings: Map<string, Sighting>,
): Promise<void> {
  const rows = group.flatMap(({ request, resource }) =>
    resource.kind === 'row'
      ? [
          {
            request,
            query: {
              table: resource.table,
              key: resource.key,
              columns:
                request.recorded?.kind === 'row' ? Object.keys(request.recorded.columns) : Object.keys(resource.key),
            },
          },
        ]
      : [],
  );
  const states = await database.rows(rows.map(({ query }) => query));
  rows.forEach(({ request }, index) => sightings.set(request.resource, seenState(states[index]!)));
}

async function lookAtQuery({ workspace, settings }: LookParts, name: string): Promise<Sighting> {
  const watch = settings.watch.find(
    (candidate): candidate is Extract<Watch, { kind: 'query' }> =>
      candidate.kind === 'query' && candidate.name === name,
  );
  if (watch === undefined) return seenState(ABSENT);
  try {
    const database = await workspace.database(watch.database, settings);
    const { rows } = await database.query(watch.sql, watch.params);
    return seenState({
      kind: 'value',
      value: rowsDigest(rows),
      summary: `${rows.length} row${rows.length === 1 ? '' : 's'}: ${workspace.secrets.redact(JSON.stringify(rows.slice(0, 3))).slice(0, 300)}`,
    });
  } catch (error) {
    return unseen(error);
  }
}

/** What it prints. One that isn't there, fails or takes too long has told nothing. */
async function lookAtCommand({ workspace, host }: LookParts, argv: readonly string[]): Promise<Sighting> {
  try {
    const end = await runProcess({
      argv,
      cwd: workspace.root,
      env: { PATH: host.env['PATH'] ?? DEFAULT_PATH },
      marker: randomUUID(),
      timeoutMs: WATCH_TIMEOUT_MS,
      killGraceMs: 0,
      maxOutputBytes: MAX_WATCH_BYTES,
      maxTextBytes: MAX_WATCH_BYTES,
      maxLogBytes: MAX_WATCH_BYTES,
      signal: new AbortController().signal,
    });
    const text = end.stdout.text();
    if (end.killed !== undefined)
      return {
        outcome: 'unreadable',
        reason: `${argv.join(' ')} was killed: ${end.killed === 'timeout' ? `it took longer than ${WATCH_TIMEOUT_MS} ms` : `it printed more than ${MAX_WATCH_BYTES} bytes`}`,
      };
    if (end.exitCode !== 0)
      return {
        outcome: 'unreadable',
        reason: `${argv.join(' ')} ended with ${end.exitCode === null ? String(end.signal) : `exit code ${end.exitCode}`}: ${end.stderr.text().trim().slice(0, 200)}`,
      };
    return seenState({ kind: 'value', value: digestOf({ stdout: text }), summary: text.trim().slice(0, 300) });
  } catch (error) {
    return isFailure(error) ? { outcome: 'unreadable', reason: error.message } : unseen(error);
  }
}

/** A worker that has no code for a step can't say whether it is the same. */
function lookAtCode(host: Pick<ProtocolHost, 'steps' | 'env'>, step: string): Sighting {
  const version = host.steps.get(step)?.version;
  return version === undefined
    ? {
        outcome: 'unreadable',
        reason: `this worker has no code for step "${step}"; register it and start the worker again`,
      }
    : seenState(versionState(version));
}

export interface WatchedPattern {
  /** `files:…` */
  readonly resource: string;
  readonly pattern: string;
  /** `file:…` of all that match now; or why nobody could tell. */
  readonly matches: readonly string[] | Extract<Sighting, { reason: string }>;
}

/** What the watched patterns match now. */
export async function watchedPatterns({
  workspace,
  settings,
}: Pick<LookParts, 'workspace' | 'settings'>): Promise<readonly WatchedPattern[]> {
  const patterns = [
    ...new Set(
      settings.watch.flatMap((watch) => (watch.kind === 'file' && isFilePattern(watch.path) ? [watch.path] : [])),
    ),
  ];
  return await Promise.all(
    patterns.map(async (pattern) => ({
      resource: formatResource({ kind: 'files', pattern }),
      pattern,
      matches: await matchesOf(workspace, pattern),
    })),
  );
}

async function matchesOf(workspace: Workspace, pattern: string): Promise<WatchedPattern['matches']> {
  try {
    const infos = await workspace.files.list(folderOfPattern(pattern), true);
    return infos
      .filter(({ kind, path }) => kind !== 'directory' && matchesPattern(pattern, path))
      .map(({ path }) => formatResource({ kind: 'file', path }));
  } catch (error) {
    if (isFailure(error, 'not-found')) return [];
    if (isFailure(error)) return { outcome: 'unreadable', reason: error.message };
    throw error;
  }
}

/** Everything that the settings declare to be watched, patterns aside. */
export function watchedResources(settings: JobSettings): readonly string[] {
  const watches = settings.watch.map((watch): string => {
    switch (watch.kind) {
      case 'file':
        return isFilePattern(watch.path) ? '' : formatResource({ kind: 'file', path: watch.path });
      case 'schema':
        return formatResource({ kind: 'schema', database: watch.database, table: watch.table });
      case 'query':
      case 'endpoint':
        return formatResource({ kind: watch.kind, name: watch.name });
      case 'command':
        return formatResource({ kind: 'command', argv: watch.argv });
    }
  });
  const databases = Object.keys(settings.databases).map((database) => formatResource({ kind: 'database', database }));
  return [
    ...new Set([
      ...watches.filter((resource) => resource !== ''),
      ...databases,
      ...(settings.plan === null ? [] : ['plan:']),
    ]),
  ];
}

function seenState(state: ResourceState): Sighting {
  return { outcome: 'seen', state };
}

function unseen(error: unknown): Sighting {
  if (
    isFailure(
      error,
      'permission-denied',
      'missing-variable',
      'undeclared-database',
      'sql-failed',
      'unknown-table',
      'bad-input',
    )
  )
    return { outcome: 'unreadable', reason: error.message };
  if (error instanceof HoldfastError) return { outcome: 'unreachable', reason: error.message };
  throw error;
}

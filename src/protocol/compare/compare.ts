/**
 * Turns what was looked at into findings: every difference from the record, each with the steps that it makes stale and
 * the answers that are possible.
 *
 * Invariants
 * 1. The latest record of a resource counts; a job that reads a file and then rewrites it isn't stale.
 * 2. A target of an intent that is being applied may be before or after while it isn't marked done, and only after then.
 * 3. Rows that miss a column, or their table, are implied by the finding about the schema, not reported one by one.
 */
import type { Answer } from '../../model/question/answer.ts';
import type { HoldfastError } from '../../model/failure.ts';
import { InPlaceAnswerSchema } from '../../model/step/command-result.ts';
import { canBeUndone, changesKind, resourceOfEffect } from '../../model/record/effect.ts';
import type { Intent } from '../../model/record/intent.ts';
import type { Observation } from '../../model/record/observation.ts';
import type { ChainPlace } from '../../model/job/chain-place.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import { formatResource, parseResource } from '../../model/record/resource.ts';
import type { Finding, FindingKind } from '../../model/question/finding.ts';
import type { Change } from '../../model/record/record.ts';
import type { ManifestEntry } from '../../model/record/manifest.ts';
import { ABSENT, sameState, stateDigest, type ResourceState, type Sighting } from '../../model/record/world.ts';
import type { IntentRow } from '../../store/ledger/intents.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { describeConflict, describeDifference } from '../question/describe.ts';
import type { ProtocolHost } from '../host.ts';
import { lookAt, watchedPatterns, watchedResources, type WatchedPattern } from '../look/look.ts';
import { patternState } from '../look/digests.ts';
import { expectDatabases } from '../workspace/expected-databases.ts';
import { finding, sideOf } from '../question/finding.ts';
import { StepHistory } from './step-history.ts';
import { unreachableFinding, unseenFinding } from '../question/unseen.ts';
import { withoutLostColumns, isWithoutLostColumns } from './lost-columns.ts';
import { columnsOf } from './row-columns.ts';
import type { Workspace } from '../workspace/workspace.ts';

export interface Comparison {
  readonly at: ChainPlace;
  readonly findings: readonly Finding[];
  readonly differing: readonly string[];
  /** Watched things that the record didn't have yet. */
  readonly firstSeen: readonly Change[];
  readonly resources: number;
  readonly sizeBytes: number;
}

export interface CompareParts {
  readonly host: Pick<ProtocolHost, 'steps' | 'env'>;
  readonly workspace: Workspace;
  readonly settings: JobSettings;
  readonly jobId: string;
  readonly ledger: Ledger;
  /** The record at one moment: its place and what it said. */
  readonly at: ChainPlace;
  readonly manifest: ReadonlyMap<string, ManifestEntry>;
  readonly onProgress?: (done: number, total: number) => void;
}

/** What a resource may look like, and what the record has of it. */
interface Expectation {
  readonly acceptable: readonly ResourceState[];
  readonly entry: ManifestEntry | undefined;
  /** The intent that is being applied to it: a third state is that step's conflict, for the manifest says nothing of it yet. */
  readonly applying?: { readonly stepId: string; readonly before: ResourceState; readonly after: ResourceState };
}

export async function compare(parts: CompareParts, only?: ReadonlySet<string>): Promise<Comparison> {
  const { ledger, jobId, settings, workspace, host, at, manifest } = parts;
  expectDatabases(workspace, settings, (resource) => manifest.has(resource));
  const expectations = expectationsOf(ledger, jobId, manifest);
  const watched = watchedResources(settings).filter((resource) => !manifest.has(resource));
  const requests = [...expectations]
    .filter(([resource]) => only === undefined || only.has(resource))
    .map(([resource, { acceptable }]) => ({ resource, recorded: columnsOf(acceptable) }));
  const patterns = await watchedPatterns({ workspace, settings });
  const { appeared, noted } = unrecordedMatches(
    patterns,
    (resource) => manifest.has(resource),
    (resource) => expectations.has(resource),
    only,
  );
  const unseen = [
    ...new Set([
      ...watched.filter((resource) => only === undefined || only.has(resource) || !resource.startsWith('file:')),
      ...noted,
    ]),
  ];
  const look = {
    workspace,
    settings,
    host,
    ...(parts.onProgress === undefined ? {} : { onProgress: parts.onProgress }),
  };
  const sightings = await lookAt(look, [...requests, ...[...unseen, ...appeared].map((resource) => ({ resource }))]);

  const differing = requests.filter(
    ({ resource }) => !isAcceptable(sightings.get(resource), expectations.get(resource)!),
  );
  const firstSeen: Change[] = [];
  const findings: Finding[] = [];
  for (const resource of unseen) {
    const sighting = sightings.get(resource)!;
    if (sighting.outcome === 'seen') firstSeen.push({ resource, role: 'watched', state: sighting.state });
    else findings.push(unseenFinding(resource, sighting, undefined));
  }
  for (const { resource, pattern, matches } of patterns) {
    if (!Array.isArray(matches))
      findings.push(
        unseenFinding(resource, matches as Exclude<typeof matches, readonly string[]>, manifest.get(resource)),
      );
    else if (only === undefined && !manifest.has(resource))
      firstSeen.push({ resource, role: 'watched', state: patternState(pattern) });
  }
  for (const resource of appeared)
    findings.push(await appearedFinding(workspace, settings, resource, sightings.get(resource)!));
  if (differing.length > 0 || findings.length > 0) {
    const history = await StepHistory.of(ledger, jobId);
    const differ = new Map(differing.map(({ resource }) => [resource, sightings.get(resource)!]));
    for (const [resource, sighting] of differ) {
      const expectation = expectations.get(resource)!;
      if (isImpliedBySchema(resource, sighting, expectation, differ)) continue;
      findings.push(
        await describe(
          parts,
          history,
          resource,
          sighting,
          expectation,
          differingSchema(resource, differ) !== undefined,
        ),
      );
    }
  }
  findings.push(...(await tokenAndFenceFindings(parts, only)));
  return {
    at,
    findings,
    differing: [...differing.map(({ resource }) => resource), ...findings.map(({ resource }) => resource)],
    firstSeen,
    resources: requests.length + unseen.length,
    sizeBytes: [...sightings.values()].reduce(
      (sum, sighting) =>
        sum + (sighting.outcome === 'seen' && sighting.state.kind === 'file' ? sighting.state.sizeBytes : 0),
      0,
    ),
  };
}

/** Files that match a pattern and that the record doesn't have: noted where the pattern is new, else they have appeared. */
function unrecordedMatches(
  patterns: readonly WatchedPattern[],
  isNoted: (pattern: string) => boolean,
  isKnown: (file: string) => boolean,
  only: ReadonlySet<string> | undefined,
): { readonly appeared: readonly string[]; readonly noted: readonly string[] } {
  const unknown = (ofNoted: boolean): string[] =>
    [
      ...new Set(
        patterns
          .filter(({ resource }) => isNoted(resource) === ofNoted)
          .flatMap(({ matches }) => (Array.isArray(matches) ? (matches as readonly string[]) : [])),
      ),
    ].filter((file) => !isKnown(file));
  return {
    appeared: unknown(true).filter((file) => only === undefined || only.has(file)),
    noted: only === undefined ? unknown(false) : [],
  };
}

async function appearedFinding(
  workspace: Workspace,
  settings: JobSettings,
  resource: string,
  sighting: Sighting,
): Promise<Finding> {
  if (sighting.outcome !== 'seen') return unseenFinding(resource, sighting, undefined);
  return finding({
    resource,
    class: 'discrepancy',
    kind: 'appeared',
    expected: sideOf(ABSENT),
    found: sideOf(sighting.state),
    impossible: ['restore', 'rerun'],
    difference: await describeDifference(workspace, resource, ABSENT, sighting.state, settings),
    advice: 'It matches a watched pattern. accept takes it into the record; or take it away and answer recheck.',
  });
}

function expectationsOf(
  ledger: Ledger,
  jobId: string,
  manifest: ReadonlyMap<string, ManifestEntry>,
): Map<string, Expectation> {
  const expectations = new Map<string, Expectation>();
  for (const [resource, entry] of manifest) expectations.set(resource, { acceptable: [entry.state], entry });
  for (const row of ledger.openIntents(jobId)) {
    const { intent, state } = row;
    if (state !== 'applying') continue;
    for (const { resource, acceptable, applying } of halfAppliedTargets(ledger, row))
      expectations.set(resource, { acceptable, entry: manifest.get(resource), applying });
    // Schemas and recorded rows that its statements change may be either.
    for (const change of ledger.preparedAfters(intent.token).changes) {
      if (!change.resource.startsWith('schema:') && !change.resource.startsWith('row:')) continue;
      const entry = manifest.get(change.resource);
      expectations.set(change.resource, { acceptable: [entry?.state ?? ABSENT, change.state], entry });
    }
  }
  for (const { resource, state } of leftInPlace(ledger, jobId)) {
    const known = expectations.get(resource);
    if (known !== undefined) expectations.set(resource, { ...known, acceptable: [...known.acceptable, state] });
  }
  return expectations;
}

/** What commands in place have changed whose steps have no record yet: both ends of the change are known. */
function leftInPlace(ledger: Ledger, jobId: string): readonly Observation[] {
  return ledger.performsInForce(jobId).flatMap(({ state, answer, token }) => {
    if (
      state !== 'done' ||
      answer === null ||
      !answer.includes('"inPlace":true') ||
      ledger.stepRecord(token) !== undefined
    )
      return [];
    return InPlaceAnswerSchema.safeParse(JSON.parse(answer)).data?.found ?? [];
  });
}

/** What an intent that is being applied changes, and what each may look like: as before, as after, or as a person decided. */
export function halfAppliedTargets(
  ledger: Ledger,
  { intent }: Pick<IntentRow, 'intent'>,
): (Required<Pick<Expectation, 'acceptable' | 'applying'>> & { readonly resource: string })[] {
  const marks = ledger.effectMarks(intent.token);
  const planned = ledger.preparedAfters(intent.token).afters;
  return [...intent.effects.entries()].flatMap(([index, effect]) => {
    const target = resourceOfEffect(effect);
    if (target === undefined || effect.kind === 'sql' || effect.kind === 'perform') return [];
    const after = 'after' in effect ? effect.after : (planned[index] ?? ABSENT);
    const mark = marks.get(index);
    const onTheWay = 'path' in effect && changesKind(effect) ? [ABSENT] : [];
    const acceptable =
      mark?.outcome === 'applied'
        ? [after]
        : mark === undefined
          ? [effect.before, after, ...onTheWay]
          : [effect.before, after, mark.after];
    return [
      {
        resource: formatResource(target),
        acceptable,
        applying: { stepId: intent.stepId, before: effect.before, after },
      },
    ];
  });
}

function isAcceptable(sighting: Sighting | undefined, { acceptable }: Expectation): boolean {
  return sighting?.outcome === 'seen' && acceptable.some((state) => sameState(state, sighting.state));
}

function isImpliedBySchema(
  resource: string,
  sighting: Sighting,
  { acceptable }: Expectation,
  differ: ReadonlyMap<string, Sighting>,
): boolean {
  const schema = differingSchema(resource, differ);
  if (schema === undefined || sighting.outcome !== 'seen') return false;
  if (schema.kind === 'absent') return true;
  const found = sighting.state;
  return (
    found.kind === 'row' &&
    acceptable.some((state) => state.kind === 'row' && isWithoutLostColumns(state.columns, found.columns))
  );
}

/** Of a row's table, where it has changed. */
function differingSchema(resource: string, differ: ReadonlyMap<string, Sighting>): ResourceState | undefined {
  if (!resource.startsWith('row:')) return undefined;
  const row = parseResource(resource) as { readonly database: string; readonly table: string };
  const schema = differ.get(formatResource({ kind: 'schema', database: row.database, table: row.table }));
  return schema?.outcome === 'seen' ? schema.state : undefined;
}

async function describe(
  { workspace, settings, ledger, jobId }: CompareParts,
  history: StepHistory,
  resource: string,
  sighting: Sighting,
  { acceptable, entry, applying }: Expectation,
  hasOtherColumns: boolean,
): Promise<Finding> {
  if (sighting.outcome !== 'seen') return unseenFinding(resource, sighting, entry);
  if (applying !== undefined) return await describeConflict(workspace, settings, resource, applying, sighting.state);
  const expected = acceptable[0]!;
  const users = history.usersOf(resource, entry?.seq ?? 0);
  const recordedReruns = stepsToRerun(history, resource, users, sighting.state, entry);
  const inFlight = halfApplied(ledger, jobId, history, resource, recordedReruns);
  const rerunSteps = [
    ...new Set([
      ...recordedReruns,
      ...inFlight.filter(({ effects }) => canBeUndone(effects)).map(({ stepId }) => stepId),
    ]),
  ];
  const impossible: Answer[] = [];
  if (!canRestore(workspace, expected)) impossible.push('restore');
  if (rerunSteps.length === 0) impossible.push('rerun');
  return finding({
    resource,
    class: 'discrepancy',
    kind: kindOf(resource, expected, sighting.state),
    expected: sideOf(expected),
    found: sideOf(sighting.state),
    recorded: entry,
    staleSteps: [...new Set([...users, ...inFlight.map(({ stepId }) => stepId)])],
    rerunSteps,
    difference: await describeDifference(
      workspace,
      resource,
      hasOtherColumns ? withoutLostColumns(expected, sighting.state) : expected,
      sighting.state,
      settings,
    ),
    impossible,
  });
}

/**
 * Half-applied intents that used what has changed: read the resource, or an output or a file of a step that is to run
 * again. Left alone they only roll forward, with what they had read; a rerun undoes them first.
 */
function halfApplied(
  ledger: Ledger,
  jobId: string,
  history: StepHistory,
  resource: string,
  reruns: readonly string[],
): readonly Intent[] {
  const voided = new Set([
    resource,
    ...reruns.flatMap(
      (stepId) =>
        history
          .record(stepId)
          ?.changes.filter(({ role }) => role === 'written')
          .map((change) => change.resource) ?? [],
    ),
  ]);
  return ledger
    .openIntents(jobId)
    .filter(({ state, intent, details }) => {
      if (state !== 'applying') return false;
      const usesOutput =
        reruns.length > 0 && (details.uses === null || details.uses.some((stepId) => reruns.includes(stepId)));
      return usesOutput || intent.observations.some((observation) => voided.has(observation.resource));
    })
    .map(({ intent }) => intent);
}

/** Those that used it; what is gone is made again by the step that made it, which those follow. */
function stepsToRerun(
  history: StepHistory,
  resource: string,
  users: readonly string[],
  found: ResourceState,
  entry: ManifestEntry | undefined,
): readonly string[] {
  const maker =
    entry?.role === 'written' && entry.stepId !== undefined && !history.isVoid(entry.stepId) ? entry.stepId : undefined;
  const isGone = found.kind === 'absent' && (resource.startsWith('file:') || resource.startsWith('row:'));
  const first = maker !== undefined && (isGone || users.length === 0) ? history.withDependents([maker]) : users;
  // What only a statement did can't be done again: without an undo its recorded answer stays, unless it is this step's own.
  return first.filter((stepId) => stepId === maker || history.canBeUndone(stepId));
}

function canRestore(workspace: Workspace, expected: ResourceState): boolean {
  switch (expected.kind) {
    case 'file':
      return workspace.blobs.has(expected.content);
    case 'absent':
    case 'directory':
    case 'symlink':
    case 'row':
      return true;
    default:
      return false;
  }
}

function kindOf(resource: string, expected: ResourceState, found: ResourceState): FindingKind {
  const scheme = resource.slice(0, resource.indexOf(':'));
  switch (scheme) {
    case 'row':
      return found.kind === 'absent' ? 'row-missing' : expected.kind === 'absent' ? 'row-appeared' : 'row-changed';
    case 'schema':
      return found.kind === 'absent' ? 'table-missing' : 'schema-changed';
    case 'token':
      return found.kind === 'absent' ? 'token-missing' : 'token-changed';
    case 'database':
      return 'database-replaced';
    case 'code':
      return 'code-changed';
    case 'plan':
      return 'plan-changed';
    case 'query':
    case 'command':
    case 'endpoint':
      return 'watch-changed';
    default:
      if (found.kind === 'absent') return 'missing';
      if (expected.kind === 'absent') return 'appeared';
      if (expected.kind !== found.kind) return 'kind-changed';
      if (expected.kind === 'file' && found.kind === 'file' && expected.content === found.content)
        return 'mode-changed';
      return 'changed';
  }
}

/** Token rows that the ledger doesn't know, and fence rows that an older copy of a database brought back. */
async function tokenAndFenceFindings(
  { ledger, jobId, workspace, settings }: CompareParts,
  only?: ReadonlySet<string>,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const { term } = ledger.job(jobId)!;
  for (const name of Object.keys(settings.databases).sort()) {
    const resource = formatResource({ kind: 'database', database: name });
    if (only !== undefined && !only.has(resource) && ![...only].some((other) => other.startsWith(`token:${name}/`)))
      continue;
    try {
      const database = await workspace.database(name, settings);
      for (const token of await database.tokensOfJob(jobId)) {
        if (ledger.knowsToken(token)) continue;
        findings.push(
          finding({
            resource: formatResource({ kind: 'token', database: name, token }),
            class: 'damaged',
            kind: 'token-unknown',
            expected: { digest: null, text: 'no such effect' },
            found: { digest: token, text: 'an effect of this job that the ledger does not know' },
            advice: 'The ledger is older than the database. Put the newer ledger back, then answer recheck.',
          }),
        );
      }
      const fence = await database.fence(jobId);
      if (fence?.term === term || term === 0) continue;
      findings.push(
        finding({
          resource,
          class: 'discrepancy',
          kind: 'database-restored',
          impossible: ['restore', 'rerun'],
          expected: {
            digest: stateDigest({ kind: 'value', value: stateDigest(ABSENT), summary: '' }),
            text: `term ${term} of this job`,
          },
          found: {
            digest: null,
            text: fence === undefined ? 'no trace of this job' : `term ${fence.term} of this job`,
          },
          advice: 'The database was put back to an earlier state.',
        }),
      );
    } catch (error) {
      const failure = error as HoldfastError;
      if (failure.name !== 'HoldfastError') throw error;
      if (!findings.some((other) => other.resource === resource)) findings.push(unreachableFinding(resource, failure));
      await workspace.forget(name);
    }
  }
  return findings;
}

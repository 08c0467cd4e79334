/**
 * Turns what an attempt has staged into a sealed intent: complete, durable, with `before` of every effect.
 *
 * Invariant: `before` of a resource that the record knows comes from the record; if the world shows otherwise, the
 * attempt unwinds. `before` of an unknown one is what is found, and its bytes are kept when it is replaced.
 */
import { canonicalJson, type Json } from '../../model/canonical-json.ts';
import { HoldfastError } from '../../model/failure.ts';
import { describeEffect } from '../../model/record/effect-text.ts';
import type { Effect, FileEffect, PerformEffect, RowChange } from '../../model/record/effect.ts';
import type { Intent } from '../../model/record/intent.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import { formatResource } from '../../model/record/resource.ts';
import { ABSENT, sameState, type FileState } from '../../model/record/world.ts';
import type { Claim } from '../attempt/claim.ts';
import { cannotRead } from '../workspace/files.ts';
import type { Secrets } from '../secrets/secrets.ts';
import type { Stage } from '../attempt/stage.ts';
import { DEFAULT_FILE_MODE, type StagedFile } from '../attempt/staged-file.ts';
import type { StagedRow } from '../attempt/staged-row.ts';
import type { Workspace } from '../workspace/workspace.ts';

const FOLDER_MODE = 0o755;

export interface SealParts {
  readonly workspace: Workspace;
  readonly settings: JobSettings;
  readonly claim: Claim;
  readonly stage: Stage;
  readonly step: string;
  readonly output: Json;
  /** Calls that happened while the code ran. */
  readonly performed: readonly PerformEffect[];
}

/** Reads what it needs of the world; writes nothing. @throws MustVerify, HoldfastError (`secret-in-output`, …) */
export async function makeIntent(parts: SealParts): Promise<Intent> {
  const { claim, stage, step, output, performed } = parts;
  const effects: Effect[] = [...performed, ...(await fileEffects(parts)), ...(await databaseEffects(parts))];
  const intent: Intent = {
    schemaVersion: 1,
    jobId: claim.row.jobId,
    stepId: claim.row.stepId,
    step,
    generation: claim.row.generation,
    token: claim.row.token,
    draft: claim.row.draft,
    args: claim.row.args,
    effects,
    observations: [...stage.observations]
      .map(([resource, state]) => ({ resource, state }))
      .sort((a, b) => (a.resource < b.resource ? -1 : 1)),
    queries: stage.queries,
    listings: stage.listings,
    ...(claim.changedInPlace.size === 0
      ? {}
      : {
          left: [...claim.changedInPlace]
            .map(([resource, state]) => ({ resource, state }))
            .sort((a, b) => (a.resource < b.resource ? -1 : 1)),
        }),
    output,
  };
  refuseSecrets(parts.workspace.secrets, intent);
  return intent;
}

/** Whatever way a secret came there: what is sealed is kept as it is. @throws HoldfastError `secret-in-output` */
function refuseSecrets(
  secrets: Secrets,
  { stepId, effects, output, observations, left = [], queries, listings }: Intent,
): void {
  if (secrets.isEmpty) return;
  secrets.refuse(canonicalJson(output), `what step ${stepId} returns`);
  for (const effect of effects) secrets.refuse(canonicalJson(effect), describeEffect(effect));
  for (const { resource, state } of [...observations, ...left])
    secrets.refuse(canonicalJson([resource, state]), `what is noted of ${resource}, which step ${stepId} has read,`);
  secrets.refuse(canonicalJson([...queries, ...listings]), `what is noted of the queries of step ${stepId}`);
}

async function fileEffects({ workspace, claim, stage }: SealParts): Promise<FileEffect[]> {
  const effects: FileEffect[] = [];
  const folders = new Set<string>();
  const paths = [...stage.files.keys()];
  const sightings = await workspace.files.observeMany(paths);
  paths.forEach((path, index) => stage.seenFiles.set(path, sightings[index]!));
  const look = async (path: string): Promise<FileState> => {
    const sighting = stage.files.has(path) ? stage.seenFiles.get(path)! : await workspace.files.observe(path);
    if (sighting.outcome !== 'seen') throw cannotRead(path, sighting);
    claim.mustBeAsRecorded(formatResource({ kind: 'file', path }), sighting.state);
    stage.seenFiles.set(path, sighting);
    return sighting.state;
  };
  /** Folders that are missing above a path that is to be made, and that nobody else makes. */
  const makeFolders = async (path: string): Promise<void> => {
    for (const folder of parentsOf(path)) {
      if (folders.has(folder) || stage.stagedState(folder)?.kind === 'directory') continue;
      const state = await look(folder);
      if (state.kind === 'directory') continue;
      if (state.kind !== 'absent')
        throw new HoldfastError('bad-input', `${folder} is a ${state.kind}, so ${path} cannot be written below it.`, {
          path,
        });
      folders.add(folder);
      effects.push({
        kind: 'directory.create',
        path: folder,
        before: state,
        after: { kind: 'directory', mode: FOLDER_MODE },
      });
    }
  };
  for (const staged of stage.files.values()) {
    const before = await look(staged.path);
    if (staged.kind === 'put') {
      if (staged.before !== undefined && !sameState(before, staged.before))
        throw new HoldfastError(
          'busy',
          `${staged.path} has changed since the command was given it; the step runs again on what is there now.`,
          { path: staged.path },
        );
      const effect = putEffect(staged.path, before, staged.after);
      if (effect === undefined) continue;
      if (before.kind === 'absent') await makeFolders(staged.path);
      effects.push(effect);
      continue;
    }
    if (staged.kind === 'remove') {
      if (before.kind === 'absent') continue;
      if (before.kind === 'directory')
        throw new HoldfastError('bad-input', `${staged.path} is a folder; ctx.files.remove removes files.`, {
          path: staged.path,
        });
      effects.push({ kind: 'file.remove', path: staged.path, before, after: ABSENT });
      continue;
    }
    if (before.kind === 'directory' || before.kind === 'other')
      throw new HoldfastError(
        'bad-input',
        `${staged.path} is a ${before.kind === 'other' ? before.what : 'folder'}; a file cannot be written there.`,
        { path: staged.path },
      );
    if (before.kind === 'absent') await makeFolders(staged.path);
    effects.push(writeEffect(staged, before));
  }
  const ordered = [...stage.files.values()].some(({ kind }) => kind === 'put') ? inOrder(effects) : effects;
  workspace.files.refuseSameTargets(ordered);
  return ordered;
}

/** Undefined: it is so already. */
function putEffect(path: string, before: FileState, after: FileState): FileEffect | undefined {
  if (sameState(before, after)) return undefined;
  if (before.kind === 'other' || after.kind === 'other')
    throw new HoldfastError(
      'bad-input',
      `${path} is a ${before.kind === 'other' ? before.what : 'special file'}; it can be neither replaced nor made.`,
      { path },
    );
  switch (after.kind) {
    case 'file':
      return { kind: 'file.write', path, before, after };
    case 'symlink':
      return { kind: 'symlink.write', path, before, after };
    case 'directory':
      return { kind: before.kind === 'directory' ? 'directory.mode' : 'directory.create', path, before, after };
    case 'absent':
      return { kind: before.kind === 'directory' ? 'directory.remove' : 'file.remove', path, before, after };
  }
}

/** Removals come first, from within; then what is made, from outside; last the folders that are locked, from within. */
function inOrder(effects: readonly FileEffect[]): FileEffect[] {
  const locks = (effect: FileEffect): boolean =>
    effect.kind === 'directory.mode' && (effect.after.mode & 0o300) !== 0o300;
  const byPath = (a: FileEffect, b: FileEffect): number => (a.path < b.path ? -1 : 1);
  const removals = effects
    .filter(({ after }) => after.kind === 'absent')
    .toSorted(byPath)
    .reverse();
  const made = effects.filter((effect) => effect.after.kind !== 'absent' && !locks(effect)).toSorted(byPath);
  return [...removals, ...made, ...effects.filter(locks).toSorted(byPath).reverse()];
}

function writeEffect(staged: Extract<StagedFile, { kind: 'write' }>, before: FileState): FileEffect {
  const mode = staged.mode ?? (before.kind === 'file' ? before.mode : DEFAULT_FILE_MODE);
  return {
    kind: 'file.write',
    path: staged.path,
    before,
    after: { kind: 'file', sizeBytes: staged.sizeBytes, mode, content: staged.content },
  };
}

/** `a/b/c.txt` → `a`, `a/b`. */
function parentsOf(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

async function databaseEffects({ workspace, settings, claim, stage }: SealParts): Promise<Effect[]> {
  const befores = await rowsBefore(workspace, settings, claim, stage);
  return stage.changes.map((change) => {
    if (change.kind === 'sql') return change;
    const before = befores.get(change)!;
    return { ...change, columns: [...change.columns], before } satisfies RowChange;
  });
}

/** Looks at all rows of a table in few statements, with the columns that the change and the record cover. */
async function rowsBefore(
  workspace: Workspace,
  settings: JobSettings,
  claim: Claim,
  stage: Stage,
): Promise<Map<StagedRow, RowChange['before']>> {
  const befores = new Map<StagedRow, RowChange['before']>();
  const byDatabase = Map.groupBy(
    stage.changes.filter((change) => change.kind !== 'sql'),
    ({ database }) => database,
  );
  for (const [name, changes] of byDatabase) {
    const database = await workspace.database(name, settings);
    const requests = changes.map((change) => {
      const recorded = claim.manifestEntry(
        formatResource({ kind: 'row', database: name, table: change.table, key: change.key }),
      );
      const extra = recorded?.state.kind === 'row' ? Object.keys(recorded.state.columns) : [];
      return { table: change.table, key: change.key, columns: [...new Set([...change.columns, ...extra])] };
    });
    const states = await database.rows(requests);
    changes.forEach((change, index) => {
      const state = states[index]!;
      claim.mustBeAsRecorded(
        formatResource({ kind: 'row', database: name, table: change.table, key: change.key }),
        state,
      );
      befores.set(
        change,
        state.kind === 'absent'
          ? state
          : {
              kind: 'row',
              columns: Object.fromEntries(
                change.columns
                  .filter((column) => column in state.columns)
                  .map((column) => [column, state.columns[column]!]),
              ),
            },
      );
    });
  }
  return befores;
}

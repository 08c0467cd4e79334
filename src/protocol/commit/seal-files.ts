/** The effects on files that an attempt has staged, with the folders that they need, in the order of applying. */
import { HoldfastError } from '../../model/failure.ts';
import type { FileEffect } from '../../model/record/effect.ts';
import { formatResource } from '../../model/record/resource.ts';
import type { FileState } from '../../model/record/world.ts';
import type { FileSighting } from '../../effects/files/sighting.ts';
import type { StagedFile } from '../attempt/staged-file.ts';
import { cannotRead } from '../workspace/unreadable.ts';
import { fileEffectOf, inOrder } from './file-effect.ts';
import type { EndedDraft } from './ended-draft.ts';

const FOLDER_MODE = 0o755;

/** @throws MustVerify, HoldfastError (`bad-input`, `busy`, `permission-denied`, `same-target-twice`, …) */
export async function stagedFileEffects(draft: FileDraft): Promise<FileEffect[]> {
  const { workspace, stage } = draft;
  const paths = [...stage.files.keys()];
  const sightings = await workspace.files.observeMany(paths);
  paths.forEach((path, index) => stage.seenFiles.set(path, sightings[index]!));
  const effects: FileEffect[] = [];
  const created = new Set<string>();
  for (const staged of stage.files.values()) {
    const before = await stateBefore(draft, staged.path);
    const names = namesOf(stage.seenFiles.get(staged.path));
    if (names > 1) refuseShared(staged, names);
    const effect = fileEffectOf(staged, before);
    if (effect === undefined) continue;
    if (before.kind === 'absent') effects.push(...(await missingFolders(draft, staged.path, created)));
    effects.push(names > 1 ? ({ ...effect, names } as FileEffect) : effect);
  }
  const ordered = [...stage.files.values()].some(({ kind }) => kind === 'put') ? inOrder(effects) : effects;
  workspace.files.refuseSameTargets(ordered);
  return ordered;
}

type FileDraft = Pick<EndedDraft, 'workspace' | 'claim' | 'stage'>;

async function stateBefore({ workspace, claim, stage }: FileDraft, path: string): Promise<FileState> {
  const sighting = stage.files.has(path) ? stage.seenFiles.get(path)! : await workspace.files.observe(path);
  if (sighting.outcome !== 'seen') throw cannotRead(path, sighting);
  await claim.fileMustBeAsRecorded(formatResource({ kind: 'file', path }), sighting.state);
  stage.seenFiles.set(path, sighting);
  return sighting.state;
}

function namesOf(seen: FileSighting | undefined): number {
  return seen?.outcome === 'seen' ? (seen.stamp?.links ?? 1) : 1;
}

/** Replaced, a file with other names is no longer theirs, and no undoing makes it so again. */
function refuseShared(staged: StagedFile, links: number): void {
  if (staged.kind !== 'write' || staged.splits === true) return;
  const { path } = staged;
  throw new HoldfastError(
    'bad-input',
    `${path} has ${links} names (hard links). Replacing it would leave the others with the old content, for good. ` +
      "Write it with { hardLinks: 'split' } (file.write and file.copy take it, too), or split it first: " +
      'cp -p FILE NEW && mv NEW FILE',
    { path, links },
  );
}

/** Folders that are missing above a path that is to be made, and that nobody else makes. Adds them to `created`. */
async function missingFolders(draft: FileDraft, path: string, created: Set<string>): Promise<FileEffect[]> {
  const effects: FileEffect[] = [];
  for (const folder of parentsOf(path)) {
    if (created.has(folder) || draft.stage.stagedState(folder)?.kind === 'directory') continue;
    const before = await stateBefore(draft, folder);
    if (before.kind === 'directory') continue;
    if (before.kind !== 'absent')
      throw new HoldfastError('bad-input', `${folder} is a ${before.kind}, so ${path} cannot be written below it.`, {
        path,
      });
    created.add(folder);
    effects.push({ kind: 'directory.create', path: folder, before, after: { kind: 'directory', mode: FOLDER_MODE } });
  }
  return effects;
}

/** `a/b/c.txt` → `a`, `a/b`. */
function parentsOf(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

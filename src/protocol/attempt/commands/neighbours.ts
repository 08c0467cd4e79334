/**
 * Has the workspace stood still while a command ran on its copy? What changed is explained by the record (another step),
 * or it is the command's own doing behind the protocol's back, or somebody else's: nobody can tell which, so the attempt
 * ends and a person is asked.
 */
import type { PathSelection } from '../../../model/step/path-selection.ts';
import type { Digest } from '../../../model/digest.ts';
import { HoldfastError } from '../../../model/failure.ts';
import { formatResource } from '../../../model/record/resource.ts';
import { sameState } from '../../../model/record/world.ts';
import { contentOf } from '../../../effects/files/content.ts';
import type { FileSighting } from '../../../effects/files/index.ts';
import { differingPaths, type Tree } from '../../../effects/files/tree.ts';
import type { Attempt } from '../attempt.ts';

export interface Neighbourhood {
  readonly parts: Attempt;
  /** The workspace when the command was given its copy. */
  readonly given: Tree;
  /** The end of the chain then. */
  readonly seq: number;
  readonly selection: PathSelection;
  readonly others: PathSelection;
  readonly young: ReadonlyMap<string, Digest>;
  /** The copy of a path that the command has left as it was given. */
  copyOf(path: string): string | undefined;
}

const MAX_NAMED = 10;

/**
 * @throws HoldfastError `changed-meanwhile`; `busy` when another step has changed what the command was given
 * @throws MustVerify when a file that the record knows was changed
 */
export async function mustStandStill(neighbourhood: Neighbourhood): Promise<void> {
  const { parts, given, young, others } = neighbourhood;
  const { workspace } = parts;
  const now = await workspace.files.scan();
  const differing = new Set(differingPaths(given, now));
  const paths = [...new Set([...differing, ...young.keys()])].filter((path) => !others.has(path));
  const sightings = await workspace.files.observeMany(paths);
  const byOthers: string[] = [];
  const bySteps: string[] = [];
  for (const [index, path] of paths.entries()) {
    const sighting = sightings[index]!;
    if (!differing.has(path) && isContent(sighting, young.get(path))) continue;
    if (
      now.get(path)?.mode === given.get(path)?.mode &&
      (await isOnlyTouched(sighting, young.get(path), neighbourhood.copyOf(path)))
    )
      continue;
    switch (explained(neighbourhood, path, sighting)) {
      case 'recorded':
        break;
      case 'by a step':
        bySteps.push(path);
        break;
      case undefined:
        byOthers.push(path);
    }
  }
  if (byOthers.length > 0) {
    throw new HoldfastError(
      'changed-meanwhile',
      `While the command ran on its copy, the workspace itself was changed: ${named(byOthers)}. Either the command writes outside its copy, or somebody else works there. Nothing of what the command made is applied.`,
      { paths: byOthers.slice(0, MAX_NAMED) },
    );
  }
  const ofGiven = bySteps.filter((path) => neighbourhood.selection.has(path));
  if (ofGiven.length > 0)
    throw new HoldfastError(
      'busy',
      `Another step has changed what the command was given: ${named(ofGiven)}. It runs again on what is there now.`,
      { paths: ofGiven.slice(0, MAX_NAMED) },
    );
}

function explained(
  { parts: { claim }, seq }: Neighbourhood,
  path: string,
  sighting: FileSighting,
): 'recorded' | 'by a step' | undefined {
  if (sighting.outcome !== 'seen') return undefined;
  const resource = formatResource({ kind: 'file', path });
  // A sibling is being applied at this moment.
  if (
    claim
      .read((ledger) => ledger.openIntents(claim.row.jobId))
      .some(
        ({ state, intent }) =>
          state === 'applying' && intent.effects.some((effect) => 'path' in effect && effect.path === path),
      )
  )
    return 'by a step';
  const recorded = claim.manifestEntry(resource);
  if (recorded === undefined) return undefined;
  claim.mustBeAsRecorded(resource, sighting.state);
  return recorded.seq > seq ? 'by a step' : 'recorded';
}

/** Its times or its inode have changed, its content has not. */
async function isOnlyTouched(
  sighting: FileSighting,
  content: Digest | undefined,
  copy: string | undefined,
): Promise<boolean> {
  if (content !== undefined) return isContent(sighting, content);
  if (copy === undefined || sighting.outcome !== 'seen' || sighting.state.kind !== 'file') return false;
  return isContent(sighting, (await contentOf(copy)).content);
}

function isContent(sighting: FileSighting, content: Digest | undefined): boolean {
  return (
    content !== undefined &&
    sighting.outcome === 'seen' &&
    sighting.state.kind === 'file' &&
    sameState(sighting.state, { ...sighting.state, content })
  );
}

function named(paths: readonly string[]): string {
  const shown = paths.slice(0, MAX_NAMED).join(', ');
  return paths.length > MAX_NAMED ? `${shown} and ${paths.length - MAX_NAMED} more` : shown;
}

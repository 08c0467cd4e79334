/**
 * Has the workspace stood still while a command ran on its copy? A change is explained by the record (another step made
 * it), or the command made it behind the protocol's back, or somebody else did: nobody can tell which of the two, so
 * the attempt ends and a person is asked.
 */
import type { PathSelection } from '../../../model/step/path-selection.ts';
import type { Digest } from '../../../model/digest.ts';
import { HoldfastError } from '../../../model/failure.ts';
import { formatResource } from '../../../model/record/resource.ts';
import { sameState } from '../../../model/record/world.ts';
import { contentOf } from '../../../effects/files/content.ts';
import type { FileSighting } from '../../../effects/files/index.ts';
import { differingPaths, UNNAMED } from '../../../effects/files/tree.ts';
import { indexMeaningAt } from '../../workspace/refreshed.ts';
import { cannotRead } from '../../workspace/unreadable.ts';
import type { Attempt } from '../attempt.ts';
import type { Claim } from '../claim.ts';
import type { CopySnapshot } from './copy-snapshot.ts';

export interface Neighbourhood {
  readonly attempt: Attempt;
  readonly snapshot: CopySnapshot;
  /** The end of the chain when the workspace was looked at. */
  readonly seq: number;
  readonly selection: PathSelection;
  /** Files of the workspace that may be changed from outside meanwhile. */
  readonly othersChange: PathSelection;
  /** Where the copy of a path is that the command has not changed; undefined: there is none. */
  copyOf(path: string): string | undefined;
}

const MAX_NAMED = 10;

/**
 * @throws HoldfastError `changed-meanwhile`; `busy` when another step has changed what the command was given;
 *   `permission-denied`, and what may pass, when a file can't be read
 * @throws MustVerify when a file that the record knows was changed
 */
export async function mustStandStill(neighbourhood: Neighbourhood): Promise<void> {
  const { byOthers, bySteps } = await changesByOthers(neighbourhood);
  if (byOthers.length > 0) {
    throw new HoldfastError(
      'changed-meanwhile',
      `While the command ran on its copy, the workspace itself was changed: ${named(byOthers)}. Either the command ` +
        'writes outside its copy, or somebody else works there. Nothing of what the command made is applied.',
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

interface ForeignChanges {
  readonly bySteps: readonly string[];
  /** Nobody can tell by whom. */
  readonly byOthers: readonly string[];
}

async function changesByOthers(neighbourhood: Neighbourhood): Promise<ForeignChanges> {
  const { attempt, snapshot, othersChange } = neighbourhood;
  const { files } = attempt.workspace;
  const now = await files.scan();
  const differing = new Set(differingPaths(snapshot.workspace, now));
  const paths = [...new Set([...differing, ...snapshot.young.keys()])].filter((path) => !othersChange.has(path));
  const sightings = await files.observeMany(paths);
  // After the looks: what a step had placed by then is among these, or recorded.
  const applying = pathsBeingApplied(attempt.claim);
  const byOthers: string[] = [];
  const bySteps: string[] = [];
  for (const [index, path] of paths.entries()) {
    const sighting = sightings[index]!;
    // What the system does not let be read has not changed by that.
    if (sighting.outcome === 'unreadable' && sighting.code !== undefined) throw cannotRead(path, sighting);
    const young = snapshot.young.get(path);
    if (!differing.has(path) && isContent(sighting, young)) continue;
    if (isAbsent(sighting) && !snapshot.workspace.has(path)) continue;
    const isSameMode = now.get(path)?.mode === snapshot.workspace.get(path)?.mode;
    if (isSameMode && (await isOnlyTouched(sighting, young, neighbourhood.copyOf(path)))) continue;
    if (isSameMode && (await saysTheSame(neighbourhood, path, sighting))) continue;
    switch (explained(neighbourhood, applying, path, sighting)) {
      case 'recorded':
        break;
      case 'by a step':
        bySteps.push(path);
        break;
      case undefined:
        byOthers.push(path);
    }
  }
  return { bySteps, byOthers };
}

/** What the record says of a change; undefined: nothing. @throws MustVerify */
function explained(
  { attempt: { claim }, seq }: Neighbourhood,
  applying: ReadonlySet<string>,
  path: string,
  sighting: FileSighting,
): 'recorded' | 'by a step' | undefined {
  if (sighting.outcome !== 'seen') return undefined;
  if (applying.has(path)) return 'by a step';
  const resource = formatResource({ kind: 'file', path });
  const recorded = claim.manifestEntry(resource);
  if (recorded === undefined) return undefined;
  claim.mustBeAsRecorded(resource, sighting.state);
  return recorded.seq > seq ? 'by a step' : 'recorded';
}

/** What steps that run beside this one are applying at this moment. */
function pathsBeingApplied(claim: Claim): ReadonlySet<string> {
  const open = claim.read((ledger) => ledger.openIntents(claim.row.jobId));
  const applying = open.filter(({ state }) => state === 'applying');
  return new Set(
    applying.flatMap(({ intent }) => intent.effects.flatMap((effect) => ('path' in effect ? [effect.path] : []))),
  );
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

/** Git has only looked: its index says what it said. */
async function saysTheSame(
  { attempt, snapshot }: Neighbourhood,
  path: string,
  sighting: FileSighting,
): Promise<boolean> {
  const meaning = snapshot.indexes.get(path);
  if (meaning === undefined || sighting.outcome !== 'seen') return false;
  return (await indexMeaningAt(attempt.workspace.files, path, sighting.state)) === meaning;
}

/** What only came and went, such as the lock that git has while it looks. */
function isAbsent(sighting: FileSighting): boolean {
  return sighting.outcome === 'seen' && sighting.state.kind === 'absent';
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
  const shown = paths.slice(0, MAX_NAMED).map(shownPath).join(', ');
  return paths.length > MAX_NAMED ? `${shown} and ${paths.length - MAX_NAMED} more` : shown;
}

function shownPath(path: string): string {
  return path.includes(UNNAMED) ? `${JSON.stringify(path.replace(UNNAMED, ''))} (not Unicode)` : path;
}

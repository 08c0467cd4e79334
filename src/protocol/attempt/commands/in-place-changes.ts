/**
 * What has changed in the workspace while a command ran in it: by the command, or by others, and nobody can tell which.
 */
import type { FileSighting } from '../../../effects/files/index.ts';
import { differingPaths, UNNAMED, type Tree } from '../../../effects/files/tree.ts';
import { isYoung } from '../../../effects/files/grain.ts';
import { formatResource } from '../../../model/record/resource.ts';
import type { ManifestEntry } from '../../../model/record/manifest.ts';
import { sameState, type FileState } from '../../../model/record/world.ts';
import { cannotRead } from '../../workspace/unreadable.ts';
import type { Attempt } from '../attempt.ts';

export interface WorkspaceSnapshot {
  readonly tree: Tree;
  /** Files so young that stat can't tell a change, with what they showed. */
  readonly young: ReadonlyMap<string, FileSighting>;
}

export interface ChangedPath {
  readonly path: string;
  /** What the workspace shows now. */
  readonly after: FileState;
  /** What the record had of it: a watch, or a step. */
  readonly recorded: ManifestEntry | undefined;
}

export async function workspaceSnapshot({ workspace }: Attempt): Promise<WorkspaceSnapshot> {
  const nowNs = BigInt(Date.now()) * 1_000_000n;
  const tree = await workspace.files.scan();
  const young = [...tree].flatMap(([path, entry]) => (entry.kind === 'file' && isYoung(entry, nowNs) ? [path] : []));
  const sightings = await workspace.files.observeMany(young);
  return { tree, young: new Map(young.map((path, index) => [path, sightings[index]!])) };
}

/** Contents are captured, but for those that hold a secret. */
export async function changedSince(
  { workspace, claim }: Attempt,
  { tree, young }: WorkspaceSnapshot,
): Promise<readonly ChangedPath[]> {
  const now = await workspace.files.scan();
  // What has a name that is not Unicode can be named by no record; it is the workspace's own matter.
  const differing = differingPaths(tree, now).filter((path) => !path.includes(UNNAMED));
  const paths = [...new Set([...differing, ...young.keys()])];
  const sightings = await workspace.files.observeMany(paths);
  const changed: ChangedPath[] = [];
  for (const [index, path] of paths.entries()) {
    const sighting = sightings[index]!;
    if (sighting.outcome !== 'seen') throw cannotRead(path, sighting);
    const { state } = sighting;
    const earlier = young.get(path);
    if (earlier?.outcome === 'seen' && sameState(earlier.state, state)) continue;
    // Another step's change, or only touched.
    const recorded = claim.manifestEntry(formatResource({ kind: 'file', path }));
    if (recorded !== undefined && sameState(recorded.state, state)) continue;
    // A content that holds a secret stays where the command put it: in no blob.
    const holdsSecret = await workspace.files.holdsSecret(path, state, workspace.secrets);
    if (!holdsSecret) await workspace.files.capture(path, state);
    changed.push({ path, after: state, recorded });
  }
  return changed;
}

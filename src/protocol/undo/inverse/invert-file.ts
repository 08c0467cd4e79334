/** Puts a path back to what it was before the step. */
import { defined } from '../../../model/defined.ts';
import { uriOf, type FileEffect } from '../../../model/record/effect.ts';
import { otherNames, whyNotJoined } from '../../../model/record/other-names.ts';
import { sameState, type FileState } from '../../../model/record/world.ts';
import { lostContentFinding } from '../../question/undo.ts';
import { unseenFinding } from '../../question/unseen.ts';
import { isToPutBack } from './put-back.ts';
import type { RunningInversion } from './running-inversion.ts';

const MAX_NAMES_TOLD = 3;

export async function invertFile(inversion: RunningInversion, effect: FileEffect): Promise<void> {
  const { workspace, stage } = inversion.target;
  const { path, before, after } = effect;
  const resource = uriOf(effect)!;
  const sighting = await workspace.files.observe(path);
  if (sighting.outcome !== 'seen') {
    inversion.findings.push(unseenFinding(resource, sighting, undefined));
    return;
  }
  const found = sighting.state;
  if (before.kind === 'file' && !sameState(found, before)) {
    // Read whole: bytes that have gone bad on the disk would be tried again for ever, and nobody be asked.
    const isWhole = (await workspace.blobs.verify(before.content)) === 'intact';
    if (!isWhole) return contentIsLost(inversion, resource, before, found);
  }
  if (!(await isToPutBack(inversion, { resource, before, after, found }))) return;
  if (found.kind === 'directory' && before.kind === 'absent') {
    const inside = await stayingInside(inversion, path);
    if (inside.length > 0) return inversion.leave(resource, whyFolderStays(inside));
  }
  if (before.kind === 'absent') inversion.gone.add(path);
  stage.seenFiles.set(path, sighting);
  const names = sighting.stamp?.links ?? 1;
  for (const why of whatOfOtherNames(effect, names)) inversion.leave(resource, why);
  inversion.files.push({
    kind: 'file.restore',
    path,
    before: found,
    after: before,
    ...defined({ names: names > 1 ? names : undefined }),
  });
}

/** Of names that the file had before the step, and of names that somebody has given it since. */
function whatOfOtherNames(effect: FileEffect, names: number): readonly string[] {
  const since = otherNames(names, 'keeps');
  return [whyNotJoined(effect), since && `${since} what it held before the undoing`].filter((why) => why !== undefined);
}

/** What is in a folder and stays there. */
async function stayingInside({ target, gone }: RunningInversion, path: string): Promise<readonly string[]> {
  const inside = await target.workspace.files.list(path, false);
  return inside.map((info) => info.path).filter((name) => !gone.has(name));
}

function whyFolderStays(inside: readonly string[]): string {
  const names = inside.slice(0, MAX_NAMES_TOLD).join(', ');
  const more = inside.length > MAX_NAMES_TOLD ? ` and ${inside.length - MAX_NAMES_TOLD} more` : '';
  return `the folder holds what the job did not put there, or was told to leave: ${names}${more}`;
}

/** The store has the bytes to put back no more, or other ones: a person brings them back, or lets the file stay. */
function contentIsLost(inversion: RunningInversion, resource: string, before: FileState, found: FileState): void {
  const { record, rulings } = inversion.target;
  const ruling = rulings.find(
    (one) => one.resource === resource && one.answer === 'skip' && one.found !== null && sameState(one.found, found),
  );
  if (ruling === undefined) {
    inversion.findings.push(lostContentFinding(record, { resource, before, found }));
    return;
  }
  const decided = `as ${ruling.by} decided: ${ruling.reason}`;
  inversion.leave(
    resource,
    `its content before step ${record.stepId} is not in the store, and it stays as it is, ${decided}`,
  );
  inversion.settle('accepted', resource, found);
}

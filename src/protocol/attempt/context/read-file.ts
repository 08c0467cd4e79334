/** How a step reads a file. That a file is not there is an observation too: the step went on because of it. */
import { HoldfastError } from '../../../model/failure.ts';
import { formatResource } from '../../../model/record/resource.ts';
import type { FileState } from '../../../model/record/world.ts';
import type { Attempt } from '../attempt.ts';
import { cannotRead } from '../../workspace/unreadable.ts';

export const MAX_READ_BYTES = 256 * 1024 * 1024;

/**
 * The whole content.
 * @throws HoldfastError `not-found`, `too-large`, `bad-input`, `busy`, `permission-denied`; MustVerify
 */
export async function readFile(attempt: Attempt, path: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of streamFile(attempt, path)) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_READ_BYTES)
      throw new HoldfastError(
        'too-large',
        `${path} is larger than ${MAX_READ_BYTES} bytes; read it with ctx.files.stream.`,
        { path },
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Throws while it is read. @throws HoldfastError `not-found`, `bad-input`, `busy`, `permission-denied`; MustVerify */
export async function* streamFile(attempt: Attempt, given: string): AsyncIterable<Uint8Array> {
  const { workspace, stage } = attempt;
  const path = workspace.files.normalise(given);
  const staged = stage.stagedState(path);
  if (staged?.kind === 'file') {
    const small = stage.contents.get(staged.content);
    if (small === undefined) yield* workspace.blobs.stream(staged.content);
    else yield Uint8Array.from(small);
    return;
  }
  const state = staged ?? (await observed(attempt, path));
  if (state.kind !== 'file') throw notAFile(path, state);
  yield* workspace.files.stream(path, state);
}

/** What the step has staged at a path, else what the workspace shows there. */
export async function currentState(attempt: Attempt, path: string): Promise<FileState> {
  return attempt.stage.stagedState(path) ?? (await observed(attempt, path));
}

/** Noted as read. @throws MustVerify where the record knows the path otherwise */
async function observed({ workspace, stage, claim, signal }: Attempt, path: string): Promise<FileState> {
  signal.throwIfAborted();
  const sighting = await workspace.files.observe(path);
  if (sighting.outcome !== 'seen') throw cannotRead(path, sighting);
  const resource = formatResource({ kind: 'file', path });
  await claim.fileMustBeAsRecorded(resource, sighting.state);
  stage.observe(resource, sighting.state);
  stage.seenFiles.set(path, sighting);
  return sighting.state;
}

function notAFile(path: string, state: FileState): HoldfastError {
  const { kind } = state;
  return kind === 'absent'
    ? new HoldfastError('not-found', `There is no file ${path} in the workspace.`, { path })
    : new HoldfastError('bad-input', `${path} is a ${kind}, not a file${advice(state)}.`, { path });
}

function advice(state: FileState): string {
  return state.kind === 'symlink' ? `: name the file that it leads to ("${state.target}")` : '';
}

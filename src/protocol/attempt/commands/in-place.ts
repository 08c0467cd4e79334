/**
 * A command in the workspace itself: a call like any other (`perform`), written ahead and at most once.
 *
 * Invariants
 * 1. It is begun only while the ledger says so; when nobody can know how it ended, a person is asked.
 * 2. What had changed in the workspace when it had ended is recorded with its answer, before anything else is done.
 * 3. Its exit code is an answer: one that is a failure is recorded, and a retry doesn't run it again.
 */
import { statSync } from 'node:fs';
import { commandText, type CommandRequest } from '../../../model/step/command.ts';
import {
  InPlaceAnswerSchema,
  ToldExitSchema,
  type CommandResult,
  type InPlaceAnswer,
} from '../../../model/step/command-result.ts';
import type { Json } from '../../../model/canonical-json.ts';
import { HoldfastError, isFailure } from '../../../model/failure.ts';
import { NotPerformed } from '../../../model/step/not-performed.ts';
import { formatResource } from '../../../model/record/resource.ts';
import { sameState, type FileState } from '../../../model/record/world.ts';
import { makeCommandFolder, removeCommandFolder } from '../../../effects/processes/command-folder.ts';
import { findProgram } from '../../../effects/processes/find-program.ts';
import type { ProcessEnd } from '../../../effects/processes/run.ts';
import { differingPaths, YOUNG_NS, type Tree } from '../../../effects/files/tree.ts';
import type { FileSighting } from '../../../effects/files/index.ts';
import { commandFailure, environmentOf, keepLog, mustHaveEnded, resultOf, runIn } from './end.ts';
import type { Attempt } from '../attempt.ts';
import { cannotRead } from '../../workspace/files.ts';
import { perform } from '../calls/perform.ts';

export async function commandInPlace(
  parts: Attempt,
  name: string,
  request: CommandRequest,
  inDoubt: 'ask' | 'repeat',
): Promise<CommandResult> {
  const { workspace, claim, stage } = parts;
  const env = environmentOf(parts, request);
  const cwd = request.cwd === '' ? workspace.root : `${workspace.root}/${request.cwd}`;
  if (statSync(cwd, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new HoldfastError('not-found', `There is no folder "${request.cwd}" for the command to run in.`, {
      path: request.cwd,
    });
  findProgram(request.argv[0]!, cwd, env['PATH']);
  // What the step has staged is not there yet.
  if (stage.files.size > 0)
    throw new HoldfastError(
      'bad-input',
      `\`${commandText(request)}\` in place would not see the files that its step has staged (${[...stage.files.keys()].slice(0, 5).join(', ')}). Give it a step of its own.`,
    );
  const answer = await perform<Json>(parts, name, {
    // A person sees this when it is in doubt: what runs and where, and of the environment the names.
    request: {
      command: request.shell ? request.argv[2]! : [...request.argv],
      cwd: request.cwd === '' ? '.' : request.cwd,
      env: [...new Set([...request.envFrom, ...Object.keys(request.env)])].sort(),
      inPlace: true,
    },
    inDoubt,
    run: () => runHere(parts, request, env, cwd),
  });
  const { result, found } = answerFrom(answer);
  for (const { resource, state } of found) claim.changedInPlace.set(resource, state);
  stage.logs.push({
    message: `${workspace.secrets.redact(commandText(request))} in the workspace: exit code ${result.exitCode}; ${found.length} changed`,
    fields: { log: result.log.content },
  });
  const failure = commandFailure(request, result);
  if (failure !== undefined) throw failure;
  return result;
}

async function runHere(
  parts: Attempt,
  request: CommandRequest,
  env: Readonly<Record<string, string>>,
  cwd: string,
): Promise<Json> {
  const { workspace, claim } = parts;
  const before = await look(parts);
  const folder = makeCommandFolder(workspace.directory, claim.row.stepId);
  let end: ProcessEnd;
  try {
    end = await runIn(parts, request, env, { marker: folder.id, cwd });
  } catch (error) {
    // It was not even started.
    if (isFailure(error, 'not-found', 'permission-denied', 'bad-input'))
      throw new NotPerformed(error.message, { cause: error });
    throw error;
  } finally {
    await removeCommandFolder(folder);
  }
  const log = await keepLog(parts, end);
  mustHaveEnded(request, end, log);
  const found = await changedSince(parts, before);
  return {
    inPlace: true,
    result: resultOf(end, log, found),
    found: found.map(({ path, state }) => ({ resource: formatResource({ kind: 'file', path }), state })),
  } satisfies InPlaceAnswer;
}

interface Before {
  readonly tree: Tree;
  /** Of files so young that stat can't tell a change. */
  readonly young: ReadonlyMap<string, FileSighting>;
}

async function look({ workspace }: Attempt): Promise<Before> {
  const atNs = BigInt(Date.now()) * 1_000_000n;
  const tree = await workspace.files.scan();
  const young = [...tree].flatMap(([path, entry]) =>
    entry.kind === 'file' && (entry.ctimeNs > atNs - YOUNG_NS || entry.mtimeNs > atNs - YOUNG_NS) ? [path] : [],
  );
  const sightings = await workspace.files.observeMany(young);
  return { tree, young: new Map(young.map((path, index) => [path, sightings[index]!])) };
}

/** Its changes, and those of whoever worked in the workspace meanwhile: nobody can tell them apart. Contents are kept. */
async function changedSince(
  { workspace, claim }: Attempt,
  { tree, young }: Before,
): Promise<readonly { readonly path: string; readonly state: FileState; readonly after: FileState }[]> {
  const now = await workspace.files.scan();
  const paths = [...new Set([...differingPaths(tree, now), ...young.keys()])];
  const sightings = await workspace.files.observeMany(paths);
  const found: { path: string; state: FileState; after: FileState }[] = [];
  for (const [index, path] of paths.entries()) {
    const sighting = sightings[index]!;
    if (sighting.outcome !== 'seen') throw cannotRead(path, sighting);
    const { state } = sighting;
    const earlier = young.get(path);
    if (earlier?.outcome === 'seen' && sameState(earlier.state, state)) continue;
    // Another step's, or only touched.
    const recorded = claim.manifestEntry(formatResource({ kind: 'file', path }));
    if (recorded !== undefined && sameState(recorded.state, state)) continue;
    // A content that holds a secret stays where the command put it: in no blob.
    if (!(await workspace.files.holdsSecret(path, state, workspace.secrets)))
      await workspace.files.capture(path, state);
    found.push({ path, state, after: state });
  }
  return found;
}

/** What the call answered, or what a person said that it did. */
function answerFrom(answer: Json): InPlaceAnswer {
  const recorded = InPlaceAnswerSchema.safeParse(answer);
  if (recorded.success) return recorded.data;
  const told = ToldExitSchema.safeParse(answer);
  if (!told.success)
    throw new HoldfastError(
      'bad-input',
      `A person said that the command happened, and gave ${JSON.stringify(answer).slice(0, 200)} as its answer. Expected {"exitCode": 0}, or null.`,
    );
  const result: CommandResult = {
    exitCode: told.data?.exitCode ?? 0,
    stdout: '',
    stderr: '',
    droppedBytes: 0,
    log: { content: EMPTY, sizeBytes: 0, droppedBytes: 0 },
    changed: { written: 0, removed: 0, folders: 0, links: 0 },
  };
  return { inPlace: true, result, found: [] };
}

const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

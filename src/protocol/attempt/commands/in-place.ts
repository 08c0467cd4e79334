/**
 * A command in the workspace itself: a call like any other (`perform`), written ahead and at most once.
 *
 * Invariants
 * 1. It is begun only while the ledger says so; when nobody can know how it ended, a person is asked.
 * 2. What had changed in the workspace when it had ended is recorded with its answer, before anything else is done.
 * 3. It is not begun while one that an earlier attempt began still runs: that one is ended first, if a person or the
 *    step says so.
 * 4. Its exit code is an answer: one that is a failure is recorded, and a retry doesn't run it again.
 */
import { statSync } from 'node:fs';
import { makeCommandFolder, removeCommandFolder } from '../../../effects/processes/command-folder.ts';
import { findProgram } from '../../../effects/processes/find-program.ts';
import type { ProcessEnd } from '../../../effects/processes/run.ts';
import { endRunningCommand, findRunningCall, runningText } from '../../../effects/processes/running-command.ts';
import type { Json } from '../../../model/canonical-json.ts';
import { defined } from '../../../model/defined.ts';
import { HoldfastError, isFailure } from '../../../model/failure.ts';
import { formatResource } from '../../../model/record/resource.ts';
import type { FileState } from '../../../model/record/world.ts';
import { commandText, type CommandRequest } from '../../../model/step/command.ts';
import type { CommandResult, InPlaceAnswer } from '../../../model/step/command-result.ts';
import { NotPerformed } from '../../../model/step/not-performed.ts';
import type { PerformRow } from '../../../store/ledger/perform-row.ts';
import type { Attempt } from '../attempt.ts';
import type { Underway } from '../calls/call.ts';
import { perform } from '../calls/perform.ts';
import { commandFailure, mustHaveEnded, resultOf } from './end.ts';
import { environmentOf, type Environment } from './environment.ts';
import { inPlaceAnswer } from './in-place-answer.ts';
import { changedSince, workspaceSnapshot, type ChangedPath } from './in-place-changes.ts';
import { runCommand, storeLog } from './run.ts';

const TOLD = 'Its answer is its exit code, {"exitCode": 0}.';
const MAX_NAMED = 5;

/** @throws HoldfastError as `ctx.command`; `in-doubt`; MustVerify */
export async function commandInPlace(
  attempt: Attempt,
  name: string,
  request: CommandRequest,
  inDoubt: 'ask' | 'repeat',
): Promise<CommandResult> {
  const { workspace, claim, stage } = attempt;
  const env = environmentOf(attempt, request);
  const cwd = folderOf(attempt, request);
  findProgram(request.argv[0]!, cwd, env['PATH']);
  refuseStagedFiles(attempt, request);
  const place = { name, env, cwd };
  const answer = await perform<Json>(
    attempt,
    name,
    { request: shownRequest(request), inDoubt, run: () => runHere(attempt, request, place) },
    { isSafe: false, told: TOLD, underway: (row) => underway(attempt, row) },
  );
  const { result, found, watched = [] } = inPlaceAnswer(answer);
  await mustBeAsWatched(attempt, watched);
  tellOthers(attempt, found);
  for (const { resource, state } of found) claim.changedInPlace.set(resource, state);
  const command = workspace.secrets.redact(commandText(request));
  stage.logs.push({
    message: `${command} in the workspace: exit code ${result.exitCode}; ${found.length} changed`,
    fields: { command: name, log: result.log.content },
  });
  const failure = commandFailure(request, result);
  if (failure !== undefined) throw failure;
  return result;
}

/** @throws HoldfastError `not-found` */
function folderOf({ workspace }: Attempt, { cwd }: CommandRequest): string {
  const folder = cwd === '' ? workspace.root : `${workspace.root}/${cwd}`;
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return folder;
  throw new HoldfastError('not-found', `There is no folder "${cwd}" for the command to run in.`, { path: cwd });
}

/** What the step has staged is not in the workspace yet. @throws HoldfastError `bad-input` */
function refuseStagedFiles({ stage }: Attempt, request: CommandRequest): void {
  if (stage.files.size === 0) return;
  const paths = [...stage.files.keys()].slice(0, 5).join(', ');
  throw new HoldfastError(
    'bad-input',
    `\`${commandText(request)}\` in place would not see the files that its step has staged (${paths}). ` +
      'Give it a step of its own.',
  );
}

/** What a person sees when the command is in doubt: what runs and where, and of the environment the names. */
function shownRequest({ shell, argv, cwd, env, envFrom }: CommandRequest): Json {
  return {
    command: shell ? argv[2]! : [...argv],
    cwd: cwd === '' ? '.' : cwd,
    env: [...new Set([...envFrom, ...Object.keys(env)])].sort(),
    inPlace: true,
  };
}

interface Place {
  readonly name: string;
  readonly env: Environment;
  readonly cwd: string;
}

/** Whether the command that an earlier attempt began runs on: of a worker that is frozen, or was given up. */
async function underway({ workspace }: Attempt, { token, name }: PerformRow): Promise<Underway | undefined> {
  const running = await findRunningCall(workspace.directory, { token, name });
  if (running === undefined) return undefined;
  return {
    text: runningText(running),
    isSeen: running.processes.length > 0,
    end: async () => await endRunningCommand(running),
  };
}

async function runHere(attempt: Attempt, request: CommandRequest, place: Place): Promise<Json> {
  const snapshot = await workspaceSnapshot(attempt);
  const end = await runUntilEnd(attempt, request, place);
  const log = await storeLog(attempt, end);
  mustHaveEnded(request, end, log);
  const changed = await changedSince(attempt, snapshot);
  const byWatch = Map.groupBy(changed, ({ recorded }) => recorded?.role === 'watched');
  const watched = observed(byWatch.get(true) ?? []);
  return {
    inPlace: true,
    result: resultOf(end, log, changed),
    found: observed(byWatch.get(false) ?? []),
    ...defined({ watched: watched.length === 0 ? undefined : watched }),
  } satisfies InPlaceAnswer;
}

function observed(changed: readonly ChangedPath[]): { readonly resource: string; readonly state: FileState }[] {
  return changed.map(({ path, after }) => ({ resource: formatResource({ kind: 'file', path }), state: after }));
}

/** Nobody can tell who changed what the plan watches: a person says whether it may be so. @throws MustVerify */
async function mustBeAsWatched({ claim, workspace }: Attempt, watched: InPlaceAnswer['found']): Promise<void> {
  for (const { resource } of watched)
    await claim.fileMustBeAsRecorded(resource, await workspace.files.stateNow(resource.slice('file:'.length)));
}

/** What other steps had put there becomes the record's with the command's own: that much is said. */
function tellOthers({ claim, stage }: Attempt, found: InPlaceAnswer['found']): void {
  const ofSteps = found.flatMap(({ resource }) => {
    const stepId = claim.manifestEntry(resource)?.stepId;
    return stepId === undefined || stepId === claim.row.stepId
      ? []
      : [`${resource.slice('file:'.length)} (step ${stepId})`];
  });
  if (ofSteps.length === 0) return;
  const more = ofSteps.length > MAX_NAMED ? ` and ${ofSteps.length - MAX_NAMED} more` : '';
  const message =
    `What the record had of other steps changed while the command ran: ${ofSteps.slice(0, MAX_NAMED).join(', ')}` +
    `${more}. By the command, or by somebody else meanwhile: that is not known.`;
  stage.logs.push({ message, fields: {} });
}

async function runUntilEnd(attempt: Attempt, request: CommandRequest, { name, env, cwd }: Place): Promise<ProcessEnd> {
  const { workspace, claim } = attempt;
  const { jobId, stepId, token } = claim.row;
  const folder = makeCommandFolder(workspace.directory, { jobId, step: stepId, call: { token, name } });
  try {
    // Looking at the workspace may have taken long: whoever has taken over found no command that runs.
    if (!claim.isCurrent) throw new NotPerformed(`Another attempt has taken over step ${stepId}; it is not run.`);
    return await runCommand(attempt, request, { marker: folder.id, cwd, env });
  } catch (error) {
    // It was not even started.
    if (isFailure(error, 'not-found', 'permission-denied', 'bad-input'))
      throw new NotPerformed(error.message, { cause: error });
    throw error;
  } finally {
    await removeCommandFolder(folder);
  }
}

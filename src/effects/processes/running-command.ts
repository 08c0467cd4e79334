/**
 * Commands in the workspace itself that run although nobody waits for them here: of a worker that is frozen, or that
 * the server has given up while it goes on.
 *
 * Invariant: what can't be seen from here (in another container, on a system without /proc) counts as running as long
 * as its worker lives.
 */
import { HoldfastError } from '../../model/failure.ts';
import { countsHere } from '../../store/life/process-identity.ts';
import { removeDeadCommands, type CommandNote, type LivingCommand } from './command-folder.ts';
import { findLeftoverProcesses, killLeftoverProcesses, namesOf, type LeftoverProcess } from './leftovers.ts';
import type { CommandMark } from './mark.ts';

export interface RunningCommand {
  readonly command: LivingCommand;
  /** None: they can't be seen from here. */
  readonly processes: readonly LeftoverProcess[];
}

/** The command that a call is, if it runs or may run. */
export async function findRunningCall(
  holdfastDirectory: string,
  { token, name }: NonNullable<CommandNote['call']>,
): Promise<RunningCommand | undefined> {
  const running = await findRunningInPlace(holdfastDirectory);
  return running.find(({ command: { note } }) => note.call?.token === token && note.call.name === name);
}

/** All commands in the workspace itself that run or may run; what dead workers left is removed first. */
export async function findRunningInPlace(holdfastDirectory: string): Promise<readonly RunningCommand[]> {
  const living = await removeDeadCommands(holdfastDirectory);
  return living.flatMap((command) => {
    if (command.note.call === undefined) return [];
    const processes = findLeftoverProcesses(markOf(command));
    const canBeSeen = process.platform === 'linux' && countsHere(command.note.owner);
    return processes.length === 0 && canBeSeen ? [] : [{ command, processes }];
  });
}

/**
 * Ends a job's commands in the workspace itself: whoever has begun them is frozen or given up, since the job has ended.
 * @returns a note for each that can't be ended from here
 */
export async function endCommandsOf(holdfastDirectory: string, jobId: string): Promise<readonly string[]> {
  const running = (await findRunningInPlace(holdfastDirectory)).filter(({ command }) => command.note.jobId === jobId);
  const seen = running.filter(({ processes }) => processes.length > 0);
  for (const one of seen) await endRunningCommand(one);
  return running
    .filter((one) => !seen.includes(one))
    .map((one) => `step ${one.command.note.step}: its command ${runningText(one)}`);
}

/** @throws HoldfastError `busy` where it can't be seen from here, so that its worker must end it */
export async function endRunningCommand(running: RunningCommand): Promise<void> {
  if (running.processes.length === 0)
    throw new HoldfastError(
      'busy',
      `The command of step ${running.command.note.step} ${runningText(running)}. It is not begun again beside that.`,
    );
  await killLeftoverProcesses(markOf(running.command));
}

/** The rest of a sentence about it: `runs since …: sleep (4711)`. */
export function runningText({ command: { note }, processes }: RunningCommand): string {
  const { pid, host } = note.owner;
  const worker = `its worker is process ${pid} on ${host}`;
  const since = note.startedAt ?? 'an unknown moment';
  return processes.length > 0
    ? `still runs, since ${since}: ${namesOf(processes)}; ${worker}`
    : `was begun at ${since} and may run still: ${worker}, lives, and cannot be looked into from here`;
}

function markOf({ id }: LivingCommand): CommandMark {
  return { marker: id, leader: undefined, folder: undefined };
}

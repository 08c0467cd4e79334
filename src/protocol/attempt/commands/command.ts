/** `ctx.command`: on a private copy of the workspace, or in place. */
import { removeDeadCommands } from '../../../effects/processes/command-folder.ts';
import { parseCommand } from '../../../model/step/command.ts';
import type { CommandResult } from '../../../model/step/command-result.ts';
import type { CommandOptions } from '../../../model/step/step-command.ts';
import type { Attempt } from '../attempt.ts';
import { mustNotBeOver } from '../must-not-be-over.ts';
import { commandInPlace } from './in-place.ts';
import { CopiedCommand } from './on-copy.ts';

/**
 * Runs a command, or answers from the record. Whoever ends the attempt waits for it: it is among
 * `stage.runningCommands`.
 */
export function command(
  attempt: Attempt,
  run: readonly string[] | string,
  options?: CommandOptions,
): Promise<CommandResult> {
  const { stage } = attempt;
  const result = begin(attempt, run, options);
  const ended = result.catch(() => undefined);
  stage.runningCommands.add(ended);
  void ended.finally(() => stage.runningCommands.delete(ended));
  return result;
}

async function begin(
  attempt: Attempt,
  run: readonly string[] | string,
  options?: CommandOptions,
): Promise<CommandResult> {
  const { stage, workspace } = attempt;
  mustNotBeOver(attempt, 'ctx.command');
  // A call of this attempt is in doubt: nothing more is begun, whatever the code made of it.
  if (stage.mustEnd !== undefined) throw stage.mustEnd.error;
  const { request, name: given, inDoubt } = parseCommand(run, options);
  const name = given ?? nextName(attempt);
  await removeDeadCommands(workspace.directory);
  if (request.inPlace) return await commandInPlace(attempt, name, request, inDoubt ?? 'ask');
  return await new CopiedCommand(attempt, name, request).run();
}

function nextName({ stage }: Attempt): string {
  for (let count = 1; ; count++) if (!stage.takenNames.has(`command#${count}`)) return `command#${count}`;
}

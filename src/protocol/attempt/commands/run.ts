/** How the process of a command is run, on a copy and in place alike. */
import { runProcess, type ProcessEnd } from '../../../effects/processes/run.ts';
import {
  commandText,
  MAX_COMMAND_LOG_BYTES,
  MAX_COMMAND_TEXT_BYTES,
  type CommandRequest,
} from '../../../model/step/command.ts';
import type { CommandResult } from '../../../model/step/command-result.ts';
import type { Attempt } from '../attempt.ts';
import type { Environment } from './environment.ts';

export interface CommandPlace {
  /** In the environment of all its processes, to find those that it leaves behind. */
  readonly marker: string;
  /** The command's own. Default: none, since it works in the workspace itself. */
  readonly folder?: string;
  readonly cwd: string;
  readonly env: Environment;
}

export async function runCommand(attempt: Attempt, request: CommandRequest, place: CommandPlace): Promise<ProcessEnd> {
  const { caller, signal, workspace } = attempt;
  const { secrets } = workspace;
  caller.progress(secrets.redact(commandText(request)));
  return await runProcess({
    ...place,
    argv: request.argv,
    signal,
    timeoutMs: request.timeoutMs,
    killGraceMs: request.killGraceMs,
    maxOutputBytes: request.maxOutputBytes,
    maxTextBytes: MAX_COMMAND_TEXT_BYTES,
    maxLogBytes: MAX_COMMAND_LOG_BYTES,
    onLine: (line) => caller.progress(line),
    ...(secrets.isEmpty ? {} : { filter: () => secrets.redactingStream() }),
  });
}

/** Stores what a command has printed. */
export async function storeLog({ workspace }: Attempt, { log }: ProcessEnd): Promise<CommandResult['log']> {
  const { content } = await workspace.blobs.put(log.bytes());
  return { content, sizeBytes: log.sizeBytes, droppedBytes: log.droppedBytes };
}

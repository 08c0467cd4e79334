/** How a command is run, and what is made of its end: on a copy and in place alike. */
import {
  commandText,
  MAX_COMMAND_LOG_BYTES,
  MAX_COMMAND_TEXT_BYTES,
  type CommandRequest,
} from '../../../model/step/command.ts';
import type { CommandResult } from '../../../model/step/command-result.ts';
import { HoldfastError } from '../../../model/failure.ts';
import type { FileState } from '../../../model/record/world.ts';
import { namesOf } from '../../../effects/processes/leftovers.ts';
import { runProcess, type ProcessEnd } from '../../../effects/processes/run.ts';
import type { Attempt } from '../attempt.ts';
import { DEFAULT_PATH } from '../../../effects/processes/default-path.ts';

const LAST_LINES = 10;
const MAX_LAST_LINES_CHARACTERS = 1_500;

export async function runIn(
  parts: Attempt,
  request: CommandRequest,
  env: Readonly<Record<string, string>>,
  place: { readonly marker: string; readonly folder?: string; readonly cwd: string },
): Promise<ProcessEnd> {
  const {
    caller,
    signal,
    workspace: { secrets },
  } = parts;
  caller.progress(secrets.redact(commandText(request)));
  return await runProcess({
    ...place,
    argv: request.argv,
    env,
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

/** Exactly what the request names. @throws HoldfastError `missing-variable` */
export function environmentOf(
  { env, workspace, claim }: Attempt,
  request: CommandRequest,
): Readonly<Record<string, string>> {
  const inherited = request.envFrom
    .filter((name) => !Object.hasOwn(request.env, name))
    .map((name) => {
      const value = env[name] ?? (name === 'PATH' ? DEFAULT_PATH : undefined);
      if (value === undefined)
        throw new HoldfastError(
          'missing-variable',
          `A command of step ${claim.row.stepId} is to be given ${name}, and the worker's environment has no ${name}.`,
          { name },
        );
      return [name, value] as const;
    });
  // A copy without the repository's own folder must not be taken for a part of the workspace's repository.
  const git = request.inPlace ? {} : { GIT_CEILING_DIRECTORIES: `${workspace.directory}/commands` };
  return { ...git, ...Object.fromEntries(inherited), ...request.env };
}

export async function keepLog({ workspace }: Attempt, { log }: ProcessEnd): Promise<CommandResult['log']> {
  const { content } = await workspace.blobs.put(log.bytes());
  return { content, sizeBytes: log.sizeBytes, droppedBytes: log.droppedBytes };
}

/** Was it ended by us, or has it left something running? @throws HoldfastError `processes-left`, `too-large`, `step-timeout`, `cancelled`, `command-failed` */
export function mustHaveEnded(request: CommandRequest, end: ProcessEnd, log: CommandResult['log']): void {
  const text = commandText(request);
  const details = { command: text, exitCode: end.exitCode, signal: end.signal, log: log.content };
  const nothing = request.inPlace ? '' : ' Nothing of it is applied.';
  const said = lastWords({ stdout: end.stdout.text(), stderr: end.stderr.text(), log });
  if (end.killed === 'too-much-output')
    throw new HoldfastError(
      'too-large',
      `\`${text}\` printed more than ${request.maxOutputBytes} bytes (maxOutputBytes) and was killed.${nothing}${said}`,
      details,
    );
  if (end.killed === 'timeout')
    throw new HoldfastError(
      'step-timeout',
      `\`${text}\` did not end within ${request.timeoutMs} ms and was killed.${nothing}${said}`,
      details,
    );
  if (end.killed === 'aborted')
    throw new HoldfastError(
      'cancelled',
      `\`${text}\` was killed: its step was cancelled, ran out of time, or its worker stops.${nothing}`,
      details,
    );
  if (end.leftBehind.length > 0)
    throw new HoldfastError(
      'processes-left',
      `\`${text}\` ended and leaves processes behind: ${namesOf(end.leftBehind)}. They were killed.${nothing} When its first process has ended, a command must have ended.`,
      details,
    );
  if (end.exitCode === null)
    throw new HoldfastError(
      'command-failed',
      `\`${text}\` was ended by ${end.signal ?? 'a signal'}.${nothing}${said}`,
      details,
    );
}

/** An exit code that is a failure. */
export function commandFailure(
  request: CommandRequest,
  result: Pick<CommandResult, 'exitCode' | 'stdout' | 'stderr' | 'log'>,
): HoldfastError | undefined {
  if (request.okExitCodes.includes(result.exitCode)) return undefined;
  const text = commandText(request);
  const outcome = request.inPlace
    ? ' What it changed is recorded; it is not run again by itself.'
    : ' Nothing of it is applied.';
  return new HoldfastError(
    'command-failed',
    `\`${text}\` ended with exit code ${result.exitCode}; expected ${request.okExitCodes.join(' or ')}.${outcome}${lastWords(result)}`,
    { command: text, exitCode: result.exitCode, log: result.log.content },
  );
}

function lastWords({ stdout, stderr, log }: Pick<CommandResult, 'stdout' | 'stderr' | 'log'>): string {
  const lines = (stderr.trim() === '' ? stdout : stderr).trimEnd().split('\n').slice(-LAST_LINES).join('\n');
  if (lines === '') return ' It printed nothing.';
  return ` Its last lines:\n${lines.length <= MAX_LAST_LINES_CHARACTERS ? lines : `…${lines.slice(-MAX_LAST_LINES_CHARACTERS)}`}\n(all of its output that is kept: blob ${log.content.slice(0, 12)})`;
}

export function resultOf(
  end: ProcessEnd,
  log: CommandResult['log'],
  changes: readonly { readonly after: FileState }[],
): CommandResult {
  const count = (kind: FileState['kind']): number => changes.filter(({ after }) => after.kind === kind).length;
  return {
    exitCode: end.exitCode!,
    stdout: end.stdout.text(),
    stderr: end.stderr.text(),
    droppedBytes: end.stdout.droppedBytes + end.stderr.droppedBytes,
    log,
    changed: { written: count('file'), removed: count('absent'), folders: count('directory'), links: count('symlink') },
  };
}

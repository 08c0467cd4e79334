/** What is made of the end of a command, on a copy and in place alike. */
import { namesOf } from '../../../effects/processes/leftovers.ts';
import type { ProcessEnd } from '../../../effects/processes/run.ts';
import type { FailureType } from '../../../model/failures.ts';
import { HoldfastError } from '../../../model/failure.ts';
import type { FileState } from '../../../model/record/world.ts';
import { commandText, type CommandRequest } from '../../../model/step/command.ts';
import type { CommandResult } from '../../../model/step/command-result.ts';

const LAST_LINES = 10;
const MAX_LAST_LINES_CHARACTERS = 1_500;

/**
 * Did the command end by itself, without a process that runs on?
 * @throws HoldfastError `processes-left`, `too-large`, `step-timeout`, `cancelled`, `command-failed`
 */
export function mustHaveEnded(request: CommandRequest, end: ProcessEnd, log: CommandResult['log']): void {
  const command = commandText(request);
  const failed = (type: FailureType, how: string, advice = ''): HoldfastError => {
    const applied = request.inPlace ? '' : ' Nothing of it is applied.';
    const details = { command, exitCode: end.exitCode, signal: end.signal, log: log.content };
    return new HoldfastError(type, `\`${command}\` ${how}.${applied}${advice}`, details);
  };
  const printed = lastLines({ stdout: end.stdout.text(), stderr: end.stderr.text(), log });
  switch (end.killed) {
    case 'too-much-output':
      throw failed(
        'too-large',
        `printed more than ${request.maxOutputBytes} bytes (maxOutputBytes) and was killed`,
        printed,
      );
    case 'timeout':
      throw failed('step-timeout', `did not end within ${request.timeoutMs} ms and was killed`, printed);
    case 'aborted':
      throw failed('cancelled', 'was killed: its step was cancelled, ran out of time, or its worker stops');
    case undefined:
  }
  if (end.leftBehind.length > 0)
    throw failed(
      'processes-left',
      `ended and leaves processes behind: ${namesOf(end.leftBehind)}. They were killed`,
      ' When its first process has ended, a command must have ended.',
    );
  if (end.exitCode === null) throw failed('command-failed', `was ended by ${end.signal ?? 'a signal'}`, printed);
}

/** An exit code that is a failure. `note`: what a person should know besides; '': nothing. */
export function commandFailure(
  request: CommandRequest,
  result: Pick<CommandResult, 'exitCode' | 'stdout' | 'stderr' | 'log'>,
  note = '',
): HoldfastError | undefined {
  const { exitCode, log } = result;
  if (request.okExitCodes.includes(exitCode)) return undefined;
  const command = commandText(request);
  const outcome = request.inPlace
    ? 'What it changed is recorded; it is not run again by itself.'
    : 'Nothing of it is applied.';
  const expected = request.okExitCodes.join(' or ');
  const how = [`ended with exit code ${exitCode}; expected ${expected}.`, outcome, note].filter((part) => part !== '');
  return new HoldfastError('command-failed', `\`${command}\` ${how.join(' ')}${lastLines(result)}`, {
    command,
    exitCode,
    log: log.content,
  });
}

/** For people: of what went wrong, else of what was printed. */
function lastLines({ stdout, stderr, log }: Pick<CommandResult, 'stdout' | 'stderr' | 'log'>): string {
  const lines = (stderr.trim() === '' ? stdout : stderr).trimEnd().split('\n').slice(-LAST_LINES).join('\n');
  if (lines === '') return ' It printed nothing.';
  const shown = lines.length <= MAX_LAST_LINES_CHARACTERS ? lines : `…${lines.slice(-MAX_LAST_LINES_CHARACTERS)}`;
  return ` Its last lines:\n${shown}\n(all of its output that is stored: blob ${log.content.slice(0, 12)})`;
}

/** Of a command that has ended by itself. */
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

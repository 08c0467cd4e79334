/** What a rewind would do, for a person. */
import type { RewindPreview } from '../model/job/rewind.ts';
import { wayToName } from '../model/question/unrepeatable.ts';
import { shownName } from '../model/question/shown-names.ts';
import { stepText } from './step-text.ts';
import type { Terminal } from './terminal.ts';

/** `statements`: those that the person has not named. */
export function showRewind(terminal: Terminal, job: string, preview: RewindPreview): string {
  const { to, runsAgain, undoes, callsKept, statements, differs } = preview;
  const warn = (line: string): string => terminal.style('yellow', line);
  return [
    terminal.style('bold', `What going back to checkpoint ${to} would do to job ${job} (nothing has been changed):`),
    '',
    'Undone, newest first:',
    ...undoes.flatMap(({ stepId, generation, undoes: lines, leaves }) => [
      `  ${stepText(stepId, generation)}`,
      ...lines.map((line) => `    ${shownName(line)}`),
      ...leaves.map(({ what, why }) => warn(`    stays: ${what}: ${why}`)),
    ]),
    ...(undoes.length === 0 ? ['  nothing: no step has a record after it'] : []),
    '',
    `Run again: ${runsAgain.join(', ')}`,
    ...(callsKept.length === 0 ? [] : [`Not made anew, their answers are kept: ${callsKept.join(', ')}`]),
    ...statements.map(({ name, text }) => warn(`Nothing undoes "${text}"; ${wayToName(name)}.`)),
    ...(differs.length === 0
      ? []
      : [
          terminal.style('red', `Not as the record has it: ${differs.map(shownName).join(', ')}.`),
          terminal.style('red', 'So nothing would be taken back: the job would ask about that first.'),
        ]),
  ].join('\n');
}

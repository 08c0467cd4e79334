/** What a rewind would do, for a person. */
import type { RewindAnswer, RewindPreview, UndoneRewind } from '../model/job/rewind.ts';
import { shellWord } from '../model/shell-word.ts';
import { wayToName } from '../model/question/unrepeatable.ts';
import { shownName } from '../model/question/shown-names.ts';
import { stepText } from './step-text.ts';
import type { Terminal } from './terminal.ts';

/** `statements`: those that the person has not named. */
export function showRewind(terminal: Terminal, job: string, preview: RewindPreview): string {
  const { runsAgain, undoes, callsKept, statements, differs, undoesRewind } = preview;
  const away = undoesRewind === undefined ? 'taken' : 'put';
  const warn = (line: string): string => terminal.style('yellow', line);
  return [
    terminal.style('bold', `What ${whatOf(preview)} would do to job ${job} (nothing has been changed):`),
    '',
    'Undone, newest first:',
    ...undoes.flatMap(({ stepId, generation, undoes: lines, leaves }) => [
      `  ${stepText(stepId, generation)}`,
      ...lines.map((line) => `    ${shownName(line)}`),
      ...leaves.map(({ what, why }) => warn(`    stays: ${what}: ${why}`)),
    ]),
    ...(undoes.length === 0 ? ['  nothing: no step has a record after it'] : []),
    '',
    ...(undoesRewind === undefined ? [] : putBack(undoesRewind)),
    ...(runsAgain.length > 0 ? [`Run again: ${runsAgain.join(', ')}`] : []),
    ...(callsKept.length === 0 ? [] : [`Not made anew, their answers are kept: ${callsKept.join(', ')}`]),
    ...statements.map(({ name, text }) => warn(`Nothing undoes "${text}"; ${wayToName(name)}.`)),
    ...(differs.length === 0
      ? []
      : [
          terminal.style('red', `Not as the record has it: ${differs.map(shownName).join(', ')}.`),
          terminal.style('red', `So nothing would be ${away} back: the job would ask about that first.`),
        ]),
  ].join('\n');
}

function whatOf({ to, undoesRewind }: RewindPreview): string {
  if (undoesRewind === undefined) return `going back to checkpoint ${to}`;
  const { seq, by, reason } = undoesRewind;
  return `undoing the rewind of record ${seq} (${by}: ${reason})`;
}

function putBack({ reinstates, puts }: UndoneRewind): readonly string[] {
  return [
    'Put back as it was before that:',
    ...puts.map((one) => `  ${shownName(one)}`),
    ...(puts.length === 0 ? ['  nothing: no file or row was changed'] : []),
    '',
    `Done again, with their earlier results: ${reinstates.join(', ')}`,
  ];
}

/** What was done. */
export function showRewound(job: string, answer: RewindAnswer): string {
  const { done, waitsFor, runId } = answer;
  const begun = runId === undefined ? [] : [`Job ${job} had ended; it is started again (Run ${runId}).`];
  const see = `See: holdfast status ${shellWord(job)}`;
  if (waitsFor === 'worker') return [...begun, 'It goes back when a worker is there.', see].join('\n');
  if (waitsFor === 'decision')
    return [...begun, 'Its world is not as recorded: it goes back once its question is answered.', see].join('\n');
  return [...begun, `Job ${job} ${whatCame(answer)}`, ...done.map((line) => `  ${line}`), see].join('\n');
}

function whatCame({ to, runsAgain, reinstated }: RewindAnswer): string {
  const again = runsAgain.length === 0 ? '' : ` Run again: ${runsAgain.join(', ')}.`;
  if (reinstated === undefined) return `goes on from checkpoint ${to}.${again}`;
  return `is as before it went back to checkpoint ${to}. Done again, as before: ${reinstated.join(', ')}.${again}`;
}

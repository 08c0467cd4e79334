/** The questions that a job has open, as lines: what is asked, and the commands that show and answer it. */
import { shortDigest } from '../model/digest.ts';
import type { Question } from '../model/question/question.ts';
import { whatIsAsked } from '../model/question/question-text.ts';
import { shellWord } from '../model/shell-word.ts';
import type { Terminal } from './terminal.ts';

/** The open questions; of several each with its digest in the commands. */
export function showOpen(terminal: Terminal, workflowId: string, questions: readonly Question[]): readonly string[] {
  const isOne = questions.length === 1;
  return questions.flatMap((question) => {
    const which = isOne ? '' : ` --question ${shortDigest(question.digest)}`;
    return ['', ...showAsked(terminal, `${shellWord(workflowId)}${which}`, question)];
  });
}

/** A question in three lines, with the commands that show and answer it. */
function showAsked(terminal: Terminal, which: string, question: Question): readonly string[] {
  const { findings, findingsTotal } = question;
  const named = findings
    .slice(0, 3)
    .map(({ resource, kind }) => `${resource} (${kind})`)
    .join(', ');
  return [
    terminal.style('yellow', `Question ${shortDigest(question.digest)}: ${whatIsAsked(question)}`),
    `  ${named}${findingsTotal > 3 ? `, and ${findingsTotal - 3} more` : ''}`,
    `  look:    holdfast question ${which}`,
    `  decide:  holdfast decide ${which}`,
  ];
}

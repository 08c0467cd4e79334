/** What to type to answer a question, word for word. */
import { shortDigest } from '../model/digest.ts';
import { needsResult } from '../model/question/finding.ts';
import { wholeAnswers, type Question } from '../model/question/question.ts';
import { ANSWER_PLACE, signalCommand } from '../model/question/signal-command.ts';
import { quotedWord, shellWord } from '../model/shell-word.ts';
import type { Terminal } from './terminal.ts';

/** Of more only the first two are listed. */
const MAX_ITEMS_LISTED = 6;

/** asked: as it is, since what is pasted names what it names. shown: as a person reads it. */
export interface AskedAndShown {
  readonly asked: Question;
  readonly shown: Question;
}

export function howToAnswer(
  terminal: Terminal,
  workflowId: string,
  { asked: question, shown }: AskedAndShown,
): readonly string[] {
  const decide = `holdfast decide ${shellWord(workflowId)}`;
  const asked = `--question ${shortDigest(question.digest)}`;
  const whole = wholeAnswers(question);
  const first = whole[0];
  const result = first === 'happened' ? resultOptions(shown) : '';
  const lines = [terminal.style('bold', 'Answer it')];
  if (terminal.isInteractive) lines.push(`  ${decide}`);
  else lines.push(`  ${decide} ${ANSWER_PLACE} ${asked} --reason WHY`);
  if (result !== '') lines.push(`  ${decide} happened${result} ${asked} --reason WHY`);
  if (first !== undefined) {
    lines.push(`  ${decide} ${first}${result} ${asked} --dry-run`);
    lines.push(terminal.style('dim', `      shows what ${first} would do, and changes nothing; so for each answer`));
  }
  if (question.findings.length > 1) lines.push(...itemLines(terminal, { decide, asked, question: shown }));
  const places = [`${ANSWER_PLACE} stands for one of ${answersOf(question)}`, 'WHY for your reason, in quotes'];
  if (result !== '') places.push('JSON for what it answered');
  return [
    ...lines,
    terminal.style('dim', `  ${places.join('; ')}`),
    terminal.style('dim', "  With Temporal's own command line:"),
    `  ${signalCommand(workflowId, question)}`,
  ];
}

function resultOptions({ findings }: Question): string {
  return findings
    .filter(needsResult)
    .map(({ resource }, _, all) => ` --result ${quotedWord(all.length === 1 ? 'JSON' : `${resource}=JSON`)}`)
    .join('');
}

/** An answer of its own for each thing. */
function itemLines(
  terminal: Terminal,
  { decide, asked, question }: { readonly decide: string; readonly asked: string; readonly question: Question },
): readonly string[] {
  const { findings } = question;
  const resources = [...new Set(findings.map(({ resource }) => resource))];
  const listed = resources.length > MAX_ITEMS_LISTED ? resources.slice(0, 2) : resources;
  const more = resources.length > listed.length || question.findingsTotal > findings.length ? ' …' : '';
  const items = listed.map((resource) => `      --item ${quotedWord(`${resource}=${ANSWER_PLACE}`)}`);
  return [
    `  ${decide} ${asked} --reason WHY \\`,
    `${items.join(' \\\n')}${more}`,
    terminal.style(
      'dim',
      '      each its own; answers that exclude each other are refused; --dry-run shows what they do together',
    ),
  ];
}

function answersOf({ findings }: Question): string {
  return [...new Set(findings.flatMap(({ answers }) => answers))].join(', ');
}

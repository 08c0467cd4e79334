/**
 * A question as text: every finding with its difference, what can be answered, what each answer does, how to answer.
 */
import { ANSWERS } from '../model/question/answer-table.ts';
import { answerText } from '../model/question/answer-text.ts';
import { AnswerSchema, WHOLE_QUESTION_ONLY, type Answer } from '../model/question/answer.ts';
import { shortDigest } from '../model/digest.ts';
import { isCutQuestion } from '../model/question/bounded-question.ts';
import type { Finding } from '../model/question/finding.ts';
import { isAboutTheWorld, type Question } from '../model/question/question.ts';
import { shownQuestion } from '../model/question/shown-names.ts';
import { alikeFindings } from './alike-findings.ts';
import { howToAnswer } from './how-to-answer.ts';
import { showFinding } from './show-finding.ts';
import { whatIsAsked } from '../model/question/question-text.ts';
import type { Terminal } from './terminal.ts';
import { wrapped } from './wrapped.ts';
import { shellWord } from '../model/shell-word.ts';

/** Where the sentences about answers begin. */
const ANSWER_INDENT = 12;

/** Which job asks, as far as it is known. */
export interface AskingJob {
  /** The plan's name. */
  readonly name: string;
  readonly workspace: string;
}

export function showQuestion(terminal: Terminal, workflowId: string, asked: Question, asking?: AskingJob): string {
  const question = shownQuestion(asked);
  const { findings, findingsTotal } = question;
  const whole = `holdfast question ${shellWord(workflowId)} --full`;
  const isUniform = findings.every((finding) => finding.answers.join() === findings[0]!.answers.join());
  const databases = wholeDatabases(findings);
  const lines = [
    terminal.style(['bold', 'yellow'], `Question ${shortDigest(question.digest)}: ${whatIsAsked(question)}`),
    ...headLines(workflowId, question, asking).map((line) => terminal.style('dim', line)),
    ...alikeFindings(findings).flatMap((shown) => [
      '',
      ...showFinding(terminal, shown, { total: findings.length, isUniform, databases }),
    ]),
  ];
  if (findingsTotal > findings.length)
    lines.push(
      '',
      `… and ${findingsTotal - findings.length} more findings; an answer to the whole question is for them, too.`,
    );
  if (isCutQuestion(question))
    lines.push('', terminal.style('dim', `Cut here; all that the record has of it, on the workspace's host: ${whole}`));
  lines.push('', terminal.style('bold', 'Answers'), ...showAnswers(terminal, findings));
  lines.push('', ...howToAnswer(terminal, workflowId, { asked, shown: question }));
  return lines.join('\n');
}

/** Databases that are asked about as a whole → the place of the first such finding. */
function wholeDatabases(findings: readonly Finding[]): ReadonlyMap<string, number> {
  const places = findings.flatMap(({ resource, class: findingClass }, index) =>
    resource.startsWith('database:') && findingClass === 'discrepancy'
      ? [[resource.slice('database:'.length), index + 1] as const]
      : [],
  );
  return new Map(places.toReversed());
}

/** Which job asks and where, since when and why, and what waits for the answer. */
function headLines(workflowId: string, question: Question, asking: AskingJob | undefined): readonly string[] {
  const where = asking === undefined ? '' : ` (${asking.name}) in ${asking.workspace}`;
  return [`job ${workflowId}${where}`, `asked ${question.openedAt} · ${question.why}`, whatWaits(question)];
}

function whatWaits(question: Question): string {
  const waits = `${whoWaits(question)} for the answer, and nothing of this is changed until then`;
  return question.kind === 'foreign' ? 'every step waits' : waits;
}

function whoWaits({ stepId, kind }: Question): string {
  if (stepId === undefined || isAboutTheWorld({ kind })) return 'every step waits';
  const undone = /^(.*)@undo$/.exec(stepId);
  return undone === null ? `step ${stepId} waits` : `the undoing of step ${undone[1]} waits`;
}

/** Each answer once; twice where it does something else for findings of another class. */
function showAnswers(terminal: Terminal, findings: readonly Finding[]): readonly string[] {
  const isOne = findings.length === 1;
  const does = new Map<string, { readonly answer: Answer; readonly text: string }>();
  for (const finding of findings) {
    for (const answer of finding.answers) {
      const text = isOne ? answerText(finding, answer) : (ANSWERS[finding.class][answer]?.does ?? '');
      does.set(`${answer} ${text}`, { answer, text });
    }
  }
  return [...does.values()]
    .toSorted((a, b) => placeOf(a.answer) - placeOf(b.answer))
    .map(({ answer, text }) => {
      const whole = !isOne && WHOLE_QUESTION_ONLY.includes(answer) ? ' (the whole question only)' : '';
      const line = wrapped(terminal, `  ${answer.padEnd(9)} ${text}${whole}`, ANSWER_INDENT);
      return line.replace(answer, (word) => terminal.style('bold', word));
    });
}

/** What changes something first; then those that every question has. */
function placeOf(answer: Answer): number {
  const isEverywhere = answer === 'recheck' || answer === 'abort';
  return AnswerSchema.options.indexOf(answer) + (isEverywhere ? AnswerSchema.options.length : 0);
}

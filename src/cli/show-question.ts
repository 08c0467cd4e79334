/**
 * A question as text: every finding with its difference, what can be answered, what each answer does, how to answer.
 */
import { ANSWERS } from '../model/question/answer-table.ts';
import { WHOLE_QUESTION_ONLY, type Answer } from '../model/question/answer.ts';
import { shortDigest } from '../model/digest.ts';
import { isCutQuestion, listedText } from '../model/question/bounded-question.ts';
import { needsResult, type Finding } from '../model/question/finding.ts';
import { isAboutTheWorld, wholeAnswers, type Question } from '../model/question/question.ts';
import { shownQuestion } from '../model/question/shown-names.ts';
import { ANSWER_PLACE, signalCommand } from '../model/question/signal-command.ts';
import { kindText } from '../model/question/kind-text.ts';
import { alikeFindings, folderOf, type ShownFindings } from './alike-findings.ts';
import { whatIsAsked } from './show-status.ts';
import type { Terminal } from './terminal.ts';
import { recordedByText } from './step-text.ts';
import { shellWord } from '../model/shell-word.ts';

const MAX_ALIKE_NAMED = 10;

/** Which job asks, as far as it is known. */
export interface AskingJob {
  /** The plan's name. */
  readonly name: string;
  readonly workspace: string;
}

export function showQuestion(terminal: Terminal, workflowId: string, asked: Question, asking?: AskingJob): string {
  const question = shownQuestion(asked);
  const job = shellWord(workflowId);
  const { findings, findingsTotal } = question;
  const isUniform = findings.every((finding) => finding.answers.join() === findings[0]!.answers.join());
  const lines = [
    terminal.style(['bold', 'yellow'], `Question ${shortDigest(question.digest)}: ${whatIsAsked(question)}`),
    terminal.style('dim', `job ${workflowId} · asked ${question.openedAt} · ${question.why}`),
    ...whereLines(question, asking).map((line) => terminal.style('dim', line)),
    ...alikeFindings(findings).flatMap((shown) => [
      '',
      ...showFinding(terminal, shown, { total: findings.length, isUniform }),
    ]),
  ];
  if (findingsTotal > findings.length)
    lines.push(
      '',
      `… and ${findingsTotal - findings.length} more findings; an answer to the whole question is for them, too.`,
    );
  if (isCutQuestion(question))
    lines.push(
      '',
      terminal.style(
        'dim',
        `Cut here; all that the record has of it, on the workspace's host: holdfast question ${job} --full`,
      ),
    );
  lines.push('', terminal.style('bold', 'Answers'), ...showAnswers(terminal, findings));
  lines.push('', ...howToAnswer(terminal, workflowId, question));
  lines.push(...signalLines(terminal, workflowId, asked));
  return lines.join('\n');
}

/** Where a person has to look, and what waits for the answer. */
function whereLines({ stepId, kind }: Question, job: AskingJob | undefined): readonly string[] {
  const waits = stepId === undefined || isAboutTheWorld({ kind }) ? 'every step waits' : `step ${stepId} waits`;
  return job === undefined ? [waits] : [`${job.name} in ${job.workspace} · ${waits}`];
}

function showFinding(
  terminal: Terminal,
  { first: finding, all, number }: ShownFindings,
  { total, isUniform }: { readonly total: number; readonly isUniform: boolean },
): readonly string[] {
  const { recordedBy, staleSteps, rerunSteps } = finding;
  const by = recordedBy === undefined ? '' : terminal.style('dim', `  (${recordedByText(recordedBy)})`);
  const lines = [
    `${total === 1 ? '' : `${number}. `}${titleOf(terminal, finding, all.length)}`,
    ...sidesOf(finding, all, by),
  ];
  if (staleSteps.length > 0) lines.push(`   used by   ${listedText(finding, 'staleSteps')}`);
  if (rerunSteps.length > 0 && finding.answers.includes('rerun'))
    lines.push(`   rerun     runs again ${listedText(finding, 'rerunSteps')}${whatBecomesOfFound(finding)}`);
  for (const { name, text } of finding.repeats ?? [])
    lines.push(`   twice     ${text}: nothing undoes it; rerun is taken only with --item '${name}=repeat'`);
  const { keeps } = finding;
  if (keeps !== undefined) {
    const anew = `made anew with --item '${keeps[0]}=repeat'`;
    lines.push(`   kept      ${listedText(finding, 'keeps')}: cannot be undone; ${anew}`);
  }
  if (finding.advice !== undefined) lines.push(`   advice    ${finding.advice}`);
  if (!isUniform) lines.push(`   answers   ${finding.answers.join(', ')}`);
  const difference = all.length === 1 && !isSaid(finding) ? finding.difference : '';
  if (difference !== '') lines.push('', ...showDifference(terminal, difference).map((line) => `   ${line}`));
  return lines;
}

function titleOf(terminal: Terminal, finding: Finding, count: number): string {
  if (count === 1) return `${terminal.style('bold', finding.resource)}  ${kindText(finding)}`;
  return `${terminal.style('bold', `${count} files in ${folderOf(finding)}`)}  ${kindText(finding)}`;
}

function sidesOf({ class: findingClass, expected, found }: Finding, all: readonly Finding[], by: string): string[] {
  if (findingClass === 'approval') return [`   would do  ${found.text}`];
  if (all.length === 1) return [`   expected  ${expected.text}${by}`, `   found     ${found.text}`];
  const named = all.slice(0, MAX_ALIKE_NAMED).map(({ resource }) => resource.slice(resource.lastIndexOf('/') + 1));
  const more = all.length > named.length ? ` and ${all.length - named.length} more` : '';
  const names = named.map((name) => name.replace(/^file:/, '')).join(', ');
  return [`   expected  there, as recorded${by}`, `   found     ${found.text}: ${names}${more}`];
}

/** A failure's message is the end of what was found already. */
function isSaid({ found, difference }: Finding): boolean {
  return found.text.endsWith(`: ${difference}`);
}

/** Does what was found survive a rerun? Not where the step that made the thing runs again: it writes it anew. */
function whatBecomesOfFound({ resource, recordedBy, rerunSteps }: Finding): string {
  if (!/^(file|row):/.test(resource)) return '';
  const isMadeAnew = recordedBy !== undefined && rerunSteps.includes(recordedBy.stepId);
  return isMadeAnew ? '; what was found here is replaced (a file is kept as evidence)' : '; what was found here stays';
}

/** A unified diff, or any text with + and - at the beginnings of its lines, in colours. */
export function showDifference(terminal: Terminal, difference: string): readonly string[] {
  return difference.split('\n').map((line) => {
    if (line.startsWith('+')) return terminal.style('green', line);
    if (line.startsWith('-')) return terminal.style('red', line);
    return line.startsWith('@@') ? terminal.style('cyan', line) : line;
  });
}

/** Each answer once; twice where it does something else for findings of another class. */
function showAnswers(terminal: Terminal, findings: readonly Finding[]): readonly string[] {
  const does = new Map<string, { readonly answer: Answer; readonly text: string }>();
  for (const finding of findings) {
    for (const answer of finding.answers) {
      const text = ANSWERS[finding.class][answer]?.does ?? '';
      does.set(`${answer} ${text}`, { answer, text });
    }
  }
  const order = Object.keys(Object.assign({}, ...findings.map((finding) => ANSWERS[finding.class])) as object);
  return [...does.values()]
    .toSorted((a, b) => order.indexOf(a.answer) - order.indexOf(b.answer))
    .map(({ answer, text }) => {
      const whole = WHOLE_QUESTION_ONLY.includes(answer) ? ' (the whole question only)' : '';
      return `  ${terminal.style('bold', answer.padEnd(9))} ${text}${whole}`;
    });
}

function howToAnswer(terminal: Terminal, workflowId: string, question: Question): readonly string[] {
  const job = shellWord(workflowId);
  const answers: readonly Answer[] = wholeAnswers(question);
  const item = question.findings[0];
  const digest = shortDigest(question.digest);
  const lines = [
    terminal.style('bold', 'Answer it'),
    `  holdfast decide ${job}${terminal.isInteractive ? '' : ` ANSWER --question ${digest} --reason WHY`}`,
  ];
  const result =
    answers[0] !== 'happened'
      ? ''
      : question.findings
          .filter(needsResult)
          .map(({ resource }, _, all) => ` --result ${all.length === 1 ? 'JSON' : `'${resource}=JSON'`}`)
          .join('');
  if (answers[0] !== undefined)
    lines.push(`  holdfast decide ${job} ${answers[0]}${result} --question ${digest} --dry-run`);
  if (question.findings.length > 1 && item?.answers[0] !== undefined)
    lines.push(`  holdfast decide ${job} --question ${digest} --item '${item.resource}=${item.answers[0]}' …`);
  return lines;
}

/** @param asked as it is: what is pasted names what it names */
function signalLines(terminal: Terminal, workflowId: string, asked: Question): readonly string[] {
  const places = `  ${ANSWER_PLACE} stands for one of ${answersOf(asked)}`;
  return [`  ${signalCommand(workflowId, asked)}`, terminal.style('dim', places)];
}

function answersOf({ findings }: Question): string {
  return [...new Set(findings.flatMap(({ answers }) => answers))].join(', ');
}

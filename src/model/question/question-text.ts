/** A question in words: a title, and Markdown with the command that answers it. */
import { fenced, inlineCode, inlineText } from '../markdown.ts';
import { shortDigest } from '../digest.ts';
import { listedText } from './bounded-question.ts';
import type { Finding } from './finding.ts';
import { kindText } from './kind-text.ts';
import type { Question } from './question.ts';
import { shownQuestion } from './shown-names.ts';
import { ANSWER_PLACE, signalCommand } from './signal-command.ts';

const MAX_FINDINGS_SHOWN = 5;
const MAX_DIFFERENCE_SHOWN = 600;

/** `2 things differ from the record`, `may these changes be applied?` … */
export function whatIsAsked({ kind, findings, findingsTotal, stepId }: Question): string {
  const step = stepId === undefined ? 'a step' : `step ${stepId}`;
  const isOne = findingsTotal === 1;
  switch (kind) {
    case 'discrepancy':
      return isOne ? 'one thing differs from the record' : `${findingsTotal} things differ from the record`;
    case 'unverifiable':
      return isOne
        ? 'one thing could not be read or reached'
        : `${findingsTotal} things could not be read, reached, or differ`;
    case 'approval':
      return `may the changes of ${step} be applied?`;
    case 'conflict':
      return `what ${step} is about to change is neither as before nor as wanted`;
    case 'ahead':
      return 'the record holds steps that the Workflow has forgotten (it was reset)';
    case 'in-doubt':
      return aboutCalls(findings, findingsTotal, step);
    case 'stuck':
      return `${step} cannot go on`;
    case 'undo':
      return `what ${step.replace(/@undo$/, '')} did cannot simply be undone`;
    case 'damaged':
      return 'the record is damaged, lost or too old';
    case 'checkpoint':
      return 'the checkpoint that the job is to go on from cannot be read';
    case 'foreign':
      return 'the workspace belongs to another job';
  }
}

/** By what is known of the calls: whether they happened, or what becomes of them since they did. */
function aboutCalls(findings: readonly Finding[], total: number, step: string): string {
  const isOne = total === 1;
  const kinds = new Set(findings.map(({ kind }) => kind));
  if (kinds.size > 1) return `${total} calls of ${step}: what is to become of them?`;
  if (kinds.has('performed-otherwise'))
    return isOne
      ? `a call of ${step} was made and would be another now: does its answer stand, or is it made anew?`
      : `${total} calls of ${step} were made and would be others now: do their answers stand, or are they made anew?`;
  if (kinds.has('performed-and-not-asked-for'))
    return isOne
      ? `a call of ${step} was made, and the step goes on without it: does that stand?`
      : `${total} calls of ${step} were made, and the step goes on without them: does that stand?`;
  return isOne ? `a call of ${step}: did it happen?` : `${total} calls of ${step}: did they happen?`;
}

/** Lines of Markdown. */
export function questionMarkdown(question: Question, workflowId: string): string[] {
  const { digest, findings, findingsTotal } = shownQuestion(question);
  const shown = findings.slice(0, MAX_FINDINGS_SHOWN);
  return [
    `### Question ${shortDigest(digest)}: ${whatIsAsked(question)}`,
    ...shown.flatMap(findingMarkdown),
    ...(findingsTotal > MAX_FINDINGS_SHOWN ? [`- … and ${findingsTotal - shown.length} more`] : []),
    '',
    'Answer with',
    '```sh',
    signalCommand(workflowId, question),
    '```',
    `(${ANSWER_PLACE} stands for one of the answers above), or \`holdfast decide\`.`,
  ];
}

function findingMarkdown(finding: Finding): string[] {
  const { resource, expected, found, difference, answers } = finding;
  const lines = [
    `- ${inlineCode(resource)}: ${kindText(finding)}`,
    `  - expected: ${inlineText(expected.text)}`,
    `  - found: ${inlineText(found.text)}`,
  ];
  if (finding.staleSteps.length > 0) lines.push(`  - used by: ${listedText(finding, 'staleSteps')}`);
  if (difference !== '') lines.push(...fenced('diff', cut(difference)).map((line) => `  ${line}`));
  if (finding.keeps !== undefined)
    lines.push(`  - kept when run again: ${listedText(finding, 'keeps')} (unless \`items\` says \`repeat\`)`);
  lines.push(`  - answers: ${answers.join(', ')}`);
  return lines;
}

function cut(difference: string): string[] {
  if (difference.length <= MAX_DIFFERENCE_SHOWN) return difference.split('\n');
  return [...difference.slice(0, MAX_DIFFERENCE_SHOWN).split('\n'), '… (cut; `holdfast question` shows more)'];
}

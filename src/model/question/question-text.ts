/** A question in words: a title, and Markdown with the command that answers it. */
import type { Question } from './question.ts';
import { shortDigest } from '../digest.ts';
import { signalCommand } from './signal-command.ts';

const MAX_FINDINGS_SHOWN = 5;

const MAX_DIFFERENCE_SHOWN = 600;

/** `2 things differ from the record`, `may these changes be applied?` … */
export function whatIsAsked({ kind, findingsTotal, stepId }: Question): string {
  const step = stepId === undefined ? 'a step' : `step ${stepId}`;
  switch (kind) {
    case 'discrepancy':
      return findingsTotal === 1
        ? 'one thing differs from the record'
        : `${findingsTotal} things differ from the record`;
    case 'unverifiable':
      return findingsTotal === 1
        ? 'one thing could not be read or reached'
        : `${findingsTotal} things could not be read, reached, or differ`;
    case 'approval':
      return `may the changes of ${step} be applied?`;
    case 'conflict':
      return `what ${step} is about to change is neither as before nor as wanted`;
    case 'ahead':
      return 'the record holds steps that the Workflow has forgotten (it was reset)';
    case 'in-doubt':
      return `${findingsTotal === 1 ? 'a call' : `${findingsTotal} calls`} of ${step}: did ${findingsTotal === 1 ? 'it' : 'they'} happen?`;
    case 'stuck':
      return `${step} cannot go on`;
    case 'undo':
      return `what ${stepId === undefined ? 'a step' : `step ${stepId.replace(/@undo$/, '')}`} did cannot simply be undone`;
    case 'damaged':
      return 'the record is damaged, lost or too old';
    case 'foreign':
      return 'the workspace belongs to another job';
  }
}

export function questionMarkdown(question: Question, workflowId: string): string[] {
  const lines = [`### Question ${shortDigest(question.digest)}: ${whatIsAsked(question)}`];
  for (const finding of question.findings.slice(0, MAX_FINDINGS_SHOWN)) {
    lines.push(`- \`${finding.resource}\`: ${finding.kind}`);
    lines.push(`  - expected: ${finding.expected.text}`, `  - found: ${finding.found.text}`);
    if (finding.staleSteps.length > 0) lines.push(`  - used by: ${finding.staleSteps.join(', ')}`);
    if (finding.difference !== '')
      lines.push(
        '  ```diff',
        ...cut(finding.difference, MAX_DIFFERENCE_SHOWN)
          .split('\n')
          .map((line) => `  ${line}`),
        '  ```',
      );
    if (finding.keeps !== undefined)
      lines.push(`  - kept when run again: ${finding.keeps.join(', ')} (unless \`items\` says \`repeat\`)`);
    lines.push(`  - answers: ${finding.answers.join(', ')}`);
  }
  if (question.findingsTotal > MAX_FINDINGS_SHOWN)
    lines.push(`- … and ${question.findingsTotal - Math.min(MAX_FINDINGS_SHOWN, question.findings.length)} more`);
  lines.push('', 'Answer with', '```sh', signalCommand(workflowId, question), '```', 'or `holdfast decide`.');
  return lines;
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}\n… (cut; \`holdfast question\` shows more)`;
}

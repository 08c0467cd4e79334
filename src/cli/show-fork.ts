/** A fork as text: what was made, or would be. */
import type { StartedFork } from '../client.ts';
import type { ForkPlan } from '../fork/plan-fork.ts';
import type { PreparedFork } from '../fork/prepared.ts';
import { counted } from '../model/counted.ts';
import { shellWord } from '../model/shell-word.ts';
import type { Terminal } from './terminal.ts';

const MAX_SHOWN = 10;

export function showFork(
  terminal: Terminal,
  { workflowId, workspace, from, taskQueue }: StartedFork,
  { files, fork, isFound }: PreparedFork,
): string {
  const named = terminal.style('bold', workflowId);
  const what = isFound ? 'It was made before, and had not begun' : filesText(files!);
  return [
    `Started ${named}, a fork of ${from.workflowId} at checkpoint ${from.seq}: workspace ${workspace}, ` +
      `Task Queue ${taskQueue}`,
    `  ${what}; ${counted(fork.results, 'step')} done`,
    ...editLines(fork.edit),
    ...unknownLines(files?.unknown ?? []),
    `  watch it:  holdfast status ${shellWord(workflowId)} --watch`,
    `  its end:   holdfast result ${shellWord(workflowId)} --wait`,
  ].join('\n');
}

function editLines(edit: PreparedFork['fork']['edit']): readonly string[] {
  if (edit === undefined) return [];
  return [`  First step ${edit.asNode} is put in as you gave it; where it can't be, the job ends and says why`];
}

function filesText({ recorded, others }: NonNullable<PreparedFork['files']>): string {
  const more = others === 0 ? '' : ` and ${others} that no record speaks of, as they are now`;
  return `${counted(recorded, 'file')} of the record${more}`;
}

function unknownLines(unknown: readonly string[]): readonly string[] {
  if (unknown.length === 0) return [];
  return [`  Not in it, as no record tells how they were: ${shown(unknown)}`];
}

export function showForkPlan(terminal: Terminal, plan: ForkPlan): string {
  const { from, done, next, later, databases, edited, problems } = plan;
  const lines = [
    `A fork of ${terminal.style('bold', from.workflowId)} at checkpoint ${from.seq} in ${plan.workspace}:`,
    `  done        ${shown(done)}`,
    `  runs next   ${shown(next)}`,
    ...(edited === undefined ? [] : [`  put in      step ${edited}; what used it runs again, too`]),
    `  taken back  ${later.length === 0 ? '-' : `in the copy, what these did: ${shown(later)}`}`,
    ...databases.map(({ name, to }) => `  database    ${name}: ${to}`),
  ];
  if (problems.length > 0)
    lines.push('', terminal.style('red', 'It can’t be made so:'), ...problems.map((one) => `  ${one}`));
  return [...lines, '', 'Nothing was made.'].join('\n');
}

function shown(names: readonly string[]): string {
  if (names.length === 0) return '-';
  const more = names.length > MAX_SHOWN ? ` and ${names.length - MAX_SHOWN} more` : '';
  return `${names.slice(0, MAX_SHOWN).join(', ')}${more}`;
}

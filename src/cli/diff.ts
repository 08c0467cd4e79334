/** `holdfast diff`: what a job changed, from its record alone. */
import { Option } from 'commander';
import { changesOf, contentsOf, type Act, type JobChanges } from '../changes/job-changes.ts';
import { jobPatch, type JobPatch } from '../changes/job-patch.ts';
import { listedChanges, shownChanges, type ShownChange, type Sign } from '../changes/shown-change.ts';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
import type { ChangedBy } from '../model/record/net-changes.ts';
import { WorkspaceInspection } from '../protocol/inspect/inspection.ts';
import { collect, CONFIG_OPTIONS, CONNECTION_OPTIONS, EXIT, type CommandSpec, type Outcome } from './command.ts';
import { showDifference } from './show-question.ts';
import { stepText } from './step-text.ts';
import { counted } from './table.ts';
import type { Terminal } from './terminal.ts';
import { workspaceFor } from './verify.ts';

interface Options {
  readonly job?: string;
  readonly step?: readonly string[];
  readonly from?: string;
  readonly to?: string;
  readonly stat?: boolean;
  readonly nameOnly?: boolean;
  readonly patch?: boolean;
}

export const diffCommand: CommandSpec<Options> = {
  name: 'diff',
  arguments: [['<workspace-or-job>', "a job's workspace on this machine, or a job whose workspace is on this machine"]],
  description:
    'What the job changed in all: files, rows, schemas, and what it called or stated. It reads the record alone, so ' +
    'that it works after the job has ended, and says nothing of what others changed since (`holdfast verify` does).',
  options: [
    new Option('--step <id>', 'only what this step changed; may be repeated').argParser(collect),
    new Option('--from <place>', 'a record number (`holdfast log`), or a step: what came after it'),
    new Option('--to <place>', 'a record number, or a step: what came up to it'),
    new Option('--stat', 'a line a change, without the differences'),
    new Option('--name-only', 'the names alone'),
    new Option('--patch', 'the files as a patch that `git apply` takes'),
    new Option('--job <id>', 'a job of this workspace; default: the one that has it, else its latest'),
    ...CONFIG_OPTIONS,
    ...CONNECTION_OPTIONS,
  ],
  examples: [
    ['holdfast diff jobs/paris', 'everything that the job changed'],
    ['holdfast diff jobs/paris --stat', ''],
    ['holdfast diff jobs/paris --step draft', 'what the step draft changed'],
    ['holdfast diff jobs/paris --from draft --patch > after-draft.patch', 'the files, for `git apply`'],
  ],
  async run(context, [target]) {
    const { terminal, options } = context;
    assertOneForm(options);
    const config = await context.config();
    const { folder, job: name } = await workspaceFor(context, config, target!);
    await using inspection = await WorkspaceInspection.open(folder, terminal.env);
    const job = inspection.job(options.job ?? name);
    const { from, to, step: steps } = options;
    const changes = changesOf(inspection, job, defined({ from, to, steps }));
    const contentOf = contentsOf(inspection);
    if (options.patch === true) return patched(terminal, changes, await jobPatch(changes, contentOf));
    const listed = options.nameOnly === true ? listedChanges(changes) : await shownChanges(changes, contentOf);
    const { workspace, acts } = changes;
    const data = { workspace, job, from: changes.from, to: changes.to, changes: listed, acts };
    const text =
      options.nameOnly === true
        ? listed.map(({ resource }) => resource).join('\n')
        : showChanges(terminal, changes, listed as readonly ShownChange[], options.stat === true);
    return { code: EXIT.ok, data, text };
  },
};

function assertOneForm({ stat, nameOnly, patch }: Options): void {
  if ([stat, nameOnly, patch].filter((form) => form === true).length <= 1) return;
  throw new HoldfastError('bad-input', '--stat, --name-only and --patch exclude each other.', {
    nextStep: 'Give one of them.',
  });
}

/** The patch on standard output, and nothing else; what it can't carry on standard error. */
function patched(terminal: Terminal, { rows, schemas, acts }: JobChanges, made: JobPatch): Outcome {
  for (const { path, why } of made.leftOut) terminal.err(`Not in the patch: ${path}: ${why}.\n`);
  const others = rows.length + schemas.length + acts.length;
  if (others > 0) terminal.err(`Not in the patch: ${counted(others, 'change')} of databases, calls and commands.\n`);
  return { code: EXIT.ok, data: made, text: made.patch.replace(/\n$/, '') };
}

const SIGN_WORDS: Readonly<Record<Sign, string>> = { A: 'new', D: 'gone', M: 'changed', T: 'another kind' };
const SIGN_STYLES = { A: 'green', D: 'red', M: 'yellow', T: 'yellow' } as const;

function showChanges(terminal: Terminal, changes: JobChanges, shown: readonly ShownChange[], isStat: boolean): string {
  const { job, workspace, from, to, acts } = changes;
  const range = from === 0 && to === job.records ? '' : `, records ${from + 1} to ${to}`;
  const title = `${terminal.style('bold', job.workflowId)} in ${workspace}${range}`;
  if (shown.length === 0 && acts.length === 0) return `${title}: nothing was changed.`;
  const counts = [
    counted(changes.files.length, 'file'),
    counted(changes.rows.length, 'row'),
    counted(changes.schemas.length, 'schema'),
    counted(acts.length, 'call, command or statement', 'calls, commands or statements'),
  ].filter((text) => !text.startsWith('0 '));
  return [
    `${title}: ${counts.join(', ')}`,
    ...shown.flatMap((change) => [...(isStat ? [] : ['']), ...showChange(terminal, change, isStat)]),
    ...(acts.length === 0 ? [] : ['', ...acts.map((act) => showAct(terminal, act))]),
  ].join('\n');
}

function showChange(
  terminal: Terminal,
  { resource, sign, by, summary, difference }: ShownChange,
  isStat: boolean,
): readonly string[] {
  const title = [
    terminal.style(SIGN_STYLES[sign], SIGN_WORDS[sign].padEnd(isStat ? 12 : 0)),
    terminal.style('bold', resource),
    terminal.style('dim', `(${makersText(by)})`),
  ].join(' ');
  if (isStat) return [summary === '' ? title : `${title} ${summary}`];
  return [
    title,
    ...(summary === '' ? [] : [`   ${summary}`]),
    ...(difference === undefined ? [] : showDifference(terminal, difference).map((line) => `   ${line}`)),
  ];
}

const MAX_MAKERS = 5;

function makersText(by: readonly ChangedBy[]): string {
  const makers = [...new Set(by.map(makerText))];
  const more = makers.length > MAX_MAKERS ? ` and ${makers.length - MAX_MAKERS} more` : '';
  return `${makers.slice(0, MAX_MAKERS).join(', ')}${more}`;
}

function makerText({ stepId, generation, by, role, seq }: ChangedBy): string {
  if (role === 'undone') return stepId === undefined ? 'put back' : `${stepId} undone`;
  if (stepId !== undefined) return stepText(stepId, generation ?? 0);
  return by === undefined ? `record ${seq}` : `by somebody, ${role} by ${by}`;
}

function showAct(terminal: Terminal, { text, stepId, generation }: Act): string {
  return `${text} ${terminal.style('dim', `(${stepText(stepId, generation)})`)}`;
}

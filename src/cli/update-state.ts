/** `holdfast update-state`: puts in by hand what a step of a running job comes to. */
import { Option } from 'commander';
import { defined } from '../model/defined.ts';
import type { Edit, EditPreview } from '../model/job/edit.ts';
import { shellWord } from '../model/shell-word.ts';
import { EXIT, REPEAT_OPTION, type CommandSpec, type Context, type Outcome, WORKSPACE_ARGUMENT } from './command.ts';
import { itemsOf } from './decide.ts';
import { jsonOf } from './json-option.ts';
import { JOB_RECORD_OPTIONS, namedJob, type JobRecordChoice } from './job-record.ts';
import { missingReason, refuseMissing } from './missing.ts';
import { personOptions, whoDecides } from './person.ts';
import { whileSlow } from './terminal.ts';
import { warnWithoutWorker } from './without-worker.ts';

interface Options extends JobRecordChoice {
  readonly asNode?: string;
  readonly values?: string;
  readonly output?: string;
  readonly item?: readonly string[];
  readonly by?: string;
  readonly reason?: string;
  readonly dryRun?: boolean;
}

export const updateStateCommand: CommandSpec<Options> = {
  name: 'update-state',
  arguments: [WORKSPACE_ARGUMENT],
  description:
    'The step counts as done with what you give: its output, and what it writes to the state, through the reducers. ' +
    'What runs next follows from it. What it did, and what used it, is taken back first, as a rewind does, and runs ' +
    'again. The job must be running or waiting.',
  options: [
    new Option('--as-node <step>', 'the step, by its id'),
    new Option('--values <json-or-@file>', 'what it writes to the state, key to value. Default: what its output gives'),
    new Option('--output <json-or-@file>', 'its output. Default: the recorded one; null where nothing refers to it'),
    new Option('--dry-run', 'say whether it fits, and what the state would hold; change nothing'),
    REPEAT_OPTION,
    ...personOptions('edits'),
    ...JOB_RECORD_OPTIONS,
  ],
  examples: [
    [`holdfast update-state research-1a2b3c4d --as-node analyse --values '{"analysis": "calm"}' --dry-run`, ''],
    ["holdfast update-state research-1a2b3c4d --as-node analyse --output @analysis.json --reason 'by hand'", ''],
    ['holdfast state research-1a2b3c4d', 'what it holds now'],
  ],
  async run(context, [target]) {
    const { options, terminal } = context;
    const { asNode, values, output, dryRun, reason: why } = options;
    const missing = [
      ...(asNode === undefined ? ['--as-node STEP'] : []),
      ...(values === undefined && output === undefined ? ['--values JSON, --output JSON or both'] : []),
      ...missingReason(context),
    ];
    refuseMissing('update-state', missing, `The steps: holdfast status ${shellWord(target!)}`);
    const given = {
      asNode: asNode!,
      ...defined({
        values: await jsonOf(terminal, '--values', values),
        output: await jsonOf(terminal, '--output', output),
        items: itemsOf(options.item ?? []),
      }),
      by: whoDecides(terminal, options.by),
    };
    const job = await namedJob(context, target!);
    const reason = why ?? (dryRun === true ? 'a dry run' : await terminal.ask('Why? '));
    const edit = { ...given, reason } as Edit;
    return dryRun === true ? await preview(context, job, edit) : await update(context, job, edit);
  },
};

async function preview(context: Context<Options>, job: string, edit: Edit): Promise<Outcome> {
  const client = await context.client();
  const data = await client.previewUpdate(job, edit);
  const isUsable = data.problems.length === 0;
  return {
    code: isUsable ? EXIT.ok : EXIT.badInput,
    data: { workflowId: job, usable: isUsable, ...data },
    text: previewText(job, edit, data),
  };
}

function previewText(job: string, { asNode }: Edit, { problems, values }: EditPreview): string {
  if (problems.length > 0)
    return [`Job ${job} can't be updated so; nothing has been changed:`, ...problems.map((one) => `  ${one}`)].join(
      '\n',
    );
  return [
    `It fits: step ${asNode} of job ${job} would count as done (nothing has been changed). The state would then hold:`,
    ...Object.entries(values).map(([channel, value]) => `  ${channel}: ${JSON.stringify(value).slice(0, 500)}`),
    ...(Object.keys(values).length === 0 ? ['  what it holds now'] : []),
    'Whether the output fits the contract of its code, and whether what it did can be taken back, is looked at first.',
  ].join('\n');
}

async function update(context: Context<Options>, job: string, edit: Edit): Promise<Outcome> {
  const { terminal } = context;
  const client = await context.client();
  await warnWithoutWorker(context, job, 'the state is updated');
  const answer = await whileSlow(terminal, 'Updating the state', client.updateState(job, edit));
  const again = answer.runsAgain.length === 0 ? '' : ` Run again: ${answer.runsAgain.join(', ')}.`;
  const text = [
    `Step ${answer.asNode} of job ${job} counts as done with what you gave.${again}`,
    ...answer.done.map((line) => `  ${line}`),
    `See: holdfast state ${shellWord(job)}`,
  ].join('\n');
  return { code: EXIT.ok, data: { workflowId: job, ...answer }, text };
}

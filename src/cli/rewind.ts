/** `holdfast rewind`: takes a running job back to one of its checkpoints, and its files and rows with it. */
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { Option } from 'commander';
import { HoldfastError } from '../model/failure.ts';
import { defined } from '../model/defined.ts';
import { shellWord } from '../model/shell-word.ts';
import { collect, EXIT, type CommandSpec, type Context, type Outcome, WORKSPACE_ARGUMENT } from './command.ts';
import { itemsOf } from './decide.ts';
import { JOB_RECORD_OPTIONS, withJobRecord, type JobRecordChoice } from './job-record.ts';
import { wholeNumber } from './numbers.ts';
import { whoDecides } from './person.ts';
import { showRewind } from './show-rewind.ts';
import { whileSlow } from './terminal.ts';
import { knownSteps } from './verify.ts';
import { warnWithoutWorker } from './without-worker.ts';

interface Options extends JobRecordChoice {
  readonly to?: string;
  readonly item?: readonly string[];
  readonly by?: string;
  readonly reason?: string;
  readonly dryRun?: boolean;
}

export const rewindCommand: CommandSpec<Options> = {
  name: 'rewind',
  arguments: [WORKSPACE_ARGUMENT],
  description:
    'What the steps after the checkpoint did is undone, newest first, as long as all of it is as the record has it; ' +
    'then they run again. What is replaced is stored first, under .holdfast. A call cannot be undone: its ' +
    'recorded answer is kept. The job must be running or waiting.',
  options: [
    new Option('--to <number>', 'the number of a checkpoint (`holdfast checkpoints`)'),
    new Option('--dry-run', 'show what would be undone, what would stay and what would run again; change nothing'),
    new Option(
      '--item <name=repeat>',
      'what nothing undoes and is made anew: statements:STEP, perform:STEP/NAME; may be repeated',
    ).argParser(collect),
    new Option('--by <who>', 'who rewinds; default: user.email of git, else user@host'),
    new Option('--reason <why>', 'why, in a few words; kept in the record'),
    ...JOB_RECORD_OPTIONS,
  ],
  examples: [
    ['holdfast rewind city-weather-1a2b3c4d --to 7 --dry-run', 'what it would do'],
    ["holdfast rewind city-weather-1a2b3c4d --to 7 --reason 'the sources were wrong'", ''],
    ['holdfast checkpoints city-weather-1a2b3c4d', 'the numbers'],
  ],
  async run(context, [target]) {
    const { to: given, dryRun, reason: why } = context.options;
    const missing = [
      ...(given === undefined ? ['--to NUMBER'] : []),
      ...(why === undefined && dryRun !== true && !context.terminal.isInteractive ? ['--reason WHY'] : []),
    ];
    if (missing.length > 0)
      throw new HoldfastError('bad-input', `holdfast rewind needs ${missing.join(' and ')}.`, {
        nextStep: `The numbers: holdfast checkpoints ${shellWord(target!)}`,
      });
    const to = wholeNumber(given!, '--to', 1, Number.MAX_SAFE_INTEGER);
    if (dryRun === true) return await preview(context, target!, to);
    const reason = why ?? (await context.terminal.ask('Why? '));
    return await rewind(context, await jobOf(context, target!), { to, reason });
  },
};

async function preview(context: Context<Options>, target: string, to: number): Promise<Outcome> {
  return await withJobRecord(context, target, async (inspection, job) => {
    const steps = knownSteps(await context.config());
    const data = await inspection.rewindPreview(job, to, steps);
    const named = itemsOf(context.options.item ?? []) ?? {};
    const unnamed = data.statements.filter(({ name }) => named[name] !== 'repeat');
    const isUsable = unnamed.length === 0 && data.differs.length === 0;
    return {
      code: isUsable ? EXIT.ok : EXIT.badInput,
      data: { workflowId: job.workflowId, usable: isUsable, ...data },
      text: showRewind(context.terminal, job.workflowId, { ...data, statements: unnamed }),
    };
  });
}

/** A job by its name, or the one that has this workspace. */
async function jobOf(context: Context<Options>, target: string): Promise<string> {
  const folder = path.resolve(context.terminal.cwd, target);
  const isFolder = existsSync(folder) && statSync(folder).isDirectory();
  if (!isFolder) return target;
  return await withJobRecord(context, target, (_inspection, { workflowId }) => workflowId);
}

async function rewind(
  context: Context<Options>,
  job: string,
  { to, reason }: { readonly to: number; readonly reason: string },
): Promise<Outcome> {
  const { options, terminal } = context;
  const client = await context.client();
  const by = whoDecides(terminal, options.by);
  const items = itemsOf(options.item ?? []);
  await warnWithoutWorker(context, job, 'the job is rewound');
  const answer = await whileSlow(
    terminal,
    'Taking back what was done',
    client.rewind(job, { to, by, reason, ...defined({ items }) }),
  );
  const text = [
    `Job ${job} goes on from checkpoint ${answer.to}. Run again: ${answer.runsAgain.join(', ')}.`,
    ...answer.done.map((line) => `  ${line}`),
    `See: holdfast status ${shellWord(job)}`,
  ].join('\n');
  return { code: EXIT.ok, data: { workflowId: job, ...answer }, text };
}

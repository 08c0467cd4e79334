/** `holdfast rewind`: takes a job back to one of its checkpoints, and its files and rows with it; or undoes that. */
import { Option } from 'commander';
import { HoldfastError } from '../model/failure.ts';
import { defined } from '../model/defined.ts';
import { shellWord } from '../model/shell-word.ts';
import { EXIT, REPEAT_OPTION, type CommandSpec, type Context, type Outcome, WORKSPACE_ARGUMENT } from './command.ts';
import { itemsOf } from './decide.ts';
import { mustBeStartable } from './forgotten.ts';
import { isFolder, JOB_RECORD_OPTIONS, withJobRecord, type JobRecordChoice } from './job-record.ts';
import { missingReason, refuseMissing } from './missing.ts';
import { wholeNumber } from './numbers.ts';
import { personOptions, whoDecides } from './person.ts';
import { showRewind, showRewound } from './show-rewind.ts';
import { whileSlow } from './terminal.ts';
import { knownSteps } from './verify.ts';
import { warnWithoutWorker } from './without-worker.ts';

interface Options extends JobRecordChoice {
  readonly to?: string;
  readonly undo?: boolean;
  readonly item?: readonly string[];
  readonly by?: string;
  readonly reason?: string;
  readonly dryRun?: boolean;
}

/** Back to a checkpoint, or the undoing of the latest rewind. */
type Asked = { readonly to: number } | { readonly undo: true };

export const rewindCommand: CommandSpec<Options> = {
  name: 'rewind',
  arguments: [WORKSPACE_ARGUMENT],
  description:
    'What the steps after the checkpoint did is undone, newest first, as long as all of it is as the record has it; ' +
    'then they run again. What is replaced is stored first, under .holdfast. A call cannot be undone: its ' +
    'recorded answer is kept. --undo undoes the latest rewind: what has run since is taken back, and what the rewind ' +
    'took away is put back, results included; once more --undo goes back again. A job that has ended is started ' +
    'again, under its id.',
  options: [
    new Option('--to <number>', 'the number of a checkpoint (`holdfast checkpoints`)'),
    new Option('--undo', 'undo the latest rewind, or the latest undoing of one'),
    new Option('--dry-run', 'show what would be undone, what would stay and what would run again; change nothing'),
    REPEAT_OPTION,
    ...personOptions('rewinds'),
    ...JOB_RECORD_OPTIONS,
  ],
  examples: [
    ['holdfast rewind city-weather-1a2b3c4d --to 7 --dry-run', 'what it would do'],
    ["holdfast rewind city-weather-1a2b3c4d --to 7 --reason 'the sources were wrong'", ''],
    ["holdfast rewind city-weather-1a2b3c4d --undo --reason 'they were right'", 'as it was before that'],
    ['holdfast checkpoints city-weather-1a2b3c4d', 'the numbers'],
  ],
  async run(context, [target]) {
    const { to: given, undo, dryRun, reason: why } = context.options;
    if (given !== undefined && undo === true)
      throw new HoldfastError('bad-input', 'holdfast rewind takes --to NUMBER or --undo, not both.');
    const missing = [
      ...(given === undefined && undo !== true ? ['--to NUMBER (or --undo)'] : []),
      ...missingReason(context),
    ];
    refuseMissing('rewind', missing, `The numbers: holdfast checkpoints ${shellWord(target!)}`);
    const asked =
      given === undefined ? ({ undo: true } as const) : { to: wholeNumber(given, '--to', 1, Number.MAX_SAFE_INTEGER) };
    if (dryRun === true) return await preview(context, target!, asked);
    const reason = why ?? (await context.terminal.ask('Why? '));
    return await rewind(context, await rewoundJob(context, target!), { ...asked, reason });
  },
};

/** @throws HoldfastError `not-found`: the server has forgotten the job whose workspace was named */
async function rewoundJob(context: Context<Options>, target: string): Promise<string> {
  if (!isFolder(context, target)) return target;
  return await withJobRecord(context, target, async (inspection, job) => {
    const what = 'A job that has ended goes back by being started again';
    await mustBeStartable(context, inspection, job, { what, fromRecord: false });
    return job.workflowId;
  });
}

async function preview(context: Context<Options>, target: string, asked: Asked): Promise<Outcome> {
  return await withJobRecord(context, target, async (inspection, job) => {
    const steps = knownSteps(await context.config());
    const data = await inspection.rewindPreview(job, asked, steps);
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

async function rewind(
  context: Context<Options>,
  job: string,
  { reason, ...asked }: Asked & { readonly reason: string },
): Promise<Outcome> {
  const { options, terminal } = context;
  const client = await context.client();
  const by = whoDecides(terminal, options.by);
  const items = itemsOf(options.item ?? []);
  await warnWithoutWorker(context, job, 'the job is rewound');
  const answer = await whileSlow(
    terminal,
    'Taking back what was done',
    client.rewind(job, { ...asked, by, reason, ...defined({ items }) }),
  );
  return { code: EXIT.ok, data: { workflowId: job, ...answer }, text: showRewound(job, answer) };
}

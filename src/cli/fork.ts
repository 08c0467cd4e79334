/** `holdfast fork`: a new job with the state, files and rows of another one at one of its checkpoints. */
import path from 'node:path';
import { Option } from 'commander';
import { makeFork } from '../fork/make-fork.ts';
import type { ForkOptions } from '../fork/options.ts';
import { planFork } from '../fork/plan-fork.ts';
import { defined } from '../model/defined.ts';
import { shellWord } from '../model/shell-word.ts';
import {
  collect,
  EXIT,
  TASK_QUEUE_OPTION,
  type CommandSpec,
  type Context,
  type Outcome,
  WORKSPACE_ARGUMENT,
} from './command.ts';
import { JOB_RECORD_OPTIONS, type JobRecordChoice } from './job-record.ts';
import { refuseMissing } from './missing.ts';
import { wholeNumber } from './numbers.ts';
import { pairsOf } from './pairs.ts';
import { personOptions, whoDecides } from './person.ts';
import { showFork, showForkPlan } from './show-fork.ts';
import { whileSlow } from './terminal.ts';
import { workspaceFor } from './verify.ts';
import { warnUnpolled } from './without-worker.ts';

interface Options extends JobRecordChoice {
  readonly at?: string;
  readonly workspace?: string;
  readonly database?: readonly string[];
  readonly id?: string;
  readonly item?: readonly string[];
  readonly leaveOthers?: boolean;
  readonly by?: string;
  readonly reason?: string;
  readonly dryRun?: boolean;
  readonly taskQueue?: string;
}

export const forkCommand: CommandSpec<Options> = {
  name: 'fork',
  arguments: [WORKSPACE_ARGUMENT],
  description:
    'What the steps before the checkpoint did is done in the new job; the others run in it, with tokens, calls and ' +
    'approvals of its own. The other job, its files and its databases stay as they are, also while it runs.',
  options: [
    new Option('--at <number>', 'the number of a checkpoint (`holdfast checkpoints`)'),
    new Option('--workspace <folder>', 'where the new job works: an empty folder, or one to be made'),
    new Option(
      '--database <name=place>',
      "where the copy of a database is to be: '${{ env.NAME }}', or sqlite:PATH; may be repeated. A SQLite file in " +
        'the workspace needs none',
    ).argParser(collect),
    new Option('--id <job>', "the new job's Workflow id; default: the other one's and eight random digits"),
    new Option(
      '--item <name=keep>',
      'what nothing undoes and stays in the copy: statements:STEP; may be repeated',
    ).argParser(collect),
    new Option('--leave-others', 'do not copy files that no record speaks of'),
    new Option('--dry-run', 'show what would be made and what would run; make nothing'),
    ...personOptions('forks'),
    TASK_QUEUE_OPTION,
    ...JOB_RECORD_OPTIONS,
  ],
  examples: [
    ['holdfast fork city-weather-1a2b3c4d --at 7 --workspace ../another-way', ''],
    [
      "holdfast fork reports --at 7 --workspace fork --database 'main=${{ env.FORK_DB }}'",
      'a PostgreSQL database that is made from the other one',
    ],
    ['holdfast checkpoints city-weather-1a2b3c4d', 'the numbers'],
  ],
  async run(context, [target]) {
    const { options, terminal } = context;
    const missing = [
      ...(options.at === undefined ? ['--at NUMBER'] : []),
      ...(options.workspace === undefined ? ['--workspace FOLDER'] : []),
    ];
    refuseMissing('fork', missing, `The numbers: holdfast checkpoints ${shellWord(target!)}`);
    const { folder, job } = await workspaceFor(context, await context.config(), target!);
    const named = options.job ?? job;
    const choice: ForkOptions = {
      at: wholeNumber(options.at!, '--at', 1, Number.MAX_SAFE_INTEGER),
      workspace: path.resolve(terminal.cwd, options.workspace!),
      databases: pairsOf(options.database ?? [], '--database', 'NAME=PLACE'),
      items: pairsOf(options.item ?? [], '--item', 'statements:STEP=keep'),
      others: options.leaveOthers === true ? 'leave' : 'copy',
      by: whoDecides(terminal, options.by),
      ...defined({ job: named, workflowId: options.id, reason: options.reason }),
    };
    return options.dryRun === true ? await preview(context, folder, choice) : await fork(context, folder, choice);
  },
};

async function preview(context: Context<Options>, folder: string, options: ForkOptions): Promise<Outcome> {
  const plan = await planFork(folder, options, context.terminal.env);
  const isUsable = plan.problems.length === 0;
  return {
    code: isUsable ? EXIT.ok : EXIT.badInput,
    data: { usable: isUsable, ...plan },
    text: showForkPlan(context.terminal, plan),
  };
}

async function fork(context: Context<Options>, folder: string, options: ForkOptions): Promise<Outcome> {
  const { terminal } = context;
  const client = await context.client();
  const made = await whileSlow(terminal, 'Making the fork', makeFork(folder, options, terminal.env));
  const { startedWith, ...told } = made;
  const started = await whileSlow(
    terminal,
    'Starting',
    client.startFork(made.fork, defined({ startedWith, taskQueue: context.options.taskQueue })),
  );
  await warnUnpolled(context, started.taskQueue);
  const { files, isFound } = told;
  return {
    code: EXIT.ok,
    data: { ...started, isFound, ...defined({ files }) },
    text: showFork(terminal, started, made),
  };
}

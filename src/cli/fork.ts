/** `holdfast fork`: a new job with the state, files and rows of another one at one of its checkpoints. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Option } from 'commander';
import { makeFork } from '../fork/make-fork.ts';
import type { ForkOptions } from '../fork/options.ts';
import { planFork } from '../fork/plan-fork.ts';
import { storedCheckpoint } from '../fork/from-store.ts';
import { withStoredJob } from '../fork/stored-source.ts';
import { defined } from '../model/defined.ts';
import type { JsonObject } from '../model/canonical-json.ts';
import type { Answer } from '../model/question/answer.ts';
import { HoldfastError } from '../model/failure.ts';
import { shellWord } from '../model/shell-word.ts';
import { WorkspaceInspection } from '../protocol/inspect/inspection.ts';
import {
  collect,
  EXIT,
  TASK_QUEUE_OPTION,
  type CommandSpec,
  type Context,
  type Outcome,
  WORKSPACE_ARGUMENT,
} from './command.ts';
import { mustBeStartable } from './forgotten.ts';
import { jsonOf } from './json-option.ts';
import { JOB_RECORD_OPTIONS, type JobRecordChoice } from './job-record.ts';
import { missingReason, refuseMissing } from './missing.ts';
import { wholeNumber } from './numbers.ts';
import { pairsOf } from './pairs.ts';
import { personOptions, whoDecides } from './person.ts';
import { showFork, showForkPlan } from './show-fork.ts';
import { whileSlow, type Terminal } from './terminal.ts';
import { workspaceFor } from './workspace-for.ts';
import { warnUnpolled } from './without-worker.ts';

interface Options extends JobRecordChoice {
  readonly from?: string;
  readonly at?: string;
  readonly workspace?: string;
  readonly database?: readonly string[];
  readonly base?: readonly string[];
  readonly id?: string;
  readonly item?: readonly string[];
  readonly leaveOthers?: boolean;
  readonly asNode?: string;
  readonly values?: string;
  readonly output?: string;
  readonly by?: string;
  readonly reason?: string;
  readonly dryRun?: boolean;
  readonly taskQueue?: string;
}

export const forkCommand: CommandSpec<Options> = {
  name: 'fork',
  arguments: [['[workspace-or-job]', WORKSPACE_ARGUMENT[1]]],
  description:
    'What the steps before the checkpoint did is done in the new job; the others run in it, with tokens, calls and ' +
    'approvals of its own. The other job, its files and its databases stay as they are, also while it runs.',
  options: [
    new Option(
      '--from <store/job[@seq]>',
      'in place of a workspace: from the store of the job, on any cluster; default: its newest checkpoint',
    ),
    new Option('--at <number>', 'the number of a checkpoint (`holdfast checkpoints`)'),
    new Option('--workspace <folder>', 'where the new job works: an empty folder, or one to be made'),
    new Option(
      '--database <name=place>',
      "where the copy of a database is to be: '${{ env.NAME }}', or sqlite:PATH; may be repeated. A SQLite file in " +
        'the workspace needs none',
    ).argParser(collect),
    new Option(
      '--base <name=@file>',
      'SQL that makes what was in a PostgreSQL database before the job, for one that is there and empty: what the ' +
        'steps did is made from the record; may be repeated. Default: `base` of its plan, where that has one',
    ).argParser(collect),
    new Option('--id <job>', "the new job's Workflow id; default: the other one's and eight random digits"),
    new Option(
      '--item <name=answer>',
      'what nothing undoes and stays in the copy: statements:STEP; with --as-node also what may be done a second ' +
        'time: statements:STEP=repeat; may be repeated',
    ).argParser(collect),
    new Option('--leave-others', 'do not copy files that no record speaks of'),
    new Option('--as-node <step>', 'a step that counts as done with what you give, before anything runs'),
    new Option('--values <json-or-@file>', 'what that step writes to the state, as for update-state'),
    new Option('--output <json-or-@file>', 'its output, as for update-state'),
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
    [
      "holdfast fork research --at 5 --workspace more --as-node gather --output @more.json --reason 'more sources'",
      'with other sources, which the step gather comes to there',
    ],
    [
      "holdfast fork reports --at 7 --workspace fork --database 'main=${{ env.EMPTY_DB }}' --base main=@tables.sql",
      'an empty PostgreSQL database, on any server',
    ],
    ['holdfast checkpoints city-weather-1a2b3c4d', 'the numbers'],
  ],
  async run(context, [target]) {
    const { options, terminal } = context;
    if ((target === undefined) === (options.from === undefined))
      throw new HoldfastError('bad-input', 'holdfast fork takes a workspace, a job, or --from STORE/JOB: one of them.');
    const missing = [
      ...(options.at === undefined && options.from === undefined ? ['--at NUMBER'] : []),
      ...(options.workspace === undefined ? ['--workspace FOLDER'] : []),
      ...missingOfEdit(context),
    ];
    refuseMissing('fork', missing, `The numbers: holdfast checkpoints ${shellWord(target ?? 'JOB')}`);
    const at = options.at === undefined ? undefined : wholeNumber(options.at, '--at', 1, Number.MAX_SAFE_INTEGER);
    const stored = options.from === undefined ? undefined : await storedCheckpoint(options.from, terminal.cwd, at);
    const given = stored ?? (await workspaceFor(context, await context.config(), target!));
    const named = options.job ?? ('folder' in given ? given.job : given.jobId);
    const items = pairsOf(options.item ?? [], '--item', 'statements:STEP=keep');
    const edit = await editOf(context, items);
    const reason = options.reason ?? (edit === undefined ? undefined : await whyEdited(context));
    const choice: ForkOptions = {
      at: stored?.at ?? at!,
      workspace: path.resolve(terminal.cwd, options.workspace!),
      databases: pairsOf(options.database ?? [], '--database', 'NAME=PLACE'),
      items: edit === undefined ? items : itemsWhere(items, (answer) => answer === KEEP),
      others: options.leaveOthers === true ? 'leave' : 'copy',
      by: whoDecides(terminal, options.by),
      bases: await basesOf(context),
      ...defined({ job: named, workflowId: options.id, reason, edit }),
    };
    const make = async (folder: string, how: ForkOptions): Promise<Outcome> =>
      options.dryRun === true ? await preview(context, folder, how) : await fork(context, folder, how);
    if ('folder' in given) return await make(given.folder, choice);
    return await withStoredJob(given, { options: choice, env: terminal.env }, make);
  },
};

async function basesOf({ options, terminal }: Context<Options>): Promise<Record<string, string>> {
  const given = pairsOf(options.base ?? [], '--base', 'NAME=@FILE');
  const read = Object.entries(given).map(async ([name, file]) => [name, await textOf(terminal, file)] as const);
  return Object.fromEntries(await Promise.all(read));
}

async function textOf({ cwd }: Pick<Terminal, 'cwd'>, given: string): Promise<string> {
  try {
    if (!given.startsWith('@')) throw new Error('it does not begin with @');
    return await readFile(path.resolve(cwd, given.slice(1)), 'utf8');
  } catch (cause) {
    const why = (cause as Error).message;
    throw new HoldfastError(
      'bad-input',
      `--base: expected @ and the path of a file of SQL; found ${given}: ${why}.`,
      {},
      { cause },
    );
  }
}

/** What stays in the copy; every other answer is about what is put in. */
const KEEP = 'keep';

function missingOfEdit(context: Context<Options>): readonly string[] {
  const { asNode, values, output } = context.options;
  const isGiven = values !== undefined || output !== undefined;
  if (asNode === undefined) return isGiven ? ['--as-node STEP'] : [];
  return [...(isGiven ? [] : ['--values JSON, --output JSON or both']), ...missingReason(context)];
}

async function editOf(
  { options, terminal }: Context<Options>,
  items: Readonly<Record<string, string>>,
): Promise<ForkOptions['edit']> {
  const { asNode, values, output } = options;
  if (asNode === undefined) return undefined;
  const answers = itemsWhere(items, (answer) => answer !== KEEP) as Record<string, Answer>;
  return {
    asNode,
    ...defined({
      values: (await jsonOf(terminal, '--values', values)) as JsonObject | undefined,
      output: await jsonOf(terminal, '--output', output),
      items: Object.keys(answers).length === 0 ? undefined : answers,
    }),
  };
}

async function whyEdited({ options, terminal }: Context<Options>): Promise<string> {
  return options.dryRun === true ? 'a dry run' : await terminal.ask('Why? ');
}

function itemsWhere(
  items: Readonly<Record<string, string>>,
  isWanted: (answer: string) => boolean,
): Record<string, string> {
  return Object.fromEntries(Object.entries(items).filter(([, answer]) => isWanted(answer)));
}

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
  await mustBeStartableHere(context, folder, options.job);
  // What a job only read no store has: it is asked about.
  const how = { leaveLost: context.options.from !== undefined };
  const made = await whileSlow(terminal, 'Making the fork', makeFork(folder, options, terminal.env, how));
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

/** Before a folder or a database is made. */
async function mustBeStartableHere(context: Context<Options>, folder: string, job: string | undefined): Promise<void> {
  await using inspection = await WorkspaceInspection.open(folder, context.terminal.env);
  const wanted = { what: 'A fork is started', fromRecord: true };
  await mustBeStartable(context, inspection, inspection.job(job), wanted);
}

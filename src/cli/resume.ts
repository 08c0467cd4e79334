/** `holdfast resume`: starts a job from its store of checkpoints, on any cluster. */
import path from 'node:path';
import { Option } from 'commander';
import { defined } from '../model/defined.ts';
import { shellWord } from '../model/shell-word.ts';
import type { ResumedJob } from '../client.ts';
import { collect, CONNECTION_OPTIONS, EXIT, TASK_QUEUE_OPTION, type CommandSpec, type Context } from './command.ts';
import { missingReason, refuseMissing } from './missing.ts';
import { waitForJob } from './start.ts';
import { pairsOf } from './pairs.ts';
import { personOptions, whoDecides } from './person.ts';
import { whileSlow } from './terminal.ts';
import { warnUnpolled } from './without-worker.ts';

interface Options {
  readonly from?: string;
  readonly workspace?: string;
  readonly database?: readonly string[];
  readonly by?: string;
  readonly reason?: string;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
}

export const resumeCommand: CommandSpec<Options> = {
  name: 'resume',
  description:
    'The job goes on where its checkpoint is, under the same id, with nothing of the cluster that it began in: after ' +
    'the world has been compared with its record. Where its workspace has the record still, that is later than any ' +
    'checkpoint, and the job goes on from it. In a new workspace its files are brought back first. What can no ' +
    'longer be known, a call after the checkpoint above all, is asked about.',
  options: [
    new Option(
      '--from <store/job[@seq]>',
      "a folder, postgres://… or '${{ env.NAME }}', then the job, then the checkpoint (the newest)",
    ),
    new Option(
      '--workspace <folder>',
      'in place of the one that it worked in; relative to the worker’s workspace root',
    ),
    new Option(
      '--database <name=place>',
      "in place of where it had one: '${{ env.NAME }}', or sqlite:PATH; may be repeated. Of a fork each that is no " +
        'file of its workspace',
    ).argParser(collect),
    new Option('--dry-run', 'show what it would go on from; start nothing'),
    ...personOptions('resumes it'),
    new Option(
      '--wait',
      'until the job has ended, or asks a person and no terminal is there; progress goes to standard error',
    ),
    TASK_QUEUE_OPTION,
    ...CONNECTION_OPTIONS,
  ],
  examples: [
    ['holdfast resume --from /srv/checkpoints/nightly --dry-run', 'what it would go on from'],
    ["holdfast resume --from /srv/checkpoints/nightly --reason 'the cluster is gone'", ''],
    ['holdfast resume --from "$CHECKPOINTS/nightly@12" --workspace jobs/again', 'an earlier one, in a new folder'],
    [
      "holdfast resume --from ./stored/nightly-fork --workspace jobs/fork --database 'main=${{ env.FORK_DB }}'",
      'a fork, whose places no store tells',
    ],
  ],
  async run(context) {
    const { from, workspace, database, dryRun, reason: why, wait } = context.options;
    const { terminal } = context;
    const missing = [...(from === undefined ? ['--from STORE/JOB'] : []), ...missingReason(context)];
    refuseMissing('resume', missing, 'For example: holdfast resume --from /srv/checkpoints/nightly --dry-run');
    const reason = why ?? (dryRun === true ? 'looked at' : await terminal.ask('Why? '));
    const client = await context.client();
    const resumed = await whileSlow(
      terminal,
      'Reading the store',
      client.resume({
        // A relative folder begins where the command was called.
        from: /^\.{1,2}\//.test(from!) ? path.resolve(terminal.cwd, from!) : from!,
        by: whoDecides(terminal, context.options.by),
        reason,
        ...defined({ workspace, dryRun, databases: database && pairsOf(database, '--database', 'NAME=PLACE') }),
      }),
    );
    if (dryRun === true) return { code: EXIT.ok, data: resumed, text: textOf(context, resumed) };
    await warnUnpolled(context, resumed.taskQueue);
    if (wait === true) return await waitForJob(context, resumed.workflowId, 'Resumed');
    return { code: EXIT.ok, data: resumed, text: textOf(context, resumed) };
  },
};

function textOf({ terminal }: Context<Options>, resumed: ResumedJob): string {
  const { workflowId, runId, checkpoint, store, keptIn, unreadable = [], workspace, taskQueue } = resumed;
  const name = terminal.style('bold', workflowId);
  const next = checkpoint.next.length === 0 ? 'nothing came next' : `next: ${checkpoint.next.join(', ')}`;
  const broken =
    unreadable.length === 0
      ? []
      : [
          `  not whole  checkpoint ${unreadable.join(', ')}: ` +
            (runId === undefined
              ? 'the job would ask which one it goes on from'
              : 'the job asks which one it goes on from'),
        ];
  return [
    runId === undefined
      ? `${name} would be resumed; nothing was started.`
      : `Resumed ${name} on Task Queue ${taskQueue}.`,
    `  store      ${store}`,
    ...(keptIn === undefined
      ? []
      : ["             in place of the plan's: its checkpoints are kept there from now on"]),
    `  checkpoint ${checkpoint.seq} of ${checkpoint.at}, ${next}; or its workspace's own record, where that is later`,
    ...broken,
    `  workspace  ${workspace ?? 'the one that it worked in'}`,
    ...(runId === undefined ? [] : [`  watch it:  holdfast status ${shellWord(workflowId)} --watch`]),
  ].join('\n');
}

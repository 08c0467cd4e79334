/** `holdfast cancel`: asks a job to end. What it has half applied it finishes first. */
import { Option } from 'commander';
import { HoldfastError } from '../model/failure.ts';
import { CONNECTION_OPTIONS, EXIT, type CommandSpec } from './command.ts';
import { whoDecides } from './person.ts';
import { whileSlow } from './terminal.ts';
import { warnWithoutWorker } from './without-worker.ts';
import { shellWord } from '../model/shell-word.ts';

interface Options {
  readonly wait?: boolean;
  readonly compensate?: boolean;
  readonly by?: string;
  readonly reason?: string;
}

export const cancelCommand: CommandSpec<Options> = {
  name: 'cancel',
  arguments: [['<job>', "the job's Workflow id"]],
  options: [
    new Option('--wait', 'until the job has ended'),
    new Option(
      '--compensate',
      'undo what the job did, newest first, where the world still shows it; it ends as aborted',
    ),
    new Option('--by <who>', 'with --compensate: who wants it; default: user.email of git, else user@host'),
    new Option('--reason <why>', 'with --compensate: why, in a few words; kept in the record'),
    ...CONNECTION_OPTIONS,
  ],
  examples: [
    ['holdfast cancel city-weather-1a2b3c4d', ''],
    ['holdfast cancel city-weather-1a2b3c4d --wait', 'until it has ended'],
    ["holdfast cancel city-weather-1a2b3c4d --compensate --reason 'the order was withdrawn'", 'and undo what it did'],
  ],
  async run(context, [job]) {
    const { options, terminal } = context;
    if (options.compensate === true && options.reason === undefined)
      throw new HoldfastError('bad-input', '--compensate needs --reason WHY: it is kept in the record.');
    if (options.compensate !== true && (options.reason !== undefined || options.by !== undefined))
      throw new HoldfastError('bad-input', '--by and --reason go with --compensate; a cancel alone keeps neither.');
    const client = await context.client();
    const wait = options.wait === true;
    const asked =
      options.compensate === true
        ? client.abort(
            job!,
            { by: whoDecides(terminal, options.by), reason: options.reason!, compensate: true },
            { wait },
          )
        : client.cancel(job!, { wait });
    if (wait) await warnWithoutWorker(context, job!, 'the job ends');
    const cancelled = await whileSlow(terminal, wait ? 'Waiting until the job has ended' : 'Asking', asked);
    const ended = cancelled.result === undefined ? '' : ` It has ended: ${cancelled.result.outcome}.`;
    const what = options.compensate === true ? 'undo what it did, and to end' : 'end';
    const next = ended === '' ? ` See: holdfast result ${shellWord(job!)} --wait` : ended;
    const text = cancelled.requested
      ? `Job ${job!} was asked to ${what}.${next}`
      : `Job ${job!} had ended already; nothing was done.${ended}`;
    if (cancelled.requested && !wait) await warnWithoutWorker(context, job!, 'the job ends');
    return { code: EXIT.ok, data: cancelled, text };
  },
};

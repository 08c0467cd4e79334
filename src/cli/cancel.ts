/** `holdfast cancel`: asks a job to end. What it has half applied it finishes first. */
import { Option } from 'commander';
import { CONNECTION_OPTIONS, EXIT, type CommandSpec } from './command.ts';
import { whileSlow } from './terminal.ts';

interface Options {
  readonly wait?: boolean;
}

export const cancelCommand: CommandSpec<Options> = {
  name: 'cancel',
  arguments: [['<job>', "the job's Workflow id"]],
  summary: 'ask a job to end; what is half applied is finished first',
  options: [new Option('--wait', 'until the job has ended'), ...CONNECTION_OPTIONS],
  examples: [
    ['holdfast cancel city-weather-1a2b3c4d', ''],
    ['holdfast cancel city-weather-1a2b3c4d --wait', 'until it has ended'],
  ],
  async run(context, [job]) {
    const client = await context.client();
    const wait = context.options.wait === true;
    const cancelled = await whileSlow(context.terminal, wait ? 'Waiting until the job has ended' : 'Asking', client.cancel(job!, { wait }));
    const ended = cancelled.result === undefined ? '' : ` It has ended: ${cancelled.result.outcome}.`;
    const text = cancelled.requested ? `Job ${job!} was asked to end.${ended === '' ? ` See: holdfast result ${job!} --wait` : ended}` : `Job ${job!} had ended already; nothing was done.${ended}`;
    return { code: EXIT.ok, data: cancelled, text };
  },
};

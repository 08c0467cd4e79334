/** `holdfast status`: where a job is and what it waits for; `--watch` redraws it until the job has ended. */
import { Option } from 'commander';
import { asksAnybody } from '../model/job/status-text.ts';
import type { JobStatus } from '../model/job/status.ts';
import { CONNECTION_OPTIONS, EXIT, type CommandSpec, type Context, type Outcome } from './command.ts';
import type { ExitCode } from './exit-code.ts';
import { followJob } from './follow.ts';
import { showStatus } from './show-status.ts';
import { whileSlow } from './terminal.ts';

interface Options {
  readonly watch?: boolean;
  readonly full?: boolean;
}

export const statusCommand: CommandSpec<Options> = {
  name: 'status',
  arguments: [['<job>', "the job's Workflow id"]],
  description: 'Exit code 3 when it waits for a person, 1 when it has failed, 5 when no worker takes its work.',
  options: [
    new Option('-w, --watch', 'draw progress until the job has ended'),
    new Option('--full', 'every step, also of a job with hundreds of them'),
    ...CONNECTION_OPTIONS,
  ],
  examples: [
    ['holdfast status city-weather-1a2b3c4d', ''],
    ['holdfast status city-weather-1a2b3c4d --watch', 'until it has ended'],
    ["holdfast status city-weather-1a2b3c4d --json | jq '.questions[].digest'", ''],
  ],
  async run(context, [job]) {
    const client = await context.client();
    if (context.options.watch === true && context.options.json !== true) return await watch(context, job!);
    const status =
      context.options.watch === true
        ? await last(client.watch(job!))
        : await whileSlow(context.terminal, 'Asking the worker', client.status(job!));
    return { code: codeOf(status), data: status, text: showStatus(context.terminal, status, context.options.full) };
  },
};

/** With `--json` and `--watch`: one document, when the job has ended. */
async function last(statuses: AsyncIterable<JobStatus>): Promise<JobStatus> {
  let latest: JobStatus | undefined;
  for await (const status of statuses) latest = status;
  return latest!;
}

async function watch(context: Context<Options>, job: string): Promise<Outcome> {
  const { terminal } = context;
  const interrupt = terminal.onInterrupt();
  const status = await followJob(terminal, await context.client(), job, { to: 'out', signal: interrupt });
  if (interrupt.aborted) return { code: EXIT.interrupted, data: undefined, text: '' };
  return { code: status === undefined ? EXIT.ok : codeOf(status), data: undefined, text: '' };
}

export function codeOf(status: Pick<JobStatus, 'state' | 'waitsForWorker' | 'subPlans'>): ExitCode {
  const { state, waitsForWorker } = status;
  if (asksAnybody(status)) return EXIT.waiting;
  if (waitsForWorker?.kind === 'no-worker') return EXIT.unreachable;
  return state === 'failed' || state === 'aborted' || state === 'cancelled' ? EXIT.failed : EXIT.ok;
}

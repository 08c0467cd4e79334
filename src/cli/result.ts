/** `holdfast result`: how a job ended; with `--wait`, once it has. */
import { Option } from 'commander';
import type { JobFailureInfo, JobResult } from '../client.ts';
import { CONNECTION_OPTIONS, EXIT, type CommandSpec, type Outcome } from './command.ts';
import { followJob } from './follow.ts';
import { showOpen } from './show-open.ts';
import { showSubPlans } from './show-sub-plans.ts';
import { whileSlow, type Terminal } from './terminal.ts';
import { shellWord } from '../model/shell-word.ts';

interface Options {
  readonly wait?: boolean;
}

export const resultCommand: CommandSpec<Options> = {
  name: 'result',
  arguments: [['<job>', "the job's Workflow id"]],
  description:
    'Exit code 0 when it completed, 1 when it failed, 3 when it waits for a person, 6 while it is running. ' +
    'Needs no worker.',
  options: [
    new Option('--wait', 'until the job has ended, however long a person takes; progress goes to standard error'),
    ...CONNECTION_OPTIONS,
  ],
  examples: [
    ['holdfast result city-weather-1a2b3c4d', ''],
    ["holdfast result city-weather-1a2b3c4d --wait --json | jq '.result.outputs'", ''],
  ],
  async run(context, [job]) {
    const client = await context.client();
    const { terminal } = context;
    if (context.options.wait === true) {
      const interrupt = terminal.onInterrupt();
      await followJob(terminal, client, job!, { to: 'err', signal: interrupt });
      if (interrupt.aborted)
        return { code: EXIT.interrupted, data: { workflowId: job!, outcome: 'running', interrupted: true }, text: '' };
    }
    return resultOutcome(terminal, await whileSlow(terminal, 'Asking', client.result(job!)));
  },
};

export function resultOutcome(terminal: Terminal, result: JobResult): Outcome {
  switch (result.outcome) {
    case 'completed':
      return { code: EXIT.ok, data: result, text: JSON.stringify(result.result, null, 2) };
    case 'running': {
      const { questions, subPlans = [], workflowId } = result;
      if ((questions !== undefined && questions.length > 0) || subPlans.length > 0) {
        const text = [
          `Job ${workflowId} waits for a person.`,
          ...showOpen(terminal, workflowId, questions ?? []),
          ...showSubPlans(terminal, subPlans),
        ].join('\n');
        return { code: EXIT.waiting, data: result, text };
      }
      const unknown =
        questions === undefined
          ? ' No worker could be asked whether it waits for a person; start one with: holdfast worker'
          : '';
      const wait = `holdfast result ${shellWord(workflowId)} --wait`;
      const text = `Job ${workflowId} is still running. Wait for it with: ${wait}`;
      return { code: EXIT.notEnded, data: result, text: `${text}\n${unknown.trim()}`.trimEnd() };
    }
    default:
      return {
        code: EXIT.failed,
        data: result,
        text: [
          `Job ${result.workflowId} ${terminal.style('red', ENDED[result.outcome])}: ${result.failure.message}`,
          ...causesUnsaid(result.failure).map(({ type, message }) => `  caused by ${type}: ${message}`),
        ].join('\n'),
      };
  }
}

/** A cause whose words are in the message already tells nothing. */
function causesUnsaid({ message, causes = [] }: JobFailureInfo): NonNullable<JobFailureInfo['causes']> {
  return causes.filter((cause) => !message.includes(cause.message));
}

const ENDED = {
  failed: 'has failed',
  aborted: 'was aborted',
  cancelled: 'was cancelled',
  terminated: 'was terminated',
  'timed-out': 'has timed out',
} as const;

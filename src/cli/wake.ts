/** `holdfast wake`: a job that is pinned to a version of its workers goes on with the version that is current. */
import type { WakeOutcome, Woken } from '../client.ts';
import { makeCurrent, versionName, versionText } from '../model/job/version.ts';
import { shellWord } from '../model/shell-word.ts';
import { CONNECTION_OPTIONS, EXIT, type CommandSpec } from './command.ts';
import type { ExitCode } from './exit-code.ts';
import { whileSlow } from './terminal.ts';

/** 0: the version that is not current need not be kept for this job. */
const CODES: Readonly<Record<WakeOutcome, ExitCode>> = {
  ended: EXIT.ok,
  'not-pinned': EXIT.ok,
  'is-current': EXIT.ok,
  moved: EXIT.ok,
  woken: EXIT.notEnded,
  busy: EXIT.notEnded,
  'none-current': EXIT.failed,
  stays: EXIT.failed,
};

export const wakeCommand: CommandSpec<object> = {
  name: 'wake',
  arguments: [['<job>', "the job's Workflow id"]],
  description:
    'It moves while it waits for a person or a timer, else at the end of the step that runs; it keeps its questions. ' +
    'Needs a worker of its version, and Temporal Server 1.31 or newer. Exit code 0 when it has moved or need not, 6 ' +
    "when it moves at the end of its step, 5 when no worker of its version answers, 1 when it can't be moved so.",
  options: CONNECTION_OPTIONS,
  examples: [['holdfast wake city-weather-1a2b3c4d', '']],
  async run(context, [job]) {
    const client = await context.client();
    const woken = await whileSlow(
      context.terminal,
      'Waking it, and looking whether it moves',
      client.wake(job!, { wait: true }),
    );
    return { code: CODES[woken.outcome], data: woken, text: textOf(woken) };
  },
};

function textOf(woken: Woken): string {
  const { workflowId: job, outcome, version } = woken;
  const on = version === undefined ? 'a worker without Worker Versioning' : `version ${versionText(version)}`;
  const nothing = 'nothing was done';
  switch (outcome) {
    case 'ended':
      return woken.requested ? `Job ${job} has ended.` : `Job ${job} had ended already; ${nothing}.`;
    case 'not-pinned':
      return version === undefined
        ? `Job ${job} is pinned to no version: no worker with Worker Versioning has had it; ${nothing}.`
        : `Job ${job} is pinned to no version: it goes on with the current one by itself (${on} now); ${nothing}.`;
    case 'is-current':
      return `Job ${job} is on ${on}, which is current; ${nothing}.`;
    case 'none-current':
      return noneCurrent(woken);
    case 'moved':
      return `Job ${job} goes on with ${on}.`;
    case 'woken':
    case 'busy':
      return (
        `Job ${job} was woken while a step runs, and is on ${on} until that has ended; then it moves to ` +
        `${currentText(woken)}. To see: holdfast status ${shellWord(job)}`
      );
    case 'stays':
      return stays(woken, on);
  }
}

function currentText({ current }: Woken): string {
  return current === undefined ? 'the current version' : `version ${versionName(current)}`;
}

function noneCurrent({ workflowId, version }: Woken): string {
  const { deploymentName } = version!;
  return (
    `Job ${workflowId} is on version ${versionText(version!)}, and no version of deployment ${deploymentName} is ` +
    'current, so it stays; nothing was done. Make one current, then wake it again:\n' +
    `  ${makeCurrent({ deploymentName, buildId: 'BUILD_ID' })}`
  );
}

function stays(woken: Woken, on: string): string {
  const job = shellWord(woken.workflowId);
  return (
    `Job ${woken.workflowId} was woken and is on ${on} still, although nothing of it runs: either the server has not ` +
    `told it of ${currentText(woken)} (one older than 1.31 does not, a newer one may need some seconds: wake it ` +
    'again), or its own Workflow waits for something that is no step, no question and no `job.sleep`. Move it ' +
    'without a new Run, then:\n' +
    `  temporal workflow update-options --workflow-id ${job} --versioning-override-behavior auto_upgrade`
  );
}

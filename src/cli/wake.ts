/** `holdfast wake`: a job that is pinned to a version of its workers goes on with the version that is current. */
import { setTimeout as delay } from 'node:timers/promises';
import type { HoldfastClient } from '../client.ts';
import { isSameVersion, versionText, type JobVersion } from '../model/job/version.ts';
import { shellWord } from '../model/shell-word.ts';
import { CONNECTION_OPTIONS, EXIT, type CommandSpec } from './command.ts';
import { whileSlow } from './terminal.ts';

/** A job that waits moves within a second. */
const LOOKS = 10;
const LOOK_EVERY_MS = 500;

export const wakeCommand: CommandSpec<object> = {
  name: 'wake',
  arguments: [['<job>', "the job's Workflow id"]],
  description:
    'It moves while it waits for a person or a timer, else at the end of the step that runs; it keeps its questions. ' +
    'Needs a worker of its version, and Temporal Server 1.31 or newer.',
  options: CONNECTION_OPTIONS,
  examples: [['holdfast wake city-weather-1a2b3c4d', '']],
  async run(context, [job]) {
    const client = await context.client();
    const { version: before } = await client.describe(job!);
    if (before?.behavior !== 'pinned') {
      const why = before === undefined ? 'its workers run without Worker Versioning' : versionText(before);
      const text = `Job ${job!} is pinned to no version (${why}); nothing was done.`;
      return { code: EXIT.ok, data: { workflowId: job!, requested: false, version: before }, text };
    }
    const { requested } = await client.wake(job!);
    if (!requested) {
      const text = `Job ${job!} had ended already; nothing was done.`;
      return { code: EXIT.ok, data: { workflowId: job!, requested, version: before }, text };
    }
    const after = await whileSlow(context.terminal, 'Looking whether it moves', versionAfter(client, job!, before));
    const text = isSameVersion(before, after)
      ? stays(job!, before)
      : `Job ${job!} goes on with version ${versionText(after)}.`;
    return { code: EXIT.ok, data: { workflowId: job!, requested, version: after }, text };
  },
};

async function versionAfter(client: HoldfastClient, job: string, before: JobVersion): Promise<JobVersion> {
  let now = before;
  for (let look = 0; look < LOOKS && isSameVersion(before, now); look++) {
    await delay(LOOK_EVERY_MS);
    now = (await client.describe(job)).version ?? now;
  }
  return now;
}

function stays(job: string, version: JobVersion): string {
  const move = `temporal workflow update-options --workflow-id ${shellWord(job)}`;
  return (
    `Job ${job} was woken and is on version ${versionText(version)} still. It moves when its step has ended, ` +
    'if another version is current by then. Where that version is current and nothing runs, no worker of its own ' +
    'version is there, or the server is older than 1.31; move it without a new Run, then:\n' +
    `  ${move} --versioning-override-behavior auto_upgrade`
  );
}

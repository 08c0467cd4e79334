/** `holdfast start`: checks a plan and its input, then starts a job. */
import { Option } from 'commander';
import {
  collect,
  CONFIG_OPTIONS,
  CONNECTION_OPTIONS,
  EXIT,
  TASK_QUEUE_OPTION,
  type CommandSpec,
  type Context,
  type Outcome,
} from './command.ts';
import { followJob } from './follow.ts';
import { badPlan, builtInMeant, checkPlanFile, readInput, refuseMisspelledStep, stepsOnTrust } from './plan-file.ts';
import { resultOutcome } from './result.ts';
import { whileSlow } from './terminal.ts';
import { warnUnpolled } from './without-worker.ts';
import { defined } from '../model/defined.ts';
import { makeCurrent } from '../model/job/version.ts';
import { shellWord } from '../model/shell-word.ts';

interface Options {
  readonly input?: readonly string[];
  readonly workspace?: string;
  readonly id?: string;
  readonly wait?: boolean;
}

export const startCommand: CommandSpec<Options> = {
  name: 'start',
  arguments: [
    ['<plan>', 'a plan in YAML or JSON; - for standard input'],
    ['[input...]', "the job's input as name=value"],
  ],
  description:
    'The plan and its input are checked before anything is started. ' +
    'name=value takes JSON where it is JSON and the plan does not ask for text.',
  options: [
    new Option(
      '-i, --input <json>',
      'input as JSON, @file, - (standard input) or name=value; may be repeated',
    ).argParser(collect),
    new Option('--workspace <folder>', "in place of the plan's; a relative path starts at the worker's workspace root"),
    new Option('--id <job>', "the job's Workflow id; default: the plan's name and eight random digits"),
    new Option(
      '--wait',
      'until the job has ended, or asks a person and no terminal is there; progress goes to standard error',
    ),
    TASK_QUEUE_OPTION,
    ...CONFIG_OPTIONS,
    ...CONNECTION_OPTIONS,
  ],
  examples: [
    ['holdfast start plan.yaml city=Paris days=3', ''],
    ['holdfast start plan.yaml --input @input.json --wait', 'until it has ended'],
    ['holdfast start plan.yaml --id nightly', 'refused while a job of this id is running'],
  ],
  async run(context, [file], given) {
    const { terminal, options } = context;
    const config = await context.config();
    const knownSteps = config.files.length === 0 ? undefined : config.steps.map(({ contract }) => contract);
    const checked = await checkPlanFile(terminal, file!, knownSteps);
    if (!checked.ok) throw badPlan(checked.problems, file!);
    const onTrust = stepsOnTrust(checked.plan, knownSteps);
    refuseMisspelledStep(onTrust);
    const unsure = onTrust.map(builtInMeant).filter((text) => text.endsWith('?)'));
    if (unsure.length > 0)
      terminal.err(`Taken on trust, as no configuration names steps here: ${unsure.join(', ')}.\n`);
    const input = await readInput(terminal, checked.plan, [...(options.input ?? []), ...given]);
    const client = await context.client();
    const started = await whileSlow(
      terminal,
      'Starting',
      client.start(checked.plan, {
        input,
        ...defined({ workspace: options.workspace, workflowId: options.id, knownSteps }),
      }),
    );
    const { workflowId, taskQueue } = started;
    const pollers = await warnUnpolled(context, taskQueue);
    const idle = pollers.workflow.find(({ version }) => version !== undefined)?.version;
    if (pollers.isPolled && pollers.workflow.every(({ isIdle }) => isIdle) && idle !== undefined)
      terminal.err(
        `Workers are running on Task Queue ${taskQueue}, of a version that gets no jobs as it is not current; ` +
          `the job waits. To make it current: ${makeCurrent(idle)}\n`,
      );
    if (options.wait === true) return await waitForJob(context, workflowId, 'Started');
    const text = [
      `Started ${terminal.style('bold', workflowId)}: ` +
        `plan ${started.plan}, workspace ${started.workspace}, Task Queue ${taskQueue}`,
      `  watch it:  holdfast status ${shellWord(workflowId)} --watch`,
      `  its end:   holdfast result ${shellWord(workflowId)} --wait`,
    ].join('\n');
    return { code: EXIT.ok, data: started, text };
  },
};

/** @param did what was done to it, for the line that is said first */
export async function waitForJob(context: Context, job: string, did: 'Started' | 'Resumed'): Promise<Outcome> {
  const { terminal } = context;
  const client = await context.client();
  const interrupt = terminal.onInterrupt();
  terminal.err(`${did} ${job}. Ctrl-C ends the waiting, not the job.\n`);
  // Nobody is at hand who could answer: a script has to learn that somebody must.
  const untilAsked = !terminal.isInteractive;
  await followJob(terminal, client, job, { to: 'err', signal: interrupt, untilAsked });
  if (interrupt.aborted)
    return {
      code: EXIT.interrupted,
      data: { workflowId: job, outcome: 'running', interrupted: true },
      text: `Job ${job} goes on. Its end: holdfast result ${shellWord(job)} --wait`,
    };
  return resultOutcome(terminal, await client.result(job));
}

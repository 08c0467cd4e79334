/** `holdfast question`: what a job asks, with differences and everything that can be answered. */
import { Option } from 'commander';
import type { HoldfastClient } from '../client.ts';
import { WorkspaceInspection } from '../protocol/inspect/inspection.ts';
import { defined } from '../model/defined.ts';
import type { JobStatus } from '../model/job/status.ts';
import { askingOf } from '../client/sub-plan-states.ts';
import { someOf } from '../model/list.ts';
import type { Question } from '../model/question/question.ts';
import { CONFIG_OPTIONS, CONNECTION_OPTIONS, EXIT, type CommandSpec, type Context } from './command.ts';
import { showQuestion } from './show-question.ts';
import { showSubPlans } from './show-sub-plans.ts';
import { whileSlow } from './terminal.ts';
import { workspaceFor } from './workspace-for.ts';

interface Options {
  readonly question?: string;
  readonly full?: boolean;
}

export const QUESTION_OPTION = new Option(
  '--question <digest>',
  "the question's digest or its first 8 digits or more; default: the only open one",
);

export const questionCommand: CommandSpec<Options> = {
  name: 'question',
  arguments: [['<job>', "the job's Workflow id"]],
  description: 'Exit code 3 when something is asked, 0 when nothing is.',
  options: [
    QUESTION_OPTION,
    new Option(
      '--full',
      'every finding with all that the record has of its difference, read in the workspace: only on its host',
    ),
    ...CONFIG_OPTIONS,
    ...CONNECTION_OPTIONS,
  ],
  examples: [
    ['holdfast question city-weather-1a2b3c4d', ''],
    ['holdfast question city-weather-1a2b3c4d --full', 'nothing cut that the record has'],
    ["holdfast question city-weather-1a2b3c4d --json | jq '.questions[].findings[].resource'", ''],
  ],
  async run(context, [job]) {
    const client = await context.client();
    const asked =
      context.options.question === undefined
        ? client.questions(job!)
        : client.openQuestion(job!, context.options.question).then((question) => [question]);
    // At once: where the worker has to read the job's history first, it does so for both.
    const [open, about] = await whileSlow(
      context.terminal,
      'Asking the worker',
      Promise.all([asked, askingJob(client, job!)]),
    );
    const isRecorded = open.some(({ kind }) => kind !== 'checkpoint');
    const questions = context.options.full === true && isRecorded ? await asRecorded(context, job!, open) : open;
    const within = askingOf(about?.subPlans);
    const shown = questions.map((question) => showQuestion(context.terminal, job!, question, about));
    const text = [
      ...(questions.length === 0 ? [`Job ${job!} asks nothing${within.length === 0 ? '' : ' itself'}.`] : shown),
      ...(within.length === 0 ? [] : [showSubPlans(context.terminal, within).join('\n').trim()]),
    ].join('\n\n');
    const data = { workflowId: job!, questions, ...defined({ subPlans: someOf(within) }) };
    return { code: questions.length + within.length === 0 ? EXIT.ok : EXIT.waiting, data, text };
  },
};

/** Undefined: its worker is gone by now. */
export async function askingJob(client: HoldfastClient, job: string): Promise<JobStatus | undefined> {
  return await client.status(job).catch(() => undefined);
}

/** The questions as the record has them, whole. @throws HoldfastError `not-found`: the workspace is not here */
async function asRecorded(
  context: Context<Options>,
  job: string,
  open: readonly Question[],
): Promise<readonly Question[]> {
  const { folder } = await workspaceFor(context, await context.config(), job);
  await using inspection = await WorkspaceInspection.open(folder, context.terminal.env);
  const recorded = new Map(
    inspection
      .jobs()
      .flatMap(({ jobId }) => inspection.openQuestions(jobId).map((question) => [question.digest, question])),
  );
  // A damaged record can't keep its own question; then what travelled is all there is.
  return open.map((question) => recorded.get(question.digest) ?? question);
}

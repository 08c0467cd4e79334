/** `holdfast question`: what a job asks, with differences and everything that can be answered. */
import { Option } from 'commander';
import { CONNECTION_OPTIONS, EXIT, type CommandSpec } from './command.ts';
import { showQuestion } from './show-question.ts';
import { whileSlow } from './terminal.ts';

interface Options {
  readonly question?: string;
}

export const QUESTION_OPTION = new Option('--question <digest>', "the question's digest or its first 8 digits or more; default: the only open one");

export const questionCommand: CommandSpec<Options> = {
  name: 'question',
  arguments: [['<job>', "the job's Workflow id"]],
  summary: 'show what a job asks: differences, answers, how to answer',
  description: 'Exit code 3 when something is asked, 0 when nothing is.',
  options: [QUESTION_OPTION, ...CONNECTION_OPTIONS],
  examples: [
    ['holdfast question city-weather-1a2b3c4d', ''],
    ["holdfast question city-weather-1a2b3c4d --json | jq '.questions[].findings[].resource'", ''],
  ],
  async run(context, [job]) {
    const client = await context.client();
    const asked = context.options.question === undefined ? client.questions(job!) : client.openQuestion(job!, context.options.question).then((question) => [question]);
    const questions = await whileSlow(context.terminal, 'Asking the worker', asked);
    const text = questions.length === 0 ? `Job ${job!} asks nothing.` : questions.map((question) => showQuestion(context.terminal, job!, question)).join('\n\n');
    return { code: questions.length === 0 ? EXIT.ok : EXIT.waiting, data: { workflowId: job!, questions }, text };
  },
};

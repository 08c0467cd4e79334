/**
 * A worker process that runs one command as a step, and may kill itself. Its answer (child-process.ts) is what came of
 * the step.
 */
import type { Decision } from '../../src/model/question/decision.ts';
import type { Question } from '../../src/model/question/question.ts';
import type { CommandOptions } from '../../src/model/step/step-command.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { openTestJob, QuestionAsked, type TestJob, type TestJobMemory } from '../../src/testing.ts';
import { shell, shellSteps } from './command-step.ts';
import { killingHook, type Killing } from './killing.ts';

export interface CommandOrder extends Killing {
  readonly workspace: string;
  readonly run: string;
  readonly options?: CommandOptions;
  readonly memory: TestJobMemory;
  /** What a person answers to the first question. */
  readonly decide?: Pick<Decision, 'answer' | 'result'>;
}

export type CommandEnd = { readonly output: unknown } | { readonly question: Question } | { readonly failure: string };

async function carryOut(order: CommandOrder): Promise<CommandEnd> {
  setFaultHook(killingHook(order));
  const job = openTestJob({
    workspace: order.workspace,
    resume: order.memory,
    steps: shellSteps,
    workerId: `worker-${process.pid}`,
    env: { PATH: process.env['PATH'] },
  });
  try {
    return await drive(job, order);
  } finally {
    setFaultHook(undefined);
    await job.close();
  }
}

async function drive(job: TestJob, { run, options, decide }: CommandOrder): Promise<CommandEnd> {
  const step = async (): Promise<CommandEnd> => ({
    output: await job.step(
      shell,
      { run, ...(options === undefined ? {} : { options }) },
      { stepId: 'command', maxAttempts: 1 },
    ),
  });
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof QuestionAsked)) return { failure: (error as Error).message };
    if (decide === undefined) return { question: error.question };
    await job.decide(error.question, decide);
    return await step();
  }
}

if (process.argv[2] === 'command')
  process.stdout.write(`${JSON.stringify(await carryOut(JSON.parse(process.argv[3]!) as CommandOrder))}\n`);

/** The Workflow: the AI SDK's own loop. The model's answers and the tools are guarded steps. */
import { generateText, isStepCount } from 'ai';
import { guardAgent } from 'holdfast/agents';
import { openJob } from 'holdfast/workflow';
import { edit, read, test } from './contracts.ts';

export interface MendInput {
  readonly workspace: string;
  readonly model: string;
  readonly task: string;
}

export async function mend(input: MendInput): Promise<string> {
  return await openJob({ workspace: input.workspace, args: [input] }, async (job) => {
    const { guardModel, guardTool, askTool } = guardAgent(job);
    const { text } = await generateText({
      model: guardModel(input.model),
      instructions: 'You mend a small repository. Change as little as possible.',
      prompt: input.task,
      tools: {
        read: guardTool(read),
        edit: guardTool(edit, { approval: 'before-apply' }),
        test: guardTool(test, { timeoutMs: 60_000 }),
        ask: askTool(),
      },
      stopWhen: isStepCount(20),
    });
    return text;
  });
}

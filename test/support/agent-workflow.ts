/** An agent in a guarded Workflow, which may start anew between any two steps. */
import { temporalProvider } from '@temporalio/ai-sdk/workflow';
import { generateText, isStepCount } from 'ai';
import * as z from 'zod';
import { guardAgent } from '../../src/agents/index.ts';
import { defined } from '../../src/model/defined.ts';
import { defineStep } from '../../src/model/step/step.ts';
import { openJob } from '../../src/workflows/open-job.ts';

export const readTool = defineStep({
  name: 'read',
  description: 'Read a file.',
  input: z.object({ path: z.string() }),
  output: z.object({ text: z.string() }),
});
export const writeTool = defineStep({
  name: 'write',
  input: z.object({ path: z.string(), text: z.string(), folder: z.string() }),
  output: z.object({}),
});
export const failingTool = defineStep({ name: 'failing', input: z.object({}), output: z.object({}) });

export interface AgentInput {
  readonly workspace: string;
  readonly continueAsNewAfterEvents?: number;
  /** Is its model the plugin's, which is only watched? Default: its answers are guarded steps. */
  readonly isWatched?: boolean;
}

export async function agentWorkflow(input: AgentInput): Promise<string> {
  const { workspace, continueAsNewAfterEvents, isWatched = false } = input;
  return await openJob({ workspace, args: [input], ...defined({ continueAsNewAfterEvents }) }, async (job) => {
    const { guardModel, guardTool, askTool } = guardAgent(job);
    const { text } = await generateText({
      model: guardModel(isWatched ? temporalProvider.languageModel('recorded') : 'recorded'),
      prompt: 'Do it.',
      tools: {
        read: guardTool(readTool),
        write: guardTool(writeTool, { given: { folder: 'out' }, approval: ({ path }) => path === 'risky' }),
        failing: guardTool(failingTool, {
          retry: { maxAttempts: 1, initialIntervalMs: 1, backoffCoefficient: 1, maxIntervalMs: 1 },
        }),
        ask: askTool(),
      },
      stopWhen: isStepCount(10),
    });
    return text;
  });
}

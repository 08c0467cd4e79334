/** A tool by which the model asks a person: an approval of nothing, whose reason is the answer. */
import type { Tool } from 'ai';
import { invariant } from '../model/invariant.ts';
import type { StepInput } from '../model/step/step.ts';
import { toolSchema } from '../model/step/tool-schema.ts';
import { askStep } from './contracts.ts';
import type { ToolParts } from './guarded-tool.ts';
import { rejectionIn } from './told-to-model.ts';
import { toolInputSchema } from './tool-input-schema.ts';

/** What the tool gives to the model when a person has answered. */
export interface PersonsAnswer {
  /** What the person wrote: the reason of the decision. */
  readonly answer: string;
  /** Who answered. */
  readonly by: string;
  /** `approve` was a yes, `reject` a no. */
  readonly yes: boolean;
}

/** A tool of the AI SDK by which the model asks a person. */
export type AskTool = Tool<StepInput<typeof askStep>, PersonsAnswer>;

export function makeAskTool({ job, conversation }: ToolParts, given: string | undefined): AskTool {
  const { inputSchema, description } = toolSchema(askStep, { name: 'ask' });
  const execute = async (input: StepInput<typeof askStep>): Promise<PersonsAnswer> =>
    await conversation.call('ask', async (stepId) => {
      try {
        await job.step(askStep, input, { id: stepId, approval: 'always', onReject: 'fail' });
        const approval = job.approvalOf(stepId);
        invariant(approval !== undefined, `step ${stepId} is done because a person approved it`);
        return { answer: approval.reason, by: approval.by, yes: true };
      } catch (error) {
        const rejection = rejectionIn(error);
        if (rejection !== undefined) return { answer: rejection.reason, by: rejection.by, yes: false };
        conversation.end(error);
        throw error;
      }
    });
  const tool = { description: given ?? description, inputSchema: toolInputSchema(askStep, inputSchema, {}), execute };
  return tool as unknown as AskTool;
}

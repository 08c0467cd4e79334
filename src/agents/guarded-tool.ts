/** A tool whose call is a guarded step, as the AI SDK takes one. */
import type { Tool } from 'ai';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
import { refuseUnknownOptions, type OptionNames } from '../model/options.ts';
import type { StepContract, StepInput, StepOutput } from '../model/step/step.ts';
import { toolSchema } from '../model/step/tool-schema.ts';
import type { Job, StepOptions } from '../workflows/guarded-job.ts';
import type { Conversation } from './conversation.ts';
import { asToldToModel } from './told-to-model.ts';
import { toolInputSchema } from './tool-input-schema.ts';

/** How a step is offered to the model as a tool. */
export interface ToolOptions<C extends StepContract = StepContract> extends Pick<StepOptions, 'timeoutMs' | 'retry'> {
  /** Default: the contract's. */
  readonly description?: string;
  /** Fields of the input that the Workflow fills in; the model neither sees nor sets them. Default: none. */
  readonly given?: Partial<StepInput<C>>;
  /** Stop with the exact changes and ask a person; a function says for which calls. Default: never. */
  readonly approval?: 'before-apply' | ((input: StepInput<C>) => boolean);
  /** What a rejection does. `tell`: the model is told who and why. `rerun`: the step's code is. Default: `tell`. */
  readonly onReject?: 'tell' | 'rerun';
  /** When the step's attempts have failed. `tell`: the model is told. `ask`: a person is asked. Default: `tell`. */
  readonly onFailure?: 'tell' | 'ask';
}

const TOOL_OPTIONS: OptionNames<ToolOptions> = {
  description: true,
  given: true,
  approval: true,
  onReject: true,
  onFailure: true,
  timeoutMs: true,
  retry: true,
};

/** A step's id has at most 120 characters; turns and calls need some of them. */
const MAX_NAMES_CHARACTERS = 100;

export interface ToolParts {
  readonly job: Job;
  readonly conversation: Conversation;
  /** Of the agent. */
  readonly name: string;
}

/** A tool of the AI SDK whose calls are guarded steps. */
export type GuardedTool<C extends StepContract> = Tool<StepInput<C>, StepOutput<C>>;

/** @throws HoldfastError `bad-input` */
export function makeGuardedTool<C extends StepContract>(
  { job, conversation, name }: ToolParts,
  contract: C,
  options: ToolOptions<C>,
): GuardedTool<C> {
  refuseUnknownOptions(`guardTool of ${contract.name}`, options, TOOL_OPTIONS);
  if (name.length + contract.name.length > MAX_NAMES_CHARACTERS)
    throw new HoldfastError('bad-input', `${name} and ${contract.name} are together too long for the ids of steps.`, {
      nextStep: `Shorten one of them: ${MAX_NAMES_CHARACTERS} characters at most.`,
    });
  const given = options.given ?? {};
  const { inputSchema, description } = toolSchema(contract, {
    name: 'tool',
    without: Object.keys(given),
    ...defined({ description: options.description }),
  });
  const execute = async (input: object): Promise<StepOutput<C>> =>
    await conversation.call(contract.name, async (stepId) => {
      const whole = { ...input, ...given } as StepInput<C>;
      try {
        return await job.step(contract, whole, { id: stepId, ...stepOptions(options, whole) });
      } catch (error) {
        const told = asToldToModel(stepId, error);
        if (told === undefined) conversation.end(error);
        throw told ?? error;
      }
    });
  const tool = { ...defined({ description }), inputSchema: toolInputSchema(contract, inputSchema, given), execute };
  return tool as unknown as GuardedTool<C>;
}

function stepOptions<C extends StepContract>(options: ToolOptions<C>, input: StepInput<C>): StepOptions {
  const { approval, onReject = 'tell', onFailure = 'tell', timeoutMs, retry } = options;
  const isAsked = typeof approval === 'function' ? approval(input) : approval !== undefined;
  return {
    onReject: onReject === 'tell' ? 'fail' : 'rerun',
    onFailure: onFailure === 'tell' ? 'fail-for-good' : 'ask',
    ...defined({ approval: isAsked ? ('before-apply' as const) : undefined, timeoutMs, retry }),
  };
}

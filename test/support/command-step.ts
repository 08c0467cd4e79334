/** A step that runs one command, for tests: its input is what `ctx.command` takes. */
import * as z from 'zod';
import type { CommandResult } from '../../src/model/step/command-result.ts';
import type { CommandOptions } from '../../src/model/step/step-command.ts';
import { defineStep, implementStep, type StepImplementation } from '../../src/model/step/step.ts';

export const shell = defineStep({
  name: 'shell',
  input: z.object({ run: z.union([z.string(), z.array(z.string())]), options: z.any().optional() }),
  output: z.any(),
});

export const shellSteps = [
  implementStep(shell, async (ctx, { run, options }) => {
    const given = { ...(options as CommandOptions | undefined), ...(typeof run === 'string' ? { shell: true } : {}) };
    return (await ctx.command(run, given)) satisfies CommandResult;
  }),
] as unknown as readonly StepImplementation[];

/** The code of the built-in step that runs a command. */
import { defined } from '../model/defined.ts';
import { commandStep, MAX_COMMAND_OUTPUT_CHARACTERS } from '../model/step/built-in/command.ts';
import { implementStep } from '../model/step/step.ts';

export const command = implementStep(
  commandStep,
  async (ctx, { run, inDoubt, timeoutMs, maxOutputBytes, paths, ...options }) => {
    const { exitCode, stdout, stderr, log, changed } = await ctx.command(run, {
      ...options,
      ...defined({ inDoubt, timeoutMs, maxOutputBytes, paths }),
    });
    return {
      exitCode,
      stdout: endOf(stdout),
      stderr: endOf(stderr),
      log: log.content,
      written: changed.written + changed.links + changed.folders,
      removed: changed.removed,
    };
  },
);

function endOf(text: string): string {
  return text.length <= MAX_COMMAND_OUTPUT_CHARACTERS ? text : `…${text.slice(1 - MAX_COMMAND_OUTPUT_CHARACTERS)}`;
}

/** The code of the tools. What it reads is recorded; what it writes is applied once, after a person approved it. */
import { implementStep } from 'holdfast';
import { edit, read, test } from './contracts.ts';

const MAX_OUTPUT_CHARACTERS = 4_000;

const readFile = implementStep(read, async (ctx, { path }) => ({ text: await ctx.files.readText(path) }));

const editFile = implementStep(edit, async (ctx, { path, find, replace }) => {
  const text = await ctx.files.readText(path);
  const pieces = text.split(find);
  // The model is told, and tries otherwise.
  if (pieces.length !== 2) throw new Error(`"find" occurs ${pieces.length - 1} times in ${path}; expected once`);
  await ctx.files.write(path, pieces.join(replace));
  return { changed: path };
});

/** On a private copy of the repository: what the tests leave behind is applied with the step, once. */
const runTests = implementStep(test, async (ctx) => {
  const { exitCode, stdout } = await ctx.command(['node', '--test', '--test-reporter=tap'], { okExitCodes: [0, 1] });
  return { passed: exitCode === 0, output: stdout.slice(-MAX_OUTPUT_CHARACTERS) };
});

export const steps = [readFile, editFile, runTests];

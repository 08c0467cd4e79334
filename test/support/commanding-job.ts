/** A job with a step that runs one command, and a step whose code each test gives. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import * as z from 'zod';
import type { FailureType } from '../../src/model/failures.ts';
import type { CommandResult } from '../../src/model/step/command-result.ts';
import type { CommandOptions } from '../../src/model/step/step-command.ts';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { defineStep, implementStep, openTestJob } from '../../src/testing.ts';
import { shell, shellSteps } from './command-step.ts';
import { questionFrom } from './questions.ts';
import { snapshotFiles } from './snapshot.ts';
import { forEachTest, TestedJob } from './tested-job.ts';

export const free = defineStep({ name: 'free', input: z.object({}), output: z.any() });
/** A sleep of a length that no other process uses, so that it can be found. */
export const OWN = `300.${process.pid}`;
export const env = { PATH: process.env['PATH'], FROM_WORKER: 'of the worker', SECRET: 'not for commands' };

export class CommandingJob extends TestedJob {
  /** Of step `free`. */
  code: (ctx: StepContext) => unknown = () => ({});
  #refusals = 0;

  override begin(): void {
    const freeCode = implementStep(free, async (ctx) => (await this.code(ctx)) ?? {});
    this.job = openTestJob({ steps: [...shellSteps, freeCode as never], env });
  }

  async run(
    line: string | string[],
    options: CommandOptions = {},
    more: {
      readonly approval?: 'before-apply';
      readonly maxAttempts?: number;
      readonly timeoutMs?: number;
      readonly stepId?: string;
    } = {},
  ): Promise<CommandResult> {
    return (await this.job.step(shell, { run: line, options }, more)) as CommandResult;
  }

  /** What a person would be told of a step that can't go on; nothing of the workspace has changed. */
  async refused(type: FailureType, line: string | string[], options: CommandOptions = {}): Promise<string> {
    const before = snapshotFiles(this.job.workspace);
    const stepId = `refused-${++this.#refusals}`;
    const question = await questionFrom(this.run(line, options, { maxAttempts: 1, stepId }));
    assert.deepEqual(snapshotFiles(this.job.workspace), before, 'nothing is applied');
    assert.deepEqual(this.copies(), [], 'no copy is left');
    const [finding] = question.findings;
    assert.match(finding!.found.text, new RegExp(`^${type}: `));
    return finding!.difference;
  }

  copies(): readonly string[] {
    return existsSync(this.at('.holdfast/commands')) ? readdirSync(this.at('.holdfast/commands')) : [];
  }
}

export function testCommandingJob(): CommandingJob {
  return forEachTest(new CommandingJob());
}

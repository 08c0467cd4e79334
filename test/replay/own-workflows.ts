/** Workflows of one's own whose histories are recorded. Never changed once a history of theirs is. */
import { CancellationScope, defineSignal, setHandler, sleep, workflowInfo } from '@temporalio/workflow';
import { guardAgent } from '../../src/agents/index.ts';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import { openJob } from '../../src/workflows/open-job.ts';

export * from '../../src/workflows/index.ts';

interface Input {
  readonly workspace: string;
}

export const giveUpSignal = defineSignal('give-up');

/** Starts anew at once, while a step still waits for an approval. */
export async function restartsWhileAStepWaits(input: Input): Promise<void> {
  await openJob({ workspace: input.workspace, args: [input], continueAsNewAfterEvents: 1 }, async (job) => {
    await Promise.all([
      job.step(fileWriteStep, { path: 'quick.txt', content: 'quick' }, { id: 'quick' }),
      job.step(fileWriteStep, { path: 'shown.txt', content: 'shown' }, { id: 'shown', approval: 'before-apply' }),
    ]);
  });
}

/** Two steps wait for one comparison; the scope of the one that asked for it is cancelled. */
export async function givesUpOneOfTwo(input: Input): Promise<string> {
  return await openJob({ workspace: input.workspace, args: [input], verifyAfterMs: 0 }, async (job) => {
    const scope = new CancellationScope();
    setHandler(giveUpSignal, () => scope.cancel());
    await job.sleep(1_000);
    const given = scope.run(() => job.step(fileWriteStep, { path: 'a.txt', content: 'a' }, { id: 'a' }));
    const kept = job.step(fileWriteStep, { path: 'b.txt', content: 'b' }, { id: 'b' });
    const [a, b] = await Promise.allSettled([given, kept]);
    return `a ${a.status}, b ${b.status}`;
  });
}

/** Ends at once, after a scope with a limit: from then on its history shields what must not be cancelled. */
export async function endsAfterAScopeWithALimit(input: Input): Promise<void> {
  await openJob({ workspace: input.workspace, args: [input] }, async (job) => {
    await CancellationScope.withTimeout(60_000, () =>
      job.step(fileWriteStep, { path: 'a.txt', content: 'a' }, { id: 'a' }),
    );
  });
}

/** Gives options that nobody knows, as a program without types may. */
export async function givesUnknownOptions(input: Input): Promise<void> {
  const options = { workspace: input.workspace, args: [input], verifyAfterMinutes: 5 };
  await openJob(options, async (job) => {
    const unknown = { id: 'a', timeout: 5 };
    await job.step(fileWriteStep, { path: 'a.txt', content: 'a' }, unknown);
  });
}

/** Gives a step another input in its second Run, as one that depends on what is in no record does. */
export async function givesAnotherInputInANewRun(input: Input): Promise<void> {
  const isAnew = workflowInfo().continuedFromExecutionRunId !== undefined;
  await openJob({ workspace: input.workspace, args: [input], continueAsNewAfterEvents: 15 }, async (job) => {
    await job.step(fileWriteStep, { path: 'a.txt', content: isAnew ? 'second' : 'first' }, { id: 'a' });
    await job.sleep(1_000);
    await job.step(fileWriteStep, { path: 'b.txt', content: 'b' }, { id: 'b' });
  });
}

/** Its second Run was not given all results of the first: with room for one alone it was recorded. */
export async function needsWhatWasLeftOut(input: Input): Promise<void> {
  const isAnew = workflowInfo().continuedFromExecutionRunId !== undefined;
  const limit = isAnew ? {} : { continueAsNewAfterEvents: 26 };
  await openJob({ workspace: input.workspace, args: [input], ...limit }, async (job) => {
    for (const id of ['a', 'b', 'c']) await job.step(fileWriteStep, { path: `${id}.txt`, content: id }, { id });
  });
}

/** An agent as the loop of the AI SDK runs it, without its package: two answers of the model, a tool, a question. */
export async function agentInAJob(input: Input): Promise<string> {
  return await openJob({ workspace: input.workspace, args: [input] }, async (job) => {
    const { guardModel, guardTool, askTool } = guardAgent(job);
    const model = guardModel('recorded');
    const prompt = [{ role: 'user' as const, content: [{ type: 'text' as const, text: 'Do it.' }] }];
    const call = { toolCallId: 'call', messages: [], context: {} };
    await model.doGenerate({ prompt });
    await guardTool(fileWriteStep, { approval: 'before-apply' }).execute!({ path: 'a.txt', content: 'a' }, call);
    await askTool().execute!({ question: 'On?' }, call);
    const { content } = await model.doGenerate({ prompt });
    return JSON.stringify(content);
  });
}

/** A step and a timer end while the Workflow is busy, so that it hears of both at once; each is followed by a step. */
export async function stepBesideATimer(input: Input): Promise<void> {
  await openJob({ workspace: input.workspace, args: [input] }, async (job) => {
    const note = (id: string): Promise<unknown> => job.step(fileWriteStep, { path: `${id}.txt`, content: id }, { id });
    // As many turns from the timer to what follows it as a step once took.
    const elapsed = async (): Promise<void> => {
      await sleep(60).then(() => undefined);
    };
    await Promise.all([
      note('quick').then(beBusy),
      note('step').then(() => note('after-the-step')),
      elapsed().then(() => note('after-the-timer')),
    ]);
  });
}

/** Longer than the second that a server rounds timers to; the sandbox has no clock that moves. Not in replays. */
function beBusy(): void {
  const { isReplaying } = workflowInfo().unsafe;
  for (let turns = 0; !isReplaying && turns < 4_500_000_000; turns++);
}

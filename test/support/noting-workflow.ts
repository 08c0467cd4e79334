/** Workflows of one's own that note checkpoints: where they say so, or every so many steps. */
import { setHandler, sleep } from '@temporalio/workflow';
import { statusQuery } from '../../src/workflows/messages.ts';
import { openJob } from '../../src/workflows/open-job.ts';
import { measureStep, type OwnInput } from './own-workflow.ts';

export interface NotingInput extends OwnInput {
  /** Undefined: after each path. */
  readonly every?: number;
}

/** One path after the other; with `every` the first two at once. */
export async function notesAll(input: NotingInput): Promise<unknown> {
  const { workspace, continueAsNewAfterEvents, every, paths } = input;
  return await openJob(
    {
      workspace,
      args: [input],
      verifyAfterMs: 300,
      ...(continueAsNewAfterEvents === undefined ? {} : { continueAsNewAfterEvents }),
      ...(every === undefined ? {} : { checkpointEvery: every }),
      state: {
        order: { reducer: 'append', initial: [] as readonly string[] },
        longest: { reducer: 'longest', initial: '' },
      },
      reducers: { longest: (held: string, written: string) => (written.length > held.length ? written : held) },
    },
    async (job) => {
      const measure = async (path: string): Promise<void> => void (await job.step(measureStep, { path }, { id: path }));
      const rest = every === undefined ? paths : paths.slice(2);
      if (every !== undefined) {
        await Promise.all(paths.slice(0, 2).map(measure));
        for (const path of paths.slice(0, 2)) job.update({ order: path, longest: path });
      }
      for (const [index, path] of rest.entries()) {
        await measure(path);
        job.update({ order: path }, { node: path });
        job.update({ longest: path });
        if (every === undefined) await job.checkpoint({ next: [rest[index + 1] ?? 'last'] });
      }
      await job.sleep(input.waitMs);
      await job.step(measureStep, { path: paths[0]! }, { id: 'last' });
      return job.state;
    },
  );
}

/** What can't be noted, and a step that fails. */
export async function notesWrongly({ workspace }: { readonly workspace: string }): Promise<readonly string[]> {
  return await openJob({ workspace, args: [{ workspace }], state: { held: {}, more: {} } }, async (job) => {
    const told = async (noting: Promise<unknown>): Promise<string> =>
      await noting.then(
        () => 'noted',
        (error: unknown) => `${(error as { type?: string }).type}: ${(error as Error).message}`,
      );
    const all = [
      await told(job.checkpoint({ nxet: [] } as never)),
      await told(job.checkpoint({ next: [1] } as never)),
      await told(job.branches({ x: async (branch) => await branch.checkpoint() })),
      await told(job.branches({ x: async () => await job.checkpoint() })),
    ];
    await job.step(measureStep, { path: 'gone' }, { onFailure: 'fail' }).catch(() => undefined);
    all.push(await told(job.checkpoint()));
    job.update({ held: 'x'.repeat(600_000) });
    job.update({ more: 'y'.repeat(600_000) });
    all.push(await told(job.checkpoint()));
    job.update({ held: null, more: 'small' });
    return all;
  });
}

/** A job as a worker of an earlier version has it: it answers for its status, and for no checkpoint. */
export async function earlierJob(): Promise<void> {
  setHandler(statusQuery, () => ({}) as never);
  await sleep(5);
}

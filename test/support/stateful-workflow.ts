/** Workflows with a state: updates between steps, in branches, by reducers of their own; and some that are refused. */
import * as z from 'zod';
import { openJob } from '../../src/workflows/open-job.ts';
import { measureStep, type OwnInput } from './own-workflow.ts';

interface Measured {
  readonly path: string;
  readonly length: number;
}

export interface Ended {
  readonly state: unknown;
  readonly seen: readonly number[];
}

/** Two steps at once each time; each writes what it has found. */
export async function measuresAll(input: OwnInput): Promise<Ended> {
  const { workspace, continueAsNewAfterEvents } = input;
  return await openJob(
    {
      workspace,
      args: [input],
      verifyAfterMs: 300,
      ...(continueAsNewAfterEvents === undefined ? {} : { continueAsNewAfterEvents }),
      state: {
        files: { reducer: 'merge', by: 'path', initial: [] as readonly Measured[] },
        order: { reducer: 'append', initial: [] as readonly string[] },
        total: { reducer: 'sum' },
        largest: { reducer: 'max', initial: 0 },
        longest: { reducer: 'longest', initial: '' },
      },
      reducers: { longest: (held: string, written: string) => (written.length > held.length ? written : held) },
    },
    async (job) => {
      const seen: number[] = [];
      for (const path of input.paths) {
        const { length } = await job.step(measureStep, { path }, { id: path });
        job.update({ files: { path, length }, total: length, largest: length, longest: path }, { node: path });
        job.update({ order: [path] });
        seen.push(job.state.total);
      }
      await job.sleep(input.waitMs);
      // The world is compared before it.
      await job.step(measureStep, { path: input.paths[0]! }, { id: 'last' });
      return { state: job.state, seen };
    },
  );
}

/** Tells of each update that is refused why, and what the state holds then. */
export async function updatesWrongly({ workspace }: { readonly workspace: string }): Promise<readonly string[]> {
  return await openJob(
    { workspace, args: [{ workspace }], state: { any: { initial: 'as it was' }, total: { reducer: 'sum' } } },
    async (job) => {
      const cycle: Record<string, unknown> = {};
      cycle['self'] = cycle;
      const wrong: readonly object[] = [
        { any: { at: new Date(0) } },
        { any: [1, Number.NaN] },
        { any: { list: [undefined] } },
        { any: undefined },
        { any: new Map([[1, 2]]) },
        { any: cycle },
        { any: 'written', total: 'three' },
        { totl: 1 },
        { any: 'x'.repeat(1_100_000) },
      ];
      const told = wrong.map((update) => {
        try {
          job.update(update as never);
          return 'taken';
        } catch (error) {
          return `${(error as { type?: string }).type}: ${(error as Error).message}`;
        }
      });
      const kept = { list: [1] };
      job.update({ any: kept as never });
      kept.list.push(2);
      return await Promise.resolve([...told, JSON.stringify(job.state)]);
    },
  );
}

/** What a program without types may give; `unfit`: a schema that would change the initial value. */
export async function declaresWrongly({ workspace, options }: { workspace: string; options: object }): Promise<void> {
  const unfit = { state: { x: { initial: { n: 1, more: 2 }, schema: z.object({ n: z.number() }) } } };
  const given = 'unfit' in options ? unfit : options;
  await openJob({ workspace, args: [{ workspace, options }], ...given }, async () => await Promise.resolve());
}

export interface BranchesEnded {
  readonly state: unknown;
  readonly ids: readonly string[];
  readonly refused: readonly string[];
}

/** The first of two branches is the slower one; then branches that are refused. */
export async function measuresInBranches(input: OwnInput): Promise<BranchesEnded> {
  const { workspace, continueAsNewAfterEvents } = input;
  return await openJob(
    {
      workspace,
      args: [input],
      ...(continueAsNewAfterEvents === undefined ? {} : { continueAsNewAfterEvents }),
      state: { order: { reducer: 'append', initial: [] as readonly string[] }, total: { reducer: 'sum' }, last: {} },
    },
    async (job) => {
      const { fast } = await job.branches({
        slow: async (branch) => {
          const { length } = await branch.step(measureStep, { path: 'a' });
          await branch.sleep(input.waitMs);
          branch.update({ order: 'slow', total: length });
        },
        fast: async (branch) => {
          const { length } = await branch.step(measureStep, { path: 'b' });
          branch.update({ order: 'fast', total: length });
          await branch.step(measureStep, { path: 'b' });
          return branch.state.total;
        },
      });
      const refused: string[] = [];
      const refuse = async (bodies: Parameters<typeof job.branches>[0]): Promise<void> => {
        const why = await job.branches(bodies).then(
          () => 'taken',
          (error: unknown) => (error as Error).message,
        );
        refused.push(why);
      };
      const writes = (last: number) => async (branch: Pick<typeof job, 'update'>) =>
        await Promise.resolve(branch.update({ last, total: 100 }));
      await refuse({ x: writes(1), y: writes(2) });
      await refuse({ x: writes(1), y: () => Promise.reject(new Error('y fails')) });
      await refuse({ x: async () => await Promise.resolve(job.update({ last: 3 })) });
      await refuse({ x: async (branch) => await branch.branches({ z: writes(4) }) });
      job.update({ last: fast });
      return { state: job.state, ids: job.status.steps.map(({ id }) => id), refused };
    },
  );
}

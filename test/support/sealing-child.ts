/** A worker process whose job seals its checkpoints to a store, and may kill itself. Its answer is the job's id. */
import * as z from 'zod';
import { noteOf, type CheckpointNote } from '../../src/model/checkpoint/note.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { defineStep, implementStep, openTestJob } from '../../src/testing.ts';
import { freshMemory } from './fresh-memory.ts';
import { killingHook, type Killing } from './killing.ts';

export interface SealingOrder extends Killing {
  readonly workspace: string;
  readonly name: string;
  /** The store, as a plan may name it by reference. */
  readonly store: string;
}

export const STEPS = ['one', 'two', 'three'] as const;
/** Larger than what stands in a document. */
export const CONTENT = 'content '.repeat(1_000);

const write = defineStep({ name: 'write', input: z.object({ path: z.string() }), output: z.object({}) });
export const code = implementStep(write, async (ctx, { path }) => {
  await ctx.files.write(path, `${path} ${CONTENT}`);
  return {};
});

/** Of the input, and of the end of each step but the last. */
export function notes(): readonly CheckpointNote[] {
  const made: CheckpointNote[] = [];
  for (const [index, id] of STEPS.entries()) {
    const parent = made.at(-1)?.digest ?? null;
    const earlier = STEPS[index - 1];
    const tasks = earlier === undefined ? [] : [{ id: earlier, generation: 0, outcome: 'done' as const }];
    const input = earlier === undefined ? { begins: {}, job: { type: 'agentJob', args: [] } } : {};
    const source = earlier === undefined ? ('input' as const) : ('loop' as const);
    made.push(noteOf({ parent, source, step: index - 1, tasks, next: [id], writes: [], ...input }));
  }
  return made;
}

if (process.argv[2] !== undefined && process.argv[1]?.endsWith('sealing-child.ts') === true) {
  const { workspace, name, store, ...killing } = JSON.parse(process.argv[2]) as SealingOrder;
  setFaultHook(killingHook(killing));
  const job = openTestJob({
    workspace,
    steps: [code],
    resume: freshMemory(name),
    checkpoint: { store: '${{ env.CHECKPOINTS }}' },
    env: { CHECKPOINTS: store },
  });
  try {
    for (const [index, id] of STEPS.entries())
      await job.step(write, { path: `${id}.txt` }, { stepId: id, checkpoints: [notes()[index]!] });
    process.stdout.write(JSON.stringify({ jobId: job.jobId }));
  } finally {
    await job.close();
  }
}

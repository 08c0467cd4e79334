/** The types of a Workflow's state follow from its declaration: this file compiles only while they do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as z from 'zod';
import { guardAgent } from '../../src/agents/agent.ts';
import type { Json } from '../../src/model/canonical-json.ts';
import { openJob } from '../../src/workflows/open-job.ts';

interface Message {
  readonly id: string;
  readonly text: string;
  readonly role: 'user' | 'model';
}

const BASE = { workspace: 'w', args: [] };

async function typed(): Promise<readonly unknown[]> {
  return await openJob(
    {
      ...BASE,
      state: {
        messages: { reducer: 'append', initial: [] as readonly Message[] },
        byId: { reducer: 'merge', by: 'id', initial: [] as readonly Message[] },
        facts: { reducer: 'merge', initial: { wind: 1, rain: 'none' } },
        total: { reducer: 'sum' },
        latest: { reducer: 'max' },
        phase: { initial: 'begun' },
        checked: { schema: z.strictObject({ n: z.int() }) },
        any: {},
        longest: { reducer: 'longest', initial: '' },
      },
      reducers: { longest: (held: string, written: string) => (written.length > held.length ? written : held) },
    },
    async (job) => {
      guardAgent(job);
      const message = { id: 'a', text: 'b', role: 'user' } as const;
      job.update({ messages: message, byId: [message], facts: { wind: 2 }, total: 3, longest: 'x', any: [1] });
      job.update(
        { phase: 'gathered', checked: { n: 1 }, latest: '2026-11-28', messages: [message] },
        { node: 'gather' },
      );
      // @ts-expect-error -- text is no number
      job.update({ total: 'x' });
      // @ts-expect-error -- a message has a text
      job.update({ messages: [{ id: 'a' }] });
      // @ts-expect-error -- no such role
      job.update({ messages: [{ id: 'a', text: 'b', role: 'person' }] });
      // @ts-expect-error -- no such key
      job.update({ totl: 1 });
      // @ts-expect-error -- the reducer takes text
      job.update({ longest: 4 });
      // @ts-expect-error -- a state is read only
      job.state.total = 4;
      const messages: readonly Message[] = job.state.messages;
      const numbers: readonly (number | null)[] = [job.state.total, job.state.facts.wind, job.state.checked?.n ?? null];
      const texts: readonly string[] = [job.state.phase, job.state.longest];
      const any: Json = job.state.any;
      const { a, b } = await job.branches({
        a: async (branch) => await Promise.resolve(branch.state.total),
        b: async (branch) => await Promise.resolve(branch.update({ phase: 'b' })),
      });
      const total: number = a;
      return [messages, numbers, texts, any, total, b];
    },
  );
}

async function untyped(): Promise<void> {
  // @ts-expect-error -- no such reducer
  await openJob({ ...BASE, state: { x: { reducer: 'apend' } } }, async () => await Promise.resolve());
  await openJob(BASE, async (job) => await Promise.resolve(guardAgent(job)));
}

test('the types of a state follow from its declaration', () => {
  // Run they would need a Workflow.
  assert.deepEqual(
    [typed, untyped].map(({ length }) => length),
    [0, 0],
  );
});

/**
 * Holdfast: a guarded step each. Files and rows go through `ctx`; the service that honours keys is called with
 * `inDoubt: 'repeat'`, the one that knows none with the default, which asks. docs/context.md
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { connectHoldfast, type HoldfastClient, type Question } from '../../../src/client.ts';
import { implementStep, type StepImplementation } from '../../../src/model/step/step.ts';
import type { StepContext } from '../../../src/model/step/step-context.ts';
import { setFaultHook } from '../../../src/store/fault-point.ts';
import { createWorker } from '../../../src/worker.ts';
import type { KillPeer, KillPlace, Outcome } from '../kills/peer.ts';
import { amountOf, DRAFT, isBooking, JOURNAL, lineOf, PUBLISHED, REPORT, STEPS, type Work } from '../kills/work.ts';
import { actStep } from './five-contracts.ts';

const POLL_MS = 50;

export async function open(place: KillPlace, work: Work): Promise<KillPeer> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const { server, folder, prepared } = place;
  const taskQueue = folder;
  let current = 0;
  const step = implementStep(actStep, async (ctx, { job, index }) => {
    current = index;
    await act(ctx, job, index, work);
    return { step: index };
  });
  // Its files and rows are there by then, its record is not.
  setFaultHook((point) => {
    if (point === 'record.before') work.dieHere('applied', current);
  });
  const worker = await createWorker({
    connection: await NativeConnection.connect({ address: server.main }),
    address: server.main,
    taskQueue,
    workspaceRoot: folder,
    steps: [step] as unknown as readonly StepImplementation[],
    workflowBundle: { code: readFileSync(prepared, 'utf8'), sourceMap: '' },
    env: { OFFICE: place.databaseUrl, HOLDFAST_STATE_DIR: join(folder, 'state') },
  });
  const running = worker.run();
  running.catch(() => undefined);
  const client = await connectHoldfast({ address: server.main, taskQueue });
  const { workflow } = client.temporal.client;
  return {
    versions: { holdfast: ownVersion() },
    start: async (job) => void (await workflow.start('fiveSteps', { workflowId: job, taskQueue, args: [job] })),
    outcome: async (job) => await outcome(client, job),
    sees: async (job) => JSON.stringify(await client.describe(job)),
    goOn: async (job) => await answer(client, job),
    close: async () => {
      worker.shutdown();
      await running;
      await client.close();
    },
  };
}

async function act(ctx: StepContext, job: string, index: number, work: Work): Promise<void> {
  work.begins(index);
  const charge = async ({ key }: { readonly key: string }): Promise<null> => {
    await work.charge(job, index, key);
    return null;
  };
  const notify = async (): Promise<null> => {
    await work.notify(job, index);
    work.dieHere('call', index);
    return null;
  };
  await ctx.perform('charge', { inDoubt: 'repeat', run: charge });
  await ctx.perform('notify', { request: { job, index }, run: notify });
  const id = await ctx.once('id', () => randomUUID());
  const office = ctx.db('main');
  if (isBooking(index)) await office.insert('booking', { id, job, step: index, amount: amountOf(index) });
  await office.insert('entry', { id, job, step: index });
  await office.upsert('keyed_entry', { key: ctx.token, job, step: index });
  const journal = (await ctx.files.exists(JOURNAL)) ? await ctx.files.readText(JOURNAL) : '';
  await ctx.files.write(JOURNAL, journal + lineOf(index));
  if (index === 2) await ctx.files.write(REPORT, DRAFT);
  if (index === STEPS) await ctx.files.write(PUBLISHED, await ctx.files.readText(REPORT));
}

async function outcome(client: HoldfastClient, job: string): Promise<Outcome> {
  for (;;) {
    const { state } = await client.describe(job);
    if (state === 'completed') return { kind: 'completed' };
    if (state === 'waiting') {
      const questions = await client.questions(job).catch(() => []);
      if (questions.length > 0) return { kind: 'asked', question: questions.map(wordsOf).join('; ') };
    } else if (state !== 'running') {
      return { kind: 'failed', why: state };
    }
    await delay(POLL_MS);
  }
}

/** What was renamed has its old name again; what else was changed, and the call, is as the person wants it. */
async function answer(client: HoldfastClient, job: string): Promise<void> {
  const { digest, findings } = await client.openQuestion(job);
  const items = Object.fromEntries(
    findings.map(({ resource, class: kind, difference }) => {
      if (kind === 'in-doubt') return [resource, 'happened'] as const;
      return [resource, difference.includes('renamed') ? 'recheck' : 'accept'] as const;
    }),
  );
  const inDoubt = findings.filter(({ class: kind }) => kind === 'in-doubt');
  const calls = inDoubt.map(({ resource }) => [resource, null] as const);
  const results = calls.length === 0 ? {} : { results: Object.fromEntries(calls) };
  await client.decide(job, { digest, items, ...results, by: 'ada@example.com', reason: 'I have looked' });
}

function wordsOf({ findings }: Question): string {
  return findings
    .map(({ resource, kind, difference, expected, found, answers }) => {
      const what = difference === '' ? `expected ${expected.text}, found ${found.text}` : difference;
      return `${resource} ${kind}: ${what} → ${answers.join(', ')}`;
    })
    .join('; ');
}

function ownVersion(): string {
  const manifest = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }).version;
}

/**
 * A worker process that makes one call of a step, and kills itself where it is told. The step and how it sends are
 * here, for tests in the same process, too.
 */
import * as z from 'zod';
import type { Json } from '../../src/model/canonical-json.ts';
import type { Decision } from '../../src/model/question/decision.ts';
import { NotPerformed } from '../../src/model/step/not-performed.ts';
import type { Question } from '../../src/model/question/question.ts';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import {
  defineStep,
  implementStep,
  openTestJob,
  QuestionAsked,
  type TestJob,
  type TestJobMemory,
} from '../../src/testing.ts';
import { killingHook, type Killing } from './killing.ts';

export const pay = defineStep({ name: 'pay', input: z.object({ amount: z.number() }), output: z.any() });

/** `http-…`: by `ctx.http`, idempotent where it repeats; `http-get`: a GET, which changes nothing. */
export type InDoubt = 'ask' | 'repeat' | 'probe' | 'http-ask' | 'http-repeat' | 'http-get';

export interface PerformOrder extends Killing {
  readonly workspace: string;
  readonly url: string;
  readonly inDoubt: InDoubt;
  readonly refuse?: boolean;
  readonly memory: TestJobMemory;
  /** What a person answers to each question, by resource or for all. */
  readonly decide?: Pick<Decision, 'answer' | 'result'>;
}

export type PerformEnd = { readonly output: Json } | { readonly question: Question } | { readonly failure: string };

/** Sends a request. 429 and 503 say that nothing was done: `NotPerformed`. */
export async function send(url: string, key: string, body: Json, signal?: AbortSignal): Promise<Json> {
  const response = await fetch(url, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'idempotency-key': key, 'content-type': 'application/json' },
    redirect: 'manual',
    ...(signal === undefined ? {} : { signal }),
  });
  if (response.status === 429 || response.status === 503)
    throw new NotPerformed(`the endpoint answered ${response.status}`);
  if (response.status !== 200) throw new Error(`the endpoint answered ${response.status}`);
  return (await response.json()) as Json;
}

async function chargeByHttp(ctx: StepContext, url: string, amount: number, inDoubt: InDoubt): Promise<Json> {
  const isGet = inDoubt === 'http-get';
  const response = await ctx.http(
    'charge',
    isGet ? { url: `${url}/look` } : { url, method: 'POST', json: { amount }, idempotent: inDoubt === 'http-repeat' },
  );
  return response.json();
}

export async function charge(
  ctx: StepContext,
  url: string,
  request: Json,
  inDoubt: Exclude<InDoubt, `http-${string}`>,
  more: { readonly refuse?: boolean; readonly name?: string } = {},
): Promise<Json> {
  return await ctx.perform(more.name ?? 'charge', {
    request,
    inDoubt,
    run: async ({ key, signal }) => {
      if (more.refuse === true) throw new NotPerformed('not today');
      return await send(url, key, request, signal);
    },
    probe: async ({ key, signal }) => {
      const response = await fetch(`${url}/known/${key}`, { signal });
      return response.status === 200
        ? { happened: true, answer: (await response.json()) as Json }
        : { happened: false };
    },
  });
}

function isByHttp(inDoubt: InDoubt): inDoubt is Extract<InDoubt, `http-${string}`> {
  return inDoubt.startsWith('http-');
}

/** Makes the call of an order in this process. */
export async function carryOut(order: PerformOrder): Promise<PerformEnd> {
  const steps = [
    implementStep(pay, async (ctx, { amount }) => {
      const answer = isByHttp(order.inDoubt)
        ? await chargeByHttp(ctx, order.url, amount, order.inDoubt)
        : await charge(
            ctx,
            order.url,
            { amount },
            order.inDoubt,
            order.refuse === undefined ? {} : { refuse: order.refuse },
          );
      await ctx.files.write('receipt.json', JSON.stringify(answer));
      return answer;
    }),
  ];
  setFaultHook(killingHook(order));
  const job = openTestJob({
    workspace: order.workspace,
    resume: order.memory,
    steps: steps as never,
    http: { hosts: [order.url] },
    workerId: `worker-${process.pid}`,
  });
  try {
    return await drive(job, order);
  } finally {
    await job.close();
  }
}

async function drive(job: TestJob, order: PerformOrder): Promise<PerformEnd> {
  try {
    return { output: (await job.step(pay, { amount: 7 })) as Json };
  } catch (error) {
    if (error instanceof QuestionAsked && order.decide !== undefined) {
      await job.decide(error.question, order.decide);
      return await drive(job, { ...order, decide: undefined as never });
    }
    return error instanceof QuestionAsked ? { question: error.question } : { failure: (error as Error).message };
  }
}

if (process.argv[2] === 'perform') {
  const end = await carryOut(JSON.parse(process.argv[3]!) as PerformOrder);
  process.stdout.write(JSON.stringify(end));
}

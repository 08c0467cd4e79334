/** Guarded steps against bare Activities: one job, twenty jobs, a long job, and what a step costs in the history. */
import type { BenchServer, Variant } from '../bench-server.ts';
import type { Figure, FigureContext } from '../figure.ts';
import { median } from '../statistics.ts';

const JOB_STEPS = 100;
/** With `--quick`: what opening and ending a job costs then weighs more. */
const QUICK_JOB_STEPS = 20;
const JOBS_AT_ONCE = 20;
/** Steps to both sides of step 100 and step 1,000 whose median time stands for theirs. */
const AROUND = 50;
const EARLY_STEP = 100;
const LATE_STEP = 1000;

type Pair = readonly [against: Variant, measured: Variant];
const GUARDED: Pair = ['bare', 'guarded'];

/** Each round runs both, in turns which first: a machine that slows down meanwhile slows both. */
async function ratios(context: FigureContext, [against, measured]: Pair, rounds: number, measure: (server: BenchServer, variant: Variant) => Promise<number>): Promise<readonly number[]> {
  const server = await context.server();
  const values: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const order: readonly Variant[] = round % 2 === 0 ? [against, measured] : [measured, against];
    const taken: Record<string, number> = {};
    for (const variant of order) taken[variant] = await measure(server, variant);
    const ratio = taken[measured]! / taken[against]!;
    context.say(`  round ${round + 1}: ${measured} ${taken[measured]!.toFixed(2)}, ${against} ${taken[against]!.toFixed(2)}, ratio ${ratio.toFixed(3)}`);
    values.push(ratio);
  }
  return values;
}

/** Caches fill, code is compiled. */
async function warmUp(server: BenchServer, variants: Pair = GUARDED): Promise<void> {
  await server.worker();
  if (variants.includes('encrypted')) await server.encryptedWorker();
  for (const variant of [...variants, ...variants]) await server.runJob(variant, 30);
}

/** Milliseconds a step, from the job's start to its end. */
async function stepMs(server: BenchServer, variant: Variant, jobs: number, steps: number): Promise<number> {
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: jobs }, () => server.runJob(variant, steps)));
  return (performance.now() - startedMs) / (jobs * steps);
}

export const guardedStep: Figure = {
  name: 'guarded-step',
  what: 'guarded step against a bare Activity of the same effect, 1 job of 100 steps',
  bound: 1.25,
  unit: '×',
  measure: async (context) => {
    await warmUp(await context.server());
    return await ratios(context, GUARDED, context.isQuick ? 3 : 9, (server, variant) => stepMs(server, variant, 1, JOB_STEPS));
  },
};

export const guardedStepAtOnce: Figure = {
  name: 'guarded-step-20-jobs',
  what: 'the same, 20 jobs at once in 20 workspaces',
  bound: 1.5,
  unit: '×',
  measure: async (context) => {
    await warmUp(await context.server());
    return await ratios(context, GUARDED, context.isQuick ? 3 : 5, (server, variant) => stepMs(server, variant, JOBS_AT_ONCE, context.isQuick ? QUICK_JOB_STEPS : JOB_STEPS));
  },
};

export const encryption: Figure = {
  name: 'encryption',
  what: 'guarded step with encrypted payloads against one without, 1 job of 100 steps',
  bound: 1.05,
  unit: '×',
  measure: async (context) => {
    const pair: Pair = ['guarded', 'encrypted'];
    await warmUp(await context.server(), pair);
    return await ratios(context, pair, context.isQuick ? 5 : 21, (server, variant) => stepMs(server, variant, 1, JOB_STEPS));
  },
};

export const longJob: Figure = {
  name: 'long-job',
  what: "step 1,000 against step 100 of one job, divided by the bare Activity's own such ratio",
  bound: 1.1,
  unit: '×',
  measure: async (context) => {
    await warmUp(await context.server());
    const late = context.isQuick ? LATE_STEP / 2 : LATE_STEP;
    return await ratios(context, GUARDED, context.isQuick ? 3 : 5, async (server, variant) => {
      const { workflowId } = await server.runJob(variant, late + AROUND);
      const durations = await stepDurationsMs(server, workflowId, variant === 'bare' ? 'bareNote' : 'runStep');
      return around(durations, late) / around(durations, EARLY_STEP);
    });
  },
};

function around(durations: readonly number[], step: number): number {
  return median(durations.slice(step - AROUND, step + AROUND));
}

/** From one step's completion to the next one's, by the server's clock. */
async function stepDurationsMs(server: BenchServer, workflowId: string, activity: string): Promise<readonly number[]> {
  const { events } = await server.client.workflow.getHandle(workflowId).fetchHistory();
  const steps = new Set<string>();
  const completedMs: number[] = [];
  for (const { eventId, eventTime, activityTaskScheduledEventAttributes: scheduled, activityTaskCompletedEventAttributes: completed } of events ?? []) {
    if (scheduled?.activityType?.name === activity) steps.add(String(eventId));
    if (completed != null && steps.has(String(completed.scheduledEventId))) completedMs.push(Number(eventTime!.seconds) * 1000 + Number(eventTime!.nanos) / 1e6);
  }
  return completedMs.slice(1).map((ms, index) => ms - completedMs[index]!);
}

export const historyBytes: Figure = {
  name: 'history-bytes',
  what: 'history of a job of 100 steps, a step',
  bound: 3 * 1024,
  unit: 'bytes',
  measure: async (context) => {
    const server = await context.server();
    await server.worker();
    const { workflowId } = await server.runJob('guarded', JOB_STEPS);
    const { raw } = await server.client.workflow.getHandle(workflowId).describe();
    return [Number(raw.workflowExecutionInfo!.historySizeBytes) / JOB_STEPS];
  },
};

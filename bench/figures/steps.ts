/** Guarded steps against bare Activities: one job, twenty jobs, a long job, and what a step costs in the history. */
import type { WorkflowHandle } from '@temporalio/client';
import { isBare, type BenchServer, type Variant } from '../bench-server.ts';
import type { Figure, FigureContext } from '../figure.ts';
import { median, summarise } from '../statistics.ts';

const JOB_STEPS = 100;
const QUICK_JOB_STEPS = 20;
const JOBS_AT_ONCE = 20;
/** Steps to both sides of step 100 and step 1,000 whose median time stands for theirs. */
const AROUND = 50;
const EARLY_STEP = 100;
const LATE_STEP = 1000;

type Pair = readonly [against: Variant, measured: Variant];
const GUARDED: Pair = ['bare', 'guarded'];
const ENCRYPTED: Pair = ['guarded', 'encrypted'];
const ON_POSTGRES: Pair = ['bare-postgres', 'guarded-postgres'];

/** Each round runs both, in turns which first: a machine that slows down meanwhile slows both. */
async function ratios(
  context: FigureContext,
  [against, measured]: Pair,
  rounds: number,
  measure: (server: BenchServer, variant: Variant) => Promise<number>,
): Promise<readonly number[]> {
  const server = await context.server();
  const values: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const order: readonly Variant[] = round % 2 === 0 ? [against, measured] : [measured, against];
    const taken: Record<string, number> = {};
    for (const variant of order) taken[variant] = await measure(server, variant);
    const ratio = taken[measured]! / taken[against]!;
    context.say(
      `  round ${round + 1}: ${measured} ${taken[measured]!.toFixed(2)}, ${against} ` +
        `${taken[against]!.toFixed(2)}, ratio ${ratio.toFixed(3)}`,
    );
    values.push(ratio);
  }
  return values;
}

/** Caches fill, code is compiled. */
async function warmUp(server: BenchServer, variants: Pair = GUARDED): Promise<void> {
  if (variants === ON_POSTGRES) await server.postgresWorker();
  else await server.worker();
  if (variants.includes('encrypted')) await server.encryptedWorker();
  for (const variant of [...variants, ...variants]) await server.runJob(variant, 30);
}

interface StepTime {
  /**
   * From the first step's completion to the last one's, by the server's clock, divided by the steps between: the mean
   * of the jobs.
   */
  readonly stepMs: number;
  /** From the jobs' start to the end of all, divided by all their steps. */
  readonly wholeMs: number;
}

async function stepTime(server: BenchServer, variant: Variant, jobs: number, steps: number): Promise<StepTime> {
  const startedMs = performance.now();
  const finished = await Promise.all(Array.from({ length: jobs }, () => server.runJob(variant, steps)));
  const wholeMs = (performance.now() - startedMs) / (jobs * steps);
  const means = await Promise.all(
    finished.map(async ({ workflowId }) => mean(await stepDurationsMs(server, workflowId, variant))),
  );
  return { stepMs: mean(means) / jobs, wholeMs };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The steps' ratio is the figure; the whole jobs', with what opens and ends them, is printed beside it. */
async function stepRatios(
  context: FigureContext,
  pair: Pair,
  rounds: number,
  jobs: number,
  steps: number,
): Promise<readonly number[]> {
  await warmUp(await context.server(), pair);
  const [, measured] = pair;
  const whole = { against: [] as number[], measured: [] as number[] };
  const values = await ratios(context, pair, rounds, async (server, variant) => {
    const { stepMs, wholeMs } = await stepTime(server, variant, jobs, steps);
    whole[variant === measured ? 'measured' : 'against'].push(wholeMs);
    return stepMs;
  });
  const { value, low, high } = summarise(whole.measured.map((ms, round) => ms / whole.against[round]!));
  context.say(
    `  whole jobs, their opening and ending included: ratio ${value.toFixed(3)} (${low.toFixed(3)} to ` +
      `${high.toFixed(3)})`,
  );
  return values;
}

export const guardedStep: Figure = {
  name: 'guarded-step',
  what: 'guarded step against a bare Activity of the same effect, 1 job of 100 steps',
  bound: 1.25,
  unit: '×',
  measure: (context) => stepRatios(context, GUARDED, context.isQuick ? 3 : 9, 1, JOB_STEPS),
};

export const guardedStepAtOnce: Figure = {
  name: 'guarded-step-20-jobs',
  what: 'the same, 20 jobs at once in 20 workspaces',
  bound: 1.4,
  unit: '×',
  measure: (context) =>
    stepRatios(context, GUARDED, context.isQuick ? 3 : 7, JOBS_AT_ONCE, context.isQuick ? QUICK_JOB_STEPS : JOB_STEPS),
};

export const guardedStepPostgres: Figure = {
  name: 'guarded-step-postgres',
  what: 'guarded step with a 1 KiB file and one PostgreSQL row against the bare Activity, 1 job of 100 steps',
  bound: 1.25,
  unit: '×',
  measure: (context) => stepRatios(context, ON_POSTGRES, context.isQuick ? 3 : 9, 1, JOB_STEPS),
};

export const encryption: Figure = {
  name: 'encryption',
  what: 'guarded step with encrypted payloads against one without, 1 job of 100 steps',
  bound: 1.05,
  unit: '×',
  measure: (context) => stepRatios(context, ENCRYPTED, context.isQuick ? 5 : 21, 1, JOB_STEPS),
};

export const longJob: Figure = {
  name: 'long-job',
  what: "step 1,000 against step 100 of one job, divided by the bare Activity's own such ratio",
  bound: 1.1,
  unit: '×',
  measure: async (context) => {
    await warmUp(await context.server());
    const late = context.isQuick ? LATE_STEP / 2 : LATE_STEP;
    return await ratios(context, GUARDED, context.isQuick ? 3 : 9, lateByEarly(late));
  },
};

/** Files and rows that it writes in turns: what is compared at the beginning of each Run stays the same. */
const PLACES = 100;
const LATEST_STEP = 20_000;

export const veryLongJob: Figure = {
  name: 'step-20000',
  what: "step 20,000 against step 100 of one job with its new Runs, divided by the bare Activity's own such ratio",
  bound: 1.1,
  unit: '×',
  takesMinutes: true,
  measure: async (context) => {
    await warmUp(await context.server());
    return await ratios(context, GUARDED, 1, lateByEarly(LATEST_STEP, PLACES));
  },
};

/** A late step's time by that of an early one of the same job. */
function lateByEarly(late: number, places?: number): (server: BenchServer, variant: Variant) => Promise<number> {
  return async (server, variant) => {
    const { workflowId } = await server.runJob(variant, late + AROUND, places);
    const durations = await stepDurationsMs(server, workflowId, variant);
    return around(durations, late) / around(durations, EARLY_STEP);
  };
}

function around(durations: readonly number[], step: number): number {
  return median(durations.slice(step - AROUND, step + AROUND));
}

/** From one step's completion to the next one's, by the server's clock, over all Runs of the job. */
async function stepDurationsMs(server: BenchServer, workflowId: string, variant: Variant): Promise<readonly number[]> {
  const runs: (readonly number[])[] = [];
  let runId: string | undefined = (await server.client.workflow.getHandle(workflowId).describe()).runId;
  while (runId !== undefined && runId !== '') {
    const { events } = await server.client.workflow.getHandle(workflowId, runId).fetchHistory();
    runs.unshift(completedMs(events ?? [], variant));
    runId = events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId ?? undefined;
  }
  const completed = runs.flat();
  return completed.slice(1).map((ms, index) => ms - completed[index]!);
}

type HistoryEvents = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>;

function completedMs(events: HistoryEvents, variant: Variant): readonly number[] {
  const activity = isBare(variant) ? 'bareNote' : 'runStep';
  const steps = new Set<string>();
  const completed: number[] = [];
  for (const {
    eventId,
    eventTime,
    activityTaskScheduledEventAttributes: scheduled,
    activityTaskCompletedEventAttributes: done,
  } of events) {
    if (scheduled?.activityType?.name === activity) steps.add(String(eventId));
    if (done != null && steps.has(String(done.scheduledEventId)))
      completed.push(Number(eventTime!.seconds) * 1000 + Number(eventTime!.nanos) / 1e6);
  }
  return completed;
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

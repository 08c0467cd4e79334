/**
 * One run of the job, from a fresh world to its end: undisturbed, or with faults.
 *
 * Invariants
 * 1. A worker that a fault has ended gets a successor, and nothing else restarts the job.
 * 2. What the run has started is ended, and its databases are dropped, whatever comes of it.
 */
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { JobResult } from '../client.ts';
import type { Json } from '../model/canonical-json.ts';
import { cacheDirectory } from '../dev-server/cache-directory.ts';
import { defined } from '../model/defined.ts';
import type { Question } from '../model/question/question.ts';
import { answerFor } from './answers.ts';
import type { CrashCase } from './cases.ts';
import type { ChildOrder } from './child/order.ts';
import type { CrashWorld } from './options.ts';
import type { Session } from './session.ts';
import { merged } from './subject.ts';
import { countedCalls, isInjected, ONE_THREAD, straceWords } from './syscalls.ts';
import { freshWorld, lookAt, type FreshWorld } from './world.ts';
import { tracesIn } from './traces.ts';
import { startWorkers, type Workers } from './workers.ts';
import type { Run, RunEnd } from './ran.ts';

const POLL_MS = 150;
/** Of a plan. */
const LEAST_HEARTBEAT_MS = 5_000;
const DEFAULT_LIMIT_MS = 180_000;

/** What is to be run. */
export interface RunOrder {
  /** Unique in the test. */
  readonly id: string;
  /** Default: nothing disturbs it, and its points are written down. */
  readonly test?: CrashCase;
  /** Are its system calls counted? Default: false. */
  readonly isCounted?: boolean;
  /** How long it may take, unless the options say. Default: three minutes. */
  readonly limitMs?: number;
}

export async function runOnce(
  session: Session,
  { id, test, isCounted = false, limitMs = DEFAULT_LIMIT_MS }: RunOrder,
): Promise<Run> {
  const startedMs = performance.now();
  if (test?.how === 'answer-lost') session.standIn.cut.set(id, test.kills[0]!);
  const root = path.join(session.root, id);
  mkdirSync(root, { recursive: true });
  const world = await freshWorld(root, session.subject.world);
  const given = (await session.setUp.setUp?.({ folder: world.folder, workspace: world.workspace })) ?? {};
  try {
    return await runIn(session, {
      id,
      test,
      isCounted,
      world,
      given,
      startedMs,
      limitMs: session.options.limitMs ?? limitMs,
    });
  } finally {
    await given.close?.();
    for (const { remove } of world.databases) await remove();
    rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  }
}

interface Place {
  readonly id: string;
  readonly test: CrashCase | undefined;
  readonly world: FreshWorld;
  readonly given: CrashWorld;
  readonly startedMs: number;
  readonly limitMs: number;
  readonly isCounted: boolean;
}

async function runIn(session: Session, place: Place): Promise<Run> {
  const { id, test, world, given, startedMs } = place;
  const order = orderOf(session, place);
  // Compiling the SDK is much of what a worker's start takes.
  const compiled = { NODE_COMPILE_CACHE: path.join(cacheDirectory({ ...session.env }), 'compiled') };
  const env = {
    ...compiled,
    ...session.env,
    ...world.env,
    ...given.env,
    HOLDFAST_STATE_DIR: path.join(world.own, 'state'),
  };
  const log = path.join(world.own, 'strace.log');
  const isTraced = place.isCounted || test?.injection !== undefined;
  const launch = isTraced ? { env: { ...env, ...ONE_THREAD }, through: straceWords(log, test?.injection) } : { env };
  const workers = startWorkers(order, test, launch);
  try {
    const { workflowId, firstRunId } = await startJob(session, place, order);
    const rename = renaming({ world, workflowId, firstRunId });
    const asked: Question[] = [];
    const end = await untilEnd(session, { place, workers, workflowId, asked });
    await workers.calm();
    await workers.stop();
    return {
      end,
      asked,
      rename,
      world: await lookAt(world, rename),
      traces: tracesIn(order.traces),
      arrived: session.standIn.arrivedOf(id),
      wasCut: session.standIn.wasCut.has(id),
      wasInjected: isTraced && isInjected(log),
      calls: isTraced ? countedCalls(log) : new Map(),
      unanswered: session.standIn.unanswered.get(id),
      durationMs: Math.round(performance.now() - startedMs),
    };
  } finally {
    await workers.stop();
  }
}

function orderOf(session: Session, { id, test, world }: Place): ChildOrder {
  const { client, options, cwd } = session;
  return {
    address: client.address,
    namespace: client.namespace,
    taskQueue: `holdfast-crash-${path.basename(session.root)}-${id}`,
    workspaceRoot: world.folder,
    bundlePath: session.bundlePath,
    cwd,
    steps: options.steps ?? [],
    ...defined({ config: options.config, setUp: options.setUp }),
    traces: path.join(world.own, 'traces'),
    standIn: session.standIn.url,
    caseId: id,
    tellsPoints: test === undefined,
  };
}

async function startJob(
  { client, subject }: Session,
  { id, test, world, given }: Place,
  { taskQueue }: ChildOrder,
): Promise<{ readonly workflowId: string; readonly firstRunId: string }> {
  const text = JSON.stringify(merged(subject.input, given.input) ?? null).replaceAll('{folder}', () =>
    JSON.stringify(world.folder).slice(1, -1),
  );
  const input = JSON.parse(text) as Json;
  const workflowId = `crash-test-${taskQueue.split('-').at(-2)!}-${id}`;
  if (subject.plan !== undefined) {
    const workspace = path.relative(world.folder, world.workspace);
    // Nobody hears of a frozen worker's end: the shorter this is, the sooner its successor is asked.
    const beat = test?.how === 'freeze' ? { heartbeatTimeoutMs: LEAST_HEARTBEAT_MS } : {};
    const { runId } = await client.start(
      { ...subject.plan, ...beat },
      { workflowId, taskQueue, workspace, input: input ?? {} },
    );
    return { workflowId, firstRunId: runId };
  }
  const started = await client.temporal.client.workflow.start(subject.workflow!, {
    workflowId,
    taskQueue,
    args: input === null ? [] : [input],
  });
  return { workflowId, firstRunId: started.firstExecutionRunId };
}

interface Watched {
  readonly place: Place;
  readonly workers: Workers;
  readonly workflowId: string;
  readonly asked: Question[];
}

async function untilEnd(session: Session, { place, workers, workflowId, asked }: Watched): Promise<RunEnd> {
  const { client, options } = session;
  const { limitMs } = place;
  const over = new AbortController();
  const waiting = async (): Promise<RunEnd | undefined> => endOf(await client.result(workflowId, { wait: true }));
  const looking = async (): Promise<RunEnd | undefined> => {
    for (const lateMs = performance.now() + limitMs; !over.signal.aborted;) {
      await delay(POLL_MS);
      if (performance.now() > lateMs) return { kind: 'late', text: `it did not end within ${limitMs / 1000} s` };
      const { state } = await client.describe(workflowId);
      if (state !== 'waiting') continue;
      const open = await client.questions(workflowId).catch(() => []);
      for (const question of open) {
        if (asked.some(({ digest }) => digest === question.digest)) continue;
        const arrived = session.standIn.arrivedOf(place.id);
        const answer = answerFor(options.answers ?? [], question, { arrived });
        if (answer === undefined) return { kind: 'asks', question };
        asked.push(question);
        await client.decide(workflowId, { by: 'crash-test', reason: 'as its answers say', ...answer });
      }
    }
    return undefined;
  };
  try {
    const end = await Promise.race([settled(waiting()), settled(looking()), workers.failed]);
    return end ?? { kind: 'late', text: 'it was ended early' };
  } finally {
    over.abort();
    void client.temporal.client.workflow
      .getHandle(workflowId)
      .terminate('crash test')
      .catch(() => undefined);
  }
}

/** The loser of the race may fail later, when its server is gone. */
async function settled<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined);
  return await work;
}

function endOf(result: JobResult): RunEnd {
  if (result.outcome === 'completed') return { kind: 'ended', outcome: 'completed', result: result.result };
  const message = 'failure' in result ? result.failure.message : '';
  return { kind: 'ended', outcome: result.outcome, result: null, message };
}

interface Names {
  readonly world: FreshWorld;
  readonly workflowId: string;
  readonly firstRunId: string;
}

function renaming({ world, workflowId, firstRunId }: Names): (text: string) => string {
  const databases = world.databases.map(({ name, url }) => [url, `{${name}}`] as const);
  const pairs = [
    ...databases,
    [world.workspace, '{workspace}'],
    [world.folder, '{folder}'],
    [world.root, '{root}'],
    [workflowId, '{job}'],
    [firstRunId, '{run}'],
  ] as const;
  return (text) => pairs.reduce((done, [from, to]) => done.replaceAll(from, to), text);
}

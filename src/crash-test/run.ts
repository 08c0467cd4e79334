/**
 * One run of the job, from a fresh world to its end: undisturbed, or with faults.
 *
 * Invariants
 * 1. A worker that a fault has ended gets a successor, and nothing else restarts the job.
 * 2. What the run has started is ended, and its databases are dropped, whatever comes of it.
 */
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Json } from '../model/canonical-json.ts';
import { cacheDirectory } from '../dev-server/cache-directory.ts';
import { defined } from '../model/defined.ts';
import type { Question } from '../model/question/question.ts';
import { PROCESSES } from './belongings.ts';
import type { CrashCase } from './cases.ts';
import type { ChildOrder } from './child/order.ts';
import type { CrashWorld } from './options.ts';
import { isPostgres } from './postgres-copy.ts';
import type { Session } from './session.ts';
import { merged } from './subject.ts';
import { countedCalls, isInjected, ONE_THREAD, straceWords } from './syscalls.ts';
import { freshWorld, lookAt, type FreshWorld } from './world.ts';
import { tracesIn } from './traces.ts';
import { untilEnd } from './until-end.ts';
import { startWorkers } from './workers.ts';
import type { Run } from './ran.ts';

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
  const root = path.join(session.belongings.root, id);
  mkdirSync(root, { recursive: true });
  const world = await freshWorld(root, session.subject.world, (copy) => session.belongings.copy(copy));
  let given: CrashWorld = {};
  try {
    given = (await session.setUp.setUp?.({ folder: world.folder, workspace: world.workspace })) ?? {};
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
  const keep = (end: () => void): (() => void) => session.belongings.worker(end);
  const launch = isTraced ? { env: { ...env, ...ONE_THREAD }, through: straceWords(log, test?.injection) } : { env };
  const workers = startWorkers(order, test, { ...launch, keep });
  try {
    const { workflowId, firstRunId } = await startJob(session, place, order);
    const rename = renaming({ world, workflowId, firstRunId });
    const asked: Question[] = [];
    const end = await untilEnd(session, { id, workflowId, workers, limitMs: place.limitMs, asked });
    if (session.options.signal?.aborted !== true) await workers.calm();
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
    taskQueue: `holdfast-crash-${path.basename(session.belongings.root)}-${id}`,
    workspaceRoot: world.folder,
    bundlePath: session.bundlePath,
    cwd,
    steps: options.steps ?? [],
    ...defined({ config: options.config, setUp: options.setUp }),
    traces: path.join(world.own, 'traces'),
    processes: path.join(world.own, PROCESSES),
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

interface Names {
  readonly world: FreshWorld;
  readonly workflowId: string;
  readonly firstRunId: string;
}

function renaming({ world, workflowId, firstRunId }: Names): (text: string) => string {
  const databases = world.databases.flatMap(({ name, url }) => [
    [url, `{${name}}`] as const,
    ...(isPostgres(url) ? [[new URL(url).pathname.slice(1), `{${name}}`] as const] : []),
  ]);
  const pairs = [
    ...databases,
    ...(world.workspace === world.folder ? [] : [[world.workspace, '{workspace}'] as const]),
    [world.folder, '{folder}'],
    [world.root, '{root}'],
    [workflowId, '{job}'],
    [firstRunId, '{run}'],
  ] as const;
  return (text) => pairs.reduce((done, [from, to]) => done.replaceAll(from, to), text);
}

/** Waits for the end of a run's job, answers what it asks, and notices what keeps it from ending. */
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { JobResult } from '../client.ts';
import { listedJob } from '../client/job-listing.ts';
import type { Question } from '../model/question/question.ts';
import { answerFor } from './answers.ts';
import type { RunEnd } from './ran.ts';
import type { Session } from './session.ts';
import type { Workers } from './workers.ts';

/** A job that asks waits so long at most; each look costs the server as much as a step does. */
const LOOK_EVERY_MS = 400;
/** Of one Workflow Task: a worker that ended in the midst of it costs one. */
const FAILING_ATTEMPTS = 4;

export interface Watched {
  readonly id: string;
  readonly workflowId: string;
  readonly workers: Workers;
  readonly limitMs: number;
  /** Gets each question that was answered. */
  readonly asked: Question[];
}

export async function untilEnd(session: Session, watched: Watched): Promise<RunEnd> {
  const { client, options } = session;
  const { workflowId, workers } = watched;
  const over = new AbortController();
  const waiting = async (): Promise<RunEnd> => endOf(await client.result(workflowId, { wait: true }));
  try {
    return await Promise.race([
      settled(waiting()),
      settled(looking(session, watched, over.signal)),
      workers.failed,
      endedEarly(options.signal, over.signal),
    ]);
  } finally {
    over.abort();
    void client.temporal.client.workflow
      .getHandle(workflowId)
      .terminate('crash test')
      .catch(() => undefined);
  }
}

/** @param over then it is asked for no more */
async function looking(session: Session, watched: Watched, over: AbortSignal): Promise<RunEnd> {
  const { client, options } = session;
  const { id, workflowId, limitMs, asked } = watched;
  const handle = client.temporal.client.workflow.getHandle(workflowId);
  for (const lateMs = performance.now() + limitMs; !over.aborted;) {
    await delay(LOOK_EVERY_MS);
    if (performance.now() > lateMs) return { kind: 'late', text: `it did not end within ${limitMs / 1000} s` };
    const described = await handle.describe();
    if (isFailing(described))
      return { kind: 'late', text: `its Workflow fails: ${await whyFailing(session, workflowId)}` };
    if (listedJob(described).state !== 'waiting') continue;
    const open = await client.questions(workflowId).catch(() => []);
    for (const question of open) {
      if (asked.some(({ digest }) => digest === question.digest)) continue;
      const arrived = session.standIn.arrivedOf(id);
      const answer = answerFor(options.answers ?? [], question, { arrived });
      if (answer === undefined) return { kind: 'asks', question };
      asked.push(question);
      await client.decide(workflowId, { by: 'crash-test', reason: 'as its answers say', ...answer });
    }
  }
  return { kind: 'late', text: 'nobody waits for it any more' };
}

/** What a Workflow throws otherwise than as its own failure is tried again, for ever. */
function isFailing({ raw }: WorkflowExecutionDescription): boolean {
  return (raw.pendingWorkflowTask?.attempt ?? 1) >= FAILING_ATTEMPTS;
}

async function whyFailing({ client }: Session, workflowId: string): Promise<string> {
  const { events } = await client.temporal.client.workflow.getHandle(workflowId).fetchHistory();
  const told = events?.findLast((event) => event.workflowTaskFailedEventAttributes?.failure?.message);
  return told?.workflowTaskFailedEventAttributes?.failure?.message ?? 'each of its Workflow Tasks is cut short';
}

/** Resolves when the test is ended early; else never. @param over forgets about it */
async function endedEarly(signal: AbortSignal | undefined, over: AbortSignal): Promise<RunEnd> {
  return await new Promise((resolve) => {
    const end = (): void => resolve({ kind: 'late', text: 'it was ended early' });
    if (signal?.aborted === true) end();
    else signal?.addEventListener('abort', end, { once: true, signal: over });
  });
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

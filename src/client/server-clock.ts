/**
 * What the server's clock shows. When a worker has polled last, and since when something waits, are moments of it: a
 * machine whose own clock is minutes off would take every worker for gone, or none.
 *
 * The server has no call that tells the time. It tells when a poller of a Task Queue came, so this is one for a moment,
 * on a queue that has no work.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Connection } from '@temporalio/client';

const CLOCK_QUEUE = 'holdfast-clock';
const ACTIVITY_QUEUE = 2;
const MAX_LOOKS = 20;
const LOOK_EVERY_MS = 25;
const POLL_MS = 10_000;

/** In milliseconds since 1970. Where the server doesn't let this be asked, the own clock. Costs about 50 ms. */
export async function serverNowMs(connection: Connection, namespace: string): Promise<number> {
  const identity = `clock-${randomUUID()}`;
  const taskQueue = { name: CLOCK_QUEUE };
  const over = new AbortController();
  const { workflowService } = connection;
  const sentMs = performance.now();
  const poll = (): Promise<unknown> => workflowService.pollActivityTaskQueue({ namespace, taskQueue, identity });
  // Without a deadline the server refuses it.
  const polling = connection
    .withDeadline(Date.now() + POLL_MS, () => connection.withAbortSignal(over.signal, poll))
    .catch(() => undefined);
  try {
    for (let look = 0; look < MAX_LOOKS; look++) {
      const { pollers } = await workflowService.describeTaskQueue({
        namespace,
        taskQueue,
        taskQueueType: ACTIVITY_QUEUE,
      });
      const seen = (pollers ?? []).find((poller) => poller.identity === identity)?.lastAccessTime;
      // It came at some moment since it was sent; nobody judges by milliseconds.
      if (seen != null) return Number(seen.seconds ?? 0) * 1000 + (seen.nanos ?? 0) / 1e6 + performance.now() - sentMs;
      await delay(LOOK_EVERY_MS);
    }
  } catch {
    // A key that may only read.
  } finally {
    over.abort();
    await polling;
  }
  return Date.now();
}

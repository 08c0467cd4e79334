/** What the parts of the client need of `ServerCalls`. */
import type { OpenConnection } from './connection.ts';
import type { QueueMemory } from './task-queue.ts';

export interface CallingServer extends OpenConnection {
  /** @throws HoldfastError in place of whatever the call throws */
  call<T>(workflowId: string | undefined, call: () => Promise<T>): Promise<T>;
  queue(taskQueue: string): Promise<QueueMemory>;
}

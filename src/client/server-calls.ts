/**
 * Every call to the server: failures become those of the closed list, and a Query has a limit.
 *
 * Invariant: no call is under way any more when its promise has settled, so that the connection may then be closed.
 */
import { setTimeout as delay } from 'node:timers/promises';
import {
  Client,
  QueryNotRegisteredError,
  type Connection,
  type WorkflowExecutionDescription,
  type WorkflowHandle,
} from '@temporalio/client';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
import type { CallingServer } from './calling-server.ts';
import type { OpenConnection } from './connection.ts';
import { isUnanswered, isWithoutWorkflow, translateFailure } from './failures.ts';
import { hasEnded, isJob, listedJob, WITHOUT_MEMO } from './job-listing.ts';
import { noJobYet } from './no-job.ts';
import { couldNotAnswer, taskTroubleOf } from './task-trouble.ts';
import { fittingPollers, noWorker, pollersOf, type QueueMemory } from './task-queue.ts';
import { unansweredWait } from './worker-wait.ts';
import { workspaceOfJob } from './job-workspace.ts';

/** Beyond Temporal's own 10 s, after which a Task goes from a dead worker's sticky queue to the others. */
export const QUERY_LIMIT_MS = 15_000;
/** A worker answers in milliseconds, unless it has to replay a long history first. */
const DOUBT_AFTER_MS = 1_000;

export class ServerCalls implements CallingServer {
  readonly address: string;
  readonly namespace: string;
  readonly client: Client;
  readonly connection: Connection;
  /** Reads memos as null: nothing here needs them, and a job whose key is gone must not hide the others. */
  readonly visibility: Client;
  readonly #queryTimeoutMs: number;

  constructor(opened: Omit<OpenConnection, 'namespace'>, queryTimeoutMs = QUERY_LIMIT_MS) {
    const { client, connection, address } = opened;
    this.address = address;
    this.namespace = client.options.namespace;
    this.client = client;
    this.connection = connection;
    this.visibility = new Client({ connection, namespace: this.namespace, dataConverter: WITHOUT_MEMO });
    this.#queryTimeoutMs = queryTimeoutMs;
  }

  handle(workflowId: string): WorkflowHandle {
    return this.client.workflow.getHandle(workflowId);
  }

  /** What Temporal knows of a Workflow without a worker. @throws HoldfastError `not-found` */
  async describe(workflowId: string): Promise<WorkflowExecutionDescription> {
    return await this.call(workflowId, () => this.visibility.workflow.getHandle(workflowId).describe());
  }

  async queue(taskQueue: string): Promise<QueueMemory> {
    return await this.call(undefined, () => pollersOf(this.connection, this.namespace, taskQueue));
  }

  /** The custom ones that the namespace has. */
  async searchAttributes(): Promise<readonly string[]> {
    const { connection, namespace } = this;
    const list = () => connection.operatorService.listSearchAttributes({ namespace });
    return Object.keys((await this.call(undefined, list)).customAttributes);
  }

  /** @throws HoldfastError in place of whatever the call throws */
  async call<T>(workflowId: string | undefined, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw this.translated(error, workflowId);
    }
  }

  /** False: the job has ended, and nothing was sent. @throws HoldfastError `not-found` */
  async send(workflowId: string, send: (handle: WorkflowHandle) => Promise<unknown>): Promise<boolean> {
    if (hasEnded(listedJob(await this.describe(workflowId)).state)) return false;
    await this.call(workflowId, () => send(this.handle(workflowId)));
    return true;
  }

  /** @throws HoldfastError `not-found`, `no-worker` (also one that cannot go on with the job), `server-unreachable` */
  async query<T>(workflowId: string, send: (handle: WorkflowHandle) => Promise<T>): Promise<T> {
    try {
      return await this.#ask(workflowId, send);
    } catch (error) {
      const why = await this.#whyUnanswered(error, workflowId);
      if (why !== undefined) throw why as Error;
    }
    // Its last Workflow Task had failed; by the time that this was looked at, another one had not.
    try {
      return await this.#ask(workflowId, send);
    } catch (error) {
      throw ((await this.#whyUnanswered(error, workflowId)) as Error | undefined) ?? (await this.noWorker(workflowId));
    }
  }

  async #ask<T>(workflowId: string, send: (handle: WorkflowHandle) => Promise<T>): Promise<T> {
    const over = new AbortController();
    const answer = this.connection.withDeadline(Date.now() + this.#queryTimeoutMs, () =>
      this.connection.withAbortSignal(over.signal, () => send(this.handle(workflowId))),
    );
    const doubt = this.#whenNobodyPolls(workflowId, over.signal);
    try {
      return await Promise.race([answer, doubt.then(() => answer)]);
    } finally {
      over.abort();
      // A call that is still under way when its connection is closed would fail outside of anybody's reach.
      await Promise.allSettled([answer, doubt]);
    }
  }

  /** What a person is told where nobody answers for a job. */
  async noWorker(workflowId: string): Promise<HoldfastError> {
    const described = await this.describe(workflowId);
    return await this.#noWorker(described, await this.queue(described.taskQueue), undefined);
  }

  translated(error: unknown, workflowId: string | undefined): unknown {
    const { address, namespace } = this;
    return translateFailure(error, { address, namespace, ...defined({ workflowId }) });
  }

  /** Undefined: the server did not ask a worker, and would by now. */
  async #whyUnanswered(error: unknown, workflowId: string): Promise<unknown> {
    if (error instanceof HoldfastError) return error;
    if (error instanceof QueryNotRegisteredError) {
      const described = await this.describe(workflowId);
      // The SDK takes each failed Query for one that has no handler.
      return isJob(described) ? couldNotAnswer(workflowId, error) : noJobYet(listedJob(described), error);
    }
    const isSilent = isUnanswered(error);
    if (isSilent || isWithoutWorkflow(error)) {
      const trouble = await this.call(workflowId, () => taskTroubleOf(this.connection, this.namespace, workflowId));
      if (trouble !== undefined) return trouble;
    }
    const translated = this.translated(error, workflowId);
    if (!isSilent) return isWithoutWorkflow(error) && translated === error ? undefined : translated;
    // Also a server that is away lets a deadline pass; then this call says so.
    const described = await this.describe(workflowId);
    return await this.#noWorker(described, await this.queue(described.taskQueue), error);
  }

  async #noWorker(described: WorkflowExecutionDescription, queue: QueueMemory, cause: unknown): Promise<HoldfastError> {
    const { workflowId, version } = listedJob(described);
    const [wait, workspace] = await Promise.all([
      unansweredWait(this, described, queue),
      // Of a job whose key is not here, nobody can tell.
      workspaceOfJob(this, workflowId).catch(() => undefined),
    ]);
    return noWorker(queue.pollers, { workflowId, version, workspace, wait }, cause);
  }

  /**
   * A server keeps a Query waiting for a worker to come; where there is certainly none, that is said sooner.
   * @throws HoldfastError `no-worker`
   */
  async #whenNobodyPolls(workflowId: string, over: AbortSignal): Promise<void> {
    await delay(DOUBT_AFTER_MS, undefined, { signal: over }).catch(() => undefined);
    if (over.aborted) return;
    const described = await this.describe(workflowId);
    const { taskQueue, version } = listedJob(described);
    const queue = await this.queue(taskQueue);
    if (fittingPollers(queue.pollers, version).workflow.length === 0)
      throw await this.#noWorker(described, queue, undefined);
  }
}

/**
 * `HoldfastClient`: everything that the command line can show or do with a job, as data.
 *
 * Invariants
 * 1. What goes to a job is checked before it is sent: the plan, its input, a decision.
 * 2. Failures are HoldfastErrors of the closed list; a job that asks a person is no failure.
 * 3. A job has no Workflow retry policy: a retry would do its effects again.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  Client,
  WorkflowFailedError,
  type Connection,
  type WorkflowExecutionDescription,
  type WorkflowHandle,
} from '@temporalio/client';
import {
  ApplicationFailure,
  CancelledFailure,
  TerminatedFailure,
  TimeoutFailure,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
} from '@temporalio/common';
import type { Json, JsonObject } from '../model/canonical-json.ts';
import { parseAbort, parseDecision, type Abort, type Decision } from '../model/question/decision.ts';
import { shortDigest } from '../model/digest.ts';
import { HoldfastError } from '../model/failure.ts';
import { assertPlan } from '../model/plan/check.ts';
import { parseInput, workspaceOf } from '../model/plan/input.ts';
import type { PlanSource } from '../model/plan/plan.ts';
import type { Question } from '../model/question/question.ts';
import { JobStatusSchema, type JobStatus } from '../model/job/status.ts';
import type { StepContract } from '../model/step/step.ts';
import {
  abortSignal,
  decideSignal,
  decideUpdate,
  questionsQuery,
  statusQuery,
  type DecideAnswer,
} from '../workflows/messages.ts';
import { DEFAULT_TASK_QUEUE, type OpenConnection } from './connection.ts';
import { applicationFailure, isUnanswered, isWithoutWorkflow, translateFailure } from './failures.ts';
import { keyTroubleOf } from './key-trouble.ts';
import {
  AGENT_JOB,
  listedJob,
  listJobs,
  STATE_ATTRIBUTE,
  WITHOUT_MEMO,
  type JobListing,
  type ListedJob,
  type ListOptions,
} from './job-listing.ts';
import { previewDecision, undoesOf, type DecisionPreview } from './preview.ts';
import { retryingOf } from './retrying.ts';
import { decoded } from './stored-payload.ts';
import { jobDetails } from './static-details.ts';
import { noWorker, pollersOf, type QueuePollers } from './task-queue.ts';

/** Beyond Temporal's own 10 s, after which a Task goes from a dead worker's sticky queue to the others. */
const QUERY_LIMIT_MS = 15_000;
/** A worker answers in milliseconds, unless it has to replay a long history first. */
const DOUBT_AFTER_MS = 1_000;
const MIN_DIGEST_PREFIX = 8;
const WATCH_EVERY_MS = 500;

export interface HoldfastClientOptions {
  readonly client: Client;
  readonly connection: Connection;
  /** For messages. */
  readonly address: string;
  /** Where new jobs go. Default `holdfast`. */
  readonly taskQueue?: string;
  readonly queryTimeoutMs?: number;
}

export interface StartOptions {
  readonly input?: Json;
  /** In place of the plan's. A relative path starts at the worker's workspace root. */
  readonly workspace?: string;
  /** Default: the plan's name and eight random hex digits. */
  readonly workflowId?: string;
  readonly taskQueue?: string;
  /** The user's steps, so that a misspelled one is found now. Default: taken on trust. */
  readonly knownSteps?: readonly StepContract[];
}

export interface StartedJob {
  readonly workflowId: string;
  readonly runId: string;
  readonly taskQueue: string;
  readonly plan: string;
  readonly workspace: string;
  readonly input: JsonObject;
}

/** A decision whose `digest` may be the first eight or more digits; left out: the one open question. */
export type DecisionInput = Omit<Decision, 'digest'> & { readonly digest?: string };

export interface Decided {
  readonly via: 'update' | 'signal';
  /** With the whole digest. */
  readonly decision: Decision;
  /** What was done, in words. A Signal doesn't answer. */
  readonly done: readonly string[];
  /** The question that it closed, with the answers; null: it did nothing (the world has moved: there is a new question). Absent: a Signal. */
  readonly used?: DecideAnswer['used'];
}

export interface JobFailureInfo {
  readonly type: string;
  readonly message: string;
}

export type JobResult =
  | { readonly workflowId: string; readonly runId: string; readonly outcome: 'completed'; readonly result: Json }
  | {
      readonly workflowId: string;
      readonly runId: string;
      readonly outcome: 'failed' | 'aborted' | 'cancelled' | 'terminated' | 'timed-out';
      readonly failure: JobFailureInfo;
    }
  /** `questions` is missing when no worker could be asked. */
  | {
      readonly workflowId: string;
      readonly runId: string;
      readonly outcome: 'running';
      readonly questions?: readonly Question[];
    };

export interface Cancelled {
  readonly workflowId: string;
  /** False: it had ended already. */
  readonly requested: boolean;
  readonly result?: JobResult;
}

export interface WatchOptions {
  /** Default 500. */
  readonly intervalMs?: number;
  readonly signal?: AbortSignal;
  /** No worker, or no server, could be asked; the watch goes on. Called once for each such stretch. */
  readonly onTrouble?: (error: HoldfastError) => void;
}

export class HoldfastClient implements AsyncDisposable {
  readonly address: string;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly #client: Client;
  readonly #visibility: Client;
  readonly #connection: Connection;
  readonly #queryTimeoutMs: number;

  constructor(options: HoldfastClientOptions) {
    this.#client = options.client;
    this.#visibility = new Client({
      connection: options.connection,
      namespace: options.client.options.namespace,
      dataConverter: WITHOUT_MEMO,
    });
    this.#connection = options.connection;
    this.address = options.address;
    this.namespace = options.client.options.namespace;
    this.taskQueue = options.taskQueue ?? DEFAULT_TASK_QUEUE;
    this.#queryTimeoutMs = options.queryTimeoutMs ?? QUERY_LIMIT_MS;
  }

  /** Temporal's own client, for what Holdfast has no word for. */
  get temporal(): OpenConnection {
    return { client: this.#client, connection: this.#connection, address: this.address, namespace: this.namespace };
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Starts a job that runs a plan. Not safe to repeat without a `workflowId`.
   * @throws HoldfastError `bad-plan`, `bad-input`, `already-started`, `server-unreachable`
   */
  async start(plan: PlanSource, options: StartOptions = {}): Promise<StartedJob> {
    const checked = assertPlan(plan, options.knownSteps === undefined ? {} : { knownSteps: options.knownSteps });
    const input = parseInput(checked, options.input ?? {});
    const workspace = options.workspace ?? workspaceOf(checked, input);
    const workflowId = options.workflowId ?? `${checked.name}-${randomBytes(4).toString('hex')}`;
    const taskQueue = options.taskQueue ?? this.taskQueue;
    const given = { plan: checked, input, ...(options.workspace === undefined ? {} : { workspace }) };
    const handle = await this.#call(workflowId, () =>
      this.#client.workflow.start(AGENT_JOB, {
        workflowId,
        taskQueue,
        args: [given],
        workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
        workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL,
        ...jobDetails(checked, input, workspace),
      }),
    );
    return { workflowId, runId: handle.firstExecutionRunId, taskQueue, plan: checked.name, workspace, input };
  }

  /** The newest jobs first. Needs no worker. */
  async list(options: ListOptions = {}): Promise<JobListing> {
    const registered = await this.#call(undefined, () => this.searchAttributes());
    return await this.#call(undefined, () => listJobs(this.#visibility, registered.includes(STATE_ATTRIBUTE), options));
  }

  /** What Temporal knows of a job without asking a worker. @throws HoldfastError `not-found` */
  async describe(workflowId: string): Promise<ListedJob> {
    return listedJob(await this.#describe(workflowId));
  }

  /** @throws HoldfastError `not-found`, `no-worker`, `server-unreachable` */
  async status(workflowId: string): Promise<JobStatus> {
    const status = JobStatusSchema.parse(await this.#query(workflowId, (handle) => handle.query(statusQuery)));
    const described = await this.#describe(workflowId);
    const { state } = listedJob(described);
    // A terminated Workflow never learnt of its end.
    if (state === 'terminated' || state === 'timed-out') return { ...status, state: 'failed', questions: [] };
    const retrying = await this.#call(workflowId, () =>
      retryingOf(described.raw, this.#client.options.loadedDataConverter),
    );
    return retrying.length === 0 ? status : { ...status, retrying };
  }

  /** The open questions. @throws HoldfastError `not-found`, `no-worker`, `server-unreachable` */
  async questions(workflowId: string): Promise<readonly Question[]> {
    return await this.#query(workflowId, (handle) => handle.query(questionsQuery));
  }

  /**
   * Gives a person's decision to a job. An Update is refused before it changes anything and answers when the decision
   * has been carried out; a Signal is only delivered: what can't be used is recorded in the job's status.
   * @throws HoldfastError `decision-refused`, `bad-input`, `not-found`, `no-worker`
   */
  async decide(
    workflowId: string,
    given: DecisionInput,
    { via = 'update' }: { readonly via?: 'update' | 'signal' } = {},
  ): Promise<Decided> {
    // A Signal with the whole digest needs nobody to be asked: it waits in the history for the worker.
    const isWhole = /^[0-9a-f]{64}$/.test(given.digest ?? '');
    const digest =
      via === 'signal' && isWhole ? given.digest! : (await this.openQuestion(workflowId, given.digest)).digest;
    const decision = wellFormed({ ...given, digest });
    if (via === 'signal') {
      await this.#call(workflowId, () => this.#handle(workflowId).signal(decideSignal, decision));
      return { via, decision, done: [] };
    }
    const { done, used } = await this.#call(workflowId, () =>
      this.#handle(workflowId).executeUpdate(decideUpdate, { args: [decision] }),
    );
    // The record in the workspace has the last word; what it refuses leaves the question open.
    const isStillOpen = (await this.questions(workflowId).catch(() => [])).some(
      (question) => question.digest === digest,
    );
    if (isStillOpen)
      throw new HoldfastError('decision-refused', `The decision could not be used: ${done.join('; ')}.`, {
        workflowId,
        digest,
        problems: done,
      });
    return { via, decision, done, used };
  }

  /** What a decision would do. Changes nothing. @throws HoldfastError `decision-refused` when there is no such question */
  async preview(workflowId: string, given: DecisionInput): Promise<DecisionPreview & { readonly question: Question }> {
    const question = await this.openQuestion(workflowId, given.digest);
    const preview = previewDecision(question, wellFormed({ ...given, digest: question.digest }));
    if (!preview.usable || given.compensate !== true) return { ...preview, question };
    return { ...preview, undoes: undoesOf(await this.status(workflowId)), question };
  }

  /** The open question that a digest, or its first eight or more digits, names; without one the only open question. @throws HoldfastError `decision-refused` */
  async openQuestion(workflowId: string, digest?: string): Promise<Question> {
    const open = await this.questions(workflowId);
    if (open.length === 0)
      throw new HoldfastError(
        'decision-refused',
        `Job ${workflowId} has no open question: there is nothing to decide.`,
        { workflowId, nextStep: `See what it does: holdfast status ${workflowId}` },
      );
    const listed = open
      .map(
        (question) =>
          `${shortDigest(question.digest)} (${question.kind}${question.stepId === undefined ? '' : ` of step ${question.stepId}`})`,
      )
      .join(', ');
    if (digest === undefined) {
      if (open.length === 1) return open[0]!;
      throw new HoldfastError(
        'decision-refused',
        `Job ${workflowId} has ${open.length} open questions: ${listed}. Say which one the decision is for, by its digest.`,
        { workflowId, open: open.map((question) => question.digest) },
      );
    }
    if (!/^[0-9a-f]{8,64}$/.test(digest)) {
      throw new HoldfastError(
        'bad-input',
        `"${digest}" does not name a question. Expected at least ${MIN_DIGEST_PREFIX} hex digits of its digest; open: ${listed}.`,
        { digest },
      );
    }
    const matching = open.filter((question) => question.digest.startsWith(digest));
    if (matching.length === 1) return matching[0]!;
    throw new HoldfastError(
      'decision-refused',
      `${matching.length === 0 ? 'No' : 'More than one'} open question of job ${workflowId} has a digest that begins with ${digest}; open: ${listed}.`,
      { workflowId, digest, open: open.map((question) => question.digest) },
    );
  }

  /** How a job ended, or that it hasn't. `wait`: until it has. @throws HoldfastError `not-found`, `server-unreachable` */
  async result(workflowId: string, { wait = false }: { readonly wait?: boolean } = {}): Promise<JobResult> {
    const { runId, state } = await this.describe(workflowId);
    if (!wait && (state === 'running' || state === 'waiting')) {
      const questions = await this.questions(workflowId).catch((error: unknown) => {
        if (error instanceof HoldfastError && error.type === 'no-worker') return undefined;
        throw error;
      });
      return { workflowId, runId, outcome: 'running', ...(questions === undefined ? {} : { questions }) };
    }
    try {
      const result = (await this.#handle(workflowId).result()) as Json;
      return { workflowId, runId, outcome: 'completed', result };
    } catch (error) {
      if (error instanceof WorkflowFailedError) return { workflowId, runId, ...endOf(error) };
      throw translateFailure(error, { address: this.address, namespace: this.namespace, workflowId });
    }
  }

  /** Asks a job to end; what is half applied is finished first. Safe to repeat. @throws HoldfastError `not-found` */
  async cancel(workflowId: string, { wait = false }: { readonly wait?: boolean } = {}): Promise<Cancelled> {
    const { state } = await this.describe(workflowId);
    const requested = state === 'running' || state === 'waiting';
    if (requested) await this.#call(workflowId, () => this.#handle(workflowId).cancel());
    return { workflowId, requested, ...(wait ? { result: await this.result(workflowId, { wait }) } : {}) };
  }

  /**
   * Ends a job as aborted, whether it asks something or not, by a Signal. `compensate`: what it did is undone first, newest
   * first; questions of that are answered like any other. While it is undone: without `compensate`, ends that. Safe to repeat.
   * @throws HoldfastError `bad-input`, `not-found`
   */
  async abort(
    workflowId: string,
    given: Abort,
    { wait = false }: { readonly wait?: boolean } = {},
  ): Promise<Cancelled> {
    const parsed = parseAbort(given);
    if ('problems' in parsed)
      throw new HoldfastError('bad-input', `The job cannot be aborted so: ${parsed.problems.join('; ')}.`, {
        problems: parsed.problems,
      });
    const { state } = await this.describe(workflowId);
    const requested = state === 'running' || state === 'waiting';
    if (requested) await this.#call(workflowId, () => this.#handle(workflowId).signal(abortSignal, parsed.abort));
    return { workflowId, requested, ...(wait ? { result: await this.result(workflowId, { wait }) } : {}) };
  }

  /** The job's status now and whenever it has changed, until it has ended. @throws HoldfastError `not-found` */
  async *watch(workflowId: string, options: WatchOptions = {}): AsyncGenerator<JobStatus, void, undefined> {
    let shown = '';
    let isTroubled = false;
    while (options.signal?.aborted !== true) {
      const { state } = await this.describe(workflowId);
      const isOver = state !== 'running' && state !== 'waiting';
      try {
        const status = await this.status(workflowId);
        isTroubled = false;
        const text = JSON.stringify(status);
        if (text !== shown) yield status;
        shown = text;
      } catch (error) {
        if (!(error instanceof HoldfastError) || !error.retryable) throw error;
        if (isOver) throw error;
        if (!isTroubled) options.onTrouble?.(error);
        isTroubled = true;
      }
      if (isOver) return;
      await delay(
        options.intervalMs ?? WATCH_EVERY_MS,
        undefined,
        options.signal === undefined ? {} : { signal: options.signal },
      ).catch(() => undefined);
    }
  }

  /** The folder that a job works in, from its history: needs no worker. Undefined for a user's own Workflow. */
  async workspaceOf(workflowId: string): Promise<string | undefined> {
    const { history } = await this.#call(workflowId, () =>
      this.#connection.workflowService.getWorkflowExecutionHistory({
        namespace: this.namespace,
        execution: { workflowId },
        maximumPageSize: 1,
      }),
    );
    const started = history?.events?.[0]?.workflowExecutionStartedEventAttributes;
    const payload = started?.input?.payloads?.[0];
    if (started?.workflowType?.name !== AGENT_JOB || payload?.data == null) return undefined;
    const given = await decoded<{ plan: unknown; input?: Json; workspace?: string }>(
      payload,
      this.#client.options.loadedDataConverter,
    );
    if (given.workspace !== undefined) return given.workspace;
    const plan = assertPlan(given.plan);
    return workspaceOf(plan, parseInput(plan, given.input ?? {}));
  }

  /** Who polls a Task Queue. */
  async workers(taskQueue: string = this.taskQueue): Promise<QueuePollers> {
    return await this.#call(undefined, () => pollersOf(this.#connection, this.namespace, taskQueue));
  }

  /** The custom search attributes that the namespace has. */
  async searchAttributes(): Promise<readonly string[]> {
    const { customAttributes } = await this.#call(undefined, () =>
      this.#connection.operatorService.listSearchAttributes({ namespace: this.namespace }),
    );
    return Object.keys(customAttributes);
  }

  async #describe(workflowId: string): Promise<WorkflowExecutionDescription> {
    return await this.#call(workflowId, () => this.#visibility.workflow.getHandle(workflowId).describe());
  }

  #handle(workflowId: string): WorkflowHandle {
    return this.#client.workflow.getHandle(workflowId);
  }

  async #query<T>(workflowId: string, ask: (handle: WorkflowHandle) => Promise<T>): Promise<T> {
    const over = new AbortController();
    const answer = this.#connection.withDeadline(Date.now() + this.#queryTimeoutMs, () =>
      this.#connection.withAbortSignal(over.signal, () => ask(this.#handle(workflowId))),
    );
    const doubt = this.#whenNobodyPolls(workflowId, over.signal);
    try {
      return await Promise.race([answer, doubt.then(() => answer)]);
    } catch (error) {
      if (error instanceof HoldfastError) throw error;
      const trouble =
        isUnanswered(error) || isWithoutWorkflow(error)
          ? await this.#call(workflowId, () => keyTroubleOf(this.#connection, this.namespace, workflowId))
          : undefined;
      if (trouble !== undefined) throw trouble;
      if (!isUnanswered(error)) throw this.#translated(error, workflowId);
      // Also a server that is away lets a deadline pass; then this call says so.
      const { taskQueue } = await this.describe(workflowId);
      throw noWorker(await this.workers(taskQueue), workflowId, error);
    } finally {
      over.abort();
      // A call that is still under way when its connection is closed would fail outside of anybody's reach.
      await Promise.allSettled([answer, doubt]);
    }
  }

  /** A server keeps a Query waiting for a worker to come; where there is certainly none, that is said sooner. @throws HoldfastError `no-worker` */
  async #whenNobodyPolls(workflowId: string, over: AbortSignal): Promise<void> {
    await delay(DOUBT_AFTER_MS, undefined, { signal: over }).catch(() => undefined);
    if (over.aborted) return;
    const pollers = await this.workers((await this.describe(workflowId)).taskQueue);
    if (pollers.workflow.length === 0) throw noWorker(pollers, workflowId, undefined);
  }

  async #call<T>(workflowId: string | undefined, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw this.#translated(error, workflowId);
    }
  }

  #translated(error: unknown, workflowId: string | undefined): unknown {
    return translateFailure(error, {
      address: this.address,
      namespace: this.namespace,
      ...(workflowId === undefined ? {} : { workflowId }),
    });
  }
}

function wellFormed(given: unknown): Decision {
  const parsed = parseDecision(given);
  if ('decision' in parsed) return parsed.decision;
  throw new HoldfastError('bad-input', `The decision cannot be sent: ${parsed.problems.join('; ')}.`, {
    problems: parsed.problems,
  });
}

function endOf({ cause }: WorkflowFailedError): Pick<Extract<JobResult, { failure: unknown }>, 'outcome' | 'failure'> {
  const message = cause?.message ?? 'no reason was given';
  if (cause instanceof CancelledFailure) return { outcome: 'cancelled', failure: { type: 'cancelled', message } };
  if (cause instanceof TerminatedFailure) return { outcome: 'terminated', failure: { type: 'terminated', message } };
  if (cause instanceof TimeoutFailure) return { outcome: 'timed-out', failure: { type: 'timed-out', message } };
  if (!(cause instanceof ApplicationFailure)) return { outcome: 'failed', failure: { type: 'step-failed', message } };
  const { type } = applicationFailure(cause);
  return { outcome: type === 'aborted' ? 'aborted' : 'failed', failure: { type: cause.type ?? type, message } };
}

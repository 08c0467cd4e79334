/**
 * `HoldfastClient`: everything that the command line can show or do with a job, as data.
 *
 * Invariants
 * 1. What goes to a job is checked before it is sent: the plan, its input, a decision.
 * 2. Failures are HoldfastErrors of the closed list; a job that asks a person is no failure.
 * 3. A job has no Workflow retry policy: a retry would do its effects again.
 */
import { randomBytes } from 'node:crypto';
import { WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/common';
import { defined } from '../model/defined.ts';
import { isDigest } from '../model/digest.ts';
import { JobStatusSchema, type JobStatus } from '../model/job/status.ts';
import type { Fork } from '../model/job/fork.ts';
import { assertPlan } from '../model/plan/check/check.ts';
import { parseInput, workspaceOf } from '../model/plan/run/input.ts';
import type { PlanSource } from '../model/plan/plan.ts';
import type { Abort } from '../model/question/decision.ts';
import type { Question } from '../model/question/question.ts';
import { abortSignal, decideSignal, questionsQuery, statusQuery } from '../workflows/messages.ts';
import { DEFAULT_TASK_QUEUE } from '../model/worker-command.ts';
import * as calls from './call-options.ts';
import type { OpenConnection } from './connection.ts';
import { startFork, type StartedFork, type StartForkOptions } from './fork-job.ts';
import { resultOf } from './job-end.ts';
import {
  AGENT_JOB,
  hasEnded,
  listedJob,
  listJobs,
  STATE_ATTRIBUTE,
  type JobListing,
  type ListedJob,
  type ListOptions,
} from './job-listing.ts';
import type {
  Cancelled,
  Decided,
  DecideOptions,
  DecisionInput,
  HoldfastClientOptions,
  JobResult,
  ResumedJob,
  ResumeOptions,
  StartedJob,
  StartOptions,
  WaitOptions,
  WatchOptions,
} from './job-types.ts';
import { JobStates } from './job-states.ts';
import { workspaceOfJob } from './job-workspace.ts';
import { ListedWaits } from './listed-waits.ts';
import { openQuestionOf } from './named-question.ts';
import { resumeJob } from './resume-job.ts';
import { answeredBefore, notUsed, sendDecision } from './send-decision.ts';
import { previewOfJob } from './preview-job.ts';
import type { DecisionPreview } from './preview.ts';
import { ServerCalls } from './server-calls.ts';
import { knownStepsOf } from './start-options.ts';
import { jobDetails } from './static-details.ts';
import type { QueuePollers } from './task-queue.ts';
import { withWhatTheServerTells } from './told-by-server.ts';
import { wakeJob, type WakeOptions, type Woken } from './wake.ts';
import { watchJob } from './watch-job.ts';

/** What the command line can show or do, as data. One client serves all jobs of a namespace; close it. */
export class HoldfastClient extends JobStates implements AsyncDisposable {
  /** Where new jobs go. */
  readonly taskQueue: string;
  readonly #server: ServerCalls;

  /** For a Client that a program has. @throws HoldfastError `bad-input` */
  constructor(options: HoldfastClientOptions) {
    calls.refuseBadClientOptions(options);
    const { client, connection, address, taskQueue, queryTimeoutMs } = options;
    const server = new ServerCalls({ client, connection, address }, queryTimeoutMs);
    super(server);
    this.#server = server;
    this.taskQueue = taskQueue ?? DEFAULT_TASK_QUEUE;
  }

  /** The server's, as it was given. */
  get address(): string {
    return this.#server.address;
  }

  /** The namespace whose jobs it knows. */
  get namespace(): string {
    return this.#server.namespace;
  }

  /** Temporal's own client, for what Holdfast has no word for. */
  get temporal(): OpenConnection {
    const { client, connection, address, namespace } = this.#server;
    return { client, connection, address, namespace };
  }

  /** Closes the connection, also one that was given. Safe to repeat. */
  async close(): Promise<void> {
    await this.#server.connection.close();
  }

  /** For `await using`: closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Starts a job that runs a plan. To repeat it safely give a `workflowId`; once that job has ended, a new one starts.
   * @throws HoldfastError `bad-plan`, `bad-input`, `already-started`, `server-unreachable`
   */
  async start(plan: PlanSource, options: StartOptions = {}): Promise<StartedJob> {
    const checked = assertPlan(plan, defined({ knownSteps: knownStepsOf(options) }));
    const input = parseInput(checked, options.input ?? {});
    const workspace = options.workspace ?? workspaceOf(checked, input);
    const workflowId = options.workflowId ?? `${checked.name}-${randomBytes(4).toString('hex')}`;
    const taskQueue = options.taskQueue ?? this.taskQueue;
    const given = { plan: checked, input, ...defined({ workspace: options.workspace }) };
    const handle = await this.#server.call(workflowId, () =>
      this.#server.client.workflow.start(AGENT_JOB, {
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

  /**
   * The newest jobs first, and which of them have no worker. Needs none. @throws HoldfastError `bad-input`,
   * `server-unreachable`
   */
  async list(options: ListOptions = {}): Promise<JobListing> {
    calls.refuseBadListing(options);
    const registered = await this.#server.call(undefined, () => this.searchAttributes());
    const { visibility } = this.#server;
    const waits = new ListedWaits(this.#server);
    return await this.#server.call(undefined, () =>
      listJobs(visibility, registered.includes(STATE_ATTRIBUTE), options, waits),
    );
  }

  /** What Temporal knows of a job without a worker. @throws HoldfastError `not-found`, `server-unreachable` */
  async describe(workflowId: string): Promise<ListedJob> {
    return listedJob(await this.#server.describe(workflowId));
  }

  /** Asked of the job's worker. @throws HoldfastError `not-found`, `no-worker`, `server-unreachable` */
  async status(workflowId: string): Promise<JobStatus> {
    const status = JobStatusSchema.parse(await this.#server.query(workflowId, (handle) => handle.query(statusQuery)));
    const described = await this.#server.describe(workflowId);
    const { state, version } = listedJob(described);
    // A terminated Workflow never learnt of its end.
    if (state === 'terminated' || state === 'timed-out') return { ...status, state: 'failed', questions: [] };
    return await withWhatTheServerTells(this.#server, { ...status, ...defined({ version }) }, described);
  }

  /** The open questions. @throws HoldfastError `not-found`, `no-worker`, `server-unreachable` */
  async questions(workflowId: string): Promise<readonly Question[]> {
    const open = await this.#server.query(workflowId, (handle) => handle.query(questionsQuery));
    // A terminated Workflow never learnt of its end.
    return open.length > 0 && hasEnded((await this.describe(workflowId)).state) ? [] : open;
  }

  /**
   * Gives a person's decision to a job. An Update is refused before it changes anything and answers when the decision
   * has been carried out; a Signal is only delivered: what can't be used is recorded in the job's status.
   * Safe to repeat with the question's whole digest: the same decision gets the first answer, another is refused.
   * @throws HoldfastError `decision-refused`, `bad-input`, `not-found`, `no-worker`, `server-unreachable`
   */
  async decide(workflowId: string, given: DecisionInput, options: DecideOptions = {}): Promise<Decided> {
    const via = calls.wayOf(options);
    calls.refuseUnknownInDecision('client.decide', given);
    const open = (): Promise<Question> => this.openQuestion(workflowId, given.digest);
    if (via === 'signal') {
      // With the whole digest it needs no worker now: it waits in the history.
      const decision = calls.wellFormed({
        ...given,
        digest: isDigest(given.digest) ? given.digest : (await open()).digest,
      });
      await this.#server.call(workflowId, () => this.#server.handle(workflowId).signal(decideSignal, decision));
      return { via, decision, done: [] };
    }
    const question = await open().catch((error: unknown) => answeredBefore(this.#server, workflowId, given, error));
    if ('via' in question) return question;
    const { digest } = question;
    const decision = calls.wellFormed({ ...given, digest });
    const { done, used } = await sendDecision(this.#server, workflowId, decision);
    // The record in the workspace has the last word; what it refuses leaves the question open.
    const isStillOpen = (await this.questions(workflowId).catch(() => [])).some(
      (question) => question.digest === digest,
    );
    if (isStillOpen) throw notUsed(workflowId, decision, done);
    return { via, decision, done, used };
  }

  /** What a decision would do. Changes nothing. @throws HoldfastError `decision-refused`, `bad-input`, `no-worker` */
  async preview(workflowId: string, given: DecisionInput): Promise<DecisionPreview & { readonly question: Question }> {
    return await previewOfJob(this, workflowId, given);
  }

  /**
   * The open question that a digest, or its first eight or more digits, names; without one the only open question.
   * @throws HoldfastError `decision-refused` (none, or several and no digest), `bad-input`, `not-found`, `no-worker`
   */
  async openQuestion(workflowId: string, digest?: string): Promise<Question> {
    const questions = (): Promise<readonly Question[]> => this.questions(workflowId);
    const asked = { questions, describe: () => this.describe(workflowId), status: () => this.status(workflowId) };
    return await openQuestionOf(asked, workflowId, digest);
  }

  /** How a job ended, or that it hasn't. `wait`: until it has. @throws HoldfastError `not-found` */
  async result(workflowId: string, options: WaitOptions = {}): Promise<JobResult> {
    const wait = calls.waits('client.result', options);
    const status = (): Promise<JobStatus> => this.status(workflowId);
    return await resultOf(this.#server, await this.describe(workflowId), { wait, status });
  }

  /** Asks a job to end; what is half applied is finished first. Safe to repeat. @throws HoldfastError `not-found` */
  async cancel(workflowId: string, options: WaitOptions = {}): Promise<Cancelled> {
    const wait = calls.waits('client.cancel', options);
    const requested = await this.#server.send(workflowId, (handle) => handle.cancel());
    return { workflowId, requested, ...(wait && { result: await this.result(workflowId, { wait }) }) };
  }

  /**
   * Ends a job as aborted, whether it asks something or not, by a Signal. `compensate`: what it did is undone first,
   * newest first; its questions are answered like any other. Without `compensate`, while the job is undone: ends the
   * undoing. Safe to repeat.
   * @throws HoldfastError `bad-input`, `not-found`, `server-unreachable`
   */
  async abort(workflowId: string, given: Abort, options: WaitOptions = {}): Promise<Cancelled> {
    const wait = calls.waits('client.abort', options);
    const abort = calls.wellFormedAbort(given);
    const requested = await this.#server.send(workflowId, (handle) => handle.signal(abortSignal, abort));
    return { workflowId, requested, ...(wait && { result: await this.result(workflowId, { wait }) }) };
  }

  /** Starts a job from its store, on any cluster. @throws HoldfastError `checkpoint-damaged`, and as `start` */
  async resume(options: ResumeOptions): Promise<ResumedJob> {
    return await resumeJob(this.#server, this.taskQueue, options);
  }

  /** Starts the fork that `forkJob` of `holdfast/changes` made. Safe to repeat. @throws HoldfastError `bad-input` */
  async startFork(fork: Fork, options: StartForkOptions = {}): Promise<StartedFork> {
    return await startFork(this.#server, fork, { ...options, queue: this.taskQueue });
  }

  /** Moves a pinned job to its workers' current version. Repeatable. @throws HoldfastError `not-found`, `no-worker` */
  async wake(workflowId: string, options: WakeOptions = {}): Promise<Woken> {
    return await wakeJob(this.#server, workflowId, calls.waits('client.wake', options));
  }

  /** The status now and whenever it changes, until the job has ended. @throws HoldfastError `not-found`, `bad-input` */
  watch(workflowId: string, options: WatchOptions = {}): AsyncGenerator<JobStatus, void, undefined> {
    calls.refuseBadWatch(options);
    const job = { describe: () => this.describe(workflowId), status: () => this.status(workflowId) };
    return watchJob(job, options);
  }

  /**
   * The folder that a job works in, from its history: needs no worker. Undefined for a user's own Workflow.
   * @throws HoldfastError `not-found`, `server-unreachable`
   */
  async workspaceOf(workflowId: string): Promise<string | undefined> {
    return await workspaceOfJob(this.#server, workflowId);
  }

  /** Who polls a Task Queue. @throws HoldfastError `server-unreachable` */
  async workers(taskQueue: string = this.taskQueue): Promise<QueuePollers> {
    return (await this.#server.queue(taskQueue)).pollers;
  }

  /** The custom search attributes that the namespace has. @throws HoldfastError `server-unreachable` */
  async searchAttributes(): Promise<readonly string[]> {
    return await this.#server.searchAttributes();
  }
}

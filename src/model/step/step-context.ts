/**
 * What a step's code is given. It stages; it never touches the world. Types only: no Node types, so that contracts and
 * code can be typed without bundling anything.
 */
import type { CommandResult } from './command-result.ts';
import type { Json, JsonObject } from '../canonical-json.ts';
import type { StepFiles } from './step-files.ts';
import type { StepDatabase } from './step-database.ts';
import type { PerformOptions } from './step-call.ts';
import type { CommandOptions } from './step-command.ts';
import type { HttpOptions, HttpResponse } from './step-http.ts';
import type { RunSubStep } from './sub-step.ts';

/**
 * What a step's code is given. It reads the world and stages changes; nothing is applied before the code has returned.
 */
export interface StepContext {
  /** Workflow id, `@`, id of the first Run. Reset and continue-as-new keep it. */
  readonly jobId: string;
  /** As the plan or the Workflow names the step; unique in the job, the same on every attempt. */
  readonly stepId: string;
  /** How many times the step was deliberately run again (`rerun`, `undo`); 0 the first time. A retry doesn't count. */
  readonly generation: number;
  /**
   * The step's idempotency token, 64 hex digits: the same on every retry, another one in each generation. Calls of
   * `perform` and `http` have keys of their own, made of it.
   */
  readonly token: string;
  /** The workspace, with the step's own staged changes. */
  readonly files: StepFiles;
  /**
   * A database that the plan (or `openJob`) declares. It connects to nothing before it is used. Safe to repeat.
   * @throws `undeclared-database`
   */
  db(name: string): StepDatabase;
  /**
   * A guarded step within this one, without a round trip to Temporal: its own token, staging, intent and record. What
   * it stages is applied when its code has returned, before this one's goes on; on a retry its recorded result is the
   * answer, and its code does not run. Several may run at once while they touch different resources.
   * @param name letters, digits, `_ . # / -`; unique in the step. Or a contract whose code the worker has
   * @throws what its code throws; `once-name-twice`, `same-target-twice`, `bad-input`, `bad-output`, `too-large`,
   *   `fenced`. What a person has to answer ends the step's attempt, even if it is caught
   */
  readonly step: RunSubStep<StepContext>;
  /**
   * A value that must not change on a retry: a model's answer, the clock, a random number. The first time, `fn` runs
   * and its result is durable before it is returned; on a retry it comes from the record while what the step read
   * before is the same; else `fn` runs again. Killed before its result is durable, `fn` runs again, too: what changes
   * something outside goes through `perform`. Await it.
   * @param name unique in the step, also among `perform`, `http` and `command` names; the same on every attempt
   * @param fn returns plain JSON, at most 16 Mi characters of it. What it throws is thrown, and nothing is recorded
   * @throws `once-name-twice`, `not-json`, `too-large`, `secret-in-output`; `fenced` once the step's code has ended
   */
  once<T extends Json>(name: string, fn: () => T | Promise<T>): Promise<T>;
  /**
   * A call that can't be staged: it is made while the code runs, once. That it is about to be made is durable before
   * `run` is called, and its answer before it is returned; on a retry the answer comes from the record. In between it
   * is in doubt, and `inDoubt` says what then. Await it.
   * Request and answer: plain JSON of at most 16 Mi characters each.
   * @param name letters, digits, `_ . # / @ : + -`, at most 100 of them, the first a letter, a digit or `_`; unique in
   *   the step, also among `once` names
   * @throws `once-name-twice`, `not-json`, `bad-input`, `too-large`, `secret-in-output`; `in-doubt`, which ends the
   *   attempt even if it is caught: a person is asked; what `run` threw, where that was `NotPerformed`, or the call is
   *   `readOnly` or has another policy than `ask`: a retry settles it; `fenced` once the step's code has ended
   */
  perform<T extends Json>(name: string, options: PerformOptions<T>): Promise<T>;
  /**
   * Runs a command on a private copy of the workspace, or of the part that `paths` names; what it changed there is
   * staged, as if it had been written by `ctx.files`: all of it is applied with the step, or nothing. It sees what
   * the step has staged. Once it has ended its result is recorded, and a retry gets that while what it was given is
   * the same; killed before that, it runs again: what it does outside its copy (network, other folders) may happen
   * more than once. `inPlace: true` runs it in the workspace itself, at most once, like `perform`.
   * @param run words, given to the program as they are; with `shell: true` one string for /bin/sh
   * @throws `not-found` (no such program), `command-failed` (its exit code), `step-timeout`, `too-large`,
   *   `processes-left`, `changed-meanwhile` (the workspace itself was changed while it ran), `outside-workspace`,
   *   `reserved-path`, `bad-input`
   */
  command(run: readonly string[] | string, options?: CommandOptions): Promise<CommandResult>;
  /**
   * The value of a secret that the plan (or `openJob`) declares: of the worker's environment. What the step returns,
   * writes or records must not hold it (`secret-in-output`); logs, errors and progress show its name in its place.
   * @throws `undeclared-secret`, `missing-secret`
   */
  secret(name: string): string;
  /**
   * An HTTP request, as a call (see `perform`): its Idempotency-Key is the same on every attempt, its response is
   * recorded. Hosts must be listed by the plan or `openJob`, those of redirects too. GET and HEAD are made again
   * where it isn't known whether they were; of others a person is asked, unless they are `idempotent` or have a
   * `probe`.
   * @param name as for `perform`
   * @throws `host-not-allowed`, `bad-input`, `missing-variable`, before anything is sent; `endpoint-unreachable`,
   *   `endpoint-busy` (429, 503 with Retry-After, 408, 425), tried again by themselves; `http-refused` for other
   *   statuses; `too-large`; `in-doubt`
   */
  http(name: string, options: HttpOptions): Promise<HttpResponse>;
  /**
   * Kept with the step's record, and shown by the worker. The record has the first 200 messages of an attempt, each of
   * at most 2,000 characters; the worker's log has all. A value of a declared secret shows as its name. A retry logs
   * again.
   * @param fields plain JSON
   * @throws `not-json` for fields that are none
   */
  log(message: string, fields?: JsonObject): void;
  /**
   * What the step is at, and how much of it is done (0 to 1). The latest is shown while the step runs, some seconds
   * late: by `holdfast status` and `--watch`, in `JobStatus.progress`, and by Temporal's UI as the heartbeat details of
   * the pending Activity. Not recorded; as often as you like.
   * @param message cut after 1,000 characters
   * @param fraction what is below 0 counts as 0, beyond 1 as 1. Default: not known
   */
  progress(message: string, fraction?: number): void;
  /**
   * Aborted when the job is cancelled, the step times out or the worker stops. Hand it to what you wait for: code that
   * ignores it is not waited for, and what it has staged is dropped.
   */
  readonly signal: AbortSignal;
  /** Who rejected the step's last draft, and why. Absent: nobody did. */
  readonly rejection?: { readonly reason: string; readonly by: string };
}

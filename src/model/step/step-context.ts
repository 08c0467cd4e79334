/**
 * What a step's code is given. It stages; it never touches the world. Types only: no Node types, so that contracts and
 * code can be typed without bundling anything.
 */
import type { CommandResult } from './command.ts';
import type { Json, JsonObject } from '../canonical-json.ts';
import type { HttpRequestSource } from './http-request.ts';

/** Text is written as UTF-8. A stream is read once; memory does not grow with its length. */
export type FileContent = string | Uint8Array | AsyncIterable<Uint8Array | string>;

export interface WriteOptions {
  /** Permission bits. Default: those of the file that is replaced, else 0o644. */
  readonly mode?: number;
}

export interface FileInfo {
  /** Relative to the workspace, `/` between parts. */
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'symlink' | 'other';
  readonly sizeBytes: number;
}

export interface StepFiles {
  /** The whole file as bytes (at most 256 MiB; use `stream` beyond). @throws `not-found` */
  read(path: string): Promise<Uint8Array>;
  /** The whole file as UTF-8 text. @throws `not-found` */
  readText(path: string): Promise<string>;
  /** The content in chunks. It is hashed while it is read; read it to its end. @throws `not-found` */
  stream(path: string): AsyncIterable<Uint8Array>;
  exists(path: string): Promise<boolean>;
  /** Stages a write; folders that are missing are created with it. */
  write(path: string, content: FileContent, options?: WriteOptions): Promise<void>;
  /** Stages a removal. Removing what is not there is no error. */
  remove(path: string): Promise<void>;
  /** What lies below a folder (default: the whole workspace), sorted by path, staged changes included. */
  list(folder?: string, options?: { readonly recursive?: boolean }): Promise<readonly FileInfo[]>;
}

export type Row = Readonly<Record<string, unknown>>;

export interface RowOptions {
  /** Columns that the record covers. Default: those written, and the key. Others' columns are then no drift. */
  readonly columns?: readonly string[];
}

export interface StepDatabase {
  readonly dialect: 'sqlite' | 'postgres';
  /**
   * Reads rows, in a read-only transaction. Placeholders: `?` for SQLite, `$1` for PostgreSQL.
   * The result is compared again before the step applies. @throws `staged-table-query` if the step has staged changes to a table it reads
   */
  query<R extends Row = Row>(sql: string, params?: readonly Json[]): Promise<readonly R[]>;
  /** Stages new rows. */
  insert(table: string, rows: JsonObject | readonly JsonObject[], options?: RowOptions): Promise<void>;
  /** Stages rows that are inserted, or updated where their primary key exists. */
  upsert(table: string, rows: JsonObject | readonly JsonObject[], options?: RowOptions): Promise<void>;
  /** Stages new values for the row with this primary key. */
  update(table: string, key: JsonObject, values: JsonObject, options?: RowOptions): Promise<void>;
  /** Stages the deletion of the row with this primary key. */
  delete(table: string, key: JsonObject): Promise<void>;
  /** Stages a statement. `writes` names every table that it changes. Without `undo` it cannot be undone. */
  sql(
    text: string,
    params: readonly Json[],
    options: {
      readonly writes: readonly string[];
      readonly undo?: { readonly text: string; readonly params?: readonly Json[] };
    },
  ): Promise<void>;
}

export interface PerformCall {
  /** The same for every attempt, and for a repeat: hand it on as the Idempotency-Key. 64 hex digits. */
  readonly key: string;
  /** Aborted when the job is cancelled, the step times out or the worker stops. */
  readonly signal: AbortSignal;
  /** Was it begun before, so that it may have happened already? Then the other side must know it by its key. */
  readonly isRepeat: boolean;
}

export interface ProbeCall {
  readonly key: string;
  /** What was sent, as `request` has it. */
  readonly request: Json;
  readonly signal: AbortSignal;
}

export type ProbeResult<T> =
  | { readonly happened: true; readonly answer: T }
  | { readonly happened: false }
  | { readonly happened: 'unknown' };

export interface PerformOptions<T extends Json> {
  /**
   * What is about to be sent: a person sees it when the call is in doubt, and a retry that wants to send something else is
   * asked about. Plain JSON that is the same on every attempt (a clock or a random number: `ctx.once`); no secrets.
   * Default: null.
   */
  readonly request?: Json;
  /**
   * Makes the call and returns its answer, plain JSON. Throws `NotPerformed` when the call certainly did not happen; any
   * other error leaves it in doubt.
   */
  run(call: PerformCall): Promise<T> | T;
  /** For `inDoubt: 'probe'`: finds out whether the call happened. If it throws, a person is asked. */
  probe?(call: ProbeCall): Promise<ProbeResult<T>> | ProbeResult<T>;
  /**
   * When nobody can know whether it happened (the worker died, `run` threw): `ask` a person; `repeat` it, since the other
   * side honours the key; or `probe`. Default: `ask`.
   */
  readonly inDoubt?: 'ask' | 'repeat' | 'probe';
}

export interface CommandOptions {
  /** `run` is one string for /bin/sh -c. Default: false. */
  readonly shell?: boolean;
  /** A folder of the workspace to run in. Default: the workspace. */
  readonly cwd?: string;
  /** What of the workspace it is given: files, folders with all in them, patterns (`*`, `**`, `?`). Default: all of it. */
  readonly paths?: readonly string[];
  /** Of these, what its result depends on: recorded as read, so that a later change makes the step stale. Default: none. */
  readonly reads?: readonly string[];
  /** Files of the workspace that others may change while it runs. Default: none; any change is refused. */
  readonly othersChange?: readonly string[];
  /** Its environment, besides `envFrom`. Default: empty. */
  readonly env?: Readonly<Record<string, string>>;
  /** Variables that it is given from the worker's environment. Default: `['PATH']`. */
  readonly envFrom?: readonly string[];
  /** Exit codes that are no failure. Default: `[0]`. */
  readonly okExitCodes?: readonly number[];
  /** In milliseconds; then it is killed. Default: the step's own timeout. */
  readonly timeoutMs?: number;
  /** Between SIGTERM and SIGKILL, in milliseconds. Default: 5000. */
  readonly killGraceMs?: number;
  /** More output is a failure, and it is killed. Default: no bound (what is kept is bounded). */
  readonly maxOutputBytes?: number;
  /** Run in the workspace itself. Default: false. */
  readonly inPlace?: boolean;
  /** Of a command in place whose end nobody knows. Default: `ask`. */
  readonly inDoubt?: 'ask' | 'repeat';
  /** Names its record in the step, unique among `once` and `perform` names. Default: `command#1`, `command#2`, … */
  readonly name?: string;
}

/** A request: `url`, `method`, `headers`, `json` or `body`, `saveTo`, `maxBytes`, `acceptStatus`, `idempotent`, `timeoutMs`; see `HttpRequestSchema`. */
export type HttpOptions = HttpRequestSource & {
  /** Finds out whether a request that is in doubt happened; if it throws, a person is asked. Default: a person is asked at once. */
  readonly probe?: NonNullable<PerformOptions<Json>['probe']>;
};

export interface HttpResponse {
  /** 200 to 299, or one of `acceptStatus`. */
  readonly status: number;
  /** The one that answered, after redirects. */
  readonly url: string;
  /** Names in lower case; those that hold cookies and challenges are left out. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body as UTF-8; '' where there is none, and with `saveTo`. */
  readonly text: string;
  /** With `saveTo`: the file's content. */
  readonly saved?: { readonly digest: string; readonly sizeBytes: number };
  /** @throws `bad-input` when the body is not JSON */
  json<T extends Json = Json>(): T;
}

export interface StepContext {
  readonly jobId: string;
  readonly stepId: string;
  readonly generation: number;
  /** The idempotency token: the same on every retry. Hand it to services that honour one. */
  readonly token: string;
  readonly files: StepFiles;
  /** A database that the plan (or `openJob`) declares. @throws `undeclared-database` */
  db(name: string): StepDatabase;
  /**
   * A value that must not change on a retry: a model's answer, the clock, a random number. The first time, `fn` runs and
   * its result is durable before it is returned; on a retry it comes from the record while what the step read before is
   * the same. @throws `once-name-twice`, `not-json`
   */
  once<T extends Json>(name: string, fn: () => T | Promise<T>): Promise<T>;
  /**
   * A call that can't be staged: it is made while the code runs, once. That it is about to be made is durable before
   * `run` is called, and its answer before it is returned; on a retry the answer comes from the record. In between it is in
   * doubt, and `inDoubt` says what then. Await it.
   * @param name letters, digits, `_ . # / @ : + -`; unique in the step, also among `once` names
   * @throws `once-name-twice`, `not-json`, `bad-input`; `in-doubt`, which ends the attempt even if it is caught: a person is asked
   */
  perform<T extends Json>(name: string, options: PerformOptions<T>): Promise<T>;
  /**
   * Runs a command on a private copy of the workspace, or of the part that `paths` names; what it changed there is staged,
   * as if it had been written by `ctx.files`: all of it is applied with the step, or nothing. It sees what the step has
   * staged. Once it has ended its result is recorded, and a retry gets that while what it was given is the same; killed
   * before that, it runs again: what it does outside its copy (network, other folders) may happen more than once.
   * `inPlace: true` runs it in the workspace itself, at most once, like `perform`.
   * @param run words, given to the program as they are; with `shell: true` one string for /bin/sh
   * @throws `not-found` (no such program), `command-failed` (its exit code), `step-timeout`, `too-large`, `processes-left`,
   * `changed-meanwhile` (the workspace itself was changed while it ran), `outside-workspace`, `reserved-path`, `bad-input`
   */
  command(run: readonly string[] | string, options?: CommandOptions): Promise<CommandResult>;
  /**
   * The value of a secret that the plan (or `openJob`) declares: of the worker's environment. What the step returns, writes
   * or records must not hold it (`secret-in-output`); logs, errors and progress show its name in its place.
   * @throws `undeclared-secret`, `missing-secret`
   */
  secret(name: string): string;
  /**
   * An HTTP request, as a call (see `perform`): its Idempotency-Key is the same on every attempt, its response is recorded.
   * Hosts must be listed by the plan or `openJob`, those of redirects too. GET and HEAD are made again where it isn't known
   * whether they were; of others a person is asked, unless they are `idempotent` or have a `probe`.
   * @param name as for `perform`
   * @throws `host-not-allowed`, `bad-input`, `missing-variable`, before anything is sent; `endpoint-unreachable`, `endpoint-busy`
   * (429, 503 with Retry-After, 408, 425), tried again by themselves; `http-refused` for other statuses; `too-large`; `in-doubt`
   */
  http(name: string, options: HttpOptions): Promise<HttpResponse>;
  /** Kept with the step's record, and shown by the worker. */
  log(message: string, fields?: JsonObject): void;
  /** Shown by `holdfast status --watch` and the Temporal UI while the step runs. */
  progress(message: string, fraction?: number): void;
  /** Aborted when the job is cancelled, the step times out or the worker stops. */
  readonly signal: AbortSignal;
  /** Why a person rejected the step's last draft, if one did. */
  readonly rejection?: { readonly reason: string; readonly by: string };
}

/** A call of a step that is undone. */
export interface CompensatedCall {
  readonly name: string;
  /** The idempotency key that it was made with. */
  readonly key: string;
  /** What was sent, as canonical JSON; beyond 4,000 characters cut. */
  readonly requestText: string;
  readonly answer: Json;
  /** Who says that it happened: the call's own answer, the step's probe, or a person. */
  readonly known: 'called' | 'probed' | 'told';
  /** The generation that made it. */
  readonly generation: number;
}

/** What a step did, as the record has it: what its compensation is given. */
export interface CompensatedRecord<Input = unknown, Output = unknown> {
  readonly stepId: string;
  readonly generation: number;
  /** Of the code that ran. Undefined: the step was not finished. */
  readonly version: string | undefined;
  /** The step's own token, as its calls and rows may have been given it. */
  readonly token: string;
  readonly input: Input;
  /** Undefined: the step was not finished, and only calls of it were made. */
  readonly output: Output | undefined;
  /** What was staged and applied, in its order. */
  readonly effects: readonly CompensatedEffect[];
  /** Calls that happened, of all generations, in the order in which they were begun. */
  readonly calls: readonly CompensatedCall[];
}

/** One change of a file, a folder, a row, or a statement. */
export type CompensatedEffect =
  | { readonly kind: string; readonly path: string }
  | {
      readonly kind: 'row.insert' | 'row.upsert' | 'row.update' | 'row.delete';
      readonly database: string;
      readonly table: string;
      readonly key: JsonObject;
      readonly values: JsonObject;
    }
  | {
      readonly kind: 'sql';
      readonly database: string;
      readonly text: string;
      readonly params: readonly Json[];
      readonly writes: readonly string[];
    };

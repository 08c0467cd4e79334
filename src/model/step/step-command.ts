/** `ctx.command`: its options. */

export interface CommandOptions {
  /** `run` is one string for /bin/sh -c. Default: false. */
  readonly shell?: boolean;
  /** A folder of the workspace to run in. Default: the workspace. */
  readonly cwd?: string;
  /**
   * What of the workspace it is given: files, folders with all in them, patterns (`*`, `**`, `?`, `[a-z]`, `{a,b}`).
   * Default: all of it.
   */
  readonly paths?: readonly string[];
  /**
   * Of these, what its result depends on: recorded as read, so that a later change makes the step stale. Default:
   * none.
   */
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
  /** More output is a failure, and it is killed. Default: no bound (what is stored is bounded). */
  readonly maxOutputBytes?: number;
  /** Run in the workspace itself. Default: false. */
  readonly inPlace?: boolean;
  /** Of a command in place whose end nobody knows. Default: `ask`. */
  readonly inDoubt?: 'ask' | 'repeat';
  /** Names its record in the step, unique among `once` and `perform` names. Default: `command#1`, `command#2`, … */
  readonly name?: string;
}

/**
 * What all commands share: how one is declared, which options it may have, how its outcome is printed.
 *
 * Invariants
 * 1. With `--json` there is exactly one JSON document on standard output, also for a failure.
 * 2. A failure says what happened and what to type next.
 */
import path from 'node:path';
import { CommanderError, Option, type Command } from 'commander';
import type { HoldfastClient } from '../client.ts';
import { readKeys, type EncryptionKeys } from '../codec/keys.ts';
import type { LoadedConfig } from '../config.ts';
import { FAILURES } from '../model/failures.ts';
import { HoldfastError, isFailure } from '../model/failure.ts';
import { readableLines } from '../model/readable-line.ts';
import { EXIT, exitCodeOf, type ExitCode } from './exit-code.ts';
import { whileSlow, type Terminal } from './terminal.ts';
import { defined } from '../model/defined.ts';

/** What a command found or did: `data` for `--json`, `text` for people. */
export interface Outcome {
  readonly code: ExitCode;
  /** Undefined: it has been printed already, or there is nothing to print. */
  readonly data: unknown;
  /** Without a line break at its end; empty: nothing is printed. */
  readonly text: string;
}

export interface CommandSpec<Options> {
  readonly name: string;
  /** As commander writes them: `<job>`, `[answer]`. */
  readonly arguments?: readonly (readonly [string, string])[];
  /** More than the summary that the list of commands has, for its own help. */
  readonly description?: string;
  readonly options?: readonly Option[];
  /** Command line → what it does. */
  readonly examples: readonly (readonly [string, string])[];
  readonly run: (
    context: Context<Options>,
    args: readonly (string | undefined)[],
    rest: readonly string[],
  ) => Promise<Outcome>;
}

export interface GlobalOptions {
  readonly json?: boolean;
  readonly address?: string;
  readonly namespace?: string;
  readonly profile?: string;
  readonly taskQueue?: string;
  readonly encryptionKeyFile?: string;
  readonly config?: string;
  readonly steps?: readonly string[];
}

/** What a command works with. Connections made here are closed when it has ended. */
export class Context<Options = object> {
  readonly terminal: Terminal;
  readonly options: Options & GlobalOptions;
  #client: Promise<HoldfastClient> | undefined;

  constructor(terminal: Terminal, options: Options & GlobalOptions) {
    // With --json nobody is asked: what is asked would be no JSON.
    this.terminal = options.json === true ? { ...plain(terminal), isInteractive: false, isTty: false } : terminal;
    this.options = options;
  }

  /** The client, connected when it is first needed. */
  async client(): Promise<HoldfastClient> {
    this.#client ??= this.#connect();
    return await this.#client;
  }

  /** `holdfast.config.ts` and `--steps`. */
  async config(): Promise<LoadedConfig> {
    const { loadConfig } = await import('../config.ts');
    const { config, steps } = this.options;
    return await loadConfig({
      cwd: this.terminal.cwd,
      ...defined({ config, steps }),
    });
  }

  /** What `--encryption-key-file` or the environment gives. @throws HoldfastError `bad-input` */
  encryptionKeys(): EncryptionKeys {
    return readKeys({ env: this.terminal.env, ...this.encryptionChoice });
  }

  /** The option's file, from the folder that the command was called in. */
  get encryptionChoice(): { readonly encryptionKeyFile?: string } {
    const { encryptionKeyFile: file } = this.options;
    return file === undefined ? {} : { encryptionKeyFile: file === '' ? '' : path.resolve(this.terminal.cwd, file) };
  }

  async close(): Promise<void> {
    const client = await this.#client?.catch(() => undefined);
    await client?.close();
  }

  async #connect(): Promise<HoldfastClient> {
    // Loaded late: it takes half a second that `--help` and `check` need not wait for.
    const { connectHoldfast, addressOf } = await import('../client.ts');
    const { address, profile, taskQueue } = this.options;
    const { terminal } = this;
    const configured = await this.#configured();
    const namespace = this.options.namespace ?? configured?.namespace;
    const queue = taskQueue ?? configured?.taskQueue;
    const choice = {
      env: terminal.env,
      ...defined({ address, namespace, profile }),
      ...this.encryptionChoice,
    };
    return await whileSlow(
      terminal,
      `Connecting to ${addressOf(choice).address}`,
      connectHoldfast({ ...choice, ...defined({ taskQueue: queue }) }),
    );
  }

  /** For namespace and Task Queue. A configuration whose steps can't be loaded is no obstacle to asking a server. */
  async #configured(): Promise<LoadedConfig | undefined> {
    if (this.options.config !== undefined) return await this.config();
    return await this.config().catch(() => undefined);
  }
}

/** Of commands that look at a workspace (see `workspaceFor`). */
export const WORKSPACE_ARGUMENT = [
  '<workspace-or-job>',
  "a job's workspace on this machine, or a job whose workspace is on this machine",
] as const;
export const JOB_OF_WORKSPACE_OPTION = new Option(
  '--job <id>',
  'a job of this workspace, by Workflow id or job id; default: the one that has it, else its latest',
);
export const ENCRYPTION_OPTION = new Option(
  '--encryption-key-file <file>',
  'keys that payloads are encrypted with; default: HOLDFAST_ENCRYPTION_KEY_FILE, HOLDFAST_ENCRYPTION_KEYS',
);
export const CONNECTION_OPTIONS: readonly Option[] = [
  new Option('--address <host:port>', 'Temporal server; default: TEMPORAL_ADDRESS, the profile, 127.0.0.1:7233'),
  new Option('-n, --namespace <name>', 'Temporal namespace; default: TEMPORAL_NAMESPACE, the profile, default'),
  new Option('--profile <name>', 'profile of temporal.toml; default: TEMPORAL_PROFILE, default'),
  ENCRYPTION_OPTION,
];
export const TASK_QUEUE_OPTION = new Option('-q, --task-queue <name>', "default: the configuration's, holdfast");
export const CONFIG_OPTIONS: readonly Option[] = [
  new Option('-c, --config <file>', 'configuration; default: holdfast.config.ts, .js or .mjs of this folder'),
  new Option('-s, --steps <file>', 'a module that exports steps; may be repeated').argParser(collect),
];

/** Of commands that take back what was done. */
export const REPEAT_OPTION = new Option(
  '--item <name=repeat>',
  'what nothing undoes and is made anew: statements:STEP, perform:STEP/NAME; may be repeated',
).argParser(collect);

/** For options that may be repeated. */
export function collect(value: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...(earlier ?? []), value];
}

export interface DescribedCommand<Options> {
  readonly spec: CommandSpec<Options>;
  readonly summary: string;
  readonly terminal: Terminal;
}

/** Gives a command its description, arguments, options and action. `finish` gets its outcome. */
export function describeCommand<Options>(
  command: Command,
  { spec, summary, terminal }: DescribedCommand<Options>,
  finish: (outcome: Outcome, json: boolean) => void,
): void {
  command.description([summary, spec.description].filter((part) => part !== undefined).join('\n\n'));
  for (const [name, description] of spec.arguments ?? []) command.argument(name, description);
  for (const option of spec.options ?? []) command.addOption(option);
  command.option('--json', 'one JSON document on standard output');
  const width = Math.max(...spec.examples.map(([line]) => line.length));
  command.addHelpText(
    'after',
    `\nExamples:\n${spec.examples.map(([line, does]) => `  ${line.padEnd(width)}  ${does}`.trimEnd()).join('\n')}`,
  );
  command.action(async (...given: unknown[]) => {
    const options = command.opts() as Options & GlobalOptions;
    const args = given.slice(0, -2);
    const last = args.at(-1);
    const rest = Array.isArray(last) ? (args.pop() as string[]) : [];
    const context = new Context<Options>(terminal, options);
    try {
      finish(await spec.run(context, args as (string | undefined)[], rest), options.json === true);
    } finally {
      await context.close();
    }
  });
}

export function printOutcome(terminal: Terminal, { data, text }: Outcome, json: boolean): void {
  if (json && data !== undefined) terminal.out(`${JSON.stringify(data, null, 2)}\n`);
  else if (!json && text !== '') terminal.out(`${text}\n`);
}

/**
 * Prints why a command could not do its work; returns the exit code. `details.nextStep` is closer advice than the
 * list's own.
 */
export function printFailure(terminal: Terminal, error: unknown, json: boolean): ExitCode {
  const failure = asFailure(error);
  const { type, message, details } = failure;
  const { nextStep = FAILURES[type].nextStep, ...rest } = details;
  if (json) terminal.out(`${JSON.stringify({ error: { type, message, nextStep, details: rest } }, null, 2)}\n`);
  else
    terminal.err(
      `${terminal.style(['red', 'bold'], 'holdfast:')} ${readableLines(message)}\n` +
        `${terminal.style('bold', 'Next:')} ${readableLines(String(nextStep))}\n`,
    );
  return exitCodeOf(type);
}

function asFailure(error: unknown): HoldfastError {
  if (isFailure(error)) return error;
  if (error instanceof CommanderError) {
    const message = error.message.replace(/^error: /, '').replace(/\n\((.*)\)$/, '. $1');
    return new HoldfastError('bad-input', message, {
      code: error.code,
      nextStep: 'Read `holdfast --help`, or `holdfast COMMAND --help` for one command.',
    });
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new HoldfastError(
    'defect',
    message,
    error instanceof Error && error.stack !== undefined ? { stack: error.stack } : {},
    { cause: error },
  );
}

function plain(terminal: Terminal): Terminal {
  return {
    ...terminal,
    get columns() {
      return terminal.columns;
    },
    style: (_style, text) => text,
  };
}

export { EXIT };

/**
 * A Temporal server for development and tests: find one, or find, fetch or build the program and start it.
 *
 * Invariants
 * 1. The order is fixed and what was taken is always said: an address given, a program given, PATH, the cache, the
 *    SDK's
 *    own download, `go install`.
 * 2. What was given must work; it is never replaced by something else without a word.
 * 3. The cache holds a whole program or none: it is made beside and renamed.
 * 4. A started server ends with the process that started it, also by SIGKILL (`supervised-process.ts`).
 */
import { spawn } from 'node:child_process';
import { constants, promises as fs } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError } from './model/failure.ts';
import { startSupervised, type SupervisedProcess } from './effects/processes/supervised.ts';

/** The newest release of the command line that `go install` can build: later ones carry a `replace`. */
export const TEMPORAL_CLI_VERSION = '1.5.1';

/** The custom search attributes that a namespace needs for its jobs to be listed by state. */
export const HOLDFAST_SEARCH_ATTRIBUTES = { HoldfastState: 'Keyword', HoldfastDiscrepancies: 'Int' } as const;

/**
 * The default caps a shard at 20 task loads a second: 83-100 ms a step for a sequential job. With these two it is 17
 * ms.
 */
export const DEV_DYNAMIC_CONFIG = {
  'history.transferProcessorMaxPollRPS': 2000,
  'system.enableActivityEagerExecution': true,
} as const;

const PROBE_LIMIT_MS = 3_000;
const VERSION_LIMIT_MS = 10_000;
const DOWNLOAD_LIMIT_MS = 5 * 60_000;
const BUILD_LIMIT_MS = 20 * 60_000;
const READY_LIMIT_MS = 30_000;
const PROGRESS_EVERY_MS = 10_000;
const START_ATTEMPTS = 3;

export type TemporalExecutable = {
  readonly kind: 'executable';
  readonly path: string;
  readonly from: 'option' | 'HOLDFAST_TEMPORAL_BIN' | 'PATH' | 'cache' | 'SDK download' | 'go install';
};
export type TemporalAddress = {
  readonly kind: 'address';
  readonly address: string;
  readonly from: 'option' | 'TEMPORAL_ADDRESS';
};
export type TemporalFound = TemporalAddress | TemporalExecutable;

export interface FindTemporalOptions {
  /** A running server, `host:port`. `false`: a program is wanted, whatever TEMPORAL_ADDRESS says. */
  readonly address?: string | false;
  /** The `temporal` program. */
  readonly executable?: string;
  /** One line of text for a person; anything that takes more than a second says so. */
  readonly onProgress?: (line: string) => void;
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Where a Temporal server can be had, fetching or building the program when there is none (minutes, once). Safe to
 * repeat.
 * @throws HoldfastError `server-unreachable` that names everything tried and the remedy.
 */
export async function findTemporal(options: FindTemporalOptions = {}): Promise<TemporalFound> {
  const env = options.env ?? process.env;
  const found = givenAddress(options, env) ?? (await findExecutable(options, env));
  options.onProgress?.(describeTemporal(found));
  return found;
}

/** What was taken, as one line for a person. */
export function describeTemporal(found: TemporalFound): string {
  return found.kind === 'address'
    ? `Temporal server: ${found.address} (address given${found.from === 'option' ? '' : ` by ${found.from}`})`
    : `Temporal server: ${found.path} (${found.from === 'option' ? 'given' : `from ${found.from}`})`;
}

/** Holdfast's own cache, outside every checkout. */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  return path.join(env['XDG_CACHE_HOME'] || path.join(os.homedir(), '.cache'), 'holdfast');
}

export interface DevServerOptions extends Omit<FindTemporalOptions, 'address'> {
  /** Default: free ones. */
  readonly ports?: { readonly grpc?: number; readonly ui?: number };
  /** Keeps what the server knows over a restart. Default: in memory. */
  readonly dbFilename?: string;
  /** Default: true. */
  readonly ui?: boolean;
  /** Where the UI has encrypted payloads decoded. */
  readonly codecEndpoint?: string;
  /** Besides `default`. */
  readonly namespaces?: readonly string[];
  /** Name → type, besides Holdfast's own. */
  readonly searchAttributes?: Readonly<Record<string, string>>;
  /** Each line that the server prints (warnings and worse). */
  readonly log?: (line: string) => void;
}

export interface DevServer {
  /** `127.0.0.1:port`. */
  readonly address: string;
  readonly uiUrl: string | undefined;
  readonly executable: TemporalExecutable;
  /** Of the supervisor; also the id of the process group. */
  readonly pid: number;
  /** Resolves when the server has ended, asked or not. */
  readonly ended: Promise<void>;
  /** Ends it and waits. Safe to repeat. */
  stop(): Promise<void>;
}

/**
 * Starts `temporal server start-dev` on 127.0.0.1 and waits until it answers and knows the search attributes.
 * @throws HoldfastError `server-unreachable` with the server's last lines when it doesn't come up.
 */
export async function startDevServer(options: DevServerOptions = {}): Promise<DevServer> {
  const executable = await findTemporal({ ...options, address: false });
  if (executable.kind !== 'executable')
    throw new HoldfastError('defect', 'An address was found where a program was asked for.');
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(executable, options);
    } catch (error) {
      // A free port can be taken by another process before the server binds it.
      const portTaken = error instanceof HoldfastError && error.details['portTaken'] === true;
      if (!portTaken || options.ports?.grpc !== undefined || attempt === START_ATTEMPTS) throw error;
    }
  }
}

async function startOnce(executable: TemporalExecutable, options: DevServerOptions): Promise<DevServer> {
  const port = options.ports?.grpc ?? (await freePort());
  const uiPort = options.ui === false ? undefined : (options.ports?.ui ?? (await freePort()));
  await assertPortFree(port);
  const server = startSupervised({
    command: executable.path,
    args: startDevArguments(port, uiPort, options),
    env: withoutTemporalVariables(options.env ?? process.env),
    ...(options.log === undefined ? {} : { onLine: options.log }),
  });
  const address = `127.0.0.1:${port}`;
  try {
    await waitUntilReady(address, server, Object.keys(searchAttributesOf(options)));
  } catch (error) {
    await server.stop();
    throw error;
  }
  const { pid, ended } = server;
  return {
    address,
    uiUrl: uiPort === undefined ? undefined : `http://127.0.0.1:${uiPort}`,
    executable,
    pid,
    ended,
    stop: () => server.stop(),
  };
}

function startDevArguments(port: number, uiPort: number | undefined, options: DevServerOptions): string[] {
  const always = ['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--log-level', 'warn'];
  return [
    ...always,
    ...(uiPort === undefined
      ? ['--headless']
      : [
          '--ui-port',
          String(uiPort),
          ...(options.codecEndpoint === undefined ? [] : ['--ui-codec-endpoint', options.codecEndpoint]),
        ]),
    ...(options.dbFilename === undefined ? [] : ['--db-filename', options.dbFilename]),
    ...(options.namespaces ?? []).flatMap((namespace) => ['--namespace', namespace]),
    ...Object.entries(searchAttributesOf(options)).flatMap(([name, type]) => ['--search-attribute', `${name}=${type}`]),
    ...Object.entries(DEV_DYNAMIC_CONFIG).flatMap(([key, value]) => [
      '--dynamic-config-value',
      `${key}=${String(value)}`,
    ]),
  ];
}

function searchAttributesOf(options: DevServerOptions): Readonly<Record<string, string>> {
  return { ...HOLDFAST_SEARCH_ATTRIBUTES, ...options.searchAttributes };
}

/** Those tell a client where a server is; the server's own command line would read them too. */
function withoutTemporalVariables(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('TEMPORAL_')));
}

async function waitUntilReady(
  address: string,
  server: SupervisedProcess,
  searchAttributes: readonly string[],
): Promise<void> {
  const deadlineMs = Date.now() + READY_LIMIT_MS;
  let last: unknown;
  while (Date.now() < deadlineMs && server.exitCode === undefined) {
    try {
      await askOnce(address, searchAttributes);
      if (server.exitCode === undefined) return;
    } catch (error) {
      last = error;
      await delay(100);
    }
  }
  const printed = server.lastLines();
  const what =
    server.exitCode === undefined
      ? `did not answer on ${address} within ${READY_LIMIT_MS / 1000} s`
      : `ended with code ${server.exitCode}`;
  throw new HoldfastError(
    'server-unreachable',
    `The Temporal server was started and ${what}.${printed === '' ? '' : ` It printed:\n${printed}`}`,
    { address, portTaken: /address already in use|can't set default port/i.test(printed) },
    { cause: last },
  );
}

/** Loaded late: the client takes half a second, and finding a server doesn't need it. */
async function askOnce(address: string, searchAttributes: readonly string[]): Promise<void> {
  const { Connection } = await import('@temporalio/client');
  const connection = await Connection.connect({ address, connectTimeout: PROBE_LIMIT_MS });
  try {
    await connection.healthService.check({ service: 'temporal.api.workflowservice.v1.WorkflowService' });
    const known = await connection.operatorService.listSearchAttributes({ namespace: 'default' });
    const missing = searchAttributes.filter((name) => known.customAttributes[name] === undefined);
    if (missing.length > 0) throw new Error(`search attributes not there yet: ${missing.join(', ')}`);
  } finally {
    await connection.close();
  }
}

/** A port of 127.0.0.1 that nobody had a moment ago. */
export async function freePort(): Promise<number> {
  return bindOnce(0);
}

/** Another server on this port would answer in ours' place. */
async function assertPortFree(port: number): Promise<void> {
  try {
    await bindOnce(port);
  } catch (cause) {
    throw new HoldfastError(
      'server-unreachable',
      `Port ${port} of 127.0.0.1 is taken by another program. Choose another port, or end that program.`,
      { port, portTaken: true },
      { cause },
    );
  }
}

async function bindOnce(port: number): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => probe.once('error', reject).listen(port, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise<void>((resolve) => probe.close(() => resolve()));
  if (address === null || typeof address === 'string') throw new HoldfastError('defect', 'A TCP socket has no port.');
  return address.port;
}

function givenAddress(options: FindTemporalOptions, env: NodeJS.ProcessEnv): TemporalAddress | undefined {
  if (options.address === false) return undefined;
  if (options.address !== undefined) return { kind: 'address', address: options.address, from: 'option' };
  // A program given as an option is nearer than an address from the environment.
  if (options.executable !== undefined) return undefined;
  const address = env['TEMPORAL_ADDRESS'];
  return address === undefined || address === '' ? undefined : { kind: 'address', address, from: 'TEMPORAL_ADDRESS' };
}

async function findExecutable(options: FindTemporalOptions, env: NodeJS.ProcessEnv): Promise<TemporalExecutable> {
  if (options.executable !== undefined) return given(options.executable, 'option');
  const variable = env['HOLDFAST_TEMPORAL_BIN'];
  if (variable !== undefined && variable !== '') return given(variable, 'HOLDFAST_TEMPORAL_BIN');

  const onPath = await firstOnPath('temporal', env);
  if (onPath !== undefined && (await answersVersion(onPath))) return { kind: 'executable', path: onPath, from: 'PATH' };
  const cached = path.join(cacheDirectory(env), 'temporal', `cli-${TEMPORAL_CLI_VERSION}`, 'temporal');
  if (await answersVersion(cached)) return { kind: 'executable', path: cached, from: 'cache' };

  const onProgress = options.onProgress ?? (() => undefined);
  const tried = [
    'none given by TEMPORAL_ADDRESS or HOLDFAST_TEMPORAL_BIN',
    'no `temporal` on PATH',
    'none in the cache',
  ];
  for (const [from, obtain] of [
    ['SDK download', downloadBySdk],
    ['go install', buildWithGo],
  ] as const) {
    const problem = await intoCache(cached, (draft) => obtain(draft, env, onProgress));
    if (problem === undefined) return { kind: 'executable', path: cached, from };
    tried.push(`${from}: ${problem}`);
    onProgress(`Temporal server: ${from} failed (${problem})`);
  }
  throw new HoldfastError(
    'server-unreachable',
    `No Temporal server could be had:\n${tried.map((line) => `  - ${line}`).join('\n')}\n${REMEDY}`,
    { tried },
  );
}

const REMEDY =
  'Install the Temporal CLI (https://docs.temporal.io/cli) so that `temporal` is on PATH, or set TEMPORAL_ADDRESS to a running server, ' +
  'or HOLDFAST_TEMPORAL_BIN to the program, or install Go 1.24 or newer; then run the same command again.';

async function given(executable: string, from: 'option' | 'HOLDFAST_TEMPORAL_BIN'): Promise<TemporalExecutable> {
  if (await answersVersion(executable)) return { kind: 'executable', path: executable, from };
  const where = from === 'option' ? 'given' : `that ${from} names`;
  throw new HoldfastError(
    'server-unreachable',
    `The Temporal program ${where}, ${executable}, can't be run. Correct the path, or leave it out to have one found.`,
  );
}

async function firstOnPath(name: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const folder of (env['PATH'] ?? '').split(path.delimiter).filter((part) => part !== '')) {
    const candidate = path.join(folder, process.platform === 'win32' ? `${name}.exe` : name);
    if (await isExecutable(candidate)) return candidate;
  }
  return undefined;
}

async function isExecutable(file: string): Promise<boolean> {
  return fs.access(file, constants.X_OK).then(
    async () => (await fs.stat(file)).isFile(),
    () => false,
  );
}

async function answersVersion(file: string): Promise<boolean> {
  if (!(await isExecutable(file))) return false;
  return (await run(file, ['--version'], { limitMs: VERSION_LIMIT_MS })).problem === undefined;
}

/**
 * Lets `obtain` make the program in a folder of its own and moves it into place. Returns why it couldn't, or undefined.
 */
async function intoCache(
  target: string,
  obtain: (draftFolder: string) => Promise<string | { file: string }>,
): Promise<string | undefined> {
  const draft = `${path.dirname(target)}.${process.pid}.tmp`;
  try {
    await fs.mkdir(draft, { recursive: true });
    const made = await obtain(draft);
    if (typeof made === 'string') return made;
    await fs.chmod(made.file, 0o755);
    if (!(await answersVersion(made.file))) return 'what it brought does not run on this machine';
    await fs.mkdir(path.dirname(target), { recursive: true });
    await fs.rename(made.file, target);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await fs.rm(draft, { recursive: true, force: true });
  }
}

/**
 * The SDK's download can't be cancelled, so it runs in a process that can; a short question first tells a machine
 * without the network.
 */
async function downloadBySdk(
  draft: string,
  env: NodeJS.ProcessEnv,
  onProgress: (line: string) => void,
): Promise<string | { file: string }> {
  const reachable = await fetch('https://temporal.download/', {
    method: 'HEAD',
    signal: AbortSignal.timeout(PROBE_LIMIT_MS),
  }).then(
    () => true,
    () => false,
  );
  if (!reachable) return `temporal.download did not answer within ${PROBE_LIMIT_MS / 1000} s`;
  const script = `
    const { TestWorkflowEnvironment } = await import('@temporalio/testing');
    const server = { executable: { type: 'cached-download', downloadDir: ${JSON.stringify(draft)} } };
    await (await TestWorkflowEnvironment.createLocal({ server })).teardown();`;
  onProgress('Temporal server: downloading it as the Temporal SDK does …');
  const { problem } = await run(process.execPath, ['--input-type=module', '--eval', script], {
    limitMs: DOWNLOAD_LIMIT_MS,
    env,
    cwd: import.meta.dirname,
    onProgress,
  });
  if (problem !== undefined) return problem;
  const [file] = await fs.readdir(draft);
  return file === undefined ? 'it left no file' : { file: path.join(draft, file) };
}

async function buildWithGo(
  draft: string,
  env: NodeJS.ProcessEnv,
  onProgress: (line: string) => void,
): Promise<string | { file: string }> {
  const go = await firstOnPath('go', env);
  if (go === undefined) return 'Go is not installed';
  onProgress(
    `Temporal server: building version ${TEMPORAL_CLI_VERSION} with ${go}, once; about 4 minutes on two cores …`,
  );
  const args = ['install', '-ldflags', '-s -w', `github.com/temporalio/cli/cmd/temporal@v${TEMPORAL_CLI_VERSION}`];
  const { problem } = await run(go, args, {
    limitMs: BUILD_LIMIT_MS,
    env: { ...env, GOBIN: draft, CGO_ENABLED: '0', GOFLAGS: '' },
    onProgress,
  });
  return problem ?? { file: path.join(draft, 'temporal') };
}

interface RunOptions {
  readonly limitMs: number;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly onProgress?: (line: string) => void;
}

/** Runs a program to its end. `problem`: why it failed, with what it printed last. */
async function run(
  command: string,
  args: readonly string[],
  options: RunOptions,
): Promise<{ problem: string | undefined }> {
  const startedMs = performance.now();
  const { limitMs, env = process.env, cwd = process.cwd(), onProgress } = options;
  const child = spawn(command, args, {
    env,
    cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: limitMs,
    killSignal: 'SIGKILL',
  });
  let printed = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (printed = (printed + chunk).slice(-600)));
  const progress = setInterval(
    () => onProgress?.(`  still at it, ${Math.round((performance.now() - startedMs) / 1000)} s`),
    PROGRESS_EVERY_MS,
  );
  try {
    const problem = await new Promise<string | undefined>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('close', (code, signal) => {
        if (code === 0) resolve(undefined);
        else if (signal !== null)
          resolve(`ended by ${signal} after ${Math.round((performance.now() - startedMs) / 1000)} s`);
        else resolve(`exit code ${code}${printed.trim() === '' ? '' : `: ${printed.trim()}`}`);
      });
    });
    return { problem };
  } finally {
    clearInterval(progress);
  }
}

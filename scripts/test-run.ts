/**
 * `npm test`: lint, types, docstrings, and the tests, with one Temporal server and one PostgreSQL for the whole run.
 *
 * Invariants
 * 1. Every part runs even when another failed; the last lines say which did; the exit code is 0 only when all passed.
 * 2. The servers are stopped and the run's temporary folder is removed however the run ends.
 * 3. A test that leaves something in the temporary folder fails the run.
 * 4. The very last line is `N passed, N failed`, and `, N skipped` where some were, for programs that read it.
 */
import { promises as fs } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { startDevServer } from '../src/dev-server/start.ts';
import { startPostgres } from '../test/support/postgres.ts';
import { apiReference } from './api-reference.ts';
import { runLangGraphSuite } from './langgraph-suite.ts';
import { lint, say, temporalEnvironment, typecheck } from './programs.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** The exit code of a shell for a program that was interrupted. */
const INTERRUPTED = 130;

const KINDS = ['unit', 'integration', 'replay', 'langgraph', 'fault', 'soak', 'install'] as const;
type Kind = (typeof KINDS)[number];
/** Those that Node's own test runner runs. The others have a function of their own. */
type KindOfFiles = Exclude<Kind, 'langgraph'>;

/**
 * What `npm test` runs by itself. Kills and failing disks take longer and have `npm run test:faults`, half an hour of
 * trouble `npm run test:soak`. What a newcomer does (the package installed beside SDKs of several versions, the
 * documentation's commands, the demo, a server of one's own) belongs to `npm run test:peers`.
 */
const USUAL_KINDS: readonly Kind[] = ['unit', 'integration', 'replay', 'langgraph'];
const KINDS_WITH_SERVERS: readonly Kind[] = ['integration', 'langgraph', 'fault', 'install'];

/**
 * Groups one after the other; of a group each list goes by itself, beside the others. Unit tests and replays compute
 * while integration tests wait for servers and disks.
 */
const BESIDE_EACH_OTHER: readonly (readonly (readonly Kind[])[])[] = [
  [['integration'], ['unit', 'replay', 'langgraph']],
  [['fault']],
  [['soak']],
  [['install']],
];

/** Bounds a file as a whole: one that leaks a handle would otherwise never end. */
const FILE_LIMIT_MS: Readonly<Record<KindOfFiles, number>> = {
  unit: 120_000,
  integration: 240_000,
  replay: 120_000,
  fault: 2_400_000,
  soak: 2_700_000,
  install: 300_000,
};

/** Before the unit tests, one after the other. */
const CHECKS: readonly (readonly [string, () => Promise<number>])[] = [
  ['types', typecheck],
  ['lint', lint],
  ['docs', apiReference],
];

/** Tests wait for servers and disks more than they compute. */
const CONCURRENT_FILES = 4;
/** These only compute: beside others one at a time. */
const COMPUTING: readonly Kind[] = ['unit', 'replay'];

/** These are begun first, the longest before: none is to run alone at the end. */
const LONG_FILES = ['encryption', 'kills', 'secrets', 'cli', 'agent-job'];

interface Part {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly failures: readonly string[];
  readonly durationMs: number;
}

/** `args`: kinds (`unit`), files, and `--name=PATTERN`. None: lint, types, docstrings and all the usual kinds. */
export async function runTests(args: readonly string[]): Promise<number> {
  const kinds = KINDS.filter((kind) => args.includes(kind));
  const named = args.filter((arg) => arg.endsWith('.ts'));
  const pattern = args.find((arg) => arg.startsWith('--name='))?.slice('--name='.length);
  const unknown = args.filter(
    (arg) => !(KINDS as readonly string[]).includes(arg) && !named.includes(arg) && !arg.startsWith('--name='),
  );
  if (unknown.length > 0) {
    say(`holdfast: cannot use ${unknown.join(' ')}; give kinds (${KINDS.join(', ')}), test files, or --name=PATTERN.`);
    return 2;
  }
  const parts: Part[] = [];
  const checks = args.length === 0 ? CHECKS : [];
  const chosen = kinds.length > 0 ? kinds : named.length > 0 ? [] : USUAL_KINDS;
  const interrupted = await untilInterrupted(async (signal) => {
    await withTemporaryFolder(async (leftBehind) => {
      await withServers(
        chosen.some((kind) => KINDS_WITH_SERVERS.includes(kind)),
        async () => {
          const testKinds = async (ordered: readonly Kind[]): Promise<void> => {
            for (const [name, body] of ordered.includes('unit') ? checks : [])
              if (!signal.aborted) parts.push(await check(name, body));
            for (const kind of ordered.filter((one) => chosen.includes(one))) {
              if (kind === 'langgraph') {
                if (!signal.aborted) parts.push(await langGraphSuite(signal));
                continue;
              }
              const concurrency = chosen.length > 1 && COMPUTING.includes(kind) ? 1 : CONCURRENT_FILES;
              const options = { concurrency, timeout: FILE_LIMIT_MS[kind], signal, ...only(pattern) };
              parts.push(await testFiles(kind, await filesOf(kind), options));
            }
          };
          for (const group of BESIDE_EACH_OTHER) await Promise.all(group.map(testKinds));
          if (named.length > 0)
            parts.push(
              await testFiles('named files', named, {
                concurrency: CONCURRENT_FILES,
                timeout: FILE_LIMIT_MS.fault,
                signal,
                ...only(pattern),
              }),
            );
        },
      );
      parts.push(...nothingLeft(signal.aborted ? [] : await leftBehind()));
    });
  });
  return interrupted ? INTERRUPTED : conclude(parts);
}

function only(pattern: string | undefined): { testNamePatterns?: string[] } {
  return pattern === undefined ? {} : { testNamePatterns: [pattern] };
}

/** Ends the tests at the first interrupt, and lets everything that was begun be ended. */
async function untilInterrupted(body: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
  const controller = new AbortController();
  const interrupt = (): void => controller.abort();
  for (const signal of SIGNALS) process.on(signal, interrupt);
  try {
    await body(controller.signal);
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt);
  }
  return controller.signal.aborted;
}

/**
 * Every process of the run makes its temporary files in a folder of it. `nobody` may too: PostgreSQL doesn't run as
 * root. What one process has compiled or bundled, the others use: they are hundreds, of the same sources.
 */
async function withTemporaryFolder(body: (leftBehind: () => Promise<string[]>) => Promise<void>): Promise<void> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'holdfast-test-'));
  const [temporary, compiled, bundles] = ['tmp', 'compiled', 'bundles'].map((name) => path.join(folder, name));
  await Promise.all([temporary, compiled, bundles].map(async (part) => fs.mkdir(part!)));
  await fs.chmod(folder, 0o755);
  await fs.chmod(temporary!, 0o1777);
  Object.assign(process.env, {
    TMPDIR: temporary,
    NODE_COMPILE_CACHE: compiled,
    HOLDFAST_TEST_BUNDLES: bundles,
  });
  delete process.env['NODE_DISABLE_COMPILE_CACHE'];
  try {
    await body(async () => fs.readdir(temporary!));
  } finally {
    await fs.rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

function nothingLeft(names: readonly string[]): Part[] {
  if (names.length === 0) return [];
  return [
    {
      name: 'clean-up',
      passed: 0,
      failed: 1,
      skipped: 0,
      failures: names.map((name) => `left in the temporary folder: ${name}`),
      durationMs: 0,
    },
  ];
}

async function check(name: string, body: () => Promise<number>): Promise<Part> {
  const startedMs = performance.now();
  const ok = (await body()) === 0;
  return {
    name,
    passed: ok ? 1 : 0,
    failed: ok ? 0 : 1,
    skipped: 0,
    failures: [],
    durationMs: performance.now() - startedMs,
  };
}

async function langGraphSuite(signal: AbortSignal): Promise<Part> {
  const startedMs = performance.now();
  const result = await runLangGraphSuite(signal);
  return { name: 'langgraph', ...result, skipped: 0, durationMs: performance.now() - startedMs };
}

async function filesOf(kind: KindOfFiles): Promise<string[]> {
  const files: string[] = [];
  for await (const file of fs.glob(`test/${kind}/**/*.test.ts`)) files.push(file);
  const long = LONG_FILES.flatMap((name) => files.filter((file) => path.basename(file) === `${name}.test.ts`));
  return [...long, ...files.filter((file) => !long.includes(file)).sort()];
}

/** Starts both servers once and tells the test processes by environment variables where they are. */
export async function withServers(needed: boolean, body: () => Promise<void>): Promise<void> {
  if (!needed) return body();
  const startedMs = performance.now();
  Object.assign(process.env, await temporalEnvironment());
  const stops: (() => Promise<void>)[] = [];
  try {
    const [temporalAddress, postgresUrl] = await Promise.all([startTemporal(stops), startDatabase(stops)]);
    Object.assign(process.env, {
      HOLDFAST_TEST_TEMPORAL_ADDRESS: temporalAddress,
      HOLDFAST_TEST_POSTGRES_URL: postgresUrl,
    });
    say(
      `Servers for the tests: Temporal ${temporalAddress}, PostgreSQL ready in ` +
        `${seconds(performance.now() - startedMs)}`,
    );
    await body();
  } finally {
    await Promise.all(stops.map(async (stop) => stop()));
  }
}

async function startTemporal(stops: (() => Promise<void>)[]): Promise<string> {
  const given = process.env['TEMPORAL_ADDRESS'];
  if (given !== undefined && given !== '') return given;
  const server = await startDevServer({ ui: false });
  stops.push(() => server.stop());
  return server.address;
}

async function startDatabase(stops: (() => Promise<void>)[]): Promise<string> {
  const cluster = await startPostgres();
  stops.push(() => cluster.stop());
  return cluster.url;
}

async function testFiles(
  name: string,
  files: readonly string[],
  options: { concurrency: number; timeout: number; signal: AbortSignal; testNamePatterns?: string[] },
): Promise<Part> {
  const startedMs = performance.now();
  const counted = { passed: 0, failed: 0, skipped: 0 };
  const failures: string[] = [];
  if (files.length > 0 && !options.signal.aborted) {
    const events = run({ files: [...files], ...options });
    events.on('test:fail', (event) => {
      // A suite that failed says so once more for each level above the test that did.
      if (event.details.type !== 'suite')
        failures.push(`${event.name} (${event.file ?? 'unknown file'}:${event.line ?? 0})`);
    });
    events.on('test:summary', (summary) => {
      // Each file has a summary of its own; the one without a file is the whole.
      if (summary.file !== undefined) return;
      const { tests, passed, skipped, todo } = summary.counts;
      // Whatever neither passed nor was left out failed, also what was cancelled.
      Object.assign(counted, { passed, failed: tests - passed - skipped - todo, skipped: skipped + todo });
    });
    await pipeline(events, new spec(), async (text) => {
      for await (const chunk of Readable.from(text)) process.stdout.write(chunk as string);
    });
  }
  return { name, ...counted, failures, durationMs: performance.now() - startedMs };
}

function conclude(parts: readonly Part[]): number {
  const total = (count: (part: Part) => number): number => parts.reduce((sum, part) => sum + count(part), 0);
  const [failed, skipped] = [total((part) => part.failed), total((part) => part.skipped)];
  const left = skipped === 0 ? '' : `, ${skipped} skipped`;
  const lines = parts.flatMap((part) => [
    `${part.failed > 0 ? '✖' : '✔'} ${part.name.padEnd(12)} ${part.passed} passed, ${part.failed} ` +
      `failed${part.skipped > 0 ? `, ${part.skipped} skipped` : ''}  (${seconds(part.durationMs)})`,
    ...part.failures.map((failure) => `    ${failure}`),
  ]);
  process.stdout.write(`\n${lines.join('\n')}\n${total((part) => part.passed)} passed, ${failed} failed${left}\n`);
  return failed === 0 && total((part) => part.passed) > 0 ? 0 : 1;
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`;
}

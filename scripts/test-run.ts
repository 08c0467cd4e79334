/**
 * `npm test`: lint, types, and the tests, with one Temporal server and one PostgreSQL for the whole run.
 *
 * Invariants
 * 1. Every part runs even when another failed; the last lines say which did; the exit code is 0 only when all passed.
 * 2. The servers are stopped however the run ends.
 * 3. The very last line is `N passed, N failed`, for programs that read it.
 */
import { promises as fs } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { startDevServer } from '../src/dev-server.ts';
import { startPostgres } from '../test/support/postgres.ts';
import { lint, say, temporalEnvironment, typecheck } from './programs.ts';

const KINDS = ['unit', 'integration', 'replay', 'fault'] as const;
type Kind = (typeof KINDS)[number];

/** What `npm test` runs by itself; kills and failing disks take longer and have `npm run test:faults`. */
const USUAL_KINDS: readonly Kind[] = ['unit', 'integration', 'replay'];
const KINDS_WITH_SERVERS: readonly Kind[] = ['integration', 'fault'];

/** Bounds a file as a whole: one that leaks a handle would otherwise never end. */
const FILE_LIMIT_MS: Readonly<Record<Kind, number>> = { unit: 120_000, integration: 240_000, replay: 120_000, fault: 1_200_000 };

/** Tests wait for servers and disks more than they compute. */
const CONCURRENT_FILES = 3;

interface Part {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly failures: readonly string[];
  readonly durationMs: number;
}

/** `args`: kinds (`unit`), files, and `--name=PATTERN`. None: lint, types and all the usual kinds. */
export async function runTests(args: readonly string[]): Promise<number> {
  const kinds = KINDS.filter((kind) => args.includes(kind));
  const named = args.filter((arg) => arg.endsWith('.ts'));
  const pattern = args.find((arg) => arg.startsWith('--name='))?.slice('--name='.length);
  const unknown = args.filter((arg) => !(KINDS as readonly string[]).includes(arg) && !named.includes(arg) && !arg.startsWith('--name='));
  if (unknown.length > 0) {
    say(`holdfast: cannot use ${unknown.join(' ')}; give kinds (${KINDS.join(', ')}), test files, or --name=PATTERN.`);
    return 2;
  }
  const parts: Part[] = [];
  if (args.length === 0) parts.push(...(await Promise.all([check('lint', lint), check('types', typecheck)])));
  const chosen = kinds.length > 0 ? kinds : named.length > 0 ? [] : USUAL_KINDS;
  await withServers(chosen.some((kind) => KINDS_WITH_SERVERS.includes(kind)), async () => {
    for (const kind of chosen) parts.push(await testFiles(kind, await filesOf(kind), FILE_LIMIT_MS[kind], pattern));
    if (named.length > 0) parts.push(await testFiles('named files', named, FILE_LIMIT_MS.fault, pattern));
  });
  return conclude(parts);
}

async function check(name: string, body: () => Promise<number>): Promise<Part> {
  const startedMs = performance.now();
  const ok = (await body()) === 0;
  return { name, passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0, failures: [], durationMs: performance.now() - startedMs };
}

async function filesOf(kind: Kind): Promise<string[]> {
  const files: string[] = [];
  for await (const file of fs.glob(`test/${kind}/**/*.test.ts`)) files.push(file);
  return files.sort();
}

/** Starts both servers once and tells the test processes by environment variables where they are. */
async function withServers(needed: boolean, body: () => Promise<void>): Promise<void> {
  if (!needed) return body();
  const startedMs = performance.now();
  Object.assign(process.env, await temporalEnvironment());
  const stops: (() => Promise<void>)[] = [];
  const interrupted = (): void => void stopAll(stops).finally(() => process.exit(130));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, interrupted);
  try {
    const [temporalAddress, postgresUrl] = await Promise.all([startTemporal(stops), startDatabase(stops)]);
    Object.assign(process.env, { HOLDFAST_TEST_TEMPORAL_ADDRESS: temporalAddress, HOLDFAST_TEST_POSTGRES_URL: postgresUrl });
    say(`Servers for the tests: Temporal ${temporalAddress}, PostgreSQL ready in ${seconds(performance.now() - startedMs)}`);
    await body();
  } finally {
    await stopAll(stops);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, interrupted);
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

async function stopAll(stops: readonly (() => Promise<void>)[]): Promise<void> {
  await Promise.all(stops.map(async (stop) => stop()));
}

async function testFiles(name: string, files: readonly string[], timeoutMs: number, pattern: string | undefined): Promise<Part> {
  const startedMs = performance.now();
  const counted = { passed: 0, failed: 0, skipped: 0 };
  const failures: string[] = [];
  if (files.length > 0) {
    const events = run({ files: [...files], concurrency: CONCURRENT_FILES, timeout: timeoutMs, ...(pattern === undefined ? {} : { testNamePatterns: [pattern] }) });
    events.on('test:fail', (event) => {
      // A suite that failed says so once more for each level above the test that did.
      if (event.details.type !== 'suite') failures.push(`${event.name} (${event.file ?? 'unknown file'}:${event.line ?? 0})`);
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
  const failed = total((part) => part.failed);
  const lines = parts.flatMap((part) => [
    `${part.failed > 0 ? '✖' : '✔'} ${part.name.padEnd(12)} ${part.passed} passed, ${part.failed} failed${part.skipped > 0 ? `, ${part.skipped} skipped` : ''}  (${seconds(part.durationMs)})`,
    ...part.failures.map((failure) => `    ${failure}`),
  ]);
  process.stdout.write(`\n${lines.join('\n')}\n${total((part) => part.passed)} passed, ${failed} failed\n`);
  return failed === 0 && total((part) => part.passed) > 0 ? 0 : 1;
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`;
}

/**
 * `npm run test:compose`: docker-compose.yml and the Dockerfile, run. It takes minutes, more the first time, when
 * stand-ins are made for images that cannot be pulled.
 *
 * Invariants
 * 1. It says what it lacks and fails; it leaves nothing out in silence. A check that others build upon fails those too.
 *    With `--if-ready` a machine that lacks something is told of, and its checks count as skipped.
 * 2. What it started is ended and removed however it ends: containers, networks, volumes, stand-ins, its own engine.
 * 3. The very last line is `N passed, N failed`, and `, N skipped` where some were.
 */
import { promises as fs } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CHECKS, takeDown } from './checks.ts';
import { findOrStartEngine, Lacking, type Engine } from './engine.ts';
import { describeImages, ensureImages, pinnedImages, removeStandIns, type PinnedImage } from './images.ts';
import { interruptPrograms, resumePrograms, say, seconds } from './programs.ts';
import { composeLine, Project, root } from './project.ts';
import { remedyOf } from './remedies.ts';

interface Result {
  readonly name: string;
  readonly durationMs: number;
  readonly outcome: 'passed' | 'failed' | 'skipped' | 'not run';
}

const OPTIONS = {
  '--install': "installs Debian's packages of the engine where none is",
  '--if-ready': 'counts the checks as skipped where the engine or an image is lacking, in place of making images',
} as const;
type Option = keyof typeof OPTIONS;

const SIGN = { passed: '✔', failed: '✖', skipped: '﹣', 'not run': '✖' } as const;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const MAX_PROBLEM_CHARACTERS = 6_000;
/** The exit code of a shell for a program that was interrupted. */
const INTERRUPTED = 130;

const results: Result[] = [];
let images: readonly PinnedImage[] = [];
let isInterrupted = false;
for (const signal of SIGNALS)
  process.on(signal, () => {
    isInterrupted = true;
    say('  interrupted: everything is taken down …');
    interruptPrograms();
  });

const options = new Set<Option>();
process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const isOption = (arg: string): arg is Option => Object.hasOwn(OPTIONS, arg);
  const unknown = args.filter((arg) => !isOption(arg));
  if (unknown.length > 0) {
    const known = Object.entries(OPTIONS).map(([name, does]) => `  ${name}: ${does}`);
    say([`holdfast: cannot use ${unknown.join(' ')}. There are:`, ...known].join('\n'));
    return 2;
  }
  for (const arg of args.filter(isOption)) options.add(arg);
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'holdfast-compose-'));
  try {
    await withEngine(async (engine) => withImages(engine, folder));
  } finally {
    await fs.rm(folder, { recursive: true, force: true });
  }
  return conclude();
}

async function withEngine(body: (engine: Engine) => Promise<void>): Promise<void> {
  const engine = await checked('a Docker engine is there', async () => {
    const found = await findOrStartEngine({ mayInstall: options.has('--install') });
    say(`    engine ${found.description}`);
    return found;
  });
  if (engine === undefined) return leaveTheRest();
  try {
    await body(engine);
  } finally {
    if (engine.isOwn)
      await checked('the engine that was started is ended and leaves nothing', async () => {
        const left = await engine.stop();
        if (left.length > 0) throw new Error(`left: ${left.join(', ')}`);
      });
  }
}

async function withImages(engine: Engine, folder: string): Promise<void> {
  const names = pinnedImages(root);
  try {
    const prepared = await checked('every pinned image is there, and Compose', async () => {
      const mayMake = !options.has('--if-ready');
      const { line, version } = await composeLine(engine, { mayMake });
      say(`    Compose ${version}`);
      images = await ensureImages(names, engine, { mayMake });
      // A machine that cannot pull has registries of its own for the Dockerfile's packages, by its own network.
      const isCutOff = images.some(({ kind }) => kind === 'stand-in');
      return Project.prepare(engine, line, isCutOff ? { folder } : undefined);
    });
    if (prepared === undefined) leaveTheRest();
    else await runChecks(prepared);
  } finally {
    resumePrograms();
    await removeStandIns(names, engine);
  }
}

async function runChecks(project: Project): Promise<void> {
  for (const { name, run } of CHECKS) {
    const passed = await checked(name, async () => {
      await run(project);
      return true;
    });
    if (passed === true && !isInterrupted) continue;
    resumePrograms();
    if (passed !== true && !isInterrupted) say(await project.logs());
    leaveTheRest();
    await takeDown(project);
    return;
  }
}

async function checked<T>(name: string, body: () => Promise<T>): Promise<T | undefined> {
  say(`… ${name}`);
  const startedMs = performance.now();
  try {
    const value = await body();
    results.push({ name, durationMs: performance.now() - startedMs, outcome: 'passed' });
    say(`✔ ${name}  (${seconds(performance.now() - startedMs)})`);
    return value;
  } catch (error) {
    const outcome = error instanceof Lacking && options.has('--if-ready') ? 'skipped' : 'failed';
    results.push({ name, durationMs: performance.now() - startedMs, outcome });
    const problem = problemOf(error).slice(0, MAX_PROBLEM_CHARACTERS);
    say(`${SIGN[outcome]} ${name}  (${seconds(performance.now() - startedMs)})\n${problem}${remedyOf(problem)}`);
    return undefined;
  }
}

function problemOf(error: unknown): string {
  if (error instanceof Lacking) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** What builds upon a check that did not pass: left out with it, or as good as failed. */
function leaveTheRest(): void {
  const outcome = results.some((result) => result.outcome === 'skipped') ? 'skipped' : 'not run';
  for (const { name } of CHECKS)
    if (!results.some((result) => result.name === name)) results.push({ name, durationMs: 0, outcome });
}

function conclude(): number {
  const lines = results.map(({ name, outcome, durationMs }) => {
    const isRun = outcome === 'passed' || outcome === 'failed';
    return `${SIGN[outcome]} ${name}  (${isRun ? seconds(durationMs) : outcome})`;
  });
  const count = (...outcomes: Result['outcome'][]): number =>
    results.filter(({ outcome }) => outcomes.includes(outcome)).length;
  const total = results.reduce((sum, { durationMs }) => sum + durationMs, 0);
  const table = images.length === 0 ? '' : `\nImages:\n${describeImages(images)}\n`;
  process.stdout.write(`\n${lines.join('\n')}\n${table}\nIn all ${seconds(total)}.\n`);
  const [failed, skipped] = [count('failed', 'not run'), count('skipped')];
  process.stdout.write(`${count('passed')} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}\n`);
  if (isInterrupted) return INTERRUPTED;
  return failed === 0 ? 0 : 1;
}

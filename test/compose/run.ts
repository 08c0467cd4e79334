/**
 * `npm run test:compose`: docker-compose.yml and the Dockerfile, run. It takes minutes, more the first time, when
 * stand-ins are made for images that cannot be pulled.
 *
 * Invariants
 * 1. It says what it lacks and fails; it leaves nothing out in silence. A check that others build upon fails those too.
 * 2. What it started is ended and removed however it ends: containers, networks, volumes, stand-ins, its own engine.
 * 3. The very last line is `N passed, N failed`.
 */
import { promises as fs } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CHECKS, takeDown } from './checks.ts';
import { findOrStartEngine, Lacking, type Engine } from './engine.ts';
import { describeImages, ensureImages, pinnedImages, removeStandIns, type PinnedImage } from './images.ts';
import { interruptPrograms, resumePrograms, say, seconds } from './programs.ts';
import { composeLine, Project, root } from './project.ts';

interface Result {
  readonly name: string;
  readonly durationMs: number;
  /** Undefined: it passed. */
  readonly problem?: string;
}

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

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const unknown = args.filter((arg) => arg !== '--install');
  if (unknown.length > 0) {
    say(
      `holdfast: cannot use ${unknown.join(' ')}; there is --install (Debian's packages of the engine, where none is).`,
    );
    return 2;
  }
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'holdfast-compose-'));
  try {
    await withEngine(args.includes('--install'), async (engine) => withImages(engine, folder));
  } finally {
    await fs.rm(folder, { recursive: true, force: true });
  }
  return conclude();
}

async function withEngine(mayInstall: boolean, body: (engine: Engine) => Promise<void>): Promise<void> {
  const engine = await checked('a Docker engine is there', async () => {
    const found = await findOrStartEngine(mayInstall);
    say(`    engine ${found.description}`);
    return found;
  });
  if (engine === undefined) return failTheRest();
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
      const { line, version } = await composeLine(engine);
      say(`    Compose ${version}`);
      images = await ensureImages(names, engine);
      // A machine that cannot pull has registries of its own for the Dockerfile's packages, by its own network.
      const isCutOff = images.some(({ kind }) => kind === 'stand-in');
      return Project.prepare(engine, line, isCutOff ? { folder } : undefined);
    });
    if (prepared === undefined) failTheRest();
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
    failTheRest();
    await takeDown(project);
    return;
  }
}

async function checked<T>(name: string, body: () => Promise<T>): Promise<T | undefined> {
  say(`… ${name}`);
  const startedMs = performance.now();
  try {
    const value = await body();
    results.push({ name, durationMs: performance.now() - startedMs });
    say(`✔ ${name}  (${seconds(performance.now() - startedMs)})`);
    return value;
  } catch (error) {
    const problem = problemOf(error).slice(0, MAX_PROBLEM_CHARACTERS);
    results.push({ name, durationMs: performance.now() - startedMs, problem });
    say(`✖ ${name}  (${seconds(performance.now() - startedMs)})\n${problem}`);
    return undefined;
  }
}

function problemOf(error: unknown): string {
  if (error instanceof Lacking) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function failTheRest(): void {
  for (const { name } of CHECKS)
    if (!results.some((result) => result.name === name)) results.push({ name, durationMs: 0, problem: 'not run' });
}

function conclude(): number {
  const failed = results.filter(({ problem }) => problem !== undefined);
  const lines = results.map(({ name, problem, durationMs }) => {
    const sign = problem === undefined ? '✔' : '✖';
    return `${sign} ${name}  (${problem === 'not run' ? problem : seconds(durationMs)})`;
  });
  const total = results.reduce((sum, { durationMs }) => sum + durationMs, 0);
  const table = images.length === 0 ? '' : `\nImages:\n${describeImages(images)}\n`;
  process.stdout.write(`\n${lines.join('\n')}\n${table}\nIn all ${seconds(total)}.\n`);
  process.stdout.write(`${results.length - failed.length} passed, ${failed.length} failed\n`);
  if (isInterrupted) return INTERRUPTED;
  return failed.length === 0 ? 0 : 1;
}

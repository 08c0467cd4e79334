/**
 * `npm run mutate`: breaks each guarantee of test/mutations/ in a copy of the checkout and sees its tests fail.
 *
 * Invariants
 * 1. The checkout itself is never changed; each lane has a copy of its own, whole again after each mutation.
 * 2. It leaves neither a process nor a copy behind, also when it is interrupted.
 * 3. A mutation whose text isn't found exactly once, or whose tests fail without it, is an error, not a success.
 */
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { MUTATIONS } from '../test/mutations/index.ts';
import type { Mutation } from '../test/mutations/mutation.ts';
import { placesOf } from './mutation-place.ts';

/** One test file, with servers already running. */
const LIMIT_MS = 240_000;
/** Copies that are tried out side by side: tests wait for servers and disks more than they compute. */
const LANES = 6;
/** The exit code of a shell for a program that was interrupted. */
const INTERRUPTED = 130;

/** In TAP, at any depth. What is left out or still to be done is no failure. */
const FAILED_TEST = /^\s*not ok (?!.*# (?:SKIP|TODO))/u;

type Verdict = 'noticed' | 'NOT NOTICED' | 'not found once' | 'no test there' | 'fails unmutated';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-mutate-'));
/** Where tests make their files: one that is ended in the middle doesn't clean up. `nobody` may write there, too. */
const temporary = join(folder, 'tmp');
mkdirSync(temporary);
chmodSync(temporary, 0o1777);
chmodSync(folder, 0o755);
/** Does a test file, or what is tried of it, pass in an unchanged copy? */
const sound = new Map<string, Promise<boolean>>();
const verdicts: Verdict[] = [];
const running = new Set<ChildProcess>();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, interrupt);
try {
  const waiting = [...chosen(process.argv.slice(2))];
  await Promise.all(Array.from({ length: LANES }, (_, lane) => tryAll(copyOf(`lane-${lane}`), waiting)));
  const noticed = verdicts.filter((verdict) => verdict === 'noticed').length;
  process.stdout.write(`\n${noticed} passed, ${verdicts.length - noticed} failed\n`);
  process.exitCode = noticed === verdicts.length && noticed > 0 ? 0 : 1;
} finally {
  removeAll();
}

function interrupt(): void {
  for (const child of running) endWith(child);
  removeAll();
  process.exit(INTERRUPTED);
}

function removeAll(): void {
  // Tests that were ended in the middle may have left files that nobody may change.
  spawnSync('chattr', ['-R', '-f', '-i', temporary], { stdio: 'ignore' });
  rmSync(folder, { recursive: true, force: true });
}

/** Those whose description has one of the words, or whose guarantee is one. None given: all. */
function chosen(wanted: readonly string[]): readonly Mutation[] {
  if (wanted.length === 0) return MUTATIONS;
  return MUTATIONS.filter(({ breaks, guarantee }) =>
    wanted.some((word) => breaks.includes(word) || guarantee === word),
  );
}

function copyOf(name: string): string {
  const copy = join(folder, name);
  mkdirSync(copy);
  const files = execFileSync('git', ['ls-files', '-z'], { maxBuffer: 1 << 26 });
  const checkout = execFileSync('tar', ['-c', '--null', '-T', '-'], { input: files, maxBuffer: 1 << 28 });
  execFileSync('tar', ['-x'], { cwd: copy, input: checkout });
  symlinkSync(join(process.cwd(), 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

async function tryAll(copy: string, waiting: Mutation[]): Promise<void> {
  for (let mutation = waiting.shift(); mutation !== undefined; mutation = waiting.shift()) {
    const startedMs = performance.now();
    const verdict = await tryOut(copy, mutation);
    verdicts.push(verdict);
    const tookS = ((performance.now() - startedMs) / 1000).toFixed(1);
    process.stdout.write(`${verdict.padEnd(16)} ${mutation.guarantee}  ${mutation.breaks} (${tookS} s)\n`);
  }
}

async function tryOut(copy: string, { file, find, replace, tests, name }: Mutation): Promise<Verdict> {
  const path = join(copy, file);
  const text = readFileSync(path, 'utf8');
  const [place, ...more] = placesOf(text, find);
  if (place === undefined || more.length > 0) return 'not found once';
  if (tests.length === 0 || tests.some((test) => !existsSync(join(copy, test)))) return 'no test there';
  for (const test of tests) if (!(await isSound(copy, test, name))) return 'fails unmutated';
  writeFileSync(path, text.slice(0, place.start) + replace + text.slice(place.end));
  try {
    for (const test of tests) if (!(await passes(copy, test, name))) return 'noticed';
    return 'NOT NOTICED';
  } finally {
    writeFileSync(path, text);
  }
}

/** Asked before the copy is changed. */
function isSound(copy: string, test: string, name: string | undefined): Promise<boolean> {
  const key = `${test} ${name ?? ''}`;
  const known = sound.get(key) ?? passes(copy, test, name);
  sound.set(key, known);
  return known;
}

/** Ended at the first test that fails: the rest of the file would tell nothing more. */
async function passes(copy: string, test: string, name?: string): Promise<boolean> {
  const only = name === undefined ? [] : ['--test-name-pattern', name];
  const args = ['--test', '--test-force-exit', `--test-timeout=${LIMIT_MS}`, '--test-reporter=tap', ...only, test];
  const env = { ...process.env, TMPDIR: temporary, NODE_COMPILE_CACHE: `${copy}-compiled` };
  const child = spawn(process.execPath, args, { cwd: copy, env, stdio: ['ignore', 'pipe', 'ignore'], detached: true });
  running.add(child);
  const closed = once(child, 'close') as Promise<[number | null]>;
  const limit = setTimeout(() => endWith(child), LIMIT_MS);
  let hasFailed = false;
  for await (const line of createInterface({ input: child.stdout })) {
    hasFailed = FAILED_TEST.test(line);
    if (hasFailed) break;
  }
  if (hasFailed) endWith(child);
  const [code] = await closed;
  clearTimeout(limit);
  running.delete(child);
  endWith(child);
  return code === 0 && !hasFailed;
}

/** With all that it has started: a test that a mutation has broken may leave workers behind. */
function endWith({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing of it runs any more.
  }
}

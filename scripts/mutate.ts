/**
 * `npm run mutate`: breaks each guarantee of test/mutations/ in a copy of the checkout and sees its tests fail.
 *
 * Invariants
 * 1. The checkout itself is never changed.
 * 2. A mutation whose text isn't found exactly once, or whose tests fail without it, is an error, not a success.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MUTATIONS } from '../test/mutations/index.ts';
import type { Mutation } from '../test/mutations/mutation.ts';
import { placesOf } from './mutation-place.ts';

/** One test file, with servers already running. */
const LIMIT_MS = 240_000;

type Verdict = 'noticed' | 'NOT NOTICED' | 'not found once' | 'no test there' | 'fails unmutated';

const wanted = process.argv.slice(2);
const chosen =
  wanted.length === 0
    ? MUTATIONS
    : MUTATIONS.filter(({ breaks, guarantee }) => wanted.some((word) => breaks.includes(word) || guarantee === word));
const copy = mkdtempSync(join(tmpdir(), 'holdfast-mutate-'));
try {
  const files = execFileSync('git', ['ls-files', '-z'], { maxBuffer: 1 << 26 });
  execFileSync('tar', ['-c', '--null', '-T', '-', '-f', join(copy, 'checkout.tar')], { input: files });
  execFileSync('tar', ['-x', '-f', 'checkout.tar'], { cwd: copy });
  symlinkSync(join(process.cwd(), 'node_modules'), join(copy, 'node_modules'));
  const sound = new Map<string, boolean>();
  const verdicts: Verdict[] = [];
  for (const mutation of chosen) {
    const started = Date.now();
    const verdict = tryOut(mutation, sound);
    verdicts.push(verdict);
    process.stdout.write(
      `${verdict.padEnd(16)} ${mutation.guarantee}  ${mutation.breaks} (${((Date.now() - started) / 1000).toFixed(1)} s)\n`,
    );
  }
  const noticed = verdicts.filter((verdict) => verdict === 'noticed').length;
  process.stdout.write(`\n${noticed} passed, ${verdicts.length - noticed} failed\n`);
  process.exitCode = noticed === verdicts.length ? 0 : 1;
} finally {
  rmSync(copy, { recursive: true, force: true });
}

function tryOut(mutation: Mutation, sound: Map<string, boolean>): Verdict {
  const path = join(copy, mutation.file);
  const text = readFileSync(path, 'utf8');
  const [place, ...others] = placesOf(text, mutation.find);
  if (place === undefined || others.length > 0) return 'not found once';
  const tests = mutation.tests.filter((file) => existsSync(join(copy, file)));
  if (tests.length === 0) return 'no test there';
  for (const file of tests) {
    if (!sound.has(file)) sound.set(file, passes(file));
    if (sound.get(file) === false) return 'fails unmutated';
  }
  writeFileSync(
    path,
    text.replace(mutation.find, () => mutation.replace),
  );
  try {
    return tests.some((file) => !passes(file, mutation.name)) ? 'noticed' : 'NOT NOTICED';
  } finally {
    writeFileSync(path, text);
  }
}

function passes(file: string, name?: string): boolean {
  const args = [
    '--test',
    '--test-force-exit',
    `--test-timeout=${LIMIT_MS}`,
    ...(name === undefined ? [] : ['--test-name-pattern', name]),
    file,
  ];
  return spawnSync(process.execPath, args, { cwd: copy, stdio: 'ignore', timeout: LIMIT_MS }).status === 0;
}

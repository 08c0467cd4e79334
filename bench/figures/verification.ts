/**
 * Comparing the world with the record: a gigabyte, and many small files. No server: it is the same protocol. Everything
 * is read from the page cache, by Holdfast as by `openssl dgst`.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { randomFillSync } from 'node:crypto';
import * as z from 'zod';
import { defineStep, implementStep, type StepImplementation } from '../../src/model/step/step.ts';
import { openTestJob, type TestJob } from '../../src/testing.ts';
import type { Figure } from '../figure.ts';
import { makeTemporaryDirectory, removeDirectory } from '../temporary-directory.ts';

const GIB = 1024 ** 3;
const LARGE_FILES = 64;
const SMALL_FILES = 20_000;
const MANY_FILES = 100_000;
const SMALL_BYTES = 100;
const FILES_A_FOLDER = 500;

const lookStep = defineStep({
  name: 'look',
  input: z.strictObject({ paths: z.array(z.string()) }),
  output: z.strictObject({}),
});

/** A step that reads them: from then on they are compared at each verification. */
const lookImplementation = implementStep(lookStep, async (ctx, { paths }) => {
  for (const path of paths) await ctx.files.exists(path);
  return {};
}) as unknown as StepImplementation;

async function withRecordedFiles<T>(
  write: (root: string) => readonly string[],
  use: (job: TestJob, root: string, paths: readonly string[]) => Promise<T>,
  verify: 'full' | 'quick' = 'full',
): Promise<T> {
  const root = makeTemporaryDirectory();
  const job = openTestJob({ workspace: root, steps: [lookImplementation], verify });
  try {
    const paths = write(root);
    await job.step(lookStep, { paths: [...paths] });
    return await use(job, root, paths);
  } finally {
    await job.close();
    removeDirectory(root);
  }
}

async function verificationMs(job: TestJob, resources: number): Promise<number> {
  const startedMs = performance.now();
  // As one that a worker's start makes due: what a person asks for reads the whole record anew.
  const result = await job.verify('worker-not-covered', 'by the benchmark');
  if (result.kind !== 'verified' || result.resources < resources)
    throw new Error(`expected ${resources} resources verified, found ${JSON.stringify(result).slice(0, 300)}`);
  return performance.now() - startedMs;
}

/**
 * `openssl dgst -sha256` over the same files, a process a core, files dealt out as they come free. It uses what the
 * processor has for SHA-256, as Node does; `sha256sum` does not, and takes up to eight times as long.
 */
async function opensslMs(root: string, paths: readonly string[]): Promise<number> {
  const startedMs = performance.now();
  const command = ['-P', String(availableParallelism()), '-n', '1', 'openssl', 'dgst', '-sha256'];
  const running = promisify(execFile)('xargs', command, { cwd: root });
  running.child.stdin!.end(paths.join('\n'));
  const { stdout } = await running;
  if (stdout.trim().split('\n').length !== paths.length) throw new Error('openssl did not hash every file');
  return performance.now() - startedMs;
}

export const verifyGibibyte: Figure = {
  name: 'verify-1-gib',
  what: 'verification of 1 GiB in 64 files, against openssl dgst -sha256 in parallel on all cores',
  bound: 1.1,
  unit: '×',
  measure: ({ isQuick, say }) =>
    withRecordedFiles(writeLarge, async (job, root, paths) => {
      const values: number[] = [];
      for (let round = 0; round < (isQuick ? 3 : 9); round++) {
        let theirs = 0;
        if (round % 2 === 0) theirs = await opensslMs(root, paths);
        const ours = await verificationMs(job, LARGE_FILES);
        if (round % 2 === 1) theirs = await opensslMs(root, paths);
        say(
          `  round ${round + 1}: verification ${Math.round(ours)} ms, openssl ${Math.round(theirs)} ms, ratio ` +
            `${(ours / theirs).toFixed(3)}`,
        );
        values.push(ours / theirs);
      }
      return values;
    }),
};

export const verifySmallFiles: Figure = {
  name: 'verify-20000-files',
  what: 'verification of 20,000 small files',
  bound: 3,
  unit: 's',
  measure: ({ isQuick, say }) =>
    withRecordedFiles(writeSmall, async (job) => {
      const values: number[] = [];
      for (let round = 0; round < (isQuick ? 3 : 7); round++) {
        const seconds = (await verificationMs(job, SMALL_FILES)) / 1000;
        say(`  round ${round + 1}: ${seconds.toFixed(2)} s`);
        values.push(seconds);
      }
      return values;
    }),
};

export const verifyQuickly: Figure = {
  name: 'verify-quick-100000-files',
  what: 'a quick verification of 100,000 unchanged files',
  bound: 1,
  unit: 's',
  measure: ({ isQuick, say }) =>
    withRecordedFiles(
      (root) => writeSmall(root, MANY_FILES),
      async (job) => {
        const values: number[] = [];
        // The first reads them; the second may have to read the youngest again.
        for (let round = -2; round < (isQuick ? 3 : 7); round++) {
          const seconds = (await verificationMs(job, MANY_FILES)) / 1000;
          say(`  round ${round + 1}: ${seconds.toFixed(2)} s`);
          if (round >= 0) values.push(seconds);
        }
        return values;
      },
      'quick',
    ),
};

function writeLarge(root: string): readonly string[] {
  const content = Buffer.allocUnsafe(GIB / LARGE_FILES);
  return Array.from({ length: LARGE_FILES }, (_, index) => {
    randomFillSync(content);
    const path = `large-${index}.bin`;
    writeFileSync(join(root, path), content);
    return path;
  });
}

function writeSmall(root: string, count = SMALL_FILES): readonly string[] {
  return Array.from({ length: count }, (_, index) => {
    const folder = `folder-${Math.floor(index / FILES_A_FOLDER)}`;
    if (index % FILES_A_FOLDER === 0) mkdirSync(join(root, folder));
    const path = `${folder}/small-${index}.txt`;
    writeFileSync(join(root, path), `file ${index} `.padEnd(SMALL_BYTES, '.'));
    return path;
  });
}

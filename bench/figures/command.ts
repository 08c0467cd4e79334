/**
 * A command on a workspace of 10,000 files, against a plain recursive copy of the same tree (`cp -a`): what is beyond
 * it is looking at the workspace before and after, finding what changed, applying it, and removing the copy.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openTestJob, type TestJob } from '../../src/testing.ts';
import { commandStep } from '../../src/model/step/built-in/command.ts';
import type { Figure } from '../figure.ts';
import { makeTemporaryDirectory, removeDirectory } from '../temporary-directory.ts';

const FILES = 10_000;
const FILES_A_FOLDER = 50;
const CHANGED_FILES = 10;

export const commandOnManyFiles: Figure = {
  name: 'command-10000-files',
  what: `a command that changes ${CHANGED_FILES} of 10,000 files, less a plain recursive copy (cp -a) of them`,
  bound: 1,
  unit: 's',
  async measure({ isQuick, say }) {
    const root = makeTemporaryDirectory();
    const workspace = join(root, 'workspace');
    writeFiles(workspace);
    const job = openTestJob({ workspace, env: { PATH: process.env['PATH'] } });
    try {
      const values: number[] = [];
      // The first opens the job and warms the code.
      await commandMs(job, 'warm');
      for (let round = 0; round < (isQuick ? 3 : 9); round++) {
        let theirs = 0;
        if (round % 2 === 0) theirs = copyMs(root, workspace, round);
        const ours = await commandMs(job, `round-${round}`);
        if (round % 2 === 1) theirs = copyMs(root, workspace, round);
        say(
          `  round ${round + 1}: command ${Math.round(ours)} ms, copy ${Math.round(theirs)} ms, beyond it ` +
            `${Math.round(ours - theirs)} ms`,
        );
        values.push((ours - theirs) / 1000);
      }
      return values;
    } finally {
      await job.close();
      removeDirectory(root);
    }
  },
};

async function commandMs(job: TestJob, stepId: string): Promise<number> {
  settle();
  const startedMs = performance.now();
  const { written } = await job.step(
    commandStep,
    { run: `for i in $(seq 1 ${CHANGED_FILES}); do echo ${stepId} >> folder-$i/file-0.txt; done`, shell: true },
    { stepId },
  );
  if (written !== CHANGED_FILES) throw new Error(`the command changed ${written} files, expected ${CHANGED_FILES}`);
  return performance.now() - startedMs;
}

function copyMs(root: string, workspace: string, round: number): number {
  const target = join(root, `copy-${round}`);
  const folders = execFileSync('ls', [workspace], { encoding: 'utf8' }).trim().split('\n');
  mkdirSync(target);
  settle();
  const startedMs = performance.now();
  execFileSync('cp', ['-a', '--', ...folders, target], { cwd: workspace });
  const tookMs = performance.now() - startedMs;
  removeDirectory(target);
  return tookMs;
}

/** What was written and removed before is the disk's matter before the clock runs: either would pay for the other's. */
function settle(): void {
  execFileSync('sync');
}

/** Of an hour ago: files that were written a moment ago are told by their contents, which costs more. */
function writeFiles(workspace: string): void {
  const anHourAgo = Date.now() / 1000 - 3600;
  for (let index = 0; index < FILES; index++) {
    const folder = join(workspace, `folder-${Math.floor(index / FILES_A_FOLDER)}`);
    if (index % FILES_A_FOLDER === 0) mkdirSync(folder, { recursive: true });
    const path = join(folder, `file-${index % FILES_A_FOLDER}.txt`);
    writeFileSync(path, `file ${index} `.padEnd(500 + ((index * 37) % 4_000), '.'));
    utimesSync(path, anHourAgo, anHourAgo);
  }
}

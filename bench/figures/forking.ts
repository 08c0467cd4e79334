/** A fork of a job that has written 1,000 files, 100 MiB in all, against copying them as durably. */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { copyFile, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { makeFork } from '../../src/fork/make-fork.ts';
import { noteOf } from '../../src/model/checkpoint/note.ts';
import { syncDirectory } from '../../src/store/durable-file.ts';
import { defineStep, implementStep, openTestJob } from '../../src/testing.ts';
import type { Figure } from '../figure.ts';
import { makeTemporaryDirectory, removeDirectory } from '../temporary-directory.ts';

const FILES = 1_000;
const FILE_BYTES = 104_858;
const FOLDERS = 10;
const ROUNDS = 11;
const FILES_AT_ONCE = 64;

const write = defineStep({ name: 'write', input: z.object({ folder: z.number() }), output: z.object({}) });
const last = defineStep({ name: 'last', input: z.object({}), output: z.object({}) });
const steps = [
  implementStep(write, async (ctx, { folder }) => {
    for (const path of pathsIn(folder)) await ctx.files.write(path, randomBytes(FILE_BYTES));
    return {};
  }),
  implementStep(last, async (ctx) => {
    await ctx.files.write('last.txt', 'last');
    return {};
  }),
];

export const fork1000Files: Figure = {
  name: 'fork-1000-files',
  what: 'fork of a job with 1,000 files (100 MiB), against copying them as durably',
  bound: 1.5,
  unit: '×',
  async measure({ isQuick, say }) {
    const root = makeTemporaryDirectory();
    try {
      const workspace = join(root, 'job');
      const at = await makeJob(workspace);
      const ratios: number[] = [];
      for (let round = 0; round < (isQuick ? 3 : ROUNDS); round++) {
        const times = { fork: 0, copy: 0 };
        const acts = [
          async () => (times.fork = await timed(() => forkTo(workspace, at, join(root, `fork-${round}`)))),
          async () => (times.copy = await timed(() => copyTo(workspace, join(root, `copy-${round}`)))),
        ];
        for (const act of round % 2 === 0 ? acts : acts.reverse()) await act();
        removeDirectory(join(root, `fork-${round}`));
        removeDirectory(join(root, `copy-${round}`));
        say(`  fork ${times.fork.toFixed(0)} ms, copy ${times.copy.toFixed(0)} ms`);
        ratios.push(times.fork / times.copy);
      }
      return ratios;
    } finally {
      removeDirectory(root);
    }
  },
};

/** @returns the checkpoint behind the files */
async function makeJob(workspace: string): Promise<number> {
  mkdirSync(workspace);
  await using job = openTestJob({ workspace, steps });
  const input = noteOf({ parent: null, source: 'input', step: -1, tasks: [], next: [], begins: {}, writes: [] });
  const end = noteOf({ parent: input.digest, source: 'loop', step: 0, tasks: [], next: ['last'], writes: [] });
  for (let folder = 0; folder < FOLDERS; folder++)
    await job.step(write, { folder }, { stepId: `write-${folder}`, ...(folder === 0 ? { checkpoints: [input] } : {}) });
  const { seq } = job.memory.known;
  await job.step(last, {}, { checkpoints: [end] });
  return seq + 1;
}

async function forkTo(workspace: string, at: number, into: string): Promise<void> {
  await makeFork(workspace, { at, workspace: into, by: 'bench' }, {});
}

async function copyTo(workspace: string, into: string): Promise<void> {
  const paths = Array.from({ length: FOLDERS }, (_, folder) => pathsIn(folder)).flat();
  for (let folder = 0; folder < FOLDERS; folder++)
    mkdirSync(dirname(join(into, pathsIn(folder)[0]!)), { recursive: true });
  for (let first = 0; first < paths.length; first += FILES_AT_ONCE)
    await Promise.all(
      paths.slice(first, first + FILES_AT_ONCE).map((path) => copyDurably(join(workspace, path), join(into, path))),
    );
  for (let folder = 0; folder < FOLDERS; folder++) syncDirectory(dirname(join(into, pathsIn(folder)[0]!)));
}

async function copyDurably(from: string, to: string): Promise<void> {
  await copyFile(from, to);
  await using file = await open(to, 'r+');
  await file.sync();
}

async function timed(act: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await act();
  return performance.now() - begun;
}

function pathsIn(folder: number): readonly string[] {
  return Array.from({ length: FILES / FOLDERS }, (_, index) => `folder-${folder}/file-${index}.bin`);
}

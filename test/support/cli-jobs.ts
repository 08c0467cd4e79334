/**
 * A server, a worker and two plans for tests of the command line. One worker serves all of them: cli.test.ts imports
 * this module once, and the tests beside it share it.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import type { Question } from '../../src/model/question/question.ts';
import { defineStep, implementStep } from '../../src/model/step/step.ts';
import { cli, type Ran, type TerminalOptions } from './cli-terminal.ts';
import { testWorker } from './running-worker.ts';
import { testTemporal } from './temporal.ts';
import { untilTrue } from './until.ts';

/** Longer than the guarded plan lets pass without comparing the world again. */
const STALE_AFTER_MS = 700;

export const temporal = await testTemporal();
export const taskQueue = temporal.unique('queue');
export const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-cli-')));
export const env = { ...process.env, ...temporal.env, NO_COLOR: '1' };

/**
 * Each holds a job between two steps until the test lets it go on; one that was opened stays so when its step runs
 * again.
 */
export const gates = new Map<string, PromiseWithResolvers<void>>();
const gate = implementStep(
  defineStep({ name: 'gate', input: z.strictObject({ name: z.string() }), output: z.strictObject({}) }),
  async (ctx, { name }) => {
    const here = gates.get(name) ?? Promise.withResolvers<void>();
    gates.set(name, here);
    ctx.progress('waits at the gate\u001b[2J', 0.25);
    const ended = new Promise((_, reject) =>
      ctx.signal.addEventListener('abort', () => reject(new Error('ended')), { once: true }),
    );
    await Promise.race([here.promise, ended]);
    return {};
  },
);
/** The same contract in a module of steps, for commands that take one. */
const STEPS_MODULE = `import * as z from ${JSON.stringify(import.meta.resolve('zod'))};
import { defineStep, implementStep } from ${JSON.stringify(join(import.meta.dirname, '../../src/index.ts'))};
const contract = { name: 'gate', input: z.strictObject({ name: z.string() }), output: z.strictObject({}) };
export const gate = implementStep(defineStep(contract), () => ({}));
`;

const QUICK = `schemaVersion: 1
name: quick
workspace: quick
input: { type: object, properties: { who: { type: string }, times: { type: integer } }, required: [who] }
steps:
  - { id: hello, use: file.write, with: { path: hello.txt, content: "Hello \${{ input.who }}" } }
`;

const GUARDED = `schemaVersion: 1
name: guarded
workspace: unused
input: { type: object, properties: { gate: { type: string } }, required: [gate] }
databases: { main: { url: "sqlite:app.db" } }
verifyAfterMinutes: 0.01
steps:
  - id: table
    use: db.sql
    with: { database: main, sql: "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)", writes: [note] }
  - { id: source, use: file.write, with: { path: a.txt, content: "one\\ntwo\\n" } }
  - { id: copy, use: file.copy, with: { from: "\${{ steps.source.output.path }}", to: b.txt } }
  - { id: gate, use: gate, needs: [copy, table], with: { name: "\${{ input.gate }}" } }
  - { id: final, use: file.copy, needs: [gate], approval: before-apply, with: { from: b.txt, to: final.txt } }
`;

before(() => {
  writeFileSync(join(root, 'steps.mjs'), STEPS_MODULE);
  writeFileSync(join(root, 'guarded.yaml'), GUARDED);
  writeFileSync(join(root, 'quick.yaml'), QUICK);
});
after(() => {
  for (const { resolve } of gates.values()) resolve();
});
const workflows = join(import.meta.dirname, 'failing-workflow.ts');
testWorker(temporal, { taskQueue, root, workflows, steps: [gate] });
after(() => rmSync(root, { recursive: true, force: true }));

export async function holdfast(args: readonly string[], options: TerminalOptions = {}): Promise<Ran> {
  return await cli(args, { cwd: root, env, ...options });
}

/** Starts a guarded job in a workspace of its own and waits until its gate holds it. */
export async function atTheGate(): Promise<{ readonly job: string; readonly workspace: string }> {
  const job = temporal.unique('guarded');
  const options = ['--id', job, '--workspace', job, '-q', taskQueue];
  const ran = await holdfast(['start', 'guarded.yaml', `gate=${job}`, ...options]);
  assert.equal(ran.code, 0, ran.err);
  await untilTrue(() => gates.has(job), { what: 'the gate holds the job' });
  await delay(STALE_AFTER_MS);
  return { job, workspace: join(root, job) };
}

/** The question of a job, once it asks. */
export async function openQuestion(job: string): Promise<Question> {
  await untilTrue(async () => (await holdfast(['question', job])).code === 3, { what: `${job} asks` });
  return (await holdfast(['question', job, '--json'])).json<{ questions: [Question] }>().questions[0];
}

/** Everything below a folder, Holdfast's own files too. */
export function fingerprint(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true }).map((entry) => {
      const file = join(entry.parentPath, entry.name);
      if (!entry.isFile()) return [file, 'folder'];
      const digest = createHash('sha256').update(readFileSync(file)).digest('hex');
      return [file, `${digest} ${statSync(file).mtimeMs}`];
    }),
  );
}

/**
 * A command in the workspace itself runs at most once, and a person is asked when its end is unknown. Watched commands.
 */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import type { CommandResult } from '../../src/model/step/command-result.ts';
import type { CommandOptions } from '../../src/model/step/step-command.ts';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { defineStep, implementStep, openTestJob, type TestJob } from '../../src/testing.ts';
import type { CommandOrder } from '../support/command-child.ts';
import { startCommand } from '../support/command-run.ts';
import { shell, shellSteps } from '../support/command-step.ts';
import { freshMemory } from '../support/fresh-memory.ts';
import { readLedger } from '../support/ledger.ts';
import { questionFrom } from '../support/questions.ts';

const root = mkdtempSync(join(tmpdir(), 'holdfast-in-place-'));
after(() => rmSync(root, { recursive: true, force: true }));
const env = { PATH: process.env['PATH'] };
const free = defineStep({ name: 'free', input: z.object({}), output: z.any() });
let code: (ctx: StepContext) => unknown;
let job: TestJob;

beforeEach(() => {
  job = openTestJob({
    steps: [...shellSteps, implementStep(free, async (ctx) => (await code(ctx)) ?? {}) as never],
    env,
  });
});
afterEach(() => job.close());

const at = (place: string): string => join(job.workspace, place);
const text = (place: string): string => readFileSync(at(place), 'utf8');
const run = async (line: string, options: CommandOptions = {}, stepId = 'shell'): Promise<CommandResult> =>
  (await job.step(shell, { run: line, options }, { stepId, maxAttempts: 1 })) as CommandResult;

test('it changes the workspace, and what it changed is the record’s from then on', async () => {
  await run('echo one > a.txt');
  const { stdout, changed } = await run(
    'pwd; echo two > a.txt; echo new > b.txt; mkdir d',
    { inPlace: true },
    'in-place',
  );
  assert.deepEqual([stdout, changed], [`${job.workspace}\n`, { written: 2, removed: 0, folders: 1, links: 0 }]);
  assert.equal(text('a.txt'), 'two\n');
  assert.equal((await job.verify()).kind, 'verified');
  writeFileSync(at('b.txt'), 'somebody else');
  const result = await job.verify();
  assert.ok(result.kind === 'question');
  assert.deepEqual(
    result.question.findings.map(({ resource, kind, recordedBy }) => [resource, kind, recordedBy?.stepId]),
    [['file:b.txt', 'changed', 'in-place']],
  );
  await job.decide(result.question, { answer: 'restore' });
  assert.equal(text('b.txt'), 'new\n');
});

test('a watched file that changes meanwhile is asked about; what changed of other steps is said', async () => {
  await using watching = openTestJob({ steps: shellSteps, env, watch: [{ kind: 'file', path: 'config.json' }] });
  writeFileSync(join(watching.workspace, 'config.json'), 'old');
  await watching.step(shell, { run: 'echo one > a.txt' }, { stepId: 'one' });
  const line = 'echo ran >> log; echo two > a.txt; printf new > config.json';
  const inPlace = (): Promise<unknown> =>
    watching.step(shell, { run: line, options: { inPlace: true } }, { stepId: 'in-place' }) as Promise<unknown>;
  const question = await questionFrom(inPlace());
  const finding = question.findings.find(({ resource }) => resource === 'file:config.json');
  assert.equal(finding?.kind, 'changed');
  assert.match(
    finding.advice ?? '',
    /while the command .* of step in-place ran in place: by the command, or by somebody/,
  );
  // One thing alone is asked about: what the command certainly may change is not.
  assert.equal(question.findings.length, 1);
  writeFileSync(join(watching.workspace, 'config.json'), 'old');
  await watching.decide(question, { answer: 'recheck' });
  await inPlace();
  const told = readLedger(watching.workspace, (ledger) => JSON.stringify([...ledger.records(watching.jobId)]));
  assert.match(told, /a\.txt \(step one\)\. By the command, or by somebody else meanwhile: that is not known/);
  assert.equal(readFileSync(join(watching.workspace, 'log'), 'utf8'), 'ran\n');
  assert.equal((await watching.verify()).kind, 'verified');
});

test('the step goes on with what it left, and a retry does not run it again', async () => {
  let fails = true;
  await run('echo one > a.txt');
  code = async (ctx) => {
    await ctx.command('echo x >> a.txt; echo ran >> log', { shell: true, inPlace: true });
    const seen = await ctx.files.readText('a.txt');
    if (fails) throw new Error('not yet');
    return { seen };
  };
  await assert.rejects(job.step(free, {}, { stepId: 'f' }), /not yet/);
  fails = false;
  assert.deepEqual(await job.step(free, {}, { stepId: 'f' }), { seen: 'one\nx\n' });
  assert.equal(text('log'), 'ran\n');
});

test('an exit code that is a failure is an answer: it is not run again by itself', async () => {
  const question = await questionFrom(run('echo ran >> log; exit 4', { inPlace: true }));
  assert.match(
    question.findings[0]!.difference,
    /exit code 4.* What it changed is recorded; it is not run again by itself/s,
  );
  await job.decide(question, { answer: 'rerun' });
  await questionFrom(run('echo ran >> log; exit 4', { inPlace: true }));
  assert.equal(text('log'), 'ran\n');
});

test('a program that is not there was not begun: nothing is in doubt', async () => {
  const question = await questionFrom(
    job.step(shell, { run: ['no-such-program'], options: { inPlace: true } }, { maxAttempts: 1 }) as Promise<unknown>,
  );
  assert.match(question.findings[0]!.found.text, /^not-found: /);
});

test('one that leaves a process behind, or is killed for its time, is in doubt', async () => {
  const question = await questionFrom(run('echo half > a.txt; sleep 351 & echo', { inPlace: true }));
  assert.deepEqual([question.kind, question.findings[0]!.kind], ['in-doubt', 'outcome-unknown']);
  assert.match(question.findings[0]!.difference, /leaves processes behind: sleep/);
  const late = await questionFrom(run('echo half > b.txt; sleep 352', { inPlace: true, timeoutMs: 300 }, 'late'));
  assert.match(late.findings[0]!.difference, /did not end within 300 ms/);
});

test('a command ends with its killed worker; the question shows its words, folder and variables’ names', async () => {
  const workspace = mkdtempSync(join(root, 'killed-'));
  mkdirSync(join(workspace, 'sub'));
  const line = 'echo half > half.txt; touch started; sleep 361; echo whole > whole.txt';
  const order: CommandOrder = {
    workspace,
    run: line,
    options: { inPlace: true, cwd: 'sub', env: { MODE: 'secret-value' } },
    memory: freshMemory('in-place'),
  };
  const first = startCommand(order);
  for (let waitedMs = 0; !existsSync(join(workspace, 'sub/started')); waitedMs += 20) {
    assert.ok(waitedMs < 20_000);
    await delay(20);
  }
  first.child.kill('SIGKILL');
  assert.equal(await first.end, undefined);
  const asked = await startCommand(order).end;
  assert.ok(asked !== undefined && 'question' in asked, JSON.stringify(asked));
  const [finding] = asked.question.findings;
  assert.deepEqual([asked.question.kind, finding!.kind], ['in-doubt', 'outcome-unknown']);
  for (const shown of ['echo half > half.txt', '"sub"', '"MODE"', '"PATH"'])
    assert.ok(finding!.difference.includes(shown), `${shown} in ${finding!.difference}`);
  assert.ok(!finding!.difference.includes('secret-value'));
  const told = await startCommand({ ...order, decide: { answer: 'happened', result: { exitCode: 0 } } }).end;
  assert.ok(told !== undefined && 'output' in told, JSON.stringify(told));
  assert.equal(existsSync(join(workspace, 'sub/whole.txt')), false, 'it was not run again');
});

test('in place it takes no options of a copy, and does not run beside staged files', async () => {
  assert.match(
    (await questionFrom(run('true', { inPlace: true, paths: ['a'] }))).findings[0]!.difference,
    /works in the workspace as it is/,
  );
  code = async (ctx) => {
    await ctx.files.write('staged.txt', 'x');
    await ctx.command(['true'], { inPlace: true });
  };
  assert.match(
    (await questionFrom(job.step(free, {}, { maxAttempts: 1 }))).findings[0]!.difference,
    /would not see the files that its step has staged \(staged\.txt\)/,
  );
});

// ---- watches -------------------------------------------------------------------------------------------------

async function withTool(
  script: string,
  use: (watching: TestJob, write: (next: string) => void) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(root, 'tool-'));
  const write = (next: string): void => {
    writeFileSync(join(folder, 'tool'), next);
    chmodSync(join(folder, 'tool'), 0o755);
  };
  write(script);
  await using watching = openTestJob({
    steps: shellSteps,
    env: { PATH: `${folder}:${env.PATH}` },
    watch: [{ kind: 'command', argv: ['tool', '--version'] }],
  });
  await use(watching, write);
}

test('a watched command: another version is a discrepancy, shown with both, and may be accepted', async () => {
  await withTool('#!/bin/sh\necho tool 1.0\n', async (watching, write) => {
    assert.equal((await watching.verify()).kind, 'verified');
    assert.equal((await watching.verify()).kind, 'verified');
    write('#!/bin/sh\necho tool 2.0\n');
    const result = await watching.verify();
    assert.ok(result.kind === 'question');
    const [finding] = result.question.findings;
    assert.deepEqual(
      [finding!.resource, finding!.kind, finding!.expected.text, finding!.found.text],
      ['command:["tool","--version"]', 'watch-changed', 'tool 1.0', 'tool 2.0'],
    );
    await watching.decide(result.question, { answer: 'accept' });
    assert.equal((await watching.verify()).kind, 'verified');
  });
});

test('a watched command that is gone, fails or does not end counts neither as changed nor as unchanged', async () => {
  await withTool('#!/bin/sh\necho tool 1.0\n', async (watching, write) => {
    await watching.verify();
    for (const [script, reason] of [
      ['#!/bin/sh\nexit 3\n', /ended with exit code 3/],
      ['#!/bin/sh\nwhile :; do echo y; done\n', /printed more than/],
    ] as const) {
      write(script);
      const result = await watching.verify();
      assert.ok(result.kind === 'question');
      assert.equal(result.question.findings[0]!.kind, 'unreadable');
      assert.match(result.question.findings[0]!.found.text, reason);
    }
    write('#!/bin/sh\necho tool 1.0\n');
    assert.equal((await watching.verify()).kind, 'verified');
  });
});

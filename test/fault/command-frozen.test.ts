/**
 * A worker is frozen while its command runs in the workspace itself, and a successor takes the step over: the command
 * is found by its mark, and never run beside itself.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { openTestJob, type TestJobMemory } from '../../src/testing.ts';
import { ended, killed } from '../support/child-process.ts';
import { runCommand, startCommand } from '../support/command-run.ts';
import { shellSteps } from '../support/command-step.ts';
import { withoutContainers, type Container } from '../support/container.ts';
import { freshMemory } from '../support/fresh-memory.ts';
import { isRunning } from '../support/process-list.ts';
import { linesOf } from '../support/killing.ts';
import { untilTrue } from '../support/until.ts';

const root = mkdtempSync(join(tmpdir(), 'holdfast-frozen-'));
/** A sleep of a length that no other process uses, so that it can be found. */
const OWN = `300.${process.pid}`;
let frozen: ReturnType<typeof startCommand>['child'] | undefined;

afterEach(async () => {
  frozen?.kill('SIGCONT');
  if (frozen !== undefined) await killed(frozen);
  frozen = undefined;
});
after(() => rmSync(root, { recursive: true, force: true }));

interface FrozenCommand {
  readonly workspace: string;
  readonly memory: TestJobMemory;
  readonly run: string;
  readonly options: { readonly inPlace: true; readonly inDoubt?: 'repeat' };
  /** A line for each time that the command was begun. */
  readonly runs: string;
  /** The sleep of its first run. */
  readonly sleep: string;
}

/** The command sleeps when it is begun for the first time; its worker is stopped meanwhile. */
async function freeze(name: string, inDoubt?: 'repeat', container?: Container): Promise<FrozenCommand> {
  const workspace = join(root, name, 'workspace');
  mkdirSync(workspace, { recursive: true });
  const runs = join(root, name, 'runs');
  const sleep = `sleep ${OWN}${name.length}`;
  const run = `echo run >> ${runs}; if [ $(wc -l < ${runs}) = 1 ]; then ${sleep}; fi; echo made > made.txt`;
  const options = inDoubt === undefined ? { inPlace: true as const } : { inPlace: true as const, inDoubt };
  const memory = freshMemory(name);
  frozen = startCommand({ workspace, run, options, memory }, container).child;
  await untilTrue(() => existsSync(runs) && isRunning(sleep));
  frozen.kill('SIGSTOP');
  return { workspace, memory, run, options, runs, sleep };
}

test('the question about a command that still runs says so, since when, and as which process', async () => {
  const { sleep, runs, ...order } = await freeze('asked');
  const end = await runCommand(order);
  assert.ok(end !== undefined && 'question' in end, JSON.stringify(end));
  const [finding] = end.question.findings;
  assert.match(
    finding!.found.text,
    new RegExp(`still runs, since 20.*sleep \\(\\d+\\); its worker is process ${frozen!.pid} `),
  );
  assert.deepEqual(finding!.answers, ['repeat', 'recheck', 'abort'], 'what runs has not happened');
  assert.deepEqual([isRunning(sleep), linesOf(runs).length], [true, 1]);
});

test('a command that still runs is ended before a person’s `repeat` begins it again', async () => {
  const { sleep, runs, ...order } = await freeze('repeated');
  const end = await runCommand({ ...order, decide: { answer: 'repeat' } });
  assert.ok(end !== undefined && 'output' in end, JSON.stringify(end));
  assert.deepEqual([isRunning(sleep), linesOf(runs).length], [false, 2]);
  assert.equal(readFileSync(join(order.workspace, 'made.txt'), 'utf8'), 'made\n');
});

test('a command that may be repeated is ended first, too', async () => {
  const { sleep, runs, ...order } = await freeze('repeatable', 'repeat');
  const end = await runCommand(order);
  assert.ok(end !== undefined && 'output' in end, JSON.stringify(end));
  assert.deepEqual([isRunning(sleep), linesOf(runs).length], [false, 2]);
});

test('a job that ends leaves no command running in its workspace', async () => {
  const { sleep, ...order } = await freeze('released');
  await using job = openTestJob({ workspace: order.workspace, resume: order.memory, steps: shellSteps });
  await job.verify();
  await job.release('cancelled');
  assert.equal(isRunning(sleep), false);
});

test(
  'a command that may run in another container is not begun beside that: its worker is waited for',
  { skip: withoutContainers },
  async () => {
    // Seen from here the other container's processes are visible; so the successor is in a container as well.
    const { sleep, runs, ...order } = await freeze('elsewhere', 'repeat');
    const successor = startCommand(order, { host: 'hostb' });
    const end = await successor.end;
    assert.ok(end !== undefined && 'failure' in end, JSON.stringify(end));
    assert.match(end.failure, /may run still: its worker is process \d+ on .* not begun again beside that/);
    assert.deepEqual([isRunning(sleep), linesOf(runs).length], [true, 1]);
    await ended(successor.child);
  },
);

/** Jobs pinned to a version of their workers while another becomes current. Need a server of 1.31 or newer. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { RESUME_FIELD, type Resume } from '../../src/model/job/resume.ts';
import type { JobStatus } from '../../src/model/job/status.ts';
import { untilAsked, untilStatus } from '../support/job-status.ts';
import { chainOf } from '../support/ledger.ts';
import { until, untilTrue } from '../support/until.ts';
import { hasTimer } from '../support/versions.ts';
import { base, decision, write, type Scenario } from './scenario.ts';

const PLAN = { ...base, name: 'pinned', steps: [write('a'), { ...write('b', ['a']), approval: 'before-apply' }] };

/** @param moves does it go on in a new Run? */
const woken = (moves: boolean, run: 'first' | 'last'): Scenario => ({
  isPinned: true,
  input: { plan: PLAN },
  run,
  during: async (handle, _workspace, { setCurrent }) => {
    const { digest } = await untilAsked(handle);
    const { runId } = await handle.describe();
    await setCurrent('2');
    // The server's queues hear of it one after the other.
    await delay(2_000);
    await handle.signal('wake');
    if (moves)
      await until(
        async () => (await handle.describe()).runId,
        (now) => now !== runId,
      );
    await handle.signal('decide', decision(digest, 'approve'));
  },
});

/** Until the server's queues have heard which version is current. */
const TOLD_MS = 3_000;

/** A job that asks is woken, and hears in the same Workflow Task of something else. */
const wokenTogether = (happens: (handle: WorkflowHandle, digest: string) => Promise<unknown>): Scenario => ({
  isPinned: true,
  input: { plan: PLAN },
  run: 'first',
  during: async (handle, _workspace, { setCurrent, whileAway }) => {
    const { digest } = await untilAsked(handle);
    await setCurrent('2');
    await delay(TOLD_MS);
    await whileAway(async () => {
      await handle.signal('wake');
      await happens(handle, digest);
    });
  },
});

const timed = (name: string, busyS: number, waitS: number) => ({
  ...base,
  name,
  steps: [
    { id: 'busy', use: 'command', with: { run: ['sleep', String(busyS)] } },
    { id: 'w', use: 'wait', with: { seconds: waitS }, needs: ['busy'] },
    write('b', ['w']),
  ],
});

async function untilTimer(handle: WorkflowHandle, which: 'started' | 'fired'): Promise<void> {
  await untilTrue(() => hasTimer(handle, which), { limitMs: 60_000 });
}

/** Woken while a step runs; when it ends, the other version is no longer current, and is again as the timer fires. */
const OFFERED_AGAIN: Scenario = {
  isPinned: true,
  input: { plan: timed('again', 12, 8) },
  run: 'first',
  during: async (handle, _workspace, { setCurrent, whileAway }) => {
    await setCurrent('2');
    await delay(TOLD_MS);
    await handle.signal('wake');
    await delay(1_000);
    await setCurrent('1');
    await untilTimer(handle, 'started');
    await whileAway(async () => {
      await setCurrent('2');
      await untilTimer(handle, 'fired');
      await handle.cancel();
    });
  },
};

const WOKEN_AS_A_TIMER_FIRES: Scenario = {
  isPinned: true,
  input: { plan: timed('timer', 0, 8) },
  run: 'first',
  during: async (handle, _workspace, { setCurrent, whileAway }) => {
    await untilTimer(handle, 'started');
    await setCurrent('2');
    await delay(TOLD_MS);
    await whileAway(async () => {
      await handle.signal('wake');
      await untilTimer(handle, 'fired');
    });
  },
};

const ENDED = { ...base, name: 'ended', steps: [write('a'), write('b', ['a'])] };

/** A job that had ended asks about what somebody has changed before it goes back, and moves meanwhile. */
const GOES_BACK: Scenario = {
  isPinned: true,
  input: { plan: ENDED },
  during: async (handle, workspace, { setCurrent }) => {
    await handle.result();
    const { workflowId } = handle;
    const { jobId } = await handle.query<{ readonly jobId: string }>('status');
    const [, afterA] = chainOf(workspace, jobId).filter(({ kind }) => kind === 'checkpoint');
    writeFileSync(join(workspace, 'b.txt'), 'a person was here');
    const why = { by: 'someone@example.com', reason: 'recorded for replay' };
    const resume: Resume = { workflowId, jobId, rewind: { to: afterA!.seq }, ...why };
    await handle.client.start('agentJob', {
      workflowId,
      taskQueue: workflowId,
      args: [{ plan: ENDED, workspace }, { [RESUME_FIELD]: resume }],
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    });
    const latest = handle.client.getHandle(workflowId);
    await untilAsked(latest);
    const { runId } = await latest.describe();
    await setCurrent('2');
    await delay(TOLD_MS);
    await latest.signal('wake');
    await until(
      async () => (await latest.describe()).runId,
      (now) => now !== runId,
    );
    const { questions } = await untilStatus(latest, (status) => status.verifications.count > 0 && asksAlone(status));
    await latest.signal('decide', decision(questions[0]!.digest, 'restore'));
    await latest.result();
  },
};

/** Of its own, not of the Run before. */
function asksAlone({ questions, state }: JobStatus): boolean {
  return questions.length === 1 && state === 'waiting';
}

export const VERSIONS: Readonly<Record<string, Scenario>> = {
  'goes-back-after-a-move': GOES_BACK,
  'moves-to-another-version-first-run': woken(true, 'first'),
  'moves-to-another-version-last-run': woken(true, 'last'),
  'offered-again-as-it-is-cancelled': OFFERED_AGAIN,
  'pinned-and-woken-stayed': woken(false, 'last'),
  'woken-and-aborted-at-once': wokenTogether((handle) =>
    handle.signal('abort', { by: 'someone@example.com', reason: 'recorded for replay' }),
  ),
  'woken-and-cancelled-at-once': wokenTogether((handle) => handle.cancel()),
  'woken-and-decided-at-once': wokenTogether((handle, digest) => handle.signal('decide', decision(digest, 'approve'))),
  'woken-as-a-timer-fires': WOKEN_AS_A_TIMER_FIRES,
};

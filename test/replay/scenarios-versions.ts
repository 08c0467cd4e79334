/** Jobs pinned to a version of their workers while another becomes current. Need a server of 1.31 or newer. */
import { setTimeout as delay } from 'node:timers/promises';
import { untilAsked } from '../support/job-status.ts';
import { until } from '../support/until.ts';
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

export const VERSIONS: Readonly<Record<string, Scenario>> = {
  'moves-to-another-version-first-run': woken(true, 'first'),
  'moves-to-another-version-last-run': woken(true, 'last'),
  'pinned-and-woken-stayed': woken(false, 'last'),
};

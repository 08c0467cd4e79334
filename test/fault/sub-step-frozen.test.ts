/**
 * A worker freezes (SIGSTOP) within a step with sub-steps, another goes on with the step to its end, and the first one
 * wakes (SIGCONT): it takes no effect any more, and the record does not change.
 */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { after, afterEach, test } from 'node:test';
import { answerOf, killed, stopped } from '../support/child-process.ts';
import type { Kill } from '../support/killing.ts';
import { carryOut, type SubStepEnd, type SubStepOrder } from '../support/sub-step-child.ts';
import { comparable, lookAt, SubStepKills } from '../support/sub-step-kills.ts';
import { chooseKills } from './support/chosen-kills.ts';
import { dumpLedger } from './support/ledger-dump.ts';
import { theSeed } from './support/seed.ts';

const seed = theSeed();
/** While nobody has the workspace's lock: else the successor waits for it. */
const POINTS = new Set([
  'user-code.before',
  'user-code.after',
  'once.before',
  'perform.about-before',
  'perform.about-after',
  'perform.call-before',
  'perform.call-after',
  'perform.done-before',
  'blob.before',
  'blob.after',
  'command.copied',
  'command.ended',
]);

const kills = new SubStepKills();
after(() => kills[Symbol.dispose]());
const frozen: ChildProcess[] = [];
afterEach(async () => {
  for (const child of frozen.splice(0)) await killed(child);
});

const reference = await kills.untilItEnds('reference', { hits: 'counted' });
const wanted = comparable(reference);

const places = chooseKills(new Map([...reference.hits].filter(([point]) => POINTS.has(point))), seed, 2);

/** Without what tells of workers alone. */
const look = async (order: SubStepOrder, end: SubStepEnd): Promise<unknown> => ({
  seen: comparable(await lookAt(order, end)),
  ledger: dumpLedger(order.workspace),
});

for (const [what, runId] of [
  ['done by another worker', 'run-1'],
  ['done after a reset', 'run-2'],
] as const)
  for (const stop of places) {
    const where = `hit ${stop.hit} of ${stop.point}`;
    test(`frozen at ${where}, sub-steps take no effect once they wake and their step is ${what}`, async (t) => {
      t.diagnostic(`HOLDFAST_SEED=${seed}`);
      const order = kills.place(`${runId}: ${where}`, { stop });
      const child = kills.start(order);
      frozen.push(child.process);
      await stopped(child.process, where);
      const end = await carryOut({ ...order, memory: { ...order.memory, runId } });
      assert.deepEqual(comparable(await lookAt(order, end)), wanted);
      const before = await look(order, end);
      child.process.kill('SIGCONT');
      const woken = await answerOf<SubStepEnd>(child);
      assert.ok(woken !== undefined && 'failure' in woken, JSON.stringify(woken));
      // Fenced, or told to compare what its successor has changed.
      assert.match(woken.failure, /^(fenced|verification-required)$/);
      assert.deepEqual(await look(order, end), before);
    });
  }

test('frozen while they are applied, sub-steps are taken over by whoever waits for the lock', async () => {
  const stop: Kill = { point: 'applying.after', hit: 3 };
  const order = kills.place('in the lock', { stop });
  const child = kills.start(order);
  frozen.push(child.process);
  await stopped(child.process, 'applying.after');
  const end = await carryOut(order);
  assert.deepEqual(comparable(await lookAt(order, end)), wanted);
  assert.equal(await answerOf<SubStepEnd>(child), undefined, 'it was killed');
});

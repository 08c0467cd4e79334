/** An Activity's heartbeats: by themselves, with the latest progress, in time, bounded, and none after its end. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { beatEveryMs, Heartbeat, HEARTBEAT_EVERY_MS } from '../../src/activities/heartbeat.ts';

/** Of an Activity, in `src/workflows/activities.ts`: an attempt that is silent for longer is taken for lost. */
const TIMEOUT_MS = 10_000;
const beats: unknown[] = [];
const context = { heartbeat: (details: unknown): void => void beats.push(details) };
let heartbeat: Heartbeat;

beforeEach(() => {
  mock.timers.enable({ apis: ['setInterval'] });
  beats.length = 0;
  heartbeat = new Heartbeat(context, beatEveryMs(HEARTBEAT_EVERY_MS, TIMEOUT_MS));
});
afterEach(() => {
  heartbeat.stop();
  mock.timers.reset();
});

test('a step that says nothing is heard of several times within the timeout, for as long as it takes', () => {
  for (let passed = 1; passed <= 60; passed++) {
    beats.length = 0;
    mock.timers.tick(TIMEOUT_MS);
    assert.ok(beats.length >= 3, `${beats.length} heartbeats in timeout ${passed}`);
  }
});

test('what a step says goes out at once, and again with every heartbeat until it says something else', () => {
  heartbeat.tell('a third', 1 / 3);
  assert.deepEqual(beats, [{ message: 'a third', fraction: 1 / 3 }]);
  mock.timers.tick(HEARTBEAT_EVERY_MS);
  heartbeat.tell('nearly there');
  mock.timers.tick(HEARTBEAT_EVERY_MS);
  assert.deepEqual(beats.slice(1), [
    { message: 'a third', fraction: 1 / 3 },
    { message: 'nearly there' },
    { message: 'nearly there' },
  ]);
});

test('sub-steps go out with the next heartbeat, however many are done between two, beside what the step says', () => {
  heartbeat.tell('half', 1 / 2);
  for (let done = 1; done <= 1_000; done++) heartbeat.noteSubStep(done, `file/${done}`);
  assert.equal(beats.length, 1);
  mock.timers.tick(HEARTBEAT_EVERY_MS);
  const subSteps = { done: 1_000, latest: 'file/1000' };
  assert.deepEqual(beats.slice(1), [{ message: 'half', fraction: 1 / 2, subSteps }]);
});

test('nothing is heard of a step that has ended', () => {
  heartbeat.tell('done');
  heartbeat.stop();
  mock.timers.tick(10 * TIMEOUT_MS);
  assert.equal(beats.length, 1);
});

test('what goes out is bounded: a line of text, a fraction between 0 and 1', () => {
  heartbeat.tell('x'.repeat(1_000_000), 17);
  heartbeat.tell('less', -1);
  heartbeat.tell('none', Number.NaN);
  heartbeat.tell('endless', Infinity);
  assert.deepEqual(beats, [
    { message: 'x'.repeat(1_000), fraction: 1 },
    { message: 'less', fraction: 0 },
    { message: 'none' },
    { message: 'endless', fraction: 1 },
  ]);
});

test('a long interval gives way to a short timeout: three heartbeats fit into each', () => {
  assert.equal(beatEveryMs(1_000, 10_000), 1_000);
  assert.equal(beatEveryMs(600_000, 5_000), 1_666);
  assert.equal(beatEveryMs(600_000), 600_000);
});

test('an attempt that sent nothing for longer than its timeout is given up, and stays so', () => {
  let sleptMs = 0;
  const slept = new Heartbeat(context, HEARTBEAT_EVERY_MS, { timeoutMs: TIMEOUT_MS, nowMs: () => sleptMs });
  try {
    assert.equal(slept.isGivenUp, false);
    sleptMs = TIMEOUT_MS / 2;
    mock.timers.tick(HEARTBEAT_EVERY_MS);
    sleptMs = TIMEOUT_MS * 1.2;
    assert.equal(slept.isGivenUp, false, 'one was sent meanwhile');
    sleptMs = TIMEOUT_MS * 1.7;
    assert.equal(slept.isGivenUp, true);
    mock.timers.tick(HEARTBEAT_EVERY_MS);
    assert.equal(slept.isGivenUp, true, 'also once it is heard of again');
    assert.equal(heartbeat.isGivenUp, false, 'without a timeout nothing is given up');
  } finally {
    slept.stop();
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TakenLimits } from '../../src/model/job/taken-limits.ts';

const MINUTE_MS = 60_000;

test('limits become longer each time that no worker comes, and end with none', () => {
  const limits = new TakenLimits();
  const asked: (number | undefined)[] = [];
  for (let time = 0; time < 6; time++) {
    asked.push(limits.currentMs);
    limits.noteNotTaken(limits.currentMs ?? 0);
  }
  const minutes = asked.map((limitMs) => limitMs && limitMs / MINUTE_MS);
  assert.deepEqual(minutes, [2, 10, 60, 360, undefined, undefined]);
});

test('parallel requests that pass the same limit count once, also where one was answered between', () => {
  const limits = new TakenLimits();
  const first = limits.currentMs!;
  limits.noteNotTaken(first);
  const second = limits.currentMs;
  limits.noteNotTaken(first);
  limits.noteNotTaken(first);
  assert.equal(limits.currentMs, second);
});

test('what was taken quickly begins anew; what took long may have waited, and does not', () => {
  const limits = new TakenLimits();
  const first = limits.currentMs!;
  limits.noteNotTaken(first);
  limits.noteTaken(first);
  assert.notEqual(limits.currentMs, first);
  limits.noteTaken(first - 1);
  assert.equal(limits.currentMs, first);
});

/** What somebody who tests steps of their own sees of a job that stops. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as z from 'zod';
import { defineStep, implementStep, openTestJob, QuestionAsked } from '../../src/testing.ts';

const failing = defineStep({ name: 'failing', input: z.strictObject({}), output: z.strictObject({}) });

test('the failure of a step is in the message of the question that it leads to', async () => {
  const steps = [implementStep(failing, () => Promise.reject(new RangeError('the moon is in the way')))];
  await using job = openTestJob({ steps });
  let asked: unknown;
  for (let attempt = 1; attempt <= 3; attempt++)
    asked = await job.step(failing, {}, { stepId: 'launch' }).catch((error: unknown) => error);
  assert.ok(asked instanceof QuestionAsked, String(asked));
  assert.match(asked.message, /^stuck: step:launch step-cannot-go-on \(.*the moon is in the way/);
});

test('what no job can be opened with is refused by name: a watch as a plan writes it', () => {
  assert.throws(
    () => openTestJob({ watch: [{ file: 'a.txt' }] as never }),
    /openTestJob cannot use its options: watch\.0/,
  );
});

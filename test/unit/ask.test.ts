/**
 * When two questions are the same: the same finding asked again is one question, a changed finding replaces its
 * question, and questions about other steps stand side by side.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask } from '../../src/protocol/question/ask.ts';
import { finding } from '../../src/protocol/question/finding.ts';
import { stuckFinding } from '../../src/protocol/question/stuck.ts';
import { Secrets } from '../../src/protocol/secrets/secrets.ts';
import type { Question } from '../../src/model/question/question.ts';
import { JOB, testLedger } from '../support/test-ledger.ts';

const NO_SECRETS = new Secrets({});
const fixture = testLedger();

const askStuck = (stepId: string, message: string): Question =>
  ask(fixture.ledger, NO_SECRETS, {
    jobId: JOB,
    runId: 'run',
    stepId,
    why: 'stuck',
    findings: [stuckFinding(stepId, { type: 'bad-input', message })],
  });
const askWorld = (text: string): Question =>
  ask(fixture.ledger, NO_SECRETS, {
    jobId: JOB,
    runId: 'run',
    why: 'compared',
    findings: [
      finding({
        resource: 'file:a',
        class: 'discrepancy',
        kind: 'changed',
        expected: { digest: null, text: 'as recorded' },
        found: { digest: null, text },
      }),
    ],
  });
const open = (): string[] =>
  fixture.ledger
    .openQuestions(JOB)
    .map(({ digest }) => digest)
    .sort();

test('two steps that are stuck, and the world, are asked about side by side', () => {
  const asked = [askWorld('edited'), askStuck('a', 'no input'), askStuck('b', 'no input')];
  assert.deepEqual(open(), asked.map(({ digest }) => digest).sort());
  assert.equal(askStuck('a', 'no input').digest, asked[1]!.digest, 'the same matter is the same question');
  assert.deepEqual(open(), asked.map(({ digest }) => digest).sort());
});

test('what a step is stuck at replaces what it was stuck at; what the world shows, what it showed', () => {
  askStuck('a', 'no input');
  askWorld('edited');
  const now = [askStuck('a', 'another input'), askWorld('edited again')];
  assert.deepEqual(open(), now.map(({ digest }) => digest).sort());
});

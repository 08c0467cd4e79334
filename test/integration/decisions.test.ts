/**
 * Every cell of the table in model/question/answer-table.ts: what the answer does to the world, the manifest, the chain
 * and what runs next. A cell without a case fails.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ANSWERS } from '../../src/model/question/answer-table.ts';
import type { Answer } from '../../src/model/question/answer.ts';
import { questionKind } from '../../src/model/question/question.ts';
import { decided, RAISE, repaired, type RaisedClass } from '../support/decided-job.ts';
import { onceAFile } from '../support/drifted-job.ts';
import { chainOf, decisionsOf, readLedger } from '../support/ledger.ts';
import { CASES } from './decisions.cases.ts';

onceAFile(decided);

async function recheckAsksAnew(cls: RaisedClass): Promise<void> {
  const { question, ask } = await RAISE[cls]();
  assert.equal(question.kind, cls);
  const before = decided.snapshot();
  repaired(await decided.job.decide(question, { answer: 'recheck' }));
  const again = await ask();
  assert.notEqual(again.digest, question.digest, 'the same drift is another question');
  assert.deepEqual(
    again.findings.map(({ resource, kind }) => [resource, kind]),
    question.findings.map(({ resource, kind }) => [resource, kind]),
  );
  assert.deepEqual(decided.snapshot(), before);
  if (cls !== 'foreign' && cls !== 'damaged') {
    const withdrawn = chainOf(decided.copy.workspace, decided.job.jobId).filter(
      (record) => record.kind === 'withdrawn',
    );
    assert.ok(
      withdrawn.some((record) => record.question === question.digest && /recheck asked by test/.test(record.reason)),
    );
    assert.equal(decisionsOf(decided.copy.workspace, decided.job.jobId).length, 0);
  }
  const late = await decided.job.decide(question, { answer: 'abort' });
  assert.equal(late.kind, 'world-moved', 'a question that is gone takes no decision; what differs now is asked anew');
  assert.deepEqual(decided.snapshot(), before);
}

async function abortEndsTheJob(cls: RaisedClass): Promise<void> {
  const { question } = await RAISE[cls]();
  const before = decided.snapshot();
  const result = repaired(await decided.job.decide(question, { answer: 'abort', reason: 'not worth it' }));
  assert.deepEqual(result.answers, ['abort']);
  if (cls !== 'conflict')
    await decided.job.release('aborted').catch((error: unknown) => assert.equal(cls, 'damaged', String(error)));
  assert.deepEqual(decided.snapshot(), before);
  if (cls === 'damaged' || cls === 'foreign') return;
  const [record] = decisionsOf(decided.copy.workspace, decided.job.jobId);
  assert.equal(record?.reason, 'not worth it');
  assert.deepEqual([...new Set(Object.values(record?.answers ?? {}))], ['abort']);
  if (cls === 'unverifiable' || cls === 'conflict') return;
  readLedger(decided.copy.workspace, (ledger) => {
    assert.deepEqual(ledger.openIntents(decided.job.jobId), [], 'what was only staged is dropped');
    assert.deepEqual(ledger.openQuestions(decided.job.jobId), []);
    assert.equal(ledger.boundJobId(), undefined, 'the next job may have the workspace');
  });
}

function proofOf(cls: RaisedClass, answer: Answer): (() => Promise<void>) | undefined {
  if (answer === 'recheck') return () => recheckAsksAnew(cls);
  if (answer === 'abort') return () => abortEndsTheJob(cls);
  return CASES[`${cls}/${answer}`];
}

/** What needs a source for the record: rebuild.test.ts. */
const isProvedHere = (cls: string, answer: string): boolean => `${cls}/${answer}` !== 'damaged/rebuild';

// What is asked before there is a record: resume-from.test.ts.
const CLASSES = (Object.keys(ANSWERS) as (keyof typeof ANSWERS)[]).filter((cls) => cls !== 'checkpoint');

for (const cls of CLASSES) {
  describe(`a question about ${cls}`, () => {
    for (const answer of (Object.keys(ANSWERS[cls]) as Answer[]).filter((one) => isProvedHere(cls, one))) {
      test(`${answer}: ${ANSWERS[cls][answer]!.does}`, async () => {
        const prove = proofOf(cls, answer);
        assert.ok(prove, `the table has ${cls}/${answer}, and no case here proves what it does`);
        await prove();
      });
    }
  });
}

test('the cases name only what the table has', () => {
  const cells = CLASSES.flatMap((cls) => Object.keys(ANSWERS[cls]).map((answer) => `${cls}/${answer}`));
  assert.deepEqual(
    Object.keys(CASES).filter((cell) => !cells.includes(cell)),
    [],
  );
  assert.equal(questionKind([]), 'discrepancy');
});

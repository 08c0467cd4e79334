import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANSWERS } from '../../src/model/question/answer-table.ts';
import { AnswerSchema, FindingClassSchema, WHOLE_QUESTION_ONLY } from '../../src/model/question/answer.ts';
import { offeredAnswers } from '../../src/model/question/question.ts';

test('every class of finding offers recheck and abort, and nothing that the design does not give it', () => {
  const own = Object.fromEntries(
    FindingClassSchema.options.map((cls) => [cls, offeredAnswers(cls, ['recheck', 'abort'])]),
  );
  assert.deepEqual(own, {
    discrepancy: ['accept', 'restore', 'rerun'],
    unverifiable: [],
    approval: ['approve', 'reject'],
    conflict: ['skip', 'overwrite', 'undo'],
    ahead: ['keep', 'undo'],
    'in-doubt': ['happened', 'repeat'],
    undo: ['skip', 'overwrite', 'rerun', 'happened'],
    stuck: ['rerun'],
    damaged: ['rebuild'],
    checkpoint: ['older', 'anew'],
    foreign: ['accept'],
  });
  for (const cls of FindingClassSchema.options) assert.deepEqual(offeredAnswers(cls).slice(-2), ['recheck', 'abort']);
});

test('what could not be read or reached is never recorded on a guess', () => {
  for (const cls of ['unverifiable', 'damaged'] as const) {
    const { rebuild, ...others } = ANSWERS[cls];
    for (const effect of Object.values(others)) assert.equal(effect.manifest, 'none');
    // A source that was named, and no guess.
    assert.equal(rebuild?.manifest, cls === 'damaged' ? 'as-the-source-has-it' : undefined);
  }
});

test('every answer of the schema is offered somewhere, and says in a sentence what it does', () => {
  const used = new Set(FindingClassSchema.options.flatMap((cls) => offeredAnswers(cls)));
  assert.deepEqual(
    [...AnswerSchema.options].filter((answer) => !used.has(answer)),
    [],
  );
  for (const cls of FindingClassSchema.options)
    for (const { does } of Object.values(ANSWERS[cls])) assert.match(does, /^[A-Z].{10,}\.$/);
});

test('an answer that ends the job holds for the whole question', () => {
  for (const cls of FindingClassSchema.options) {
    for (const answer of offeredAnswers(cls))
      assert.equal(
        ANSWERS[cls][answer]!.workflow === 'fail-job',
        WHOLE_QUESTION_ONLY.includes(answer),
        `${cls}/${answer}`,
      );
  }
});

test('undoing is named only where there is a record to undo by; a stuck step is tried again by recheck, too', () => {
  const tells = FindingClassSchema.options.filter((cls) => ANSWERS[cls].abort!.does.includes('--compensate'));
  assert.deepEqual(
    FindingClassSchema.options.filter((cls) => !tells.includes(cls)),
    ['undo', 'damaged', 'checkpoint', 'foreign'],
  );
  assert.match(ANSWERS.stuck.recheck!.does, /^Look again, then try the step once more/);
});

/** Sub-steps, without a server: somebody changes what one has written before the next, or a retry, comes to it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { questionFrom } from '../support/questions.ts';
import { sqliteRows, sqliteScript } from '../support/sqlite.ts';
import { failure, SubStepJob } from '../support/sub-step-job.ts';
import { forEachTest } from '../support/tested-job.ts';

const tested = forEachTest(new SubStepJob());

const edits = {
  file: () => tested.put('one.txt', 'by hand'),
  row: () => sqliteScript(tested.at('main.db'), `UPDATE note SET text = 'by hand' WHERE id = 1`),
};
const byHand = {
  file: () => tested.text('one.txt'),
  row: () => sqliteRows(tested.at('main.db'), 'SELECT text FROM note')[0]!['text'],
};
const resources = { file: 'file:one.txt', row: 'row:main/note/' };

/** Two sub-steps that write the same thing one after the other. */
function writing(what: 'file' | 'row', between: () => unknown) {
  const write = async (ctx: StepContext, name: string): Promise<void> => {
    await ctx.step(name, null, async (sub) => {
      tested.ran.push(name);
      if (what === 'file') await sub.files.write('one.txt', name);
      else await sub.db('main').upsert('note', { id: 1, text: name });
    });
  };
  return async (ctx: StepContext): Promise<void> => {
    await write(ctx, 'first');
    await between();
    await write(ctx, 'second');
  };
}

for (const what of ['file', 'row'] as const) {
  test(`a ${what} that somebody changes between two sub-steps is asked about, never overwritten`, async () => {
    tested.code = writing(what, edits[what]);
    const question = await questionFrom(tested.act());
    assert.equal(question.findings.length, 1);
    assert.ok(question.findings[0]!.resource.startsWith(resources[what]), question.findings[0]!.resource);
    assert.equal(question.findings[0]!.recordedBy!.stepId, 'act:first');
    assert.equal(byHand[what](), 'by hand');
    tested.code = writing(what, () => undefined);
    await tested.decide(question, { answer: 'accept' });
    await tested.act();
    assert.equal(byHand[what](), 'second');
    assert.equal(tested.ran.filter((name) => name === 'first').length, 1);
  });

  test(`a ${what} that somebody changes before the retry is asked about, never overwritten`, async () => {
    tested.code = writing(what, () => {
      throw new Error('not yet');
    });
    await failure(tested.act(), 'step-failed');
    edits[what]();
    tested.code = writing(what, () => undefined);
    const question = await questionFrom(tested.act());
    assert.ok(question.findings[0]!.resource.startsWith(resources[what]), question.findings[0]!.resource);
    assert.equal(byHand[what](), 'by hand');
    await tested.decide(question, { answer: 'restore' });
    assert.equal(byHand[what](), 'first');
    await tested.act();
    assert.equal(byHand[what](), 'second');
  });
}

/**
 * What each answer does, where it is not the same for every class: a case for each cell of the table in
 * model/question/answer-table.ts. decisions.test.ts runs them.
 */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import { breaks, decided, digestOf, RAISE, repaired, type Cases } from '../support/decided-job.ts';
import { findingFor, mark, marks, questionOf, resume, summarise } from '../support/drift.ts';
import { blobText, chainOf, decisionsOf, manifestEntry, readLedger, stepRecordsOf } from '../support/ledger.ts';
import { questionFrom } from '../support/questions.ts';

export const CASES: Cases = {
  'undo/skip': async () => {
    const { question } = await RAISE.undo();
    repaired(await decided.job.decide(question, { answer: 'skip', reason: 'it is mine' }));
    const { left } = await decided.job.undo();
    assert.equal(decided.text('out/a.txt'), 'edited by a person\n');
    assert.ok(
      left.some(({ what, why }) => what === 'file:out/a.txt' && why.includes('test decided: it is mine')),
      JSON.stringify(left),
    );
    assert.equal(manifestEntry(decided.copy.workspace, decided.job.jobId, 'file:out/a.txt')?.role, 'accepted');
  },
  'undo/overwrite': async () => {
    const { question } = await RAISE.undo();
    repaired(await decided.job.decide(question, { answer: 'overwrite' }));
    await decided.job.undo();
    assert.equal(existsSync(decided.at('out/a.txt')), false, 'as it was before the job');
    assert.equal(await blobText(decided.copy.workspace, digestOf('edited by a person\n')), 'edited by a person\n');
  },
  'undo/rerun': async () => {
    const question = await decided.undoInDoubt();
    repaired(await decided.job.decide(question, { answer: 'happened', result: 'called after all' }));
    for (const _ of [1, 2]) await assert.rejects(decided.job.undo(), /the other side is away/);
    const stuck = await questionFrom(decided.job.undo());
    decided.mended = true;
    repaired(await decided.job.decide(stuck, { answer: 'rerun' }));
    assert.deepEqual(
      (await decided.job.undo()).left.filter(({ stepId }) => stepId === 'calls'),
      [],
    );
    assert.equal(decided.compensated.length, 4);
  },
  'undo/happened': async () => {
    const question = await decided.undoInDoubt();
    decided.mended = true;
    repaired(await decided.job.decide(question, { answer: 'happened', result: 'called after all' }));
    await decided.job.undo();
    assert.deepEqual(decided.compensated, [[{ answer: 'called after all', known: 'told' }]]);
    assert.equal(decided.callKeys.length, 1, 'it is not called again');
  },
  'discrepancy/accept': async () => {
    const { question } = await RAISE.discrepancy();
    const finding = findingFor(question, 'file:out/a.txt');
    assert.deepEqual(finding.staleSteps, ['summary']);
    const before = decided.snapshot();
    const result = repaired(await decided.job.decide(question, { answer: 'accept' }));
    assert.deepEqual(decided.snapshot(), before, 'the world is right');
    assert.ok(
      result.notes.some((note) => note.includes('stale, and not run again: summary')),
      result.notes.join('; '),
    );
    const entry = manifestEntry(decided.copy.workspace, decided.job.jobId, 'file:out/a.txt');
    assert.equal(entry?.role, 'accepted');
    assert.equal(entry.digest, finding.found.digest);
    const [record] = decisionsOf(decided.copy.workspace, decided.job.jobId);
    assert.deepEqual(record?.answers, { 'file:out/a.txt': 'accept' });
    assert.equal(await blobText(decided.copy.workspace, record.kept['file:out/a.txt']!), 'edited by a person\n');
    await decided.job.step(mark, {}, { stepId: 'mark' });
    assert.equal(
      stepRecordsOf(decided.copy.workspace, decided.job.jobId, 'summary').length,
      1,
      'stale steps are not run again',
    );
    // The accepted state is recorded now, and can be restored.
    writeFileSync(decided.at('out/a.txt'), 'edited once more\n');
    const next = await questionFrom(
      decided.job.step(fileWriteStep, { path: 'out/a.txt', content: 'x' }, { stepId: 'x' }),
    );
    repaired(await decided.job.decide(next, { answer: 'restore' }));
    assert.equal(decided.text('out/a.txt'), 'edited by a person\n');
  },
  'discrepancy/restore': async () => {
    decided.begin();
    writeFileSync(decided.at('out/a.txt'), 'edited by a person\n');
    decided.sql("UPDATE note SET text = 'edited' WHERE id = 1");
    decided.sql('DELETE FROM note WHERE id = 2');
    const question = await questionOf(decided.job, decided.copy);
    repaired(await decided.job.decide(question, { answer: 'restore' }));
    assert.equal(decided.text('out/a.txt'), 'one\ntwo\nthree\n');
    assert.deepEqual(
      decided.sql('SELECT text FROM note WHERE id < 3 ORDER BY id').map((row) => (row as { text: string }).text),
      ['first', 'second'],
    );
    const [record] = decisionsOf(decided.copy.workspace, decided.job.jobId);
    assert.equal(
      await blobText(decided.copy.workspace, record!.kept['file:out/a.txt']!),
      'edited by a person\n',
      'what was found is kept',
    );
    assert.match(findingFor(question, 'row:main/note/{"id":1}').found.text, /edited/);
    await decided.job.step(mark, {}, { stepId: 'mark' });
    assert.equal(marks.get(decided.copy.workspace), 1);
  },
  'discrepancy/rerun': async () => {
    decided.begin();
    writeFileSync(decided.at('input.txt'), 'given otherwise\n');
    const question = await questionOf(decided.job, decided.copy);
    assert.deepEqual(findingFor(question, 'file:input.txt').rerunSteps, ['summary']);
    const result = repaired(await decided.job.decide(question, { answer: 'rerun' }));
    assert.deepEqual(result.reruns, [{ stepId: 'summary', generation: 1 }]);
    assert.equal(existsSync(decided.at('summary.txt')), false, 'what the step wrote is undone');
    assert.deepEqual(
      decided.sql('SELECT id FROM note ORDER BY id').map((row) => (row as { id: number }).id),
      [1, 2],
    );
    assert.equal(manifestEntry(decided.copy.workspace, decided.job.jobId, 'file:summary.txt')?.role, 'undone');
    assert.equal(manifestEntry(decided.copy.workspace, decided.job.jobId, 'file:input.txt')?.role, 'accepted');
    assert.equal(decided.text('input.txt'), 'given otherwise\n');
    assert.deepEqual(await decided.job.step(summarise, {}, { stepId: 'summary', uses: ['a', 'rows'] }), { length: 30 });
    assert.equal(stepRecordsOf(decided.copy.workspace, decided.job.jobId, 'summary').at(-1)?.generation, 1);
    assert.equal(decided.text('summary.txt'), 'given otherwise\none\ntwo\nthree\n');
    assert.equal((await decided.job.verify()).kind, 'verified');
  },
  'approval/approve': async () => {
    const { question } = await RAISE.approval();
    const shown = question.findings[0]!;
    assert.match(shown.difference, /replace b2\.txt \(7 bytes\)[\s\S]*-older\n\+ours 2/);
    assert.match(shown.difference, /create b1\.txt \(7 bytes\)/);
    assert.match(shown.difference, /upsert row:main\/note\/\{"id":9\}/);
    assert.equal(existsSync(decided.at('b1.txt')), false, 'nothing is applied before');
    const result = repaired(await decided.job.decide(question, { answer: 'approve' }));
    assert.deepEqual(result.reruns, []);
    await decided.runApproved();
    const [step] = stepRecordsOf(decided.copy.workspace, decided.job.jobId, 'pair');
    assert.equal(step?.intent, shown.found.digest, 'byte for byte what was shown');
    assert.equal(decisionsOf(decided.copy.workspace, decided.job.jobId)[0]?.approves, shown.found.digest);
    assert.equal(decided.text('b1.txt') + decided.text('b2.txt'), 'ours 1\nours 2\n');
  },
  'approval/reject': async () => {
    const { question } = await RAISE.approval();
    const before = decided.snapshot();
    repaired(await decided.job.decide(question, { answer: 'reject', by: 'reader@example.com', reason: 'too short' }));
    assert.deepEqual(decided.snapshot(), before);
    assert.ok(decisionsOf(decided.copy.workspace, decided.job.jobId)[0]?.rejects);
    const next = await questionFrom(decided.runApproved());
    assert.notEqual(
      next.findings[0]!.found.digest,
      question.findings[0]!.found.digest,
      'the same draft again is not the approved one',
    );
    repaired(await decided.job.decide(next, { answer: 'approve' }));
    assert.deepEqual(await decided.runApproved(), { rejection: 'reader@example.com: too short' });
  },
  'conflict/skip': async () => {
    const { question } = await RAISE.conflict();
    assert.deepEqual(
      question.findings.map(({ resource }) => resource),
      ['file:b2.txt'],
    );
    repaired(await decided.job.decide(question, { answer: 'skip' }));
    await decided.runPair();
    assert.equal(decided.text('b1.txt'), 'ours 1\n');
    assert.equal(decided.text('b2.txt'), 'written by a person meanwhile\n');
    const [step] = stepRecordsOf(decided.copy.workspace, decided.job.jobId, 'pair');
    assert.deepEqual(
      step?.effects.map(({ outcome }) => outcome),
      ['applied', 'skipped', 'applied'],
    );
    assert.equal(
      manifestEntry(decided.copy.workspace, decided.job.jobId, 'file:b2.txt')?.digest,
      question.findings[0]!.found.digest,
      'what was found is the record',
    );
    assert.equal((await decided.job.verify()).kind, 'verified');
  },
  'conflict/overwrite': async () => {
    const { question } = await RAISE.conflict();
    repaired(await decided.job.decide(question, { answer: 'overwrite' }));
    await decided.runPair();
    assert.equal(decided.text('b2.txt'), 'ours 2\n');
    const found = digestOf('written by a person meanwhile\n');
    assert.equal(
      await blobText(decided.copy.workspace, found),
      'written by a person meanwhile\n',
      'what was found is kept',
    );
    assert.equal(decided.sql('SELECT id FROM note WHERE id = 9').length, 1);
    assert.equal((await decided.job.verify()).kind, 'verified');
  },
  'conflict/undo': async () => {
    const { question } = await RAISE.conflict();
    const result = repaired(await decided.job.decide(question, { answer: 'undo' }));
    assert.deepEqual(result.reruns, [{ stepId: 'pair', generation: 1 }]);
    assert.equal(existsSync(decided.at('b1.txt')), false);
    assert.equal(decided.text('b2.txt'), 'written by a person meanwhile\n');
    assert.equal(decided.sql('SELECT id FROM note WHERE id = 9').length, 0);
    assert.equal((await decided.job.verify()).kind, 'verified');
    await decided.runPair();
    assert.equal(stepRecordsOf(decided.copy.workspace, decided.job.jobId, 'pair').at(-1)?.generation, 1);
    assert.deepEqual({ ...(decided.sql('SELECT size FROM note WHERE id = 9')[0] as object) }, { size: 1 });
    assert.equal(
      await blobText(decided.copy.workspace, digestOf('written by a person meanwhile\n')),
      'written by a person meanwhile\n',
    );
  },
  'ahead/keep': async () => {
    const { question } = await RAISE.ahead();
    assert.deepEqual(
      question.findings.map(({ resource }) => resource),
      ['step:summary'],
    );
    const before = decided.snapshot();
    const result = repaired(await decided.job.decide(question, { answer: 'keep' }));
    assert.deepEqual(result.reruns, []);
    const [step] = stepRecordsOf(decided.copy.workspace, decided.job.jobId, 'summary');
    assert.deepEqual(decisionsOf(decided.copy.workspace, decided.job.jobId)[0]?.adopts, [step?.seq]);
    assert.deepEqual(await decided.job.step(summarise, {}, { stepId: 'summary', uses: ['a', 'rows'] }), { length: 20 });
    assert.equal(
      stepRecordsOf(decided.copy.workspace, decided.job.jobId, 'summary').length,
      1,
      'the recorded result is adopted',
    );
    assert.deepEqual(decided.snapshot(), before);
  },
  'ahead/undo': async () => {
    const { question } = await RAISE.ahead();
    const result = repaired(await decided.job.decide(question, { answer: 'undo' }));
    assert.deepEqual(result.reruns, [{ stepId: 'summary', generation: 1 }]);
    assert.equal(existsSync(decided.at('summary.txt')), false);
    assert.equal(decided.sql('SELECT id FROM note WHERE id = 3').length, 0);
    assert.equal((await decided.job.verify()).kind, 'verified');
    await decided.job.step(summarise, {}, { stepId: 'summary', uses: ['a', 'rows'] });
    const records = stepRecordsOf(decided.copy.workspace, decided.job.jobId, 'summary');
    assert.deepEqual(
      records.map(({ generation }) => generation),
      [0, 1],
    );
    assert.equal(decided.sql('SELECT id FROM note WHERE id = 3').length, 1);
  },
  'stuck/rerun': async () => {
    const { question } = await RAISE.stuck();
    assert.match(question.findings[0]!.found.text, /the service says no/);
    decided.mended = true;
    const result = repaired(await decided.job.decide(question, { answer: 'rerun' }));
    assert.deepEqual(result.reruns, [{ stepId: 'breaks', generation: 1 }]);
    assert.deepEqual(await decided.job.step(breaks, {}, { stepId: 'breaks' }), { ok: true });
    assert.equal(stepRecordsOf(decided.copy.workspace, decided.job.jobId, 'breaks').at(-1)?.generation, 1);
  },
  'in-doubt/happened': async () => {
    const { question } = await RAISE['in-doubt']();
    const before = decided.snapshot();
    assert.match(question.findings[0]!.difference, /the connection was cut[\s\S]*"to": "Ada"/);
    const refused = await decided.job.decide(question, { answer: 'happened' });
    assert.equal(refused.kind, 'refused', 'nobody else knows what it answered');
    const result = repaired(await decided.job.decide(question, { answer: 'happened', result: 'as their log says' }));
    assert.deepEqual(result.reruns, []);
    assert.deepEqual(decided.snapshot(), before);
    assert.deepEqual(decisionsOf(decided.copy.workspace, decided.job.jobId)[0]?.results, {
      'perform:calls/call': 'as their log says',
    });
    assert.deepEqual(await decided.runCalls(), { answer: 'as their log says' });
    assert.equal(decided.callKeys.length, 1);
    const [step] = stepRecordsOf(decided.copy.workspace, decided.job.jobId, 'calls');
    assert.equal(step?.generation, 0);
    assert.deepEqual(
      step.effects.map(({ effect }) => effect.kind === 'perform' && [effect.name, effect.known]),
      [['call', 'told']],
    );
  },
  'in-doubt/repeat': async () => {
    const { question } = await RAISE['in-doubt']();
    repaired(await decided.job.decide(question, { answer: 'repeat' }));
    decided.mended = true;
    assert.deepEqual(await decided.runCalls(), { answer: 'called' });
    assert.equal(decided.callKeys.length, 2);
    assert.equal(new Set(decided.callKeys).size, 1, 'under the same key');
  },
  'foreign/accept': async () => {
    const { question } = await RAISE.foreign();
    const other = decided.fixture.memory;
    assert.match(question.findings[0]!.found.text, /has ended without giving it back/);
    const before = decided.snapshot();
    repaired(await decided.job.decide(question, { answer: 'accept' }));
    assert.deepEqual(decided.snapshot(), before);
    await decided.job.step(mark, {}, { stepId: 'mark' });
    const otherId = `${other.workflowId}@${other.firstRunId}`;
    const released = chainOf(decided.copy.workspace, otherId).at(-1);
    assert.equal(released?.kind === 'released' && released.outcome, 'taken-over');
    assert.equal(
      readLedger(decided.copy.workspace, (ledger) => ledger.boundJobId()),
      decided.job.jobId,
    );
    // The worker of the job that lost its workspace comes back: it does nothing and is told which job has it.
    const late = resume(decided.copy, 'restart', { openJobs: [decided.job.jobId] });
    const asked = await questionFrom(late.step(fileWriteStep, { path: 'late.txt', content: 'late' }));
    assert.equal(asked.findings[0]!.kind, 'bound-to-another-job');
    assert.deepEqual(asked.findings[0]!.answers, ['recheck', 'abort'], 'a running job is not released');
    assert.equal(existsSync(decided.at('late.txt')), false);
    await late.close();
  },
};

/**
 * Every cell of the table in model/answer.ts: what the answer does to the world, the manifest, the chain and what runs
 * next. A cell without a case fails.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, afterEach, before, describe, test } from 'node:test';
import * as z from 'zod';
import { ANSWERS } from '../../src/model/question/answer-table.ts';
import type { Answer, FindingClass } from '../../src/model/question/answer.ts';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import type { RepairResult } from '../../src/model/job/repair.ts';
import { questionKind, type Question } from '../../src/model/question/question.ts';
import { setFaultHook, type FaultPoint } from '../../src/store/fault-point.ts';
import { defineStep, implementStep, openTestJob, QuestionAsked, type TestJob } from '../../src/testing.ts';
import {
  copyOf,
  findingFor,
  makeFixture,
  mark,
  marks,
  PLAN,
  questionOf,
  removeFixture,
  resume,
  SQLITE_FILE,
  stepsFor,
  summarise,
  WATCHES,
  type Fixture,
} from '../support/drift.ts';
import { blobText, chainOf, decisionsOf, manifestEntry, readLedger, stepRecordsOf } from '../support/ledger.ts';
import { snapshotFiles, sqliteTables } from '../support/snapshot.ts';

/** Writes two files, the second over one that is there, and a row. */
const pair = defineStep({
  name: 'pair',
  input: z.object({ text: z.string() }),
  output: z.object({ rejection: z.string() }),
});
const pairCode = implementStep(pair, async (ctx, { text }) => {
  await ctx.files.write('b1.txt', `${text} 1\n`);
  await ctx.files.write('b2.txt', `${text} 2\n`);
  await ctx.db('main').upsert('note', { id: 9, text, size: ctx.generation });
  return { rejection: ctx.rejection === undefined ? '' : `${ctx.rejection.by}: ${ctx.rejection.reason}` };
});
const breaks = defineStep({ name: 'breaks', input: z.object({}), output: z.object({ ok: z.boolean() }) });
let mended = false;
const breaksCode = implementStep(breaks, () => {
  if (!mended) throw new Error('the service says no');
  return { ok: true };
});

/** Makes a call that is cut off until it is mended. */
const calls = defineStep({ name: 'calls', input: z.object({}), output: z.object({ answer: z.string() }) });
const callKeys: string[] = [];
const callsCode = implementStep(
  calls,
  async (ctx) => ({
    answer: await ctx.perform('call', {
      request: { to: 'Ada' },
      run: ({ key }) => {
        callKeys.push(key);
        if (!mended) throw new Error('the connection was cut');
        return 'called';
      },
    }),
  }),
  {
    compensate: (_ctx, { calls: made }) => {
      compensated.push(made.map(({ answer, known }) => ({ answer, known })));
      if (!mended) throw new Error('the other side is away');
    },
  },
);
const compensated: unknown[] = [];

let fixture: Fixture;
let copy: Fixture;
let job: TestJob;

before(async () => {
  fixture = await makeFixture();
});
after(() => removeFixture(fixture));

function begin(trigger: 'restart' | 'reset' = 'restart'): void {
  copy = copyOf(fixture);
  job = open(trigger);
}

function open(trigger: 'restart' | 'reset' = 'restart'): TestJob {
  return resume(copy, trigger, { steps: [...(stepsFor(copy.workspace) ?? []), pairCode, breaksCode, callsCode] });
}

afterEach(async () => {
  setFaultHook(undefined);
  mended = false;
  callKeys.length = 0;
  compensated.length = 0;
  await job?.close();
  if (copy !== undefined) removeFixture(copy);
});

const at = (place: string): string => join(copy.workspace, place);
const text = (place: string): string => readFileSync(at(place), 'utf8');
const snapshot = (): unknown => ({
  files: snapshotFiles(copy.workspace, [SQLITE_FILE]),
  tables: existsSync(at(SQLITE_FILE)) ? sqliteTables(at(SQLITE_FILE)) : 'none',
});

function sql(statement: string): unknown[] {
  const database = new DatabaseSync(at(SQLITE_FILE));
  try {
    return database.prepare(statement).all();
  } finally {
    database.close();
  }
}

async function questionFrom(work: Promise<unknown>): Promise<Question> {
  const outcome = await work.then(
    () => 'no question',
    (error: unknown) => error,
  );
  assert.ok(outcome instanceof QuestionAsked, outcome instanceof Error ? outcome.stack : String(outcome));
  return outcome.question;
}

function onceAt(point: FaultPoint, act: () => void): void {
  setFaultHook((reached) => {
    if (reached !== point) return;
    setFaultHook(undefined);
    act();
  });
}

function repaired(result: RepairResult): Extract<RepairResult, { kind: 'repaired' }> {
  assert.equal(result.kind, 'repaired', JSON.stringify(result));
  return result as Extract<RepairResult, { kind: 'repaired' }>;
}

const runPair = (): Promise<unknown> => job.step(pair, { text: 'ours' }, { stepId: 'pair' });
const runCalls = (): Promise<unknown> => job.step(calls, {}, { stepId: 'calls' });
const runApproved = (): Promise<unknown> =>
  job.step(pair, { text: 'ours' }, { stepId: 'pair', approval: 'before-apply' });

/** Brings about a question of each class; `ask` asks again for what met it. */
const RAISE: {
  readonly [C in FindingClass]: () => Promise<{ readonly question: Question; readonly ask: () => Promise<Question> }>;
} = {
  discrepancy: async () => {
    begin();
    writeFileSync(at('out/a.txt'), 'edited by a person\n');
    return { question: await questionOf(job, copy), ask: () => questionOf(job, copy) };
  },
  unverifiable: async () => {
    begin();
    writeFileSync(at('main.db.away'), readFileSync(at(SQLITE_FILE)));
    for (const file of ['', '-wal', '-shm'])
      if (existsSync(at(SQLITE_FILE + file))) (await import('node:fs')).rmSync(at(SQLITE_FILE + file));
    return { question: await questionOf(job, copy), ask: () => questionOf(job, copy) };
  },
  approval: async () => {
    begin();
    writeFileSync(at('b2.txt'), 'older\n');
    return { question: await questionFrom(runApproved()), ask: () => questionFrom(runApproved()) };
  },
  conflict: async () => {
    begin();
    writeFileSync(at('b2.txt'), 'older\n');
    await job.verify();
    onceAt('applying.after', () => writeFileSync(at('b2.txt'), 'written by a person meanwhile\n'));
    return { question: await questionFrom(runPair()), ask: () => questionFrom(runPair()) };
  },
  ahead: async () => {
    begin('reset');
    return { question: await questionOf(job, copy), ask: () => questionOf(job, copy) };
  },
  stuck: async () => {
    begin();
    const run = (): Promise<unknown> => job.step(breaks, {}, { stepId: 'breaks', maxAttempts: 1 });
    return { question: await questionFrom(run()), ask: () => questionFrom(run()) };
  },
  'in-doubt': async () => {
    begin();
    return { question: await questionFrom(runCalls()), ask: () => questionFrom(runCalls()) };
  },
  undo: async () => {
    begin();
    writeFileSync(at('out/a.txt'), 'edited by a person\n');
    return { question: await questionFrom(job.undo()), ask: () => questionFrom(job.undo()) };
  },
  damaged: async () => {
    begin();
    const ledger = new DatabaseSync(at('.holdfast/ledger.sqlite'));
    ledger.exec(`UPDATE record SET body = replace(body, '"text":"first"', '"text":"forged"') WHERE step_id = 'rows'`);
    ledger.close();
    return { question: await questionOf(job, copy), ask: () => questionOf(job, copy) };
  },
  foreign: async () => {
    copy = copyOf(fixture);
    const other = (): TestJob =>
      openTestJob({
        workspace: copy.workspace,
        steps: stepsFor(copy.workspace) ?? [],
        databases: { main: copy.databaseUrl },
        watch: WATCHES,
        plan: PLAN,
      });
    job = other();
    return { question: await questionOf(job, copy), ask: () => questionOf(job, copy) };
  },
};

async function recheckAsksAnew(cls: FindingClass): Promise<void> {
  const { question, ask } = await RAISE[cls]();
  assert.equal(question.kind, cls);
  const before = snapshot();
  repaired(await job.decide(question, { answer: 'recheck' }));
  const again = await ask();
  assert.notEqual(again.digest, question.digest, 'the same drift is another question');
  assert.deepEqual(
    again.findings.map(({ resource, kind }) => [resource, kind]),
    question.findings.map(({ resource, kind }) => [resource, kind]),
  );
  assert.deepEqual(snapshot(), before);
  if (cls !== 'foreign' && cls !== 'damaged') {
    const withdrawn = chainOf(copy.workspace, job.jobId).filter((record) => record.kind === 'withdrawn');
    assert.ok(
      withdrawn.some((record) => record.question === question.digest && /recheck asked by test/.test(record.reason)),
    );
    assert.equal(decisionsOf(copy.workspace, job.jobId).length, 0);
  }
  const late = await job.decide(question, { answer: 'abort' });
  assert.equal(late.kind, 'world-moved', 'a question that is gone takes no decision; what differs now is asked anew');
  assert.deepEqual(snapshot(), before);
}

async function abortEndsTheJob(cls: FindingClass): Promise<void> {
  const { question } = await RAISE[cls]();
  const before = snapshot();
  const result = repaired(await job.decide(question, { answer: 'abort', reason: 'not worth it' }));
  assert.deepEqual(result.answers, ['abort']);
  if (cls !== 'conflict')
    await job.release('aborted').catch((error: unknown) => assert.equal(cls, 'damaged', String(error)));
  assert.deepEqual(snapshot(), before);
  if (cls === 'damaged' || cls === 'foreign') return;
  const [record] = decisionsOf(copy.workspace, job.jobId);
  assert.equal(record?.reason, 'not worth it');
  assert.deepEqual([...new Set(Object.values(record?.answers ?? {}))], ['abort']);
  if (cls === 'unverifiable' || cls === 'conflict') return;
  readLedger(copy.workspace, (ledger) => {
    assert.deepEqual(ledger.openIntents(job.jobId), [], 'what was only staged is dropped');
    assert.deepEqual(ledger.openQuestions(job.jobId), []);
    assert.equal(ledger.boundJobId(), undefined, 'the next job may have the workspace');
  });
}

type Cell = `${FindingClass}/${Answer}`;

/** A call in doubt, of a step that is undone. */
async function undoInDoubt(): Promise<Question> {
  const { question } = await RAISE['in-doubt']();
  repaired(await job.decide(question, { answer: 'abort', compensate: true }));
  return await questionFrom(job.undo());
}

const CASES: Partial<Record<Cell, () => Promise<void>>> = {
  'undo/skip': async () => {
    const { question } = await RAISE.undo();
    repaired(await job.decide(question, { answer: 'skip', reason: 'it is mine' }));
    const { left } = await job.undo();
    assert.equal(text('out/a.txt'), 'edited by a person\n');
    assert.ok(
      left.some(({ what, why }) => what === 'file:out/a.txt' && why.includes('test decided: it is mine')),
      JSON.stringify(left),
    );
    assert.equal(manifestEntry(copy.workspace, job.jobId, 'file:out/a.txt')?.role, 'accepted');
  },
  'undo/overwrite': async () => {
    const { question } = await RAISE.undo();
    repaired(await job.decide(question, { answer: 'overwrite' }));
    await job.undo();
    assert.equal(existsSync(at('out/a.txt')), false, 'as it was before the job');
    assert.equal(await blobText(copy.workspace, createDigest('edited by a person\n')), 'edited by a person\n');
  },
  'undo/rerun': async () => {
    const question = await undoInDoubt();
    repaired(await job.decide(question, { answer: 'happened', result: 'called after all' }));
    for (const _ of [1, 2]) await assert.rejects(job.undo(), /the other side is away/);
    const stuck = await questionFrom(job.undo());
    mended = true;
    repaired(await job.decide(stuck, { answer: 'rerun' }));
    assert.deepEqual(
      (await job.undo()).left.filter(({ stepId }) => stepId === 'calls'),
      [],
    );
    assert.equal(compensated.length, 4);
  },
  'undo/happened': async () => {
    const question = await undoInDoubt();
    mended = true;
    repaired(await job.decide(question, { answer: 'happened', result: 'called after all' }));
    await job.undo();
    assert.deepEqual(compensated, [[{ answer: 'called after all', known: 'told' }]]);
    assert.equal(callKeys.length, 1, 'it is not called again');
  },
  'discrepancy/accept': async () => {
    const { question } = await RAISE.discrepancy();
    const finding = findingFor(question, 'file:out/a.txt');
    assert.deepEqual(finding.staleSteps, ['summary']);
    const before = snapshot();
    const result = repaired(await job.decide(question, { answer: 'accept' }));
    assert.deepEqual(snapshot(), before, 'the world is right');
    assert.ok(
      result.notes.some((note) => note.includes('left as they are: summary')),
      result.notes.join('; '),
    );
    const entry = manifestEntry(copy.workspace, job.jobId, 'file:out/a.txt');
    assert.equal(entry?.role, 'accepted');
    assert.equal(entry.digest, finding.found.digest);
    const [record] = decisionsOf(copy.workspace, job.jobId);
    assert.deepEqual(record?.answers, { 'file:out/a.txt': 'accept' });
    assert.equal(await blobText(copy.workspace, record.kept['file:out/a.txt']!), 'edited by a person\n');
    await job.step(mark, {}, { stepId: 'mark' });
    assert.equal(stepRecordsOf(copy.workspace, job.jobId, 'summary').length, 1, 'stale steps are not run again');
    // What was accepted is the record now, and can be put back.
    writeFileSync(at('out/a.txt'), 'edited once more\n');
    const next = await questionFrom(job.step(fileWriteStep, { path: 'out/a.txt', content: 'x' }, { stepId: 'x' }));
    repaired(await job.decide(next, { answer: 'restore' }));
    assert.equal(text('out/a.txt'), 'edited by a person\n');
  },
  'discrepancy/restore': async () => {
    begin();
    writeFileSync(at('out/a.txt'), 'edited by a person\n');
    sql("UPDATE note SET text = 'edited' WHERE id = 1");
    sql('DELETE FROM note WHERE id = 2');
    const question = await questionOf(job, copy);
    repaired(await job.decide(question, { answer: 'restore' }));
    assert.equal(text('out/a.txt'), 'one\ntwo\nthree\n');
    assert.deepEqual(
      sql('SELECT text FROM note WHERE id < 3 ORDER BY id').map((row) => (row as { text: string }).text),
      ['first', 'second'],
    );
    const [record] = decisionsOf(copy.workspace, job.jobId);
    assert.equal(
      await blobText(copy.workspace, record!.kept['file:out/a.txt']!),
      'edited by a person\n',
      'what was found is kept',
    );
    assert.match(findingFor(question, 'row:main/note/{"id":1}').found.text, /edited/);
    await job.step(mark, {}, { stepId: 'mark' });
    assert.equal(marks.get(copy.workspace), 1);
  },
  'discrepancy/rerun': async () => {
    begin();
    writeFileSync(at('input.txt'), 'given otherwise\n');
    const question = await questionOf(job, copy);
    assert.deepEqual(findingFor(question, 'file:input.txt').rerunSteps, ['summary']);
    const result = repaired(await job.decide(question, { answer: 'rerun' }));
    assert.deepEqual(result.reruns, [{ stepId: 'summary', generation: 1 }]);
    assert.equal(existsSync(at('summary.txt')), false, 'what the step wrote is undone');
    assert.deepEqual(
      sql('SELECT id FROM note ORDER BY id').map((row) => (row as { id: number }).id),
      [1, 2],
    );
    assert.equal(manifestEntry(copy.workspace, job.jobId, 'file:summary.txt')?.role, 'undone');
    assert.equal(manifestEntry(copy.workspace, job.jobId, 'file:input.txt')?.role, 'accepted');
    assert.equal(text('input.txt'), 'given otherwise\n');
    assert.deepEqual(await job.step(summarise, {}, { stepId: 'summary', uses: ['a', 'rows'] }), { length: 30 });
    assert.equal(stepRecordsOf(copy.workspace, job.jobId, 'summary').at(-1)?.generation, 1);
    assert.equal(text('summary.txt'), 'given otherwise\none\ntwo\nthree\n');
    assert.equal((await job.verify()).kind, 'verified');
  },
  'approval/approve': async () => {
    const { question } = await RAISE.approval();
    const shown = question.findings[0]!;
    assert.match(shown.difference, /replace b2\.txt \(7 bytes\)[\s\S]*-older\n\+ours 2/);
    assert.match(shown.difference, /create b1\.txt \(7 bytes\)/);
    assert.match(shown.difference, /upsert row:main\/note\/\{"id":9\}/);
    assert.equal(existsSync(at('b1.txt')), false, 'nothing is applied before');
    const result = repaired(await job.decide(question, { answer: 'approve' }));
    assert.deepEqual(result.reruns, []);
    await runApproved();
    const [step] = stepRecordsOf(copy.workspace, job.jobId, 'pair');
    assert.equal(step?.intent, shown.found.digest, 'byte for byte what was shown');
    assert.equal(decisionsOf(copy.workspace, job.jobId)[0]?.approves, shown.found.digest);
    assert.equal(text('b1.txt') + text('b2.txt'), 'ours 1\nours 2\n');
  },
  'approval/reject': async () => {
    const { question } = await RAISE.approval();
    const before = snapshot();
    repaired(await job.decide(question, { answer: 'reject', by: 'reader@example.com', reason: 'too short' }));
    assert.deepEqual(snapshot(), before);
    assert.ok(decisionsOf(copy.workspace, job.jobId)[0]?.rejects);
    const next = await questionFrom(runApproved());
    assert.notEqual(
      next.findings[0]!.found.digest,
      question.findings[0]!.found.digest,
      'the same draft again is not the approved one',
    );
    repaired(await job.decide(next, { answer: 'approve' }));
    assert.deepEqual(await runApproved(), { rejection: 'reader@example.com: too short' });
  },
  'conflict/skip': async () => {
    const { question } = await RAISE.conflict();
    assert.deepEqual(
      question.findings.map(({ resource }) => resource),
      ['file:b2.txt'],
    );
    repaired(await job.decide(question, { answer: 'skip' }));
    await runPair();
    assert.equal(text('b1.txt'), 'ours 1\n');
    assert.equal(text('b2.txt'), 'written by a person meanwhile\n');
    const [step] = stepRecordsOf(copy.workspace, job.jobId, 'pair');
    assert.deepEqual(
      step?.effects.map(({ outcome }) => outcome),
      ['applied', 'skipped', 'applied'],
    );
    assert.equal(
      manifestEntry(copy.workspace, job.jobId, 'file:b2.txt')?.digest,
      question.findings[0]!.found.digest,
      'what was found is the record',
    );
    assert.equal((await job.verify()).kind, 'verified');
  },
  'conflict/overwrite': async () => {
    const { question } = await RAISE.conflict();
    repaired(await job.decide(question, { answer: 'overwrite' }));
    await runPair();
    assert.equal(text('b2.txt'), 'ours 2\n');
    const found = createDigest('written by a person meanwhile\n');
    assert.equal(await blobText(copy.workspace, found), 'written by a person meanwhile\n', 'what was found is kept');
    assert.equal(sql('SELECT id FROM note WHERE id = 9').length, 1);
    assert.equal((await job.verify()).kind, 'verified');
  },
  'conflict/undo': async () => {
    const { question } = await RAISE.conflict();
    const result = repaired(await job.decide(question, { answer: 'undo' }));
    assert.deepEqual(result.reruns, [{ stepId: 'pair', generation: 1 }]);
    assert.equal(existsSync(at('b1.txt')), false);
    assert.equal(text('b2.txt'), 'written by a person meanwhile\n');
    assert.equal(sql('SELECT id FROM note WHERE id = 9').length, 0);
    assert.equal((await job.verify()).kind, 'verified');
    await runPair();
    assert.equal(stepRecordsOf(copy.workspace, job.jobId, 'pair').at(-1)?.generation, 1);
    assert.deepEqual({ ...(sql('SELECT size FROM note WHERE id = 9')[0] as object) }, { size: 1 });
    assert.equal(
      await blobText(copy.workspace, createDigest('written by a person meanwhile\n')),
      'written by a person meanwhile\n',
    );
  },
  'ahead/keep': async () => {
    const { question } = await RAISE.ahead();
    assert.deepEqual(
      question.findings.map(({ resource }) => resource),
      ['step:summary'],
    );
    const before = snapshot();
    const result = repaired(await job.decide(question, { answer: 'keep' }));
    assert.deepEqual(result.reruns, []);
    const [step] = stepRecordsOf(copy.workspace, job.jobId, 'summary');
    assert.deepEqual(decisionsOf(copy.workspace, job.jobId)[0]?.adopts, [step?.seq]);
    assert.deepEqual(await job.step(summarise, {}, { stepId: 'summary', uses: ['a', 'rows'] }), { length: 20 });
    assert.equal(stepRecordsOf(copy.workspace, job.jobId, 'summary').length, 1, 'the recorded result is adopted');
    assert.deepEqual(snapshot(), before);
  },
  'stuck/rerun': async () => {
    const { question } = await RAISE.stuck();
    assert.match(question.findings[0]!.found.text, /the service says no/);
    mended = true;
    const result = repaired(await job.decide(question, { answer: 'rerun' }));
    assert.deepEqual(result.reruns, [{ stepId: 'breaks', generation: 1 }]);
    assert.deepEqual(await job.step(breaks, {}, { stepId: 'breaks' }), { ok: true });
    assert.equal(stepRecordsOf(copy.workspace, job.jobId, 'breaks').at(-1)?.generation, 1);
  },
  'in-doubt/happened': async () => {
    const { question } = await RAISE['in-doubt']();
    const before = snapshot();
    assert.match(question.findings[0]!.difference, /the connection was cut[\s\S]*"to": "Ada"/);
    const refused = await job.decide(question, { answer: 'happened' });
    assert.equal(refused.kind, 'refused', 'nobody else knows what it answered');
    const result = repaired(await job.decide(question, { answer: 'happened', result: 'as their log says' }));
    assert.deepEqual(result.reruns, []);
    assert.deepEqual(snapshot(), before);
    assert.deepEqual(decisionsOf(copy.workspace, job.jobId)[0]?.results, { 'perform:calls/call': 'as their log says' });
    assert.deepEqual(await runCalls(), { answer: 'as their log says' });
    assert.equal(callKeys.length, 1);
    const [step] = stepRecordsOf(copy.workspace, job.jobId, 'calls');
    assert.equal(step?.generation, 0);
    assert.deepEqual(
      step.effects.map(({ effect }) => effect.kind === 'perform' && [effect.name, effect.known]),
      [['call', 'told']],
    );
  },
  'in-doubt/repeat': async () => {
    const { question } = await RAISE['in-doubt']();
    repaired(await job.decide(question, { answer: 'repeat' }));
    mended = true;
    assert.deepEqual(await runCalls(), { answer: 'called' });
    assert.equal(callKeys.length, 2);
    assert.equal(new Set(callKeys).size, 1, 'under the same key');
  },
  'foreign/accept': async () => {
    const { question } = await RAISE.foreign();
    const other = fixture.memory;
    assert.match(question.findings[0]!.found.text, /has ended without giving it back/);
    const before = snapshot();
    repaired(await job.decide(question, { answer: 'accept' }));
    assert.deepEqual(snapshot(), before);
    await job.step(mark, {}, { stepId: 'mark' });
    const otherId = `${other.workflowId}@${other.firstRunId}`;
    const released = chainOf(copy.workspace, otherId).at(-1);
    assert.equal(released?.kind === 'released' && released.outcome, 'taken-over');
    assert.equal(
      readLedger(copy.workspace, (ledger) => ledger.boundJobId()),
      job.jobId,
    );
    // The other one's worker comes back: it does nothing and is told whose the workspace is.
    const late = resume(copy, 'restart', { openJobs: [job.jobId] });
    const asked = await questionFrom(late.step(fileWriteStep, { path: 'late.txt', content: 'late' }));
    assert.equal(asked.findings[0]!.kind, 'bound-to-another-job');
    assert.deepEqual(asked.findings[0]!.answers, ['recheck', 'abort'], 'a running job is not released');
    assert.equal(existsSync(at('late.txt')), false);
    await late.close();
  },
};

function createDigest(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}

for (const cls of Object.keys(ANSWERS) as FindingClass[]) {
  describe(`a question about ${cls}`, () => {
    for (const answer of Object.keys(ANSWERS[cls]) as Answer[]) {
      test(`${answer}: ${ANSWERS[cls][answer]!.does}`, async () => {
        const prove =
          answer === 'recheck'
            ? () => recheckAsksAnew(cls)
            : answer === 'abort'
              ? () => abortEndsTheJob(cls)
              : CASES[`${cls}/${answer}`];
        assert.ok(prove, `the table has ${cls}/${answer}, and no case here proves what it does`);
        await prove();
      });
    }
  });
}

test('the cases name only what the table has', () => {
  const cells = (Object.keys(ANSWERS) as FindingClass[]).flatMap((cls) =>
    Object.keys(ANSWERS[cls]).map((answer) => `${cls}/${answer}`),
  );
  assert.deepEqual(
    Object.keys(CASES).filter((cell) => !cells.includes(cell)),
    [],
  );
  assert.equal(questionKind([]), 'discrepancy');
});

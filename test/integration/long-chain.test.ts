/** A job with a long chain: what its comparisons read, and what was changed behind what they remember. */
import assert from 'node:assert/strict';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { test } from 'node:test';
import * as z from 'zod';
import { defineStep, implementStep, openTestJob, type TestJob, type TestJobOptions } from '../../src/testing.ts';
import type { VerifyWorldResult } from '../../src/model/job/verify-world.ts';
import type { RecallResult } from '../../src/model/job/recall.ts';
import { recallProtocol } from '../../src/protocol/step/recall.ts';
import { Workspaces } from '../../src/protocol/workspace/workspaces.ts';
import { WorkspaceInspection } from '../../src/protocol/inspect/inspection.ts';
import { cli, type Ran } from '../support/cli-terminal.ts';
import { comparedQuestion, questionFrom } from '../support/questions.ts';
import { forEachTest, TestedJob } from '../support/tested-job.ts';

const long = defineStep({ name: 'long', input: z.object({ place: z.int() }), output: z.string() });
const STEPS = 20;
/** Together their records are longer than what every comparison reads. */
const OUTPUT = 'x'.repeat(250 * 1024);

class LongJob extends TestedJob {
  readonly options: TestJobOptions = {
    steps: [
      implementStep(long, async (ctx, { place }) => {
        await ctx.files.write(`${place}.txt`, `${place}\n`);
        return OUTPUT;
      }),
    ] as never,
  };
  readonly opened: TestJob[] = [];

  override async begin(): Promise<void> {
    this.job = openTestJob(this.options);
    for (let place = 0; place < STEPS; place++) await this.job.step(long, { place }, { stepId: `s${place}` });
    assert.equal((await this.job.verify()).kind, 'verified');
  }

  override async end(): Promise<void> {
    for (const one of this.opened.splice(0)) await one.close();
    await super.end();
  }

  /** The job as another worker goes on with it. */
  successor(more: TestJobOptions = {}): TestJob {
    const successor = openTestJob({
      ...this.options,
      workspace: this.job.workspace,
      resume: this.job.memory,
      workerId: `successor ${this.opened.length}`,
      ...more,
    });
    this.opened.push(successor);
    return successor;
  }

  sql<T = unknown>(text: string): readonly T[] {
    const database = new DatabaseSync(this.at('.holdfast/ledger.sqlite'));
    try {
      return database.prepare(text).all() as T[];
    } finally {
      database.close();
    }
  }

  putBack(table: string, row: Record<string, SQLInputValue>): void {
    const database = new DatabaseSync(this.at('.holdfast/ledger.sqlite'));
    try {
      const values = Object.values(row);
      database.prepare(`INSERT OR REPLACE INTO ${table} VALUES (${values.map(() => '?').join()})`).run(...values);
    } finally {
      database.close();
    }
  }

  get remembered(): number | undefined {
    return this.sql<{ seq: number }>('SELECT seq FROM checked')[0]?.seq;
  }

  changeRecordOf(stepId: string): void {
    this.sql(`UPDATE record SET body = replace(body, 'xxx', 'yyy') WHERE step_id = '${stepId}'`);
  }
}

const fixture = forEachTest(new LongJob());

/** As one that a worker's start makes due. That a person asks for reads everything. */
async function compared(job: TestJob): Promise<VerifyWorldResult> {
  return await job.verify('worker-not-covered', 'by the test');
}

test('a changed record behind the head is recognised by a step that is answered from it, and by a look', async () => {
  assert.ok(fixture.remembered! > STEPS);
  fixture.changeRecordOf('s3');
  const successor = fixture.successor();
  assert.equal((await compared(successor)).kind, 'verified', 'a comparison does not read it');
  const intact = await successor.ask({ stepId: 's4', step: 'long', input: { place: 4 } });
  assert.equal(intact.kind, 'done');
  const question = await questionFrom(successor.step(long, { place: 3 }, { stepId: 's3' }));
  assert.deepEqual([question.kind, question.findings[0]!.kind], ['damaged', 'ledger-damaged']);
  assert.equal(fixture.remembered, undefined);
  await successor.decide(question, { answer: 'recheck' });
  const later = await compared(fixture.successor());
  assert.equal(later.kind === 'question' && later.question.kind, 'damaged', 'until the record is mended');
  await using inspection = await WorkspaceInspection.open(fixture.job.workspace, {});
  assert.match(inspection.integrityProblems(fixture.job.jobId).join(), /was changed after it was written/);
});

test('a step that meets such a record right after a comparison has it asked about, and does not wait', async () => {
  fixture.changeRecordOf('s3');
  const question = await questionFrom(fixture.successor().step(long, { place: 3 }, { stepId: 's3' }));
  assert.deepEqual([question.kind, question.findings[0]!.kind], ['damaged', 'ledger-damaged']);
});

test('a comparison that a person asks for reads everything', async () => {
  fixture.changeRecordOf('s3');
  assert.equal((await comparedQuestion(fixture.job)).kind, 'damaged');
});

test('what is watched and present is compared all the same', async () => {
  fixture.put('3.txt', 'a person\n');
  const result = await compared(fixture.successor());
  assert.ok(result.kind === 'question');
  assert.deepEqual(
    result.question.findings.map(({ resource }) => resource),
    ['file:3.txt'],
  );
});

test('a Run that forgot steps after a reset reads the whole chain: what is ahead of it is asked about', async () => {
  const { memory } = fixture.job;
  const reset = fixture.successor({
    resume: {
      ...memory,
      runId: 'after a reset',
      base: { seq: 0, head: '0'.repeat(64) },
      steps: memory.steps.slice(0, 2),
    },
  });
  const result = await compared(reset);
  assert.ok(result.kind === 'question');
  assert.equal(result.question.findingsTotal, STEPS - 2);
});

test('a decision of another Run takes back a step before what is remembered: it is asked about', async () => {
  const other = fixture.successor({ resume: { ...fixture.job.memory, runId: 'another Run' } });
  fixture.put('3.txt', 'a person\n');
  const question = await comparedQuestion(other);
  assert.equal((await compared(fixture.job)).kind, 'question');
  assert.ok(fixture.remembered! > STEPS);
  // A Run that was reset decides to the end, and compares nothing any more: what this one remembers is the latest.
  const remembered = fixture.sql<Record<string, SQLInputValue>>('SELECT * FROM checked')[0]!;
  await other.decide(question, { answer: 'rerun' });
  fixture.putBack('checked', remembered);
  // With it those that follow it.
  const expected = Array.from({ length: STEPS - 3 }, (_, place) => `step:s${place + 3}`);
  for (const how of ['at first', 'and again']) {
    const result = await compared(fixture.job);
    assert.ok(result.kind === 'question', how);
    const { findings } = result.question;
    assert.ok(
      findings.every(({ kind }) => kind === 'undone-after-reset'),
      how,
    );
    assert.deepEqual(
      findings.map(({ resource }) => resource),
      expected,
      how,
    );
  }
});

test('nothing is remembered while the Workflow has not heard of the end of the chain', async () => {
  const { known } = fixture.job.memory;
  await fixture.job.step(long, { place: STEPS }, { stepId: 'more' });
  const before = fixture.remembered;
  const lagging = fixture.successor({ resume: { ...fixture.job.memory, known } });
  assert.equal((await compared(lagging)).kind, 'verified');
  assert.equal(fixture.remembered, before);
  assert.equal((await compared(fixture.job)).kind, 'verified');
  assert.ok(fixture.remembered! > before!);
});

async function told(...args: readonly string[]): Promise<Ran> {
  return await cli([args[0]!, fixture.job.workspace, ...args.slice(1)]);
}

test('the log tells the latest records of a chain that has more, and how to see the others', async () => {
  const some = await told('log', '--last', '3');
  assert.equal(some.code, 0, some.err);
  assert.match(some.out, /18 earlier records: holdfast log \S+ --all/);
  assert.deepEqual(
    [...some.out.matchAll(/step (s\d+)/g)].map(([, step]) => step),
    ['s17', 's18', 's19'],
  );
  const json = (await told('log', '--last', '3', '--json')).json<{ records: { seq: number }[]; earlier: number }>();
  assert.deepEqual([json.records.map(({ seq }) => seq), json.earlier], [[19, 20, 21], 18]);
  assert.equal((await told('log', '--all', '--json')).json<{ records: unknown[] }>().records.length, STEPS + 1);
  const wrong = await told('log', '--last', 'none');
  assert.equal(wrong.code, 2, wrong.err);
  assert.match(wrong.err, /--last is "none". Expected a whole number/);
});

test('a changed record shows in the log where it is among those told, and wherever it is with --all', async () => {
  fixture.changeRecordOf('s3');
  assert.equal((await told('log', '--last', '3')).code, 0);
  for (const how of [['--last', '20'], ['--all']]) {
    const damaged = await told('log', ...how);
    assert.equal(damaged.code, 1);
    assert.match(damaged.out, /The record is damaged: record 5 does not match its chain head/);
  }
});

test('doctor reads the whole chain, with --deep every content, too', async () => {
  const sound = await told('doctor', '--deep');
  assert.match(sound.out, /✔ contents .*20 contents read, each as its digest says/);
  fixture.sql("UPDATE content SET bytes = x'00' WHERE rowid = 7");
  assert.doesNotMatch((await told('doctor')).out, /contents/);
  const deep = await told('doctor', '--deep');
  assert.notEqual(deep.code, 0);
  assert.match(deep.out, /✖ contents +content [0-9a-f]{64} in the ledger is not what was put there/);
  fixture.changeRecordOf('s3');
  assert.match((await told('doctor')).out, /✖ record .*record 5 does not match its chain head/);
});

test('results are recalled in pages, of records that the Workflow knows of, and of none that was changed', async () => {
  const {
    jobId,
    memory: { known },
  } = fixture.job;
  const workspaces = new Workspaces(fixture.job.workspace, {});
  const recall = async (after: number, upTo = known): Promise<RecallResult> =>
    await recallProtocol({} as never, workspaces, { signal: new AbortController().signal } as never, {
      jobId,
      workspace: fixture.job.workspace,
      known: upTo,
      after,
    });
  try {
    const seqs: number[] = [];
    for (let next: number | undefined = 0; next !== undefined;) {
      const page: RecallResult = await recall(next);
      assert.ok(page.results.length <= 3, 'a page is no larger than what fits into the history');
      for (const { seq, stepId } of page.results) {
        assert.equal(stepId, `s${seq - 2}`);
        seqs.push(seq);
      }
      next = page.next;
    }
    assert.deepEqual(
      seqs,
      Array.from({ length: STEPS }, (_, place) => place + 2),
    );
    const head = fixture.sql<{ head: string }>('SELECT head FROM record WHERE seq = 3')[0]!.head;
    assert.deepEqual(
      (await recall(0, { seq: 3, head })).results.map(({ seq }) => seq),
      [2, 3],
    );
    assert.deepEqual(await recall(0, { seq: 3, head: 'f'.repeat(64) }), { results: [] }, 'of another chain');
    fixture.changeRecordOf('s3');
    assert.deepEqual(await recall(3), { results: [] });
  } finally {
    await workspaces.close();
  }
});

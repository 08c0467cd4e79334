/** `abort` with `compensate`, without a Temporal server: what a job did is undone, newest first, and nothing else. */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import * as z from 'zod';
import type { Json } from '../../src/model/canonical-json.ts';
import type { Decision } from '../../src/model/question/decision.ts';
import { sha256Hex } from '../../src/model/digest.ts';
import { isFailure } from '../../src/model/failure.ts';
import type { Question } from '../../src/model/question/question.ts';
import type { CompensateResult } from '../../src/model/step/step.ts';
import type { CompensatedRecord } from '../../src/model/step/compensated.ts';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import {
  defineStep,
  implementStep,
  openTestJob,
  QuestionAsked,
  type TestJob,
  type TestJobOptions,
} from '../../src/testing.ts';
import { CountingServer } from '../support/counting-server.ts';
import { blobText, chainOf } from '../support/ledger.ts';
import { send } from '../support/perform-child.ts';
import { testPostgres } from '../support/postgres.ts';
import { callsOf, prepareSagaWorld, SAGA, sagaSteps, worldOf, type SagaPlaces } from '../support/saga.ts';

const postgres = await testPostgres();

let server: CountingServer;
let root: string;

beforeEach(async () => {
  server = await CountingServer.start();
  root = mkdtempSync(join(tmpdir(), 'holdfast-undo-'));
});

afterEach(async () => {
  setFaultHook(undefined);
  await server.close();
  rmSync(root, { recursive: true, force: true });
});

async function placesOf(name: string, dialect: 'SQLite' | 'PostgreSQL' = 'SQLite'): Promise<SagaPlaces> {
  const workspace = join(root, name);
  return {
    workspace,
    url: server.url,
    databaseUrl: dialect === 'SQLite' ? `sqlite:${workspace}/db/main.db` : await postgres.database(),
  };
}

function openSaga(places: SagaPlaces, more: Partial<Parameters<typeof openTestJob>[0]> = {}): TestJob {
  return openTestJob({
    workspace: places.workspace,
    steps: sagaSteps(places),
    databases: { main: '${{ env.DATABASE_URL }}' },
    env: { DATABASE_URL: places.databaseUrl },
    http: { hosts: [places.url] },
    ...more,
  });
}

async function runSaga(job: TestJob, count = SAGA.length): Promise<void> {
  for (const { contract, input } of SAGA.slice(0, count)) await job.step(contract, input as never);
}

async function questionFrom(work: Promise<unknown>): Promise<Question> {
  const outcome = await work.then(
    (output) => `no question but ${JSON.stringify(output)}`,
    (error: unknown) => error,
  );
  assert.ok(outcome instanceof QuestionAsked, outcome instanceof Error ? outcome.stack : String(outcome));
  return outcome.question;
}

for (const dialect of ['SQLite', 'PostgreSQL'] as const) {
  test(`${dialect}: a saga aborted after each of its steps leaves the world as it was, byte for byte; each call is compensated once`, async () => {
    for (let count = 1; count <= SAGA.length; count++) {
      const places = await placesOf(`after-${count}-${dialect}`, dialect);
      await prepareSagaWorld(places);
      const before = await worldOf(places);
      await using job = openSaga(places);
      const asked = server.requests.length;
      await runSaga(job, count);
      assert.notDeepEqual(await worldOf(places), before);
      const report = await job.undo();
      assert.deepEqual(await worldOf(places), before, `after ${count} steps`);
      assert.deepEqual(report.left, []);
      assert.deepEqual(
        server.requests.slice(asked).map(({ path }) => path),
        callsOf(count),
      );
      const undone = chainOf(job.workspace, job.jobId).flatMap((record) =>
        record.kind === 'undone' ? [record.stepId] : [],
      );
      assert.deepEqual(
        undone,
        SAGA.slice(0, count)
          .map(({ contract }) => contract.name)
          .reverse(),
        'newest first',
      );
    }
  });
}

// ---- one step, its compensation and what comes between -----------------------------------------------------------------

const act = defineStep({ name: 'act', input: z.object({ n: z.number().optional() }), output: z.any() });
const other = defineStep({ name: 'other', input: z.object({}), output: z.any() });

type Code = (ctx: StepContext, input: { readonly n?: number | undefined }) => unknown;
let code: Code;
let otherCode: Code;
let compensation:
  | ((ctx: StepContext, record: CompensatedRecord) => Promise<CompensateResult> | CompensateResult)
  | undefined;

beforeEach(() => {
  code = () => null;
  otherCode = () => null;
  compensation = undefined;
});

function open(name: string, more: Partial<TestJobOptions> = {}): TestJob {
  const workspace = join(root, name);
  mkdirSync(workspace, { recursive: true });
  const compensate =
    compensation === undefined
      ? {}
      : { compensate: (ctx: StepContext, record: CompensatedRecord) => compensation!(ctx, record) };
  const steps = [
    implementStep(act, async (ctx, input) => (await code(ctx, input)) ?? null, compensate as never),
    implementStep(other, async (ctx, input) => (await otherCode(ctx, input as never)) ?? null),
  ];
  return openTestJob({ workspace, steps: steps as never, databases: { main: 'sqlite:main.db' }, ...more });
}

const at = (job: TestJob, path: string): string => join(job.workspace, path);
const read = (job: TestJob, path: string): string => readFileSync(at(job, path), 'utf8');
const call = async (ctx: StepContext, name: string, body: Json = {}): Promise<Json> =>
  await ctx.perform(name, { request: body, run: ({ key }) => send(`${server.url}/${name}`, key, body) });
const paths = (): readonly string[] => server.requests.map(({ path }) => path);

async function decided(job: TestJob, question: Question, decision: Partial<Decision>): Promise<void> {
  const result = await job.decide(question, decision);
  assert.equal(result.kind, 'repaired', JSON.stringify(result));
}

function rowsOf(job: TestJob, sql: string): readonly unknown[] {
  const database = new DatabaseSync(at(job, 'main.db'), { readOnly: true });
  try {
    return database
      .prepare(sql)
      .all()
      .map((row) => ({ ...row }));
  } finally {
    database.close();
  }
}

function change(job: TestJob, sql: string): void {
  const database = new DatabaseSync(at(job, 'main.db'));
  try {
    database.exec(sql);
  } finally {
    database.close();
  }
}

const TABLE = 'CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL, n INTEGER)';

test('what a person has changed since is not touched without a word: the file, the row, each by its name', async () => {
  code = async (ctx) => {
    await ctx.files.write('mine.txt', 'by the job\n');
    await ctx.files.write('theirs.txt', 'by the job\n');
    await ctx.db('main').insert('note', [
      { id: 1, text: 'by the job', n: 1 },
      { id: 2, text: 'by the job', n: 2 },
    ]);
  };
  const job = open('changed');
  change(job, TABLE);
  await job.step(act, {});
  writeFileSync(at(job, 'theirs.txt'), 'by Ada\n');
  change(job, "UPDATE note SET text = 'by Ada' WHERE id = 2; INSERT INTO note VALUES (9, 'a stranger''s', 9)");
  const question = await questionFrom(job.undo());
  assert.equal(question.kind, 'undo');
  assert.deepEqual(
    question.findings.map(({ resource, kind }) => [resource, kind]).toSorted(([a], [b]) => (a! < b! ? -1 : 1)),
    [
      ['file:theirs.txt', 'changed-since'],
      ['row:main/note/{"id":2}', 'changed-since'],
    ],
  );
  assert.equal(read(job, 'mine.txt'), 'by the job\n', 'nothing is undone before the answer');
  await decided(job, question, { items: { 'file:theirs.txt': 'overwrite', 'row:main/note/{"id":2}': 'skip' } });
  const report = await job.undo();
  assert.equal(existsSync(at(job, 'mine.txt')), false);
  assert.equal(existsSync(at(job, 'theirs.txt')), false);
  assert.deepEqual(rowsOf(job, 'SELECT id, text FROM note ORDER BY id'), [
    { id: 2, text: 'by Ada' },
    { id: 9, text: "a stranger's" },
  ]);
  assert.deepEqual(
    report.left.map(({ what }) => what),
    ['row:main/note/{"id":2}'],
  );
  const content = sha256Hex('by Ada\n');
  assert.equal(await blobText(job.workspace, content), 'by Ada\n', 'what was found and replaced is kept');
  await job.close();
});

test('an answer about what was found holds for that alone: changed again, it is asked again', async () => {
  code = (ctx) => ctx.files.write('a.txt', 'by the job\n');
  const job = open('again');
  await job.step(act, {});
  writeFileSync(at(job, 'a.txt'), 'once\n');
  const first = await questionFrom(job.undo());
  await decided(job, first, { answer: 'overwrite' });
  writeFileSync(at(job, 'a.txt'), 'twice\n');
  const second = await questionFrom(job.undo());
  assert.notEqual(second.digest, first.digest);
  assert.equal(read(job, 'a.txt'), 'twice\n');
  writeFileSync(at(job, 'a.txt'), 'thrice\n');
  assert.equal((await job.decide(second, { answer: 'overwrite' })).kind, 'world-moved');
  const third = await questionFrom(job.undo());
  await decided(job, third, { answer: 'skip' });
  assert.deepEqual(
    (await job.undo()).left.map(({ what }) => what),
    ['file:a.txt'],
  );
  assert.equal(read(job, 'a.txt'), 'thrice\n');
  await job.close();
});

test('what was left as it is stays so for the older records of the same file; what is as before already is no question', async () => {
  code = (ctx, { n }) => ctx.files.write('a.txt', `version ${n}\n`);
  otherCode = (ctx) => ctx.files.write('b.txt', 'b\n');
  const job = open('older');
  for (const n of [1, 2, 3]) await job.step(act, { n }, { stepId: `act${n}` });
  await job.step(other, {});
  rmSync(at(job, 'b.txt'));
  writeFileSync(at(job, 'a.txt'), 'by Ada\n');
  const question = await questionFrom(job.undo());
  assert.deepEqual(
    question.findings.map(({ resource }) => resource),
    ['file:a.txt'],
  );
  await decided(job, question, { answer: 'skip' });
  const report = await job.undo();
  assert.deepEqual(
    report.left.map(({ stepId, what }) => [stepId, what]),
    [
      ['act3', 'file:a.txt'],
      ['act2', 'file:a.txt'],
      ['act1', 'file:a.txt'],
    ],
  );
  assert.equal(read(job, 'a.txt'), 'by Ada\n');
  await job.close();
});

test('a compensation is told what the step was given, returned, changed and called; what it stages goes before the rest', async () => {
  const told: CompensatedRecord[] = [];
  code = async (ctx, { n }) => {
    await call(ctx, 'charge', { n: n ?? 0 });
    await ctx.files.write('a.txt', 'by the job\n');
    await ctx.db('main').insert('note', { id: 1, text: 'by the job', n: 1 });
    return { sum: 7 };
  };
  compensation = async (ctx, record) => {
    told.push(record);
    assert.equal(ctx.stepId, 'act');
    assert.equal(await ctx.files.readText('a.txt'), 'by the job\n', 'nothing is undone yet');
    await ctx.files.write('undone.log', `${record.calls.length} call\n`);
    // A row that it changes itself is left to it.
    await ctx.db('main').update('note', { id: 1 }, { text: 'cancelled' });
    await call(ctx, 'refund', { of: record.calls[0]!.key });
  };
  const job = open('told');
  change(job, TABLE);
  await job.step(act, { n: 7 });
  const report = await job.undo();
  assert.deepEqual(report.left, []);
  assert.deepEqual(paths(), ['/charge', '/refund']);
  const [record] = told;
  assert.deepEqual(
    { input: record!.input, output: record!.output, generation: record!.generation },
    { input: { n: 7 }, output: { sum: 7 }, generation: 0 },
  );
  assert.deepEqual(
    record!.effects.map(({ kind }) => kind),
    ['file.write', 'row.insert'],
  );
  assert.deepEqual(
    record!.calls.map(({ name, key, answer, known, requestText }) => ({ name, key, answer, known, requestText })),
    [
      {
        name: 'charge',
        key: server.requests[0]!.key,
        answer: server.answerOf(server.requests[0]!.key!),
        known: 'called',
        requestText: '{"n":7}',
      },
    ],
  );
  assert.equal(existsSync(at(job, 'a.txt')), false);
  assert.equal(read(job, 'undone.log'), '1 call\n');
  assert.deepEqual(rowsOf(job, 'SELECT text FROM note'), [{ text: 'cancelled' }]);
  await job.close();
});

test('a compensation may say that it has seen to everything', async () => {
  code = (ctx) => ctx.files.write('a.txt', 'by the job\n');
  compensation = async (ctx) => {
    await ctx.files.write('a.txt', 'cancelled\n');
    return { undoStaged: false };
  };
  const job = open('everything');
  await job.step(act, {});
  assert.deepEqual((await job.undo()).left, []);
  assert.equal(read(job, 'a.txt'), 'cancelled\n');
  await job.close();
});

test('what cannot be undone and has no compensation is named, and the rest is undone', async () => {
  code = async (ctx) => {
    await call(ctx, 'charge');
    await ctx.db('main').sql("INSERT INTO note VALUES (5, 'by a statement', 5)", [], { writes: ['note'] });
    await ctx.files.write('a.txt', 'a\n');
  };
  const job = open('named');
  change(job, TABLE);
  await job.step(act, {});
  const report = await job.undo();
  assert.deepEqual(
    report.left.map(({ what }) => what),
    ['perform:act/charge', "run SQL on main: INSERT INTO note VALUES (5, 'by a statement', 5)"],
  );
  assert.ok(report.left[0]!.why.includes(server.requests[0]!.key!), 'the idempotency key is told');
  assert.equal(existsSync(at(job, 'a.txt')), false);
  assert.equal(rowsOf(job, 'SELECT * FROM note').length, 1);
  await job.close();
});

test('a compensation that throws is tried again, then a person is asked: again, without it, or not at all', async () => {
  for (const answer of ['rerun', 'skip', 'abort'] as const) {
    let attempts = 0;
    code = async (ctx) => {
      await call(ctx, 'charge');
      await ctx.files.write('a.txt', 'a\n');
    };
    compensation = async (ctx) => {
      attempts += 1;
      if (attempts <= 3) throw new Error('the other side is away');
      await call(ctx, 'refund');
    };
    const job = open(`throws-${answer}`);
    await job.step(act, {});
    for (const attempt of [1, 2])
      await assert.rejects(job.undo(), (error) => isFailure(error, 'step-failed') && attempts === attempt);
    const question = await questionFrom(job.undo());
    assert.equal(attempts, 3);
    assert.deepEqual(
      question.findings.map(({ resource, class: cls, kind, answers }) => [resource, cls, kind, answers]),
      [['step:act', 'undo', 'compensation-failed', ['skip', 'rerun', 'recheck', 'abort']]],
    );
    assert.match(question.findings[0]!.difference, /the other side is away/);
    assert.equal(read(job, 'a.txt'), 'a\n', 'nothing of the step is undone before');
    await decided(job, question, { answer });
    if (answer === 'abort') {
      assert.equal(existsSync(at(job, 'a.txt')), true);
      await job.close();
      continue;
    }
    const report = await job.undo();
    assert.equal(existsSync(at(job, 'a.txt')), false);
    assert.deepEqual(
      report.left.map(({ what }) => what),
      answer === 'rerun' ? [] : ['step:act', 'perform:act/charge'],
    );
    assert.equal(attempts, answer === 'rerun' ? 4 : 3);
    await job.close();
  }
});

test('a call of a compensation that is cut off is in doubt like any other: asked, and made once', async () => {
  code = (ctx) => call(ctx, 'charge');
  compensation = async (ctx) => void (await call(ctx, 'refund'));
  const job = open('cut');
  await job.step(act, {});
  server.next('cut-after');
  const question = await questionFrom(job.undo());
  assert.deepEqual([question.kind, question.findings[0]!.resource], ['in-doubt', 'perform:act@undo/refund']);
  await decided(job, question, { answer: 'happened', result: server.answerOf(server.requests[1]!.key!) as Json });
  assert.deepEqual((await job.undo()).left, []);
  assert.deepEqual(paths(), ['/charge', '/refund']);
  await job.close();
});

test('a call in doubt is settled before its step is undone: happened, it is compensated; not made, it is not', async () => {
  for (const answer of ['happened', 'skip'] as const) {
    const told: unknown[] = [];
    code = (ctx) => call(ctx, 'charge');
    compensation = async (ctx, { calls, output }) => {
      told.push({ calls: calls.map(({ name, answer: got, known }) => ({ name, got, known })), output });
      for (const { key } of calls) await call(ctx, 'refund', { of: key });
    };
    const job = open(`doubt-${answer}`);
    server.next(answer === 'happened' ? 'cut-after' : 'cut-before');
    const inStep = await questionFrom(job.step(act, {}));
    assert.equal(inStep.kind, 'in-doubt');
    await decided(job, inStep, { answer: 'abort', compensate: true });
    const question = await questionFrom(job.undo());
    assert.deepEqual(
      [question.kind, question.findings.map(({ resource, kind, answers }) => [resource, kind, answers])],
      ['undo', [['perform:act/charge', 'outcome-unknown', ['skip', 'happened', 'recheck', 'abort']]]],
    );
    const asked = server.requests.length;
    await decided(job, question, answer === 'happened' ? { answer, result: { id: 'as they say' } } : { answer });
    assert.deepEqual((await job.undo()).left, []);
    assert.deepEqual(
      told,
      answer === 'happened'
        ? [{ calls: [{ name: 'charge', got: { id: 'as they say' }, known: 'told' }], output: undefined }]
        : [],
    );
    assert.equal(server.requests.length - asked, answer === 'happened' ? 1 : 0);
    await job.close();
  }
});

test('a step that made a call and was not finished: its calls are compensated, nothing else of it is there', async () => {
  code = async (ctx) => {
    await call(ctx, 'charge');
    await ctx.files.write('a.txt', 'a\n');
    throw new Error('after the call');
  };
  compensation = async (ctx, { calls }) => {
    for (const { key } of calls) await call(ctx, 'refund', { of: key });
  };
  const job = open('unfinished');
  await assert.rejects(job.step(act, {}, { stepId: 'act' }));
  assert.deepEqual((await job.undo()).left, []);
  assert.deepEqual(paths(), ['/charge', '/refund']);
  assert.deepEqual(
    chainOf(job.workspace, job.jobId).flatMap((record) =>
      record.kind === 'undone' ? [[record.stepId, record.undoes, record.notes]] : [],
    ),
    [['act', null, ['the step was not finished: only calls of it were made']]],
  );
  assert.deepEqual(
    chainOf(job.workspace, job.jobId).flatMap((record) => (record.kind === 'released' ? record.notes : [])),
    [],
    'the release has nothing left to tell of it',
  );
  await job.close();
});

test('a step that was run again is undone once, with the calls of all its generations; what a rerun has undone is not undone again', async () => {
  let told: readonly string[] = [];
  code = async (ctx) => {
    await ctx.files.readText('in.txt');
    await call(ctx, 'charge', { amount: 7 });
    await ctx.files.write('out.txt', `generation ${ctx.generation}\n`);
    await ctx.files.write(`only-${ctx.generation}.txt`, 'x\n');
    await ctx
      .db('main')
      .sql('UPDATE note SET n = n + 1', [], { writes: ['note'], undo: { text: 'UPDATE note SET n = n - 1' } });
  };
  compensation = (_ctx, { calls, generation }) =>
    void (told = [`generation ${generation}`, ...calls.map(({ generation: made }) => `called in ${made}`)]);
  const job = open('generations');
  change(job, `${TABLE}; INSERT INTO note VALUES (1, 'one', 0)`);
  writeFileSync(at(job, 'in.txt'), 'one\n');
  await job.step(act, {}, { stepId: 'act' });
  writeFileSync(at(job, 'in.txt'), 'two\n');
  const compared = await job.verify();
  assert.equal(compared.kind, 'question');
  if (compared.kind !== 'question') return;
  await decided(job, compared.question, { answer: 'rerun', items: { 'perform:act/charge': 'repeat' } });
  assert.equal(existsSync(at(job, 'only-0.txt')), false);
  await job.step(act, {}, { stepId: 'act' });
  assert.equal(read(job, 'out.txt'), 'generation 1\n');
  assert.deepEqual((await job.undo()).left, []);
  assert.deepEqual(told, ['generation 1', 'called in 0', 'called in 1']);
  assert.deepEqual(
    ['out.txt', 'only-0.txt', 'only-1.txt'].filter((path) => existsSync(at(job, path))),
    [],
  );
  assert.deepEqual(rowsOf(job, 'SELECT n FROM note'), [{ n: 0 }], 'a statement is undone as often as it is in force');
  assert.equal(read(job, 'in.txt'), 'two\n', 'what a person wrote stays');
  assert.equal(chainOf(job.workspace, job.jobId).filter(({ kind }) => kind === 'undone').length, 1);
  await job.close();
});

test('an edit that a person had taken into the record is not undone with the step: it is asked about', async () => {
  code = (ctx) => ctx.files.write('a.txt', 'by the job\n');
  const job = open('adopted');
  await job.step(act, {});
  writeFileSync(at(job, 'a.txt'), 'by Ada\n');
  const compared = await job.verify();
  assert.equal(compared.kind, 'question');
  if (compared.kind === 'question') await decided(job, compared.question, { answer: 'accept' });
  const question = await questionFrom(job.undo());
  assert.deepEqual(
    question.findings.map(({ resource, kind }) => [resource, kind]),
    [['file:a.txt', 'changed-since']],
  );
  assert.equal(read(job, 'a.txt'), 'by Ada\n');
  await job.close();
});

test('a folder that the job made and that holds what it did not put there stays, and is named', async () => {
  code = (ctx) => ctx.files.write('made/deep/a.txt', 'a\n');
  const job = open('folder');
  await job.step(act, {});
  writeFileSync(at(job, 'made/theirs.txt'), 'by Ada\n');
  const report = await job.undo();
  assert.deepEqual(
    report.left.map(({ what }) => what),
    ['file:made'],
  );
  assert.equal(read(job, 'made/theirs.txt'), 'by Ada\n');
  assert.equal(existsSync(at(job, 'made/deep')), false);
  await job.close();
});

test('a step half applied when the job is aborted is finished first, then undone; one that was only sealed is dropped', async () => {
  code = async (ctx) => {
    await ctx.files.write('a.txt', 'a\n');
    await ctx.files.write('b.txt', 'b\n');
  };
  otherCode = (ctx) => ctx.files.write('sealed.txt', 'sealed\n');
  const job = open('half');
  const approval = await questionFrom(job.step(other, {}, { approval: 'before-apply' }));
  let isCut = false;
  setFaultHook((point) => {
    if (point !== 'commit.effect-marked' || isCut) return;
    isCut = true;
    throw new Error('cut');
  });
  await assert.rejects(job.step(act, {}, { stepId: 'act' }));
  setFaultHook(undefined);
  assert.equal([existsSync(at(job, 'a.txt')), existsSync(at(job, 'b.txt'))].filter(Boolean).length, 1, 'half of it');
  await decided(job, approval, { answer: 'abort', compensate: true });
  assert.deepEqual((await job.undo()).left, []);
  assert.deepEqual(
    ['a.txt', 'b.txt', 'sealed.txt'].filter((path) => existsSync(at(job, path))),
    [],
  );
  assert.deepEqual(
    chainOf(job.workspace, job.jobId).flatMap((record) =>
      record.kind === 'step' || record.kind === 'undone' ? [`${record.kind} ${record.stepId}`] : [],
    ),
    ['step act', 'undone act'],
  );
  await job.close();
});

test('a target of the undoing that somebody changes while it is half applied is a conflict; nothing is lost', async () => {
  code = async (ctx) => {
    await ctx.files.write('a.txt', 'a\n');
    await ctx.files.write('b.txt', 'b\n');
  };
  const job = open('conflict');
  await job.step(act, {});
  let isCut = false;
  setFaultHook((point) => {
    if (point !== 'commit.effect-marked' || isCut) return;
    isCut = true;
    throw new Error('cut');
  });
  await assert.rejects(job.undo());
  setFaultHook(undefined);
  const rest = ['a.txt', 'b.txt'].find((path) => existsSync(at(job, path)))!;
  writeFileSync(at(job, rest), 'by Ada\n');
  const question = await questionFrom(job.undo());
  assert.deepEqual(
    [question.kind, question.findings.map(({ resource, answers }) => [resource, answers])],
    ['conflict', [[`file:${rest}`, ['skip', 'overwrite', 'recheck', 'abort']]]],
  );
  await decided(job, question, { answer: 'skip' });
  await job.undo();
  assert.equal(read(job, rest), 'by Ada\n');
  await job.close();
});

test('a link that the job had replaced by a file comes back, also where the undoing was cut between taking away and placing', async () => {
  code = (ctx) => ctx.files.write('link', 'no link any more\n');
  const job = open('link');
  writeFileSync(at(job, 'target.txt'), 'target\n');
  symlinkSync('target.txt', at(job, 'link'));
  await job.step(act, {});
  setFaultHook((point) => {
    if (point === 'symlink.before') throw new Error('cut');
  });
  await assert.rejects(job.undo());
  setFaultHook(undefined);
  assert.equal(existsSync(at(job, 'link')), false, 'nothing stands there');
  assert.deepEqual((await job.undo()).left, []);
  assert.equal(readlinkSync(at(job, 'link')), 'target.txt');
  await job.close();
});

test('what a compensation reads and somebody has changed is asked about before it goes on', async () => {
  code = (ctx) => ctx.files.write('bill.json', '{"id":1}');
  const seen: string[] = [];
  compensation = async (ctx) => void seen.push(await ctx.files.readText('bill.json'));
  const job = open('reads');
  await job.step(act, {});
  writeFileSync(at(job, 'bill.json'), '{"id":2}');
  const question = await questionFrom(job.undo());
  assert.deepEqual(
    [question.kind, question.findings.map(({ resource, answers }) => [resource, answers])],
    ['discrepancy', [['file:bill.json', ['accept', 'restore', 'recheck', 'abort']]]],
  );
  assert.deepEqual(seen, []);
  await decided(job, question, { answer: 'restore' });
  assert.deepEqual((await job.undo()).left, []);
  assert.deepEqual(seen, ['{"id":1}']);
  await job.close();
});

test('a statement with an undo is not run over rows that somebody has changed: they are asked about', async () => {
  code = async (ctx) => {
    await ctx.db('main').insert('note', [
      { id: 1, text: 'one', n: 1 },
      { id: 2, text: 'two', n: 2 },
    ]);
  };
  otherCode = (ctx) =>
    ctx
      .db('main')
      .sql('UPDATE note SET n = n + 10', [], { writes: ['note'], undo: { text: 'UPDATE note SET n = n - 10' } });
  const job = open('statement');
  change(job, TABLE);
  await job.step(act, {});
  await job.step(other, {});
  change(job, 'UPDATE note SET n = 500 WHERE id = 1');
  const question = await questionFrom(job.undo());
  assert.deepEqual(
    [question.kind, question.findings.map(({ resource }) => resource)],
    ['discrepancy', ['row:main/note/{"id":1}']],
  );
  assert.deepEqual(rowsOf(job, 'SELECT n FROM note ORDER BY id'), [{ n: 500 }, { n: 12 }]);
  await decided(job, question, { answer: 'restore' });
  assert.deepEqual((await job.undo()).left, []);
  assert.deepEqual(rowsOf(job, 'SELECT n FROM note'), []);
  await job.close();
});

test('a worker that has no code for a step says so instead of leaving its compensation out', async () => {
  code = (ctx) => ctx.files.write('a.txt', 'a\n');
  const job = open('unknown');
  await job.step(act, {});
  const { memory, workspace } = job;
  await job.close();
  await using without = openTestJob({
    workspace,
    resume: memory,
    workerId: 'another',
    databases: { main: 'sqlite:main.db' },
  });
  const question = await questionFrom(without.undo());
  assert.match(question.findings[0]!.difference, /no code for step "act"/);
  await decided(without, question, { answer: 'skip' });
  assert.deepEqual(
    (await without.undo()).left.map(({ what }) => what),
    ['step:act'],
  );
  assert.equal(existsSync(join(workspace, 'a.txt')), false, 'what it had staged is undone all the same');
});

test('from the abort on no step runs any more, whoever asks for it; and a Workflow reset to before it is told', async () => {
  code = (ctx) => ctx.files.write('a.txt', 'a\n');
  otherCode = (ctx) => ctx.files.write('b.txt', 'b\n');
  const job = open('stopped');
  await job.step(act, {});
  const { memory } = job;
  writeFileSync(at(job, 'a.txt'), 'by Ada\n');
  await questionFrom(job.undo());
  const asked = await job.ask({ stepId: 'other', step: 'other', input: {} });
  assert.deepEqual([asked.kind, asked.kind === 'failed' && asked.type], ['failed', 'aborted']);
  assert.equal(existsSync(at(job, 'b.txt')), false);
  await job.close();
  await using reset = open('stopped', { resume: memory, runId: 'run-after-reset' });
  const question = await questionFrom(reset.step(other, {}));
  assert.deepEqual(
    [question.kind, question.findings.map(({ kind, answers }) => [kind, answers])],
    ['ahead', [['undone-after-reset', ['recheck', 'abort']]]],
  );
  assert.equal(existsSync(at(reset, 'b.txt')), false);
  await decided(reset, question, { answer: 'abort', compensate: true });
  writeFileSync(at(reset, 'a.txt'), 'a\n');
  assert.deepEqual((await reset.undo()).left, []);
  assert.equal(existsSync(at(reset, 'a.txt')), false);
});

test('a record that cannot be read is asked about before anything is undone; a job that has done nothing has nothing to undo', async () => {
  code = (ctx) => ctx.files.write('a.txt', 'a\n');
  const job = open('damaged');
  await job.step(act, {});
  const ledger = new DatabaseSync(at(job, '.holdfast/ledger.sqlite'));
  ledger.exec(`UPDATE record SET body = replace(body, 'a.txt', 'b.txt') WHERE kind = 'step'`);
  ledger.close();
  const question = await questionFrom(job.undo());
  assert.deepEqual([question.kind, question.findings[0]!.answers], ['damaged', ['recheck', 'abort']]);
  assert.equal(read(job, 'a.txt'), 'a\n');
  await job.close();

  const first = open('shared');
  await first.step(act, {});
  await using second = open('shared', { openJobs: [first.jobId] });
  const foreign = await questionFrom(second.step(act, {}));
  assert.equal(foreign.kind, 'foreign');
  await second.decide(foreign, { answer: 'abort', compensate: true });
  assert.deepEqual(await second.undo(), { steps: 0, effects: '', left: [], leftTotal: 0 });
  assert.equal(read(first, 'a.txt'), 'a\n', "another job's work is not touched");
  await first.close();
});

test('a step whose undoing cannot be carried out is asked about; left as it is, all of it is named', async () => {
  code = async (ctx) => {
    await ctx.files.write('a.txt', 'a\n');
    await ctx
      .db('main')
      .sql('UPDATE note SET n = n + 1', [], { writes: ['note'], undo: { text: 'UPDATE note SET no_such_column = 1' } });
  };
  const job = open('broken');
  change(job, `${TABLE}; INSERT INTO note VALUES (1, 'one', 0)`);
  await job.step(act, {});
  const question = await questionFrom(job.undo());
  assert.deepEqual(
    question.findings.map(({ resource, kind, answers }) => [resource, kind, answers]),
    [['undo:act', 'step-cannot-go-on', ['skip', 'rerun', 'recheck', 'abort']]],
  );
  assert.match(question.findings[0]!.difference, /no_such_column/);
  assert.equal(read(job, 'a.txt'), 'a\n', 'all of it or nothing');
  await decided(job, question, { answer: 'skip' });
  assert.deepEqual(
    (await job.undo()).left.map(({ what }) => what),
    ['file:a.txt', 'run SQL on main: UPDATE note SET n = n + 1', 'step:act'],
  );
  assert.equal(read(job, 'a.txt'), 'a\n');
  await job.close();
});

test('a content that is not in the store any more is named, and nothing is put in its place', async () => {
  code = (ctx) => ctx.files.write('a.txt', 'by the job\n');
  const job = open('gone');
  writeFileSync(at(job, 'a.txt'), 'before the job\n');
  await job.step(act, {});
  const content = sha256Hex('before the job\n');
  rmSync(join(job.workspace, '.holdfast/blobs', content[0]!, content.slice(1)));
  const question = await questionFrom(job.undo());
  assert.deepEqual(
    question.findings.map(({ resource, kind, answers }) => [resource, kind, answers]),
    [['file:a.txt', 'blob-damaged', ['skip', 'recheck', 'abort']]],
  );
  await decided(job, question, { answer: 'skip' });
  assert.deepEqual(
    (await job.undo()).left.map(({ what }) => what),
    ['file:a.txt'],
  );
  assert.equal(read(job, 'a.txt'), 'by the job\n');
  await job.close();
});

test('compensate goes with abort alone', async () => {
  code = (ctx) => ctx.files.write('a.txt', 'a\n');
  const job = open('alone');
  await job.step(act, {});
  writeFileSync(at(job, 'a.txt'), 'by Ada\n');
  const compared = await job.verify();
  assert.equal(compared.kind, 'question');
  if (compared.kind !== 'question') return;
  const refused = await job.decide(compared.question, { answer: 'accept', compensate: true });
  assert.ok(
    refused.kind === 'refused' && /give it with "answer": "abort"/.test(refused.problems.join()),
    JSON.stringify(refused),
  );
  await job.close();
});

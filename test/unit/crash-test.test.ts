/** The parts of a crash test that need no process: which cases, what differs, how questions are answered. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerFor } from '../../src/crash-test/answers.ts';
import { chooseCases } from '../../src/crash-test/cases.ts';
import type { Trace } from '../../src/crash-test/child/order.ts';
import { compareRun } from '../../src/crash-test/compare.ts';
import { junitOf } from '../../src/crash-test/junit.ts';
import type { Run } from '../../src/crash-test/ran.ts';
import { referenceOf } from '../../src/crash-test/reference.ts';
import type { CaseReport, CrashReport } from '../../src/crash-test/report.ts';
import { togetherInRuns } from '../../src/crash-test/together.ts';
import { shareableArguments } from '../../src/crash-test/worker-process.ts';
import type { LeftFile } from '../../src/crash-test/world.ts';
import type { Json } from '../../src/model/canonical-json.ts';
import { isFailure } from '../../src/model/failure.ts';
import type { Question } from '../../src/model/question/question.ts';

const PASSED = new Map([
  ['load/seal.after', 1],
  ['load/fsync.before', 7],
  ['pay/fsync.before', 2],
  ['pay/seal.after', 2],
  ['pay/request.answer-lost', 1],
]);
const CHOICE = { everyHit: false, pairs: 0, freeze: false, seed: 7 };

function ids(choice: Partial<Parameters<typeof chooseCases>[1]>): readonly string[] {
  return chooseCases(PASSED, { ...CHOICE, ...choice }).map(({ id }) => id);
}

test('each point of each step is a case, at a hit that the seed chooses; a durable operation once in the job', () => {
  const chosen = ids({});
  assert.deepEqual(
    chosen.map((id) => id.replace(/:\d+$/, '').replace(/.*(?=\/fsync)/, '*')),
    ['load/seal.after', '*/fsync.before', 'pay/seal.after', 'pay/request.answer-lost'],
  );
  assert.deepEqual(ids({}), chosen);
  assert.notDeepEqual(new Set([1, 2, 3, 4].map((seed) => ids({ seed }).join(' '))).size, 1);
  assert.equal(ids({ everyHit: true }).length, 13);
});

test('points are named by patterns; one that is never passed is an error that tells what is', () => {
  assert.deepEqual(ids({ points: ['pay/*'] }), [
    'pay/fsync.before:1',
    'pay/fsync.before:2',
    'pay/seal.after:1',
    'pay/seal.after:2',
    'pay/request.answer-lost:1',
  ]);
  const within = new Map([['sort/a.txt/seal.after', 1]]);
  const named = chooseCases(within, { ...CHOICE, points: ['sort/a.txt/seal.after:1'] });
  assert.deepEqual(named, [
    { id: 'sort/a.txt/seal.after:1', how: 'kill', kills: [{ step: 'sort/a.txt', point: 'seal.after', hit: 1 }] },
  ]);
  assert.deepEqual(ids({ points: ['seal.after:1'] }), ['load/seal.after:1', 'pay/seal.after:1']);
  assert.throws(
    () => ids({ points: ['load/seal.befor'] }),
    (error) =>
      isFailure(error, 'bad-input') &&
      /never passes load\/seal\.befor\. It passes load\/seal\.after,/.test(error.message),
  );
});

test('pairs are two kills in one run; frozen cases come besides; neither at a request', () => {
  assert.deepEqual(ids({ points: ['load/seal.after:1+pay/seal.after:2'] }), ['load/seal.after:1+pay/seal.after:2']);
  const frozen = ids({ freeze: true }).filter((id) => id.startsWith('freeze@'));
  assert.equal(frozen.length, 3);
  // What a case is called repeats it, and it alone.
  assert.deepEqual(ids({ points: [frozen[0]!] }), [frozen[0]]);
  assert.deepEqual(ids({ points: [frozen[0]!, frozen[0]!.slice('freeze@'.length)] }).toSorted(), [
    frozen[0],
    frozen[0]!.slice('freeze@'.length),
  ]);
  assert.throws(() => ids({ points: ['load/seal.befor:1+pay/seal.after:2'] }), /never passes load\/seal\.befor/);
});

test('a plus of a step’s own id makes no pair', () => {
  const passed = new Map([
    ['a+b/seal.after', 1],
    ['fetch/a+b/seal.after', 2],
  ]);
  const named = (...points: readonly string[]): readonly string[] =>
    chooseCases(passed, { ...CHOICE, points }).map(({ id }) => id);
  assert.deepEqual(named('a+b/seal.after:1'), ['a+b/seal.after:1']);
  assert.deepEqual(named('fetch/a+b/seal.after'), ['fetch/a+b/seal.after:1', 'fetch/a+b/seal.after:2']);
  const pair = 'a+b/seal.after:1+fetch/a+b/seal.after:2';
  assert.deepEqual(named(pair), [pair]);
  assert.throws(() => named('a+b/*+fetch/a+b/seal.after'), /a pair is STEP/);
});

test('seeded pairs differ, the second is passed after the first, and there are no more than there can be', () => {
  const passed = new Map([['job/verify.compared', 2], ...PASSED, ['worker/lock.taken', 1]]);
  const pairsOf = (choice: object): readonly string[] =>
    chooseCases(passed, { ...CHOICE, ...choice })
      .map(({ id }) => id)
      .filter((id) => id.includes('+'));
  const order = [...passed].flatMap(([name, count]) => Array.from({ length: count }, (_, at) => `${name}:${at + 1}`));
  const many = pairsOf({ pairs: 40 });
  assert.equal(new Set(many).size, 40);
  assert.deepEqual(pairsOf({ pairs: 40 }), many);
  for (const id of many) {
    const [first, second] = id.split('+');
    assert.ok(order.indexOf(first!) < order.indexOf(second!), id);
    assert.doesNotMatch(second!, /^(job|worker)\//);
  }
  const named = pairsOf({ pairs: 1_000, points: ['pay/seal.after:1'] });
  assert.deepEqual(named, ['pay/seal.after:1+pay/seal.after:2']);
});

function fileOf(text: string): LeftFile {
  return { kind: 'file', mode: '644', sizeBytes: text.length, digest: text, lines: text.split('\n').length - 1, text };
}

interface Shown {
  readonly files?: Readonly<Record<string, string>>;
  readonly tables?: Readonly<Record<string, readonly string[]>>;
  readonly result?: Json;
  readonly traces?: readonly Trace[];
  readonly requests?: readonly { readonly method: string; readonly url: string; readonly key?: string }[];
}

function runOf({ files = {}, tables = {}, result = null, traces = [], requests = [] }: Shown): Run {
  return {
    world: { files: Object.fromEntries(Object.entries(files).map(([name, text]) => [name, fileOf(text)])), tables },
    end: { kind: 'ended', outcome: 'completed', result },
    traces,
    arrived: requests.map((request) => ({ step: 'pay', ...request })),
    unanswered: undefined,
    wasCut: false,
    wasInjected: false,
    calls: new Map(),
    asked: [],
    rename: (text) => text,
    durationMs: 1,
  };
}

function differences(undisturbed: Shown, found: Shown, again: Shown = undisturbed): readonly string[] {
  const reference = referenceOf(runOf(undisturbed), runOf(again));
  return compareRun(reference, runOf(found)).map((one) => `${one.kind} ${one.what}: ${one.found}`);
}

test('what differs in files, rows and result is told', () => {
  const undisturbed = {
    files: { a: 'x\n' },
    tables: { 'main/t': ['{"n":1}'] },
    result: { outputs: { load: { n: 1 } } },
  };
  assert.deepEqual(differences(undisturbed, undisturbed), []);
  assert.deepEqual(
    differences(undisturbed, {
      files: { b: 'y\n' },
      tables: { 'main/t': ['{"n":1}', '{"n":1}'] },
      result: { outputs: { load: { n: 2 } } },
    }),
    [
      'file file:a: nothing',
      'file file:b: 2 bytes, 1 lines: "y\\n"',
      'rows table:main/t: 2 rows, with {"n":1}',
      'result result outputs.load.n: 2',
    ],
  );
});

test('what differs between undisturbed runs is counted alone: lines, steady columns, files of a folder', () => {
  const one = { files: { log: '1\n', 'out/1': '' }, tables: { 'main/t': ['{"at":1,"n":1}'] }, result: { at: 1 } };
  const two = { files: { log: '2\n', 'out/2': '' }, tables: { 'main/t': ['{"at":2,"n":1}'] }, result: { at: 2 } };
  const three = { files: { log: '3\n', 'out/3': '' }, tables: { 'main/t': ['{"at":3,"n":1}'] }, result: { at: 3 } };
  assert.deepEqual(differences(one, three, two), []);
  const doubled = {
    files: { log: '3\n4\n', 'out/3': '', 'out/4': '' },
    tables: { 'main/t': ['{"at":3,"n":2}'] },
    result: { at: 3 },
  };
  assert.deepEqual(differences(one, doubled, two), [
    'file file:log: 4 bytes, 2 lines: "3\\n4\\n"',
    'file file:out: 2 of them: out/3, out/4',
    'rows table:main/t: 1 rows, with {"n":2}',
  ]);
});

test('requests are counted by key; reads are not; an effect past ctx is counted by its line', () => {
  const post = { method: 'POST', url: 'http://x/' };
  assert.deepEqual(differences({ requests: [post] }, { requests: [post, post] }), ['request POST http://x/: twice']);
  assert.deepEqual(differences({ requests: [post] }, {}), ['request POST http://x/: never']);
  const keyed = { ...post, key: 'k' };
  assert.deepEqual(differences({ requests: [keyed] }, { requests: [keyed, keyed] }), []);
  const get = { method: 'GET', url: 'http://x/' };
  assert.deepEqual(differences({ requests: [get] }, { requests: [get, get] }), []);
  const append = { kind: 'outside', step: 'note', run: 'a', did: 'appendFile', target: '/log', at: 's.ts:3' } as const;
  assert.deepEqual(differences({ traces: [append] }, { traces: [append, append] }), ['effect appendFile /log: twice']);
  const same = { ...append, did: 'writeFile', content: 'digest' };
  assert.deepEqual(differences({ traces: [same] }, { traces: [same, same] }), []);
});

test('attempts of a step that stage different things are unsteady; one that was cut short is not', () => {
  const attempt = (run: string, ...targets: readonly string[]): readonly Trace[] => [
    { kind: 'code', step: 'report', use: 'report', run },
    ...targets.map((target) => ({ kind: 'staged', step: 'report', run, target, at: 's.ts:3' }) as const),
  ];
  const whole = attempt('b', 'file:1', 'file:2');
  assert.deepEqual(differences({}, { traces: [...attempt('a', 'file:1'), ...whole] }), []);
  assert.deepEqual(differences({}, { traces: [...attempt('a', 'file:9'), ...whole] }), [
    'unsteady file named anew by each attempt: file:1',
  ]);
});

test('the first rule that fits answers; as-counted tells a call that arrived from one that did not', () => {
  const question = {
    digest: 'd',
    kind: 'in-doubt',
    stepId: 'pay',
    findings: [{ resource: 'perform:pay/charge', kind: 'outcome-unknown' }],
  } as unknown as Question;
  const rules = [
    { step: 'other', answer: 'accept' },
    { kind: 'in-doubt', answer: 'as-counted', result: { ok: true } },
  ] as const;
  const arrived = [{ step: 'pay', method: 'POST', url: 'http://x/' }];
  assert.deepEqual(answerFor(rules, question, { arrived }), {
    digest: 'd',
    answer: 'happened',
    results: { 'perform:pay/charge': { ok: true } },
  });
  assert.deepEqual(answerFor(rules, question, { arrived: [] }), { digest: 'd', answer: 'repeat' });
  assert.equal(answerFor([rules[0]], question, { arrived }), undefined);
});

test('JUnit: a failure for what differs, skipped for what asks, texts escaped', () => {
  const one = { how: 'kill' as const, step: 'pay', point: 'p', differences: [], durationMs: 1500 };
  const difference = {
    kind: 'effect',
    what: 'a<b>&"c"\u0001',
    expected: 'once',
    found: 'twice',
    advice: 'no',
  } as const;
  const cases: readonly CaseReport[] = [
    { ...one, id: 'pay/p:1', outcome: 'same' },
    { ...one, id: 'pay/p:2', outcome: 'differs', differences: [difference] },
    { ...one, id: 'pay/p:3', outcome: 'asks', text: 'in-doubt' },
  ];
  const counts = { cases: 3, same: 1, asks: 1, differs: 1, stuck: 0 };
  const xml = junitOf({ name: 'plan', seed: 7, counts, cases, durationMs: 2000 } as unknown as CrashReport);
  assert.match(xml, /tests="3" failures="1" errors="0" skipped="1" time="2\.000"/);
  assert.match(xml, /<testcase classname="plan\.pay" name="pay\/p:1" time="1\.500"\/>/);
  assert.match(xml, /<failure type="differs" message="a&lt;b&gt;&amp;&quot;c&quot;�">/);
  assert.match(xml, /name="pay\/p:3" time="1\.500"><skipped message="in-doubt"\/>/);
});

test('kills of different steps share a run; what is of no step, twice or no kill has one of its own', () => {
  const steps = ['load', 'pay', 'tell', 'a', 'b', 'c', 'd', 'e', 'f'];
  const passed = new Map([
    ['load/claim.after', 1],
    ...steps.map((step) => [`${step}/seal.after`, 1] as const),
    ['pay/request.answer-lost', 1],
    ['job/verify.compared', 1],
    ['worker/lock.taken', 1],
  ]);
  const cases = chooseCases(passed, { ...CHOICE, everyHit: true, pairs: 1, freeze: false });
  const runs = togetherInRuns(cases);
  assert.deepEqual(
    runs
      .flat()
      .map(({ id }) => id)
      .toSorted(),
    cases.map(({ id }) => id).toSorted(),
    'each once',
  );
  const shared = runs.filter((run) => run.length > 1);
  assert.deepEqual(
    shared.map((run) => run.map(({ kills: [kill] }) => kill!.step)),
    [
      ['load', ...steps.slice(1, 8)],
      ['load', 'f'],
    ],
  );
  for (const [test] of runs.filter((run) => run.length === 1))
    assert.ok(test!.how !== 'kill' || test!.kills.length === 2 || /^(job|worker)\//.test(test!.id), test!.id);
});

test('what is of no step opens a run that later steps share, where the first process meets it', () => {
  const passed = new Map([
    ['job/verify.compared', 2],
    ['load/seal.after', 1],
    ['worker/lock.taken', 1],
    ['pay/seal.after', 1],
    ['job/release.after', 1],
  ]);
  const runs = togetherInRuns(chooseCases(passed, { ...CHOICE, everyHit: true }));
  assert.deepEqual(
    runs.map((run) => run.map(({ id }) => id)),
    [
      ['job/verify.compared:1', 'load/seal.after:1', 'pay/seal.after:1'],
      ['job/verify.compared:2'],
      ['worker/lock.taken:1'],
      ['job/release.after:1'],
    ],
  );
});

test('a worker is started with the options of its starter, but those of a test runner, with their values', () => {
  const given = [
    '--conditions=x',
    '--test',
    '--test-name-pattern',
    'a name',
    '--import',
    './a.mjs',
    '-e',
    '1 + 1',
    '-C',
    'y',
  ];
  assert.deepEqual(shareableArguments(given), ['--conditions=x', '--import', './a.mjs', '-C', 'y']);
});

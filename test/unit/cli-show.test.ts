import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changes } from '../../src/cli/follow.ts';
import { whoDecides } from '../../src/cli/person.ts';
import { showPreview, showUndoes } from '../../src/cli/show-preview.ts';
import { showQuestion } from '../../src/cli/show-question.ts';
import { showStatus } from '../../src/cli/show-status.ts';
import { ago, bytes, table } from '../../src/cli/table.ts';
import type { Style, Terminal } from '../../src/cli/terminal.ts';
import { previewDecision } from '../../src/client.ts';
import { undoesOf } from '../../src/client/preview.ts';
import { sha256Hex } from '../../src/model/digest.ts';
import { offeredAnswers, questionDigest, type Question } from '../../src/model/question/question.ts';
import type { Finding } from '../../src/model/question/finding.ts';
import type { JobStatus } from '../../src/model/job/status.ts';

const plain = { isInteractive: false, style: (_style: Style, text: string) => text } as Terminal;
/** Marks where a terminal would show colours. */
const marked = {
  isInteractive: false,
  style: (style: Style, text: string) => `<${String(style)}>${text}</>`,
} as Terminal;

function finding(fields: Partial<Finding> & Pick<Finding, 'resource'>): Finding {
  return {
    class: 'discrepancy',
    kind: 'changed',
    expected: { digest: sha256Hex('a'), text: '3 bytes' },
    found: { digest: sha256Hex('b'), text: '4 bytes' },
    recordedBy: { stepId: 'report', generation: 0, seq: 4, at: '2026-01-01T00:00:00.000Z' },
    staleSteps: [],
    rerunSteps: [],
    difference: '',
    answers: offeredAnswers(fields.class ?? 'discrepancy'),
    ...fields,
  };
}

function question(findings: readonly Finding[], fields: Partial<Question> = {}): Question {
  return {
    schemaVersion: 1,
    digest: questionDigest('nonce', findings),
    nonce: 'nonce',
    jobId: 'j@1',
    kind: findings[0]!.class,
    openedAt: '2026-01-01T00:00:00.000Z',
    why: 'first-of-run: the job starts',
    findings: [...findings],
    findingsTotal: findings.length,
    ...fields,
  };
}

const FILE = finding({
  resource: 'file:report.md',
  staleSteps: ['chart'],
  rerunSteps: ['chart'],
  difference: '@@ -1 +1 @@\n-old\n+new',
});
const SCHEMA = finding({
  resource: 'schema:main/weather',
  kind: 'schema-changed',
  answers: offeredAnswers('discrepancy', ['restore']),
});

test('a question shows both sides, the difference, what each answer does, and three ways to answer', () => {
  const asked = question([FILE]);
  const text = showQuestion(plain, 'j', asked);
  const digest = asked.digest.slice(0, 12);
  assert.match(text, new RegExp(`^Question ${digest}: one thing differs from the record$`, 'm'));
  assert.match(text, /^ {3}expected {2}3 bytes {2}\(step report, record 4, 2026-01-01T00:00:00\.000Z\)$/m);
  assert.match(text, /^ {3}found {5}4 bytes$/m);
  assert.match(text, /^ {3}used by {3}chart$/m);
  assert.match(text, /^ {3}-old\n {3}\+new$/m);
  assert.match(text, /^ {2}accept {4}report\.md stays as it is now, .* used what was there before: chart\.$/m);
  assert.match(text, /^ {2}restore {3}report\.md is put back as recorded/m);
  assert.match(text, /^ {2}rerun {5}report\.md stays as it is now\. Step chart is undone and runs again with it\.$/m);
  assert.match(text, /^ {2}abort {5}End the job as failed\. .*--compensate/m);
  assert.match(text, /^ {3}\(- expected, \+ found\)\n {3}@@/m);
  assert.match(text, new RegExp(`^  holdfast decide j ANSWER --question ${digest} --reason WHY$`, 'm'));
  assert.ok(
    text.includes(
      `temporal workflow signal --workflow-id j --name decide --input '{"digest":"${asked.digest}","answer":"ANSWER"`,
    ),
  );
  assert.match(text, /^ {2}ANSWER stands for one of accept, restore, rerun, recheck, abort; WHY for your reason/m);
  const remade = showQuestion(plain, 'j', question([{ ...FILE, rerunSteps: ['report', 'chart'] }]));
  assert.match(remade, /^ {2}rerun .* run again: that makes report\.md anew, and replaces what is there now\.$/m);
  const readAgain = showQuestion(plain, 'j', question([{ ...FILE, rerunSteps: ['report'], wasOnlyRead: true }]));
  assert.match(
    readAgain,
    /^ {2}rerun {5}report\.md stays as it is now\. Step report is undone and runs again with it\.$/m,
  );
  const where = showQuestion(plain, 'j', asked, { name: 'weather', workspace: '/work/weather' });
  assert.match(where, /^job j \(weather\) in \/work\/weather$/m);
  assert.match(where, /^every step waits for the answer, and nothing of this is changed until then$/m);
});

test('differences are coloured line by line', () => {
  const text = showQuestion(marked, 'j', question([FILE]));
  assert.ok(text.includes('<cyan>@@ -1 +1 @@</>') && text.includes('<red>-old</>') && text.includes('<green>+new</>'));
});

test('findings that offer different answers say so one by one, and each answer is explained once', () => {
  const text = showQuestion(plain, 'j', question([FILE, SCHEMA]));
  assert.match(text, /^1\. file:report\.md {2}changed$/m);
  assert.match(text, /^ {3}answers {3}accept, restore, rerun, recheck, abort$/m);
  assert.match(text, /^ {3}answers {3}accept, rerun, recheck, abort$/m);
  assert.equal(text.match(/What is there now is right/g)?.length, 1);
  assert.match(text, /^ {3}rerun {5}runs again chart; what is there now stays$/m);
  assert.match(text, /^ {2}abort .*\(the whole question only\)$/m);
  assert.match(text, /--item 'file:report\.md=ANSWER' \\\n +--item 'schema:main\/weather=ANSWER'\n/);
});

test('a cut question says that there is more', () => {
  assert.match(showQuestion(plain, 'j', question([FILE], { findingsTotal: 30 })), /… and 29 more findings/);
});

test('a preview states the effect on all four that remember, what runs again and what is left stale', () => {
  const asked = question([FILE, SCHEMA]);
  const preview = previewDecision(asked, { digest: asked.digest, answer: 'accept', by: 'a', reason: 'b' });
  const text = showPreview(plain, asked, preview);
  assert.match(text, /^FINDING +ANSWER +INTENT +MANIFEST +LEDGER +WORKFLOW$/m);
  assert.match(text, /^file:report\.md +accept +- +what was found becomes the record +decision +compares again$/m);
  assert.match(text, /used the old content: chart$/m);
  const rerun = previewDecision(asked, { digest: asked.digest, answer: 'rerun', by: 'a', reason: 'b' });
  assert.match(showPreview(plain, asked, rerun), /Run again: chart/);
  assert.match(text, /^ {2}file:report\.md, accept: report\.md stays as it is now/m);
  assert.match(
    showPreview(plain, asked, previewDecision(asked, { digest: asked.digest, answer: 'abort', by: 'a', reason: 'b' })),
    /The job ends as failed/,
  );
});

test('a preview of a decision that cannot be used says why', () => {
  const asked = question([FILE, SCHEMA]);
  const preview = previewDecision(asked, { digest: asked.digest, answer: 'restore', by: 'a', reason: 'b' });
  assert.equal(preview.usable, false);
  assert.match(
    showPreview(plain, asked, preview),
    /cannot be used .*\n {2}restore is not offered for schema:main\/weather/,
  );
});

test('a preview of an approval names what would be done', () => {
  const found = { digest: sha256Hex('i'), text: 'remove notes.txt' };
  const asked = question([finding({ resource: 'intent:clean', class: 'approval', kind: 'approval', found })], {
    stepId: 'clean',
    kind: 'approval',
  });
  const preview = previewDecision(asked, { digest: asked.digest, answer: 'approve', by: 'a', reason: 'b' });
  assert.match(showPreview(plain, asked, preview), /^ {2}approve: remove notes\.txt\. Exactly the changes shown/m);
});

test('a preview of rejecting an approval says that the step runs again', () => {
  const asked = question([finding({ resource: 'intent:send', class: 'approval', kind: 'approval' })], {
    stepId: 'send',
    kind: 'approval',
  });
  const preview = previewDecision(asked, { digest: asked.digest, answer: 'reject', by: 'a', reason: 'b' });
  assert.ok(preview.usable);
  assert.deepEqual(preview.runsAgain, ['send']);
});

const STATUS: JobStatus = {
  schemaVersion: 1,
  jobId: 'j@1',
  workflowId: 'j',
  name: 'greet',
  workspace: 'ws',
  state: 'running',
  term: 1,
  seq: 1,
  steps: [
    { id: 'gather', step: 'gather', generation: 0, state: 'done', effects: '1 file' },
    { id: 'chart', step: 'draw', generation: 2, state: 'running', effects: '' },
  ],
  questions: [],
  refusals: [],
  verifications: { count: 1, last: 'first-of-run' },
};

test('a status shows each step and, when it waits, what to type', () => {
  assert.equal(
    showStatus(plain, STATUS),
    [
      'j  running',
      'greet · workspace ws · 2 steps so far, 1 done · world compared once (the Run begins)',
      '  ✔ gather  done      1 file',
      '  ▶ chart   running   draw · third try',
    ].join('\n'),
  );
  const waiting = showStatus(plain, {
    ...STATUS,
    state: 'waiting',
    questions: [question([FILE])],
    refusals: [{ by: 'eve', problems: ['no such question'], question: null }],
  });
  assert.match(waiting, /^j {2}waiting for a decision$/m);
  assert.match(waiting, /^ {2}file:report\.md \(changed\)$/m);
  assert.match(waiting, /^ {2}decide: {2}holdfast decide j$/m);
  assert.match(waiting, /^ {2}by eve: no such question$/m);
});

test('a plan’s status counts the steps that have not begun; of many steps the latest are shown, or all', () => {
  const steps = Array.from({ length: 300 }, (_, place) => ({
    id: `s${place}`,
    step: 'file.write',
    generation: 0,
    state: place === 3 ? ('stuck' as const) : ('done' as const),
    effects: '',
  }));
  const lines = showStatus(plain, { ...STATUS, steps, planned: 400 }).split('\n');
  assert.match(lines[1]!, / · 299 of 400 steps are done · /);
  assert.equal(lines[2], '  … 249 more that are done: holdfast status j --full');
  assert.match(lines[3]!, /^ {2}✖ s3 +stuck/);
  assert.equal(lines.length, 2 + 1 + 51);
  assert.equal(showStatus(plain, { ...STATUS, steps, planned: 400 }, true).split('\n').length, 2 + 300);
});

test('without a terminal a watch prints what has changed, one line each', () => {
  const asked = question([FILE]);
  assert.deepEqual(changes(undefined, STATUS), [
    'j (greet) is running',
    '✔ gather: done · 1 file',
    '▶ chart · third try: running',
  ]);
  const waiting: JobStatus = { ...STATUS, state: 'waiting', questions: [asked] };
  assert.deepEqual(changes(STATUS, waiting), [
    `? question ${asked.digest.slice(0, 12)}: one thing differs from the record. Look: holdfast question j`,
    'j is waiting for a decision',
  ]);
  assert.deepEqual(changes(waiting, { ...STATUS, state: 'completed' }), [
    `  question ${asked.digest.slice(0, 12)} is closed`,
    'j is completed',
  ]);
  assert.deepEqual(changes(STATUS, STATUS), []);
});

test('who decides: what is given, else git, else the user of this host', () => {
  assert.equal(whoDecides({ cwd: '/', env: {} }, 'ada@example.com'), 'ada@example.com');
  const git = {
    PATH: process.env['PATH'],
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'user.email',
    GIT_CONFIG_VALUE_0: 'grace@example.com',
  };
  assert.equal(whoDecides({ cwd: '/', env: git }, undefined), 'grace@example.com');
  assert.match(whoDecides({ cwd: '/', env: { PATH: '', USER: 'lin' } }, undefined), /^lin@/);
});

test('tables, ages and sizes', () => {
  assert.equal(
    table(
      ['A', 'LONG'],
      [
        ['xyz', 'b'],
        ['', 'c'],
      ],
    ),
    'A    LONG\nxyz  b\n     c',
  );
  const now = Date.parse('2026-01-02T00:00:00Z');
  assert.deepEqual(
    [
      '2026-01-02T00:00:00Z',
      '2026-01-01T23:59:00Z',
      '2026-01-01T23:00:00Z',
      '2026-01-01T10:00:00Z',
      '2025-12-20T00:00:00Z',
    ].map((at) => ago(at, now)),
    ['just now', '60 s ago', '60 min ago', '14 h ago', '13 d ago'],
  );
  assert.deepEqual([0, 9_999, 20_480, 1_048_576 * 3.5].map(bytes), ['0 bytes', '9999 bytes', '20.0 KiB', '3.5 MiB']);
});

test('a call in doubt shows what was to be sent and how its answer is given; a dry run says what that does', () => {
  const call = finding({
    resource: 'perform:pay/charge',
    class: 'in-doubt',
    kind: 'outcome-unknown',
    difference: 'what was about to be sent:\n{ "amount": 7 }',
  });
  const asked = question([call], { stepId: 'pay' });
  const text = showQuestion(plain, 'j', asked);
  assert.match(text, /^Question [0-9a-f]{12}: a call of step pay: did it happen\?$/m);
  assert.match(text, /^ {3}\{ "amount": 7 \}$/m);
  assert.match(text, /^ {2}holdfast decide j happened --result 'JSON' --question [0-9a-f]{12} --dry-run$/m);
  assert.ok(text.includes('"answer":"ANSWER","result":null,'), text);
  const by = { by: 'reader@example.com', reason: 'test' };
  const preview = showPreview(
    plain,
    asked,
    previewDecision(asked, { digest: asked.digest, answer: 'happened', result: 1, ...by }),
  );
  assert.match(preview, /perform:pay\/charge +happened +- +- +decision, the call's answer +asks the step again/);
  assert.match(
    showPreview(plain, asked, previewDecision(asked, { digest: asked.digest, answer: 'happened', ...by })),
    /cannot be used[\s\S]*needs what the call answered/,
  );
});

test('a step that runs again shows which of its calls keep their answers, and which are made anew', () => {
  const asked = question([
    finding({ resource: 'file:report.md', rerunSteps: ['pay'], keeps: ['perform:pay/charge', 'perform:pay/mail'] }),
  ]);
  assert.match(
    showQuestion(plain, 'j', asked),
    new RegExp(
      'kept {6}perform:pay/charge, perform:pay/mail: cannot be undone; ' +
        "made anew with --item 'perform:pay/charge=repeat'",
    ),
  );
  const preview = showPreview(
    plain,
    asked,
    previewDecision(asked, {
      digest: asked.digest,
      answer: 'rerun',
      items: { 'perform:pay/mail': 'repeat' },
      by: 'a',
      reason: 'b',
    }),
  );
  assert.match(preview, /Not made anew, their answers are kept: perform:pay\/charge\n {2}Made anew: perform:pay\/mail/);
});

test('without the record a preview of an undoing promises no more than the Workflow knows', () => {
  const steps = [{ id: 'book', step: 'book', generation: 0, state: 'done', effects: '1 file, 2 statements, 1 call' }];
  const [undo] = undoesOf({ steps } as unknown as JobStatus);
  assert.deepEqual(
    undo!.leaves.map(({ what }) => what),
    ['2 statements', '1 call'],
  );
  const [line] = showUndoes(plain, [undo!]).filter((text) => text.includes('stays: 2 statements'));
  assert.match(line!, /unless the step gave an undo, which only the record tells: run this where the workspace is/);
});

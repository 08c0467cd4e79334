/** A question is answered by somebody who knows nothing of Holdfast: its text alone must be enough. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NamespaceNotFoundError } from '@temporalio/common';
import { showPreview } from '../../src/cli/show-preview.ts';
import { showQuestion } from '../../src/cli/show-question.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import { previewDecision } from '../../src/client.ts';
import { translateFailure } from '../../src/client/failures.ts';
import { sha256Hex } from '../../src/model/digest.ts';
import { HoldfastError } from '../../src/model/failure.ts';
import type { Finding } from '../../src/model/question/finding.ts';
import { questionMarkdown } from '../../src/model/question/question-text.ts';
import { wayToName } from '../../src/model/question/unrepeatable.ts';
import { againText, tryText } from '../../src/model/record/try-text.ts';
import { ABSENT } from '../../src/model/record/world.ts';
import { unsavedQuestion } from '../../src/protocol/question/ask.ts';
import { discrepancyFinding } from '../../src/protocol/question/discrepancy.ts';
import { notCarriedOutFinding } from '../../src/protocol/question/ledger.ts';
import { unseenFinding } from '../../src/protocol/question/unseen.ts';
import { ALL, FILE } from '../support/finding-samples.ts';

const plain = { isInteractive: false, style: (_: unknown, text: string) => text } as Terminal;

function textOf(findings: readonly Finding[]): string {
  return showQuestion(plain, 'j', unsavedQuestion({ jobId: 'job', why: 'a new worker: host', findings }));
}

function gone(path: string): Finding {
  return discrepancyFinding({
    resource: `file:${path}`,
    expected: FILE,
    found: ABSENT,
    recorded: undefined,
    staleSteps: [],
    rerunSteps: ['make'],
    difference: `-line of ${path}`,
    isRestorable: true,
  });
}

test('a finding whose name is a riddle says in words what it means, in the terminal and in Markdown', () => {
  const riddles = /^(token|ledger|target|performed|outcome|ahead|undone|watch|database|inputs)-|^changed-since$/;
  const named = ALL.filter(({ kind }) => riddles.test(kind));
  assert.ok(named.length > 12);
  for (const one of named) {
    const question = unsavedQuestion({ jobId: 'job', why: '', findings: [one] });
    assert.match(textOf([one]), new RegExp(`  ${one.kind}: \\w`));
    assert.match(questionMarkdown(question, 'j').join('\n'), new RegExp(`: ${one.kind}: \\w`));
  }
});

test('no advice names an answer that the finding does not offer', () => {
  const endings = ['permission-denied', 'missing-variable', 'step-failed', 'unknown-table'] as const;
  const failures = endings.map((type) => notCarriedOutFinding(new HoldfastError(type, 'no')));
  for (const { advice = '', answers, kind } of [...ALL, ...failures])
    for (const [, named] of advice.matchAll(/`(\w+)`/g))
      if (named === 'rerun' || named === 'restore') assert.ok(answers.includes(named), `${kind}: ${advice}`);
});

test('a link that leads out of the workspace is not a matter of permissions', () => {
  const link = { outcome: 'unreadable', reason: 'a symbolic link leads "out" out of the workspace' } as const;
  assert.match(unseenFinding('file:out/a', { ...link, leadsOutside: true }, undefined).advice!, /place of the link/);
  assert.match(unseenFinding('file:a', { outcome: 'unreadable', reason: 'EACCES' }, undefined).advice!, /access/);
});

test('many files gone from one folder are one thing with their count, a few are shown each', () => {
  const many = Array.from({ length: 20 }, (_, index) => gone(`docs/page-${index}.md`));
  const text = textOf([gone('readme.md'), ...many]);
  assert.match(text, /^1\. file:readme\.md {2}missing$/m);
  assert.match(text, /^2\. 20 files in docs\/ {2}missing$/m);
  assert.match(text, /^ {3}found {5}not there\n {3}which {5}page-0\.md, .*page-9\.md and 10 more$/m);
  assert.ok(text.split('\n').length < 40, text);
  assert.doesNotMatch(text, /line of docs/);
  const few = textOf(many.slice(0, 3));
  assert.match(few, /^3\. file:docs\/page-2\.md {2}missing$/m);
  assert.match(few, /-line of docs\/page-2\.md/);
});

test('files that were answered for differently are not shown as one', () => {
  const many = Array.from({ length: 5 }, (_, index) => gone(`docs/page-${index}.md`));
  const text = textOf([...many, { ...gone('docs/lost.md'), answers: ['accept', 'recheck', 'abort'] }]);
  assert.match(text, /^1\. 5 files in docs\//m);
  assert.match(text, /^6\. file:docs\/lost\.md/m);
});

test("a failure's message is told once", () => {
  const stuck = ALL.find(({ kind }) => kind === 'step-cannot-go-on')!;
  assert.equal(textOf([stuck]).split('wrong').length, 2);
});

test('a step that is begun anew is at its second try, and the first is not counted', () => {
  assert.deepEqual([0, 1, 2, 7].map(tryText), ['', 'second try', 'third try', '8th try']);
  assert.deepEqual([0, 1].map(againText), ['', ' · second try']);
});

test('rows that cannot be read for one reason are one thing, and nobody takes them for gone', () => {
  const reason = 'Database books: permission denied for table invoice (SQLSTATE 42501).';
  const rows = [1, 2, 3].map((id) =>
    unseenFinding(`row:books/invoice/{"id":${id}}`, { outcome: 'unreadable', reason }, undefined),
  );
  const text = textOf([...rows, unseenFinding('file:a', { outcome: 'unreadable', reason: 'EACCES' }, undefined)]);
  assert.match(text, /^1\. 3 rows of books\/invoice {2}unreadable: .*nobody knows whether it has changed$/m);
  assert.equal(text.split('permission denied').length, 2, text);
  assert.match(text, /^ {3}which {5}\{"id":1\}, \{"id":2\}, \{"id":3\}$/m);
  assert.match(text, /^4\. file:a {2}unreadable/m);
});

test('of a step that cannot go on, and of a call in doubt, only what is known is told', () => {
  const stuck = textOf([ALL.find(({ kind }) => kind === 'step-cannot-go-on')!]);
  assert.match(stuck, /^ {3}failed {4}/m);
  assert.doesNotMatch(stuck, /^ {3}expected/m);
  const doubt = textOf([ALL.find(({ kind, answers }) => kind === 'outcome-unknown' && answers.includes('repeat'))!]);
  assert.match(doubt, /^ {3}known {5}begun .*; whether it happened is not known$/m);
  assert.match(doubt, /^ {2}holdfast decide j happened --result 'JSON' --question \w{12} --reason WHY$/m);
  assert.doesNotMatch(doubt, /^ {3}expected/m);
});

test('a preview says of what a step makes anew that it is replaced, and of the rest that it stays', () => {
  const state = (of: string) => ({ kind: 'file', content: sha256Hex(of), sizeBytes: 1, mode: 0o644 }) as const;
  const changed = (resource: string, by: string, rerunSteps: string[]): Finding =>
    discrepancyFinding({
      resource,
      expected: FILE,
      found: state(resource),
      recorded: { resource, digest: null as never, state: FILE, role: 'written', seq: 1, at: '', stepId: by } as never,
      staleSteps: rerunSteps,
      rerunSteps,
      difference: '',
      isRestorable: true,
    });
  const asked = unsavedQuestion({
    jobId: 'job',
    why: '',
    findings: [changed('file:config.json', 'settings', ['report']), changed('file:report.md', 'report', ['report'])],
  });
  const preview = previewDecision(asked, { digest: asked.digest, answer: 'rerun', by: 'a', reason: 'b' });
  assert.ok(preview.usable);
  assert.deepEqual(preview.replaced, ['file:report.md']);
  const text = showPreview(plain, asked, preview);
  assert.match(text, /^ {2}file:report\.md, rerun: step report runs again .*what is there now is replaced \(stored/m);
  assert.match(text, /is replaced \(stored first, under \.holdfast\/blobs\)$/m);
  assert.match(text, /^ {2}file:config\.json, rerun: config\.json stays as it is now\./m);
});

test('what follows from a whole database that is another one is told once, with the place of that finding', () => {
  const kinds = ['database-replaced', 'token-missing', 'database-restored'] as const;
  const [replaced, token, restored] = kinds.map((kind) => ALL.find((one) => one.kind === kind)!);
  const name = replaced!.resource.slice('database:'.length);
  const lost = { ...token!, resource: `token:${name}/${sha256Hex('a')}` };
  const text = textOf([replaced!, lost, { ...restored!, resource: replaced!.resource }]);
  assert.match(text, /^ {3}advice {4}Most likely for the same reason as 1: see there first\.$/m);
  assert.doesNotMatch(text, /has lost its note that/);
  assert.match(textOf([lost]), /has lost its note that/);
});

test('answers that change something stand first, and those that every question has, last', () => {
  const unreadable = unseenFinding('file:a', { outcome: 'unreadable', reason: 'EACCES' }, undefined);
  const answers = textOf([unreadable, gone('b.txt')]).split('\nAnswers\n')[1]!;
  assert.deepEqual(
    [...answers.split('\n\n')[0]!.matchAll(/^ {2}(\w+) /gm)].map(([, answer]) => answer),
    ['accept', 'restore', 'rerun', 'recheck', 'abort'],
  );
});

test('at a terminal long sentences are broken under where they begin, and elsewhere a line stays one', () => {
  const narrow = { ...plain, isTty: true, columns: 60 } as Terminal;
  const asked = unsavedQuestion({ jobId: 'job', why: '', findings: [gone('a.txt')] });
  const lines = showQuestion(narrow, 'j', asked).split('\n');
  const at = lines.findIndex((line) => line.startsWith('  abort'));
  assert.match(lines[at]!, /^ {2}abort {5}End the job as failed\./);
  assert.match(lines[at + 1]!, /^ {12}\S/);
  assert.ok(lines.slice(at, at + 2).every((line) => line.length <= 60));
  assert.match(textOf([gone('a.txt')]), /^ {2}abort {5}End .*newest first\.$/m);
});

test('a name with an apostrophe is pasted whole, wherever a question says what to type', () => {
  const call = "perform:pay/it's";
  const statements = "statements:it's";
  const one = { ...gone('a'), keeps: [call], repeats: [{ name: statements, text: '1 statement' }] };
  const doubts = ["don't", "can't"].map((name): Finding => ({
    ...gone('a'),
    resource: `perform:pay/${name}`,
    answers: ['happened', 'recheck', 'abort'],
    kind: 'outcome-unknown',
    class: 'in-doubt',
  }));
  const text = textOf([one, { ...gone("b'c"), resource: "file:b'c" }]);
  const said = [
    String.raw`--item 'perform:pay/it'\''s=repeat'`,
    String.raw`--item 'statements:it'\''s=repeat'`,
    String.raw`--item 'file:b'\''c=ANSWER'`,
  ];
  for (const typed of said) assert.ok(text.includes(typed), `${typed} in ${text}`);
  assert.ok(textOf(doubts).includes(String.raw`--result 'perform:pay/don'\''t=JSON'`), textOf(doubts));
  assert.ok(wayToName(statements).includes(String.raw`--item 'statements:it'\''s=repeat', in`), wayToName(statements));
  const missing = translateFailure(new NamespaceNotFoundError("it's"), { namespace: "it's", address: 'a' });
  assert.ok(String(missing).includes(String.raw`--namespace 'it'\''s'`), String(missing));
  assert.match(wayToName('statements:"a"'), /\{"statements:\\"a\\"": "repeat"\}/);
});

/** A question is answered by somebody who knows nothing of Holdfast: its text alone must be enough. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { showQuestion } from '../../src/cli/show-question.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import { HoldfastError } from '../../src/model/failure.ts';
import type { Finding } from '../../src/model/question/finding.ts';
import { questionMarkdown } from '../../src/model/question/question-text.ts';
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
  assert.match(text, /^ {3}found {5}not there: page-0\.md, .*page-9\.md and 10 more$/m);
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

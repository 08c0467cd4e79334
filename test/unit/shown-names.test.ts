/** Names that look the same show how they differ, wherever a person is asked; what is copied names the same thing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resultsOf } from '../../src/cli/decide.ts';
import { showQuestion } from '../../src/cli/show-question.ts';
import type { Style, Terminal } from '../../src/cli/terminal.ts';
import type { Finding } from '../../src/model/question/finding.ts';
import { questionDigest, type Question } from '../../src/model/question/question.ts';
import { questionMarkdown } from '../../src/model/question/question-text.ts';
import { nameOfShown, shownName } from '../../src/model/question/shown-names.ts';
import { signalCommand } from '../../src/model/question/signal-command.ts';
import { ABSENT } from '../../src/model/record/world.ts';
import { approvalFinding } from '../../src/protocol/question/approval.ts';
import { discrepancyFinding } from '../../src/protocol/question/discrepancy.ts';
import { FILE } from '../support/finding-samples.ts';

const terminal = { isInteractive: false, style: (_style: Style, text: string) => text } as Terminal;
const DIGEST = 'd'.repeat(64);

function about(resources: readonly string[], rerunSteps: readonly string[] = []): Question {
  const findings = resources.map((resource) =>
    discrepancyFinding({
      resource,
      expected: FILE,
      found: ABSENT,
      recorded: undefined,
      staleSteps: [],
      rerunSteps,
      difference: '',
      isRestorable: true,
    }),
  );
  return asking(findings);
}

function asking(findings: Finding[]): Question {
  const digest = questionDigest('nonce', findings);
  const common = { schemaVersion: 1, nonce: 'nonce', jobId: 'j', openedAt: 'now', why: 'why' } as const;
  return { ...common, digest, kind: findings[0]!.class, findings, findingsTotal: findings.length };
}

/** On the command line, and in Temporal's UI. */
function shownIn(question: Question): string {
  const signal = signalCommand('j', question);
  const shown = `${showQuestion(terminal, 'j', question)}\n${questionMarkdown(question, 'j').join('\n')}`;
  return shown.replaceAll(signal, '');
}

const NAMES = {
  'a decomposed letter': ['file:cafe\u0301.md', 'file:cafe<U+0301>.md'],
  'a letter of another script among Latin ones': ['file:p\u0430y.md', 'file:p\u0430<U+0430>y.md'],
  'an invisible character': ['file:pay\u200b.md', 'file:pay<U+200B>.md'],
  'a bidirectional mark': ['file:gpj\u202e.exe', 'file:gpj<U+202E>.exe'],
  'a line break': ['file:a\nb', 'file:a<U+000A>b'],
  'a blank at the end': ['file:pay.md ', 'file:pay.md␠'],
  'a row’s key': ['row:main/note/{"id":"p\u0430y"}', 'row:main/note/{"id":"p\u0430<U+0430>y"}'],
  'a step’s name': ['perform:p\u0430y/charge', 'perform:p\u0430<U+0430>y/charge'],
} as const;

for (const [what, [name, shown]] of Object.entries(NAMES))
  test(`a question shows in a name what can't be seen: ${what}`, () => {
    const text = shownIn(about([name, 'file:other'], [name.slice(5)]));
    assert.ok(text.includes(shown), text);
    assert.ok(!text.includes(name), text);
    assert.equal(nameOfShown(shown), name);
    const pasted = /--input '(.*)'/s.exec(signalCommand('j', about([name])))?.[1];
    assert.ok(pasted !== undefined && JSON.parse(pasted) !== null);
  });

test('two names that look the same are told apart, in either script; a name alone stays as it is', () => {
  const [greek, cyrillic] = ['file:\u03bf\u03bf', 'file:\u043e\u043e'];
  const both = shownIn(about([greek, cyrillic]));
  assert.ok(both.includes('\u03bf<U+03BF>') && both.includes('\u043e<U+043E>'), both);
  assert.ok(shownIn(about([greek, 'file:other'])).includes(`${greek}  `));
  const blanks = shownIn(about(['file:a b', 'file:a  b']));
  assert.ok(blanks.includes('file:a␠b') && blanks.includes('file:a␠␠b'), blanks);
  for (const plain of ['file:café.md', 'file:отчёт.md', 'file:レポート.md', 'file:a b.md'])
    assert.ok(shownIn(about([plain, 'file:other'])).includes(plain), plain);
});

test('an approval names two files that look the same apart; what is in them is shown as before', () => {
  const created = ['pay', 'p\u0430y'].map((path) => ({
    kind: 'file.write' as const,
    path,
    before: ABSENT,
    after: FILE,
  }));
  const differences = ['@@ -0,0 +1 @@\n+p\u0430y', ''];
  const shown = shownIn(asking([approvalFinding({ stepId: 's', effects: created as never }, DIGEST, differences)]));
  assert.ok(shown.includes('create p\u0430<U+0430>y (1 bytes)') && shown.includes('+p\u0430y'), shown);
});

test('a name is given back as it was shown', () => {
  assert.deepEqual(resultsOf(['perform:p\u0430<U+0430>y/charge=1', 'perform:b/c=2']), {
    results: { 'perform:p\u0430y/charge': 1, 'perform:b/c': 2 },
  });
  assert.equal(shownName(nameOfShown('e<U+0301>')), 'e<U+0301>');
});

/** What the world holds stays text in the Markdown that Temporal's UI renders. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fenced, inlineCode, inlineText } from '../../src/model/markdown.ts';
import { questionMarkdown } from '../../src/model/question/question-text.ts';
import { arbitraryFindings, questionOf } from './question-arbitrary.ts';

const line = fc.string({ unit: fc.constantFrom('`', '~', '*', 'a', ' ', '[', '](x)', '<b>') });

test('no line within a block of code ends it', () => {
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const [open, ...rest] = fenced('diff', lines);
      const close = rest.pop();
      assert.equal(open, `${close}diff`);
      assert.deepEqual(rest, lines);
      assert.ok(rest.every((one) => !one.includes(close!)));
    }),
  );
});

test('a text with markup is code, a plain one stays as it is', () => {
  assert.equal(inlineText('12 bytes (0a1b2c)'), '12 bytes (0a1b2c)');
  assert.equal(inlineText('see [this](http://x)'), '`see [this](http://x)`');
  assert.equal(inlineText('a `b` c'), '``a `b` c``');
  assert.equal(inlineCode('`'), '`` ` ``');
});

test('a changed README with code of its own does not end the block of its question', () => {
  const difference = '@@ -1,1 +1,1 @@\n-one\n+two\n ```sh\n [click](http://example.com) <img src=x>\n ```';
  const [finding] = fc.sample(arbitraryFindings, { numRuns: 1, seed: 1 })[0]!;
  const text = questionMarkdown(questionOf([{ ...finding!, difference }]), 'job').join('\n');
  assert.match(text, /\n {2}````diff\n {2}@@ -1,1 \+1,1 @@\n[\s\S]*\n {3}```\n {2}````\n/);
});

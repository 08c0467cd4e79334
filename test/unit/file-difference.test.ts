import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeFileDifference } from '../../src/effects/files/difference.ts';
import { sha256Hex } from '../../src/model/digest.ts';
import { ABSENT, type FileState } from '../../src/model/record/world.ts';

const contents = new Map<string, Uint8Array>();
function file(content: string | Uint8Array, mode = 0o644): FileState {
  const bytes = Buffer.from(content);
  contents.set(sha256Hex(bytes), bytes);
  return { kind: 'file', sizeBytes: bytes.byteLength, mode, content: sha256Hex(bytes) };
}
const describe = (expected: FileState, found: FileState, options = {}) =>
  describeFileDifference(expected, found, (digest) => Promise.resolve(contents.get(digest)), options);

test('a changed text is shown line by line, with its mode', async () => {
  const { summary, text, isCut } = await describe(file('one\ntwo\nthree\n'), file('one\n2\nthree\n', 0o755));
  assert.match(summary, /^mode 0644 → 0755; 14 bytes \(\w{12}\) → 12 bytes \(\w{12}\); 1 line added, 1 removed$/);
  assert.equal(text, '@@ -1,3 +1,3 @@\n one\n-two\n+2\n three');
  assert.equal(isCut, false);
});

test('a change of kind is said in words', async () => {
  assert.equal(
    (await describe(file('x'), { kind: 'directory', mode: 0o755 })).summary,
    'a file (mode 0644) was replaced by a folder (mode 0755)',
  );
  assert.match((await describe(file('x\n'), ABSENT)).summary, /^missing: was a file/);
  assert.equal(
    (await describe({ kind: 'symlink', target: 'a' }, { kind: 'symlink', target: 'b\u001b[2J' })).summary,
    'symbolic link "a" → "b<U+001B>[2J"',
  );
  assert.equal(
    (await describe({ kind: 'other', what: 'fifo' }, { kind: 'other', what: 'socket' })).summary,
    'fifo → socket',
  );
  assert.equal((await describe(file('x'), file('x'))).summary, 'no difference');
});

test('binary contents are named by size and digest', async () => {
  for (const bytes of [Buffer.from([1, 0, 2]), Buffer.from([0xff, 0xfe])]) {
    const { summary, text } = await describe(file('text'), file(bytes));
    assert.match(summary, /^binary, 4 bytes/);
    assert.equal(text, undefined);
  }
});

test('a content with many control characters is binary, though it has no zero byte', async () => {
  const controls = '\u0007'.repeat(300);
  const binary = [
    Buffer.from(`\u0089PNG\r\n\u001a\n${controls}`, 'latin1'),
    Buffer.from(controls),
    Buffer.from(`\ufeff${controls}`, 'utf16le'),
  ];
  for (const bytes of binary) {
    const { summary, text } = await describe(file('text'), file(bytes));
    assert.match(summary, /^binary, 4 bytes .* → \d+ bytes/);
    assert.equal(text, undefined);
  }
  for (const some of ['\u001b[1mbold\u001b[0m\n', '\f\t\r\n', 'a bell\u0007\n', '\u001b'.repeat(9)])
    assert.notEqual((await describe(file(''), file(some))).text, undefined, JSON.stringify(some));
});

test('nothing in a content acts on a terminal or hides', async () => {
  const { text } = await describe(file(''), file('\u001b]0;x\u0007 \u202edlroW\u200b\r\n\ttab\n'));
  assert.equal(text, '@@ -1,0 +1,2 @@\n+<U+001B>]0;x<U+0007> <U+202E>dlroW<U+200B>␍\n+\ttab');
});

test('what is shown is bounded, and says what it leaves out', async () => {
  const many = await describe(file(''), file('line\n'.repeat(10_000)), { maxLines: 5 });
  assert.equal(many.text?.split('\n').at(-1), '… 9996 more lines');
  assert.match(many.summary, /10000 lines added/);
  const wide = await describe(file(''), file('x'.repeat(100_000)));
  assert.ok(wide.isCut && wide.text!.length < 400 && wide.text!.includes('(100001 characters)'));
  const bytes = await describe(file(''), file('ü'.repeat(200).concat('\n').repeat(50)), { maxBytes: 2_000 });
  assert.ok(bytes.isCut && Buffer.byteLength(bytes.text!) <= 2_100);
  const lines = (prefix: string): string => Array.from({ length: 5_000 }, (_, index) => `${prefix}${index}\n`).join('');
  const different = await describe(file(lines('a')), file(lines('b')));
  assert.match(different.summary, /too different/);
});

test('a content that is too large is not even read, one that is gone is said to be', async () => {
  const large: FileState = { kind: 'file', sizeBytes: 2 ** 31, mode: 0o644, content: '0'.repeat(64) };
  assert.match((await describe(file('x'), large)).summary, /too large to compare/);
  assert.match((await describe(file('x'), { ...large, sizeBytes: 5 })).summary, /not in the store any more/);
  const read = await describe({ ...large, sizeBytes: 5 }, file('x'), { whyMissing: 'it was only read' });
  assert.match(read.summary, /; it was only read$/);
});

test('a change of encoding is shown: no byte hides behind a replacement, and a mark that goes is said', async () => {
  const latin = Buffer.from('x = 1\n# caf\xe9\n', 'latin1');
  const replaced = await describe(file(latin), file('x = 2\n# caf\ufffd\n'));
  assert.match(replaced.summary, /; encoding not UTF-8 → UTF-8; 2 lines added, 2 removed$/);
  assert.equal(replaced.text, '@@ -1,2 +1,2 @@\n-x = 1\n-# caf<E9>\n+x = 2\n+# caf\ufffd');
  const kept = await describe(file(latin), file(Buffer.from('x = 2\n# caf\xe9\n', 'latin1')));
  assert.match(kept.summary, /; not UTF-8: odd bytes are shown as <E9>; 1 line added, 1 removed$/);
  const unmarked = await describe(file('\ufeffa\n'), file('a\n'));
  assert.match(unmarked.summary, /; byte-order mark removed; /);
  assert.equal(unmarked.text, '@@ -1,1 +1,1 @@\n-<U+FEFF>a\n+a');
  const utf16 = await describe(file('a\n'), file(Buffer.from('\ufeffa\n', 'utf16le')));
  assert.match(utf16.summary, /; encoding UTF-8 → UTF-16; byte-order mark added; /);
});

test('lines that look the same and are not show what makes them differ', async () => {
  const lines = async (before: string, after: string): Promise<string> =>
    (await describe(file(before), file(after))).text!.split('\n').slice(1).join('\n');
  assert.equal(await lines('end\n', 'end  \t\n'), '-end\n+end␠␠␉');
  assert.equal(await lines('a b\n', 'a\u00a0b\n'), '-a b\n+a<U+00A0>b');
  assert.equal(await lines('\tx\n', '    x\n'), '-␉x\n+    x');
  assert.equal(await lines('caf\u00e9\n', 'cafe\u0301\n'), '-caf\u00e9<U+00E9>\n+cafe<U+0301>');
  assert.equal(await lines('admin\n', '\u0430dmin\n'), '-admin\n+\u0430<U+0430>dmin');
  assert.equal(await lines('naïve\n', 'naïf\n'), '-naïve\n+naïf', 'what looks different is left as it is');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { folderOfPattern, isFilePattern, matchesPattern } from '../../src/model/step/file-pattern.ts';

test('* stays in a folder, ** crosses folders, ? is one character, the rest is itself', () => {
  for (const [pattern, matches, misses] of [
    ['*.csv', ['a.csv', '.csv'], ['a/b.csv', 'a.csv.txt', 'acsv']],
    ['data/*.csv', ['data/a.csv'], ['a.csv', 'data/x/a.csv']],
    ['data/**/*.csv', ['data/a.csv', 'data/x/a.csv', 'data/x/y/a.csv'], ['a.csv', 'data/a.txt', 'other/data/a.csv']],
    ['**', ['a', 'a/b'], []],
    ['**/*.md', ['a.md', 'x/a.md'], ['a.mdx']],
    ['a?.txt', ['ab.txt', 'aé.txt', 'a😀.txt'], ['a.txt', 'a/.txt']],
    ['a+(b)[c].txt', ['a+(b)[c].txt'], ['aab.txt']],
  ] as const) {
    for (const path of matches) assert.equal(matchesPattern(pattern, path), true, `${pattern} matches ${path}`);
    for (const path of misses) assert.equal(matchesPattern(pattern, path), false, `${pattern} misses ${path}`);
  }
});

test('whatever matches lies below the folder of the pattern', () => {
  assert.deepEqual(['data/raw/*.csv', '*.csv', 'a/**/b', 'a/b?/c'].map(folderOfPattern), ['data/raw', '', 'a', 'a']);
  const part = fc.constantFrom('a', 'b', '*', '**', '?', 'a*');
  fc.assert(
    fc.property(
      fc.array(part, { minLength: 1, maxLength: 4 }),
      fc.array(fc.constantFrom('a', 'b', 'ab'), { minLength: 1, maxLength: 4 }),
      (parts, names) => {
        const [pattern, path] = [parts.join('/'), names.join('/')];
        const folder = folderOfPattern(pattern);
        if (isFilePattern(pattern) && folder !== '' && matchesPattern(pattern, path))
          assert.ok(path.startsWith(`${folder}/`));
        if (!isFilePattern(pattern)) assert.equal(matchesPattern(pattern, path), pattern === path);
      },
    ),
  );
});

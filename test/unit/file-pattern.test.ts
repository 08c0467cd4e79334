import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  expressionOfPattern,
  folderOfPattern,
  isFilePattern,
  patternProblem,
  workspacePattern,
} from '../../src/model/step/file-pattern.ts';
import { PathSelection } from '../../src/model/step/path-selection.ts';

function matchesPattern(pattern: string, path: string): boolean {
  return expressionOfPattern(pattern).test(path);
}

type Case = readonly [pattern: string, matches: readonly string[], misses: readonly string[]];

function assertMatches(cases: readonly Case[]): void {
  for (const [pattern, matches, misses] of cases) {
    for (const path of matches) assert.equal(matchesPattern(pattern, path), true, `${pattern} matches ${path}`);
    for (const path of misses) assert.equal(matchesPattern(pattern, path), false, `${pattern} misses ${path}`);
  }
}

test('* stays in a folder, ** crosses folders, ? is one character, the rest is itself', () => {
  assertMatches([
    ['*.csv', ['a.csv', '.csv'], ['a/b.csv', 'a.csv.txt', 'acsv']],
    ['data/*.csv', ['data/a.csv'], ['a.csv', 'data/x/a.csv']],
    ['data/**/*.csv', ['data/a.csv', 'data/x/a.csv', 'data/x/y/a.csv'], ['a.csv', 'data/a.txt', 'other/data/a.csv']],
    ['data/**', ['data/a', 'data/x/a'], ['data', 'data2/a']],
    ['**', ['a', 'a/b'], []],
    ['**/*.md', ['a.md', 'x/a.md'], ['a.mdx']],
    ['a**z', ['az', 'abz', 'a/b/z', 'ab/z'], ['a', 'za']],
    ['a?.txt', ['ab.txt', 'aé.txt', 'a😀.txt'], ['a.txt', 'a/.txt']],
    ['a+(b)[c].txt', ['a+(b)[c].txt'], ['aab.txt']],
    ['*(1)|"x"@$^,.txt', ['copy(1)|"x"@$^,.txt'], ['copy1.txt']],
  ]);
});

test('a dot at the start of a name is matched like any other character, as in ignore files', () => {
  assertMatches([
    ['*', ['.env', 'a'], ['.git/config']],
    ['**', ['.env', '.git/config', 'a/.b/c'], []],
    ['**/*.yml', ['.github/workflows/ci.yml', '.x.yml'], []],
    ['?env', ['.env'], ['env']],
    ['[.a]env', ['.env', 'aenv'], ['env']],
    ['{.env,env}', ['.env', 'env'], ['xenv']],
  ]);
});

test('[ab] is one of these characters, [!ab] one other; a name with the brackets themselves matches too', () => {
  assertMatches([
    ['[ab].md', ['a.md', 'b.md', '[ab].md'], ['c.md', 'ab.md', '.md']],
    ['v[0-9].txt', ['v0.txt', 'v9.txt'], ['va.txt', 'v10.txt']],
    ['v[!0-9].txt', ['va.txt', 'v!.txt', 'v😀.txt'], ['v0.txt', 'v/.txt']],
    ['v[^0-9].txt', ['va.txt'], ['v0.txt']],
    ['[!a-]x', ['bx'], ['ax', '-x', '/x']],
    ['[*?]x', ['*x', '?x'], ['ax']],
    ['pages/[id].tsx', ['pages/[id].tsx', 'pages/i.tsx'], ['pages/id.tsx']],
    ['app/[...slug]/*', ['app/[...slug]/page.tsx'], ['app/slug/page.tsx']],
    ['a[b', ['a[b'], ['ab']],
    ['a[]b*', ['a[]bc'], ['abc']],
    ['a[!]*', ['a[!]b'], ['ab']],
  ]);
});

test('{a,b} is either text, also nested, empty and across folders; other braces are themselves', () => {
  assertMatches([
    ['{a,b}.md', ['a.md', 'b.md'], ['c.md', '{a,b}.md']],
    ['{a,b{1,2}}.md', ['a.md', 'b1.md', 'b2.md'], ['b.md', 'a1.md']],
    ['a{,.bak}', ['a', 'a.bak'], ['a.']],
    ['{src/**,*.md}', ['src/a/b.ts', 'README.md'], ['docs/x.md', 'src']],
    ['{**/a,b}', ['a', 'x/a', 'x/y/a', 'b'], ['x/b']],
    ['x/{**/*.ts,b}', ['x/a.ts', 'x/y/a.ts', 'x/b'], ['a.ts', 'x/y/b']],
    ['{[ab],c}x', ['ax', 'bx', 'cx'], ['dx']],
    ['{a}*', ['{a}b'], ['ab']],
    ['{a,b*', ['{a,bc'], ['a', 'bc']],
    ['a,b}*', ['a,b}c'], ['a']],
  ]);
});

test('what a pattern can not say is refused by name, with what to write in its place', () => {
  for (const [pattern, problem] of [
    ['!a.md', /^begins with "!", and patterns that leave files out are not supported/],
    ['!*.md', /^begins with "!"/],
    ['day-{1..31}.csv', /^holds the range \{1\.\.31\}, which is not supported/],
    ['a/***', /^holds \*\*\*, which is not supported/],
    ['[[:alpha:]]*', /^holds \[\[:alpha:\], which is not supported/],
    ['[z-a]*', /no range of characters/],
    [`${'{a,b}'.repeat(12)}.md`, /more than 1000 texts/],
  ] as const) {
    assert.match(patternProblem(pattern)?.problem ?? '', problem, pattern);
    assert.notEqual(patternProblem(pattern)?.hint, '');
    assert.equal(isFilePattern(pattern), true, pattern);
    assert.equal(workspacePattern(pattern).ok, false, pattern);
    assert.throws(() => expressionOfPattern(pattern), { type: 'bad-input' }, pattern);
  }
  for (const pattern of ['a!b.md', '{a..b,c}', 'a(b).md', 'a[b', '*.md', '[a-z]{a,b}'])
    assert.equal(patternProblem(pattern), undefined, pattern);
});

test('a name that holds brackets, braces or a leading ! can be named alone', () => {
  assertMatches([
    ['pages/[[]id].tsx', ['pages/[id].tsx'], ['pages/i.tsx', 'pages/[.tsx', 'pages/id.tsx']],
    ['app/[[]user-id]/*', ['app/[user-id]/page.tsx'], ['app/u/page.tsx', 'app/user-id/page.tsx']],
    ['app/[[slug]]/*', ['app/[[slug]]/page.tsx'], ['app/[slug]/page.tsx']],
    ['?a,b}.md', ['{a,b}.md'], ['a.md', 'b.md']],
    ['?1..9}.md', ['{1..9}.md'], ['1.md']],
    ['?a.md', ['!a.md'], ['a.md']],
  ]);
  assert.match(patternProblem('app/[user-id]/page.tsx')?.hint ?? '', /write \[\[\] for the first/);
  assert.equal(isFilePattern('pages/{id}.tsx'), false);
});

test('whatever matches lies below the folder of the pattern', () => {
  assert.deepEqual(['data/raw/*.csv', '*.csv', 'a/**/b', 'a/b?/c'].map(folderOfPattern), ['data/raw', '', 'a', 'a']);
  assert.deepEqual(['a/{b/c,d}/*', 'a/x[bc]/d', 'a/b/c', 'a!/b/*'].map(folderOfPattern), ['a', 'a', 'a/b', 'a!/b']);
  const part = fc.constantFrom('a', 'b', '*', '**', '?', 'a*', '[ab]', '{a,b}', '{a/b,ab}');
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

/** The original meaning of `*`, `**` and `?`, with all other characters as plain text. */
function starsAndMarks(pattern: string): RegExp {
  const meanings: Readonly<Record<string, string>> = { '**/': '(?:[^/]+/)*', '**': '.*', '*': '[^/]*', '?': '[^/]' };
  const parts = pattern.split(/(\*\*\/|\*\*|\*|\?)/);
  const sources = parts.map((part) => meanings[part] ?? part.replace(/[\\^$.|+()[\]{}]/g, String.raw`\$&`));
  return new RegExp(`^${sources.join('')}$`, 'su');
}

function normal(text: string): string {
  return text
    .split('/')
    .filter((part) => part !== '' && part !== '.' && part !== '..')
    .join('/');
}

test('without brackets and braces a pattern means what it has always meant, whatever else is in it', () => {
  const plain = ['a', 'b', '.', '/', '(', ')', '+', '@', '-', '"', '😀', 'é', '$', '^', '|', ' ', '\n', '#', ':', '='];
  const characters = fc.array(fc.constantFrom(...plain), { maxLength: 3 }).map((all) => all.join(''));
  const token = fc.constantFrom('', '*', '**', '**/', '?', '/');
  const pieces = fc.array(fc.tuple(characters, token, characters), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(pieces, (all) => {
      const pattern = normal(all.map(([text, mark]) => text + mark).join(''));
      // The same texts, each mark filled in with what it may or may not match.
      const path = normal(all.map(([text, mark, filling]) => text + (mark === '/' ? '/' : filling)).join(''));
      if (pattern === '' || path === '' || pattern.includes('***')) return;
      assert.equal(isFilePattern(pattern), /[*?]/.test(pattern));
      assert.equal(matchesPattern(pattern, path), starsAndMarks(pattern).test(path), JSON.stringify([pattern, path]));
    }),
    { numRuns: 2_000 },
  );
});

test('a list of paths selects folders with all in them, also where braces or brackets name them', () => {
  const selects = (patterns: readonly string[], path: string): boolean => new PathSelection(patterns).has(path);
  for (const path of ['src', 'src/a.ts', 'src/x/a.ts', 'test/a.ts']) assert.equal(selects(['{src,test}'], path), true);
  for (const path of ['app/[slug]', 'app/[slug]/page.tsx', 'app/s/page.tsx'])
    assert.equal(selects(['app/[slug]'], path), true);
  for (const path of ['docs/a.md', 'src2/a.ts']) assert.equal(selects(['{src,test}'], path), false);
  assert.equal(selects(['src*'], 'src/a.ts'), false);
});

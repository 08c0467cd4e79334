/** What a plan names outside itself, checked before it runs: paths, databases, hosts, commands, and who writes what. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inSteps, problemLines, problemsOf } from '../support/checked-plan.ts';

test('refuses paths outside the workspace and reserved ones, wherever a plan names files', () => {
  const write = (path: string): Record<string, unknown> => ({ use: 'file.write', with: { path, content: '' } });
  for (const path of [
    '../x',
    'a/../../x',
    '/etc/passwd',
    'C:/x',
    'a\\b',
    '~/x',
    '.',
    'a/..',
    '.holdfast/ledger',
    './.Holdfast/x',
    'a/../.holdfast',
  ]) {
    assert.equal(problemsOf(inSteps(write(path)))[0]?.path, 'steps[0].with.path', path);
    assert.equal(problemsOf({ watch: [{ file: path }] })[0]?.path, 'watch[0].file', path);
    assert.equal(problemsOf(inSteps({ writes: [`file:${path}`] }))[0]?.path, 'steps[0].writes[0]', path);
    assert.equal(
      problemsOf(inSteps({ use: 'file.copy', with: { from: path, to: 'x' } }))[0]?.path,
      'steps[0].with.from',
      path,
    );
  }
  for (const path of ['x', './x', 'a/../b', '.hidden', 'a/.holdfast', '..x'])
    assert.deepEqual(problemLines(inSteps(write(path))), [], path);
});

test('a workspace is named without `..`', () => {
  assert.deepEqual(problemLines({ workspace: '../elsewhere' }), ['workspace: holds `..`']);
  assert.deepEqual(problemLines({ workspace: '/srv/jobs/a..b' }), []);
});

test('refuses the file of a declared database as a file', () => {
  const databases = { main: { url: 'sqlite:data/main.db' } };
  for (const from of [
    'data/main.db',
    './data//main.db',
    'data/main.db-wal',
    'data/main.db-shm',
    'data/main.db-journal',
  ]) {
    assert.deepEqual(problemLines({ databases, ...inSteps({ use: 'file.copy', with: { from, to: 'x' } }) }), [
      'steps[0].with.from: is the file of the database "main"',
    ]);
  }
});

test('a base is SQL that can be made as it stands, of a database that is no file', () => {
  const lines = (base: unknown, url = '${{ env.DB }}'): readonly string[] =>
    problemLines({ databases: { main: { url, base } } });
  const sql = 'CREATE TABLE t (id int); -- rows\nINSERT INTO t VALUES (1);\n';
  assert.deepEqual(lines(sql), []);
  assert.deepEqual(lines(`\\restrict Ab3\n${sql}\\unrestrict Ab3\n`), []);
  for (const [base, message] of [
    ['@tables.sql', 'names a file that nobody has read'],
    ['CREATE TABLE "${{ input.table }}" ()', 'holds a reference, which is not replaced there'],
    ['\\restrict Ab3\n-- nothing\n/* at\nall */\n', 'is empty'],
    ['COPY public.t (id) FROM stdin;\n1\n\\.\n', 'has rows that only psql reads'],
  ])
    assert.deepEqual(lines(base), [`databases.main.base: ${message}`]);
  assert.deepEqual(lines(sql, 'sqlite:main.db'), [
    'databases.main.base: belongs to a SQLite file, which a fork copies',
  ]);
  assert.equal(lines('x'.repeat(128 * 1024 + 1)).length, 1);
  assert.equal(problemLines({ databases: { main: { url: '${{ env.DB }}', bsae: sql } } }).length, 1);
});

test('refuses undeclared databases and resources that are not spelled as one', () => {
  const databases = { main: { url: 'sqlite:main.db' } };
  const found = problemLines({
    databases,
    watch: [
      { schema: 'mian/weather' },
      { query: { name: 'q', database: 'other', sql: 'select 1' } },
      { query: { name: 'q', database: 'main', sql: 'select 1' } },
      { file: 'a', schema: 'main/t' },
    ].slice(0, 3),
    ...inSteps(
      { use: 'db.query', with: { database: 'man', sql: 'select 1' } },
      {
        writes: ['report.md', 'tabel:main/x', 'table:main', 'table:other/x', 'row:main/x/7', 'row:main/x/{"id":7}'],
        reads: ['table:main/x'],
      },
    ),
  });
  assert.deepEqual(found, [
    'watch[0].schema: undeclared database "mian"',
    'watch[1].query.database: undeclared database "other"',
    'watch[2].query.name: "q" is already the name of watch[1]',
    'steps[0].with.database: undeclared database "man"',
    'steps[1].writes[0]: "report.md" is no resource',
    'steps[1].writes[1]: "tabel:main/x" begins with "tabel:", which is no resource of a plan',
    'steps[1].writes[2]: "table:main" names no table',
    'steps[1].writes[3]: undeclared database "other"',
    'steps[1].writes[4]: "row:main/x/7" names no row',
  ]);
});

test('steps that may run at the same time may not write one resource, nor read what another writes', () => {
  const databases = { main: { url: 'sqlite:main.db' } };
  const conflict = (a: Record<string, unknown>, b: Record<string, unknown>): boolean =>
    problemLines({ databases, ...inSteps(a, b) }).some((text) => /may run at the same time/.test(text));
  const write = (path: string): Record<string, unknown> => ({ use: 'file.write', with: { path, content: '' } });
  const upsert = { use: 'db.upsert', with: { database: 'main', table: 't', rows: [] } };
  const sql = { use: 'db.sql', with: { database: 'main', sql: 'update t set a = 1', writes: ['t'] } };
  assert.ok(conflict(write('out.md'), write('./out.md')));
  assert.ok(conflict(write('out.md'), { writes: ['file:out.md'] }));
  assert.ok(conflict(write('out/a.md'), { writes: ['file:out/'] }));
  assert.ok(conflict(write('out'), write('out/a.md')));
  assert.ok(conflict(write('a.md'), { use: 'file.copy', with: { from: 'a.md', to: 'b.md' } }));
  assert.ok(conflict({ reads: ['table:main/t'] }, upsert));
  assert.ok(conflict(sql, upsert));
  assert.ok(conflict({ writes: ['row:main/t/{"id":1}'] }, { writes: ['row:main/t/{"id":1}'] }));
  assert.ok(conflict({ writes: ['row:main/t/{"id":1}'] }, { writes: ['table:main/t'] }));

  assert.ok(!conflict(write('a.md'), write('b.md')));
  assert.ok(!conflict(write('out.md'), { ...write('out.md'), needs: ['s0'] }));
  assert.ok(!conflict({ ...write('out.md'), needs: ['s1'] }, write('out.md')));
  assert.ok(
    !conflict(write('out.md'), { use: 'file.write', with: { path: 'out.md', content: '${{ steps.s0.output.path }}' } }),
  );
  assert.ok(!conflict({ reads: ['file:a'] }, { reads: ['file:a'] }));
  assert.ok(!conflict(upsert, upsert), 'each may upsert rows of its own; the rows are compared when they are sealed');
  assert.ok(!conflict({ writes: ['row:main/t/{"id":1}'] }, { writes: ['row:main/t/{"id":2}'] }));
});

test('a conflict names both steps, the resource and the remedy, once', () => {
  const databases = { main: { url: 'sqlite:main.db' } };
  const [problem, ...others] = problemsOf({
    databases,
    ...inSteps({ id: 'left', writes: ['file:a', 'file:b'] }, { id: 'right', writes: ['file:b', 'file:a'] }),
  });
  assert.deepEqual(others, []);
  assert.equal(problem?.message, 'steps "left" and "right" may run at the same time, and both write file:a');
  assert.equal(problem.hint, 'let one wait for the other: needs: [left] in step "right"');
});

test('the hosts that a plan calls must be listed; a request and a watch are checked as far as they are literal', () => {
  const http = { hosts: ['api.example.com', 'http://localhost:8080'] };
  const withUrl = (url: string): Record<string, unknown> => inSteps({ use: 'http', with: { url } });
  assert.deepEqual(problemLines({ http, ...withUrl('https://api.example.com/a') }), []);
  assert.deepEqual(
    problemLines({
      http,
      ...withUrl('${{ input.url }}/a'),
      input: { type: 'object', properties: { url: { type: 'string' } }, required: ['url'] },
    }),
    [],
  );
  assert.deepEqual(problemsOf({ http, ...withUrl('https://example.com/a') }), [
    {
      path: 'steps[0].with.url',
      message: 'calls example.com, which the plan does not list',
      expected: 'one of api.example.com, http://localhost:8080',
      hint: 'list it: http: { hosts: [example.com] }',
    },
  ]);
  assert.equal(
    problemsOf(withUrl('http://localhost:8080'))[0]!.expected,
    'a host that the plan lists under `http.hosts`',
  );
  assert.match(
    problemLines({ http, ...withUrl('https://ada:hidden@api.example.com') })[0]!,
    /holds a user name or a password/,
  );
  assert.match(problemLines({ http: { hosts: ['api.example.com/v1'] } })[0]!, /^http\.hosts\[0\]: /);
  assert.match(
    problemLines({
      http,
      ...inSteps({
        use: 'http',
        with: { url: 'https://api.example.com', headers: { Authorization: { env: 'no name' } } },
      }),
    })[0]!,
    /^steps\[0\]\.with\.headers\.Authorization/,
  );
  assert.match(
    problemLines({
      http,
      ...inSteps({ use: 'http', with: { url: 'https://api.example.com', method: 'POST', json: 1, body: 'x' } }),
    })[0]!,
    /steps\[0\]\.with\.body: .*stands beside json/,
  );
  assert.match(
    problemLines({ http, ...inSteps({ use: 'http', with: { url: 'https://api.example.com', saveTo: '../x' } }) })[0]!,
    /leads out of the workspace/,
  );
  const saves = { use: 'http', with: { url: 'https://api.example.com', saveTo: 'a.json' } };
  assert.match(
    problemLines({ http, ...inSteps(saves, saves) })[0]!,
    /may run at the same time, and both write file:a\.json/,
  );
});

test('a watched endpoint says where its version stands, has a name of its own and a host that is listed', () => {
  const url = 'https://api.example.com/version';
  const watching = (...endpoints: readonly Record<string, unknown>[]): readonly string[] =>
    problemLines({
      http: { hosts: ['api.example.com'] },
      watch: endpoints.map((endpoint) => ({ endpoint: { name: 'api', url, header: 'etag', ...endpoint } })),
    });
  assert.deepEqual(watching({}), []);
  assert.deepEqual(watching({ header: undefined, json: 'info["a b"][0].version' }), []);
  assert.match(watching({ header: undefined })[0]!, /must say where the version stands/);
  assert.match(watching({ json: 'a' })[0]!, /must say where the version stands/);
  assert.deepEqual(watching({ header: undefined, json: 'a b' }), ['watch[0].endpoint.json: is not a path']);
  assert.deepEqual(watching({ url: 'https://example.com' }), [
    'watch[0].endpoint.url: calls example.com, which the plan does not list',
  ]);
  assert.deepEqual(watching({}, {}), ['watch[1].endpoint.name: "api" is already the name of watch[0]']);
});

test('a command of a plan: its words, its options and its watches are checked before it runs', () => {
  const withCommand = (given: Record<string, unknown>): readonly string[] =>
    problemLines(inSteps({ use: 'command', with: given }));
  assert.deepEqual(withCommand({ run: ['npm', 'pack'], paths: ['src', '**/*.json'], env: { A: '1' } }), []);
  assert.deepEqual(withCommand({ run: 'npm pack', shell: true }), []);
  assert.match(withCommand({ run: 'npm pack' })[0]!, /steps\[0\]\.with\.run: is text, without a shell/);
  assert.match(withCommand({ run: ['a'], shell: true })[0]!, /is a list, with shell: true/);
  assert.match(withCommand({ run: ['a'], inDoubt: 'ask' })[0]!, /inDoubt: means nothing for a command on a copy/);
  assert.match(withCommand({ run: ['a'], paths: ['../b'] })[0]!, /leads out of the workspace/);
  assert.match(withCommand({ run: ['a'], env: { 'A-B': '1' } })[0]!, /env\.A-B/);
  assert.match(withCommand({ run: ['a'], path: ['b'] })[0]!, /path/);
  assert.deepEqual(problemLines({ watch: [{ command: ['node', '--version'] }] }), []);
  assert.match(problemLines({ watch: [{ command: [] }] })[0]!, /watch\[0\]\.command/);
});

test('a command reads what its paths name: no step beside it may write there', () => {
  const conflict = (paths: readonly string[] | undefined, written: string, inPlace = false): boolean =>
    problemLines(
      inSteps(
        {
          use: 'command',
          with: { run: ['true'], ...(paths === undefined ? {} : { paths }), ...(inPlace ? { inPlace } : {}) },
        },
        { use: 'file.write', with: { path: written, content: '' } },
      ),
    ).some((text) => /may run at the same time/.test(text));
  assert.deepEqual(
    [
      conflict(undefined, 'a/b'),
      conflict(['a'], 'a/b'),
      conflict(['a/**/*.ts'], 'a/b.ts'),
      conflict(['**'], 'a/b'),
      conflict(['b'], 'a/b'),
      conflict(['ab'], 'a/b'),
    ],
    [true, true, true, true, false, false],
  );
  assert.equal(conflict(undefined, 'x', true), true);
  assert.deepEqual(
    problemLines(inSteps({ use: 'command', with: { run: ['a'] } }, { use: 'command', with: { run: ['b'] } })),
    [],
    'two that only read',
  );
  assert.match(
    problemLines(
      inSteps({ use: 'command', with: { run: ['a'], inPlace: true } }, { use: 'command', with: { run: ['b'] } }),
    )[0]!,
    /may run at the same time/,
  );
});

test('a pattern claims what it matches, and the message names it', () => {
  const conflicts = (paths: readonly string[], other: Record<string, unknown>): readonly string[] =>
    problemLines(inSteps({ use: 'command', with: { run: ['true'], paths } }, other)).filter((text) =>
      /may run at the same time/.test(text),
    );
  const write = (path: string): Record<string, unknown> => ({ use: 'file.write', with: { path, content: '' } });
  const remove = (path: string): Record<string, unknown> => ({ use: 'file.remove', with: { path } });
  const touched: readonly (readonly [string, Record<string, unknown>])[] = [
    ['*.md', write('a.md')],
    ['**/*.md', write('a/b/c.md')],
    ['docs/{a,b}/*.md', write('docs/b/x.md')],
    ['docs/*.md', remove('docs')],
    ['docs/{a,b}/*.md', remove('docs/b')],
    ['*.md', { use: 'mine', writes: ['file:a.md'] }],
    ['docs/*/x.md', { use: 'mine', writes: ['file:docs/'] }],
    ['*.md', { use: 'command', with: { run: ['true'], inPlace: true } }],
  ];
  for (const [pattern, other] of touched) {
    assert.equal(conflicts([pattern], other).length, 1, `${pattern} and ${JSON.stringify(other)}`);
    assert.ok(conflicts([pattern], other)[0]!.includes(`file:${pattern}`), conflicts([pattern], other)[0]);
  }
  for (const [pattern, other] of [
    ['*.md', write('a/1')],
    ['*.md', write('a/b.md')],
    ['**/*.md', write('a/b.txt')],
    ['docs/{a,b}/*.md', write('docs/c/x.md')],
    ['docs/*.md', remove('src')],
    ['docs/{a,b}/*.md', remove('docs/c')],
    ['*.md', { use: 'mine', writes: ['file:src/'] }],
  ] as const)
    assert.deepEqual(conflicts([pattern], other), [], `${pattern} and ${JSON.stringify(other)}`);
  const [whole] = problemLines(
    inSteps({ use: 'command', with: { run: ['true'], inPlace: true } }, { use: 'command', with: { run: ['true'] } }),
  );
  assert.match(whole!, /reads: the whole workspace/);
});

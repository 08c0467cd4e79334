import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDatabase } from '../../src/effects/database/open.ts';
import { redactUrl } from '../../src/model/shown-url.ts';
import { isFailure, type HoldfastError } from '../../src/model/failure.ts';

const OPTIONS = { workspaceRoot: '/work/space', env: { SECRET: 'hunter2', EMPTY: '' } } as const;

async function failureOf(url: string): Promise<HoldfastError> {
  const error: unknown = await openDatabase({ name: 'main', url }, OPTIONS).then(
    async (database) => await database.close(),
    (reason: unknown) => reason,
  );
  assert.ok(isFailure(error), `${url} was accepted`);
  return error;
}

void test('the URL chooses the dialect, and a SQLite path is taken from the workspace', async () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['sqlite:data/main.db', '/work/space/data/main.db'],
    ['sqlite:/elsewhere/main.db', '/elsewhere/main.db'],
    ['sqlite:///elsewhere/main.db', '/elsewhere/main.db'],
    ['postgres://user:${SECRET}@localhost/main', undefined],
    ['postgresql://localhost:5432/main?sslmode=require', undefined],
  ];
  for (const [url, filePath] of cases) {
    const database = await openDatabase({ name: 'main', url }, OPTIONS);
    assert.equal(database.filePath, filePath);
    assert.equal(database.dialect, filePath === undefined ? 'postgres' : 'sqlite');
    await database.close();
  }
});

void test('a URL that cannot be used is bad input, and its password is shown nowhere', async () => {
  const urls = [
    'postgres://user:hunter2@localhost',
    'postgres://user:hunter2@local host/main',
    'postgres://user:hunter2%zz@localhost/main',
    'postgres://user:hun:ter2/hunter2@local host/main',
    'postgres://user:hunter2',
    'postgres://localhost?password=hunter2',
    'postgers://user:hunter2@localhost/main',
    'hunter2',
    'host=localhost password=hunter2',
    'mysql:hunter2@localhost',
    'sqlite:',
    'sqlite::memory:',
    'sqlite://hunter2/main.db',
    '',
  ];
  for (const url of urls) {
    const failure = await failureOf(url);
    assert.equal(failure.type, 'bad-input', url);
    if (!url.startsWith('sqlite'))
      assert.doesNotMatch(
        JSON.stringify([failure.message, failure.details, String(failure.cause)]),
        /hunter2|ter2/,
        url,
      );
    assert.match(failure.message, /main.*Expected/s);
  }
});

void test('a variable that is not set is named', async () => {
  for (const variable of ['MISSING', 'EMPTY']) {
    const failure = await failureOf(`postgres://user:\${${variable}}@localhost/main`);
    assert.equal(failure.type, 'missing-variable');
    assert.ok(failure.message.includes(`\${{ env.${variable} }}`), failure.message);
  }
});

void test('a redacted URL keeps what helps and loses what is secret', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['postgres://user:pass@host:5432/main', 'postgres://user:***@host:5432/main'],
    ['postgres://user@host:5432/main', 'postgres://user@host:5432/main'],
    ['postgres://host:5432/main', 'postgres://host:5432/main'],
    ['postgres://[::1]:5432/main', 'postgres://[::1]:5432/main'],
    ['postgres://user:p@ss/w:rd@host/main', 'postgres://user:***@host/main'],
    [
      'postgres://host/main?sslpassword=x&application_name=y',
      'postgres://host/main?sslpassword=***&application_name=y',
    ],
    ["host=h password='a b' user=u", 'host=h password=*** user=u'],
    ['sqlite:data/main.db', 'sqlite:data/main.db'],
  ];
  for (const [url, expected] of cases) assert.equal(redactUrl(url), expected);
});

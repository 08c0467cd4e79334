import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { ApplicationFailure } from '@temporalio/common';
import { ByteSearch } from '../../src/protocol/secrets/byte-search.ts';
import { formsOf } from '../../src/protocol/secrets/forms.ts';
import { Secrets } from '../../src/protocol/secrets/secrets.ts';
import { resolveSecrets } from '../../src/protocol/secrets/placed-secrets.ts';
import type { Json } from '../../src/model/canonical-json.ts';
import { resolveInput } from '../../src/model/plan/reference/resolve.ts';
import { HoldfastError, isFailure } from '../../src/model/failure.ts';
import { validatePlan } from '../../src/model/plan/check/check.ts';

const TOKEN = 'p@ss/wörd "42" & co';
const about = { settings: { secrets: ['TOKEN', 'SHORT', 'EMPTY', 'UNSET'] }, stepId: 'send', workerId: '7@host' };

function secretsOf(env: Record<string, string>, databases: Record<string, string> = {}): Secrets {
  const secrets = new Secrets(env);
  secrets.know({ secrets: Object.keys(env).filter((name) => !name.endsWith('_URL')), databases });
  return secrets;
}

const anyValue = fc.string({ unit: 'binary', minLength: 8, maxLength: 60 }).filter((value) => value.isWellFormed());
const anyText = fc.string({ unit: 'binary', maxLength: 20 }).filter((value) => value.isWellFormed());

test('property: a secret is found and redacted in every form, whatever stands around it', () => {
  fc.assert(
    fc.property(anyValue, anyText, anyText, (value, before, after) => {
      const secrets = secretsOf({ TOKEN: value });
      const whole = `${before}${value}${after}`;
      const forms = [
        whole,
        JSON.stringify({ a: whole }),
        JSON.stringify(JSON.stringify(whole)),
        encodeURIComponent(whole),
        new URLSearchParams({ a: whole }).toString(),
        Buffer.from(whole).toString('base64'),
        Buffer.from(whole).toString('base64url'),
        Buffer.from(whole).toString('hex'),
        `Basic ${Buffer.from(`user:${value}`).toString('base64')}`,
      ];
      for (const form of forms) {
        assert.equal(secrets.whichIn(form), 'TOKEN', form);
        assert.equal(secrets.whichIn(Buffer.from(form)), 'TOKEN', form);
        const redacted = secrets.redact(form);
        assert.ok(redacted.includes('«secret TOKEN»'), redacted);
        for (const one of formsOf(value)) assert.ok(!redacted.replaceAll('«secret TOKEN»', '').includes(one), redacted);
      }
    }),
  );
});

test('property: what holds no secret stays the very same', () => {
  const secrets = secretsOf({ TOKEN: '\u0001never-in-any-text\u0002' });
  fc.assert(fc.property(fc.jsonValue(), (value) => assert.equal(secrets.redactJson(value), value)));
});

test('names of members, nested texts and lists are redacted; numbers stay', () => {
  const secrets = secretsOf({ TOKEN });
  assert.deepEqual(secrets.redactJson({ [TOKEN]: [1, { a: `x ${TOKEN} y` }], b: null }), {
    '«secret TOKEN»': [1, { a: 'x «secret TOKEN» y' }],
    b: null,
  });
});

test('an error is redacted with its stack, details and causes, and keeps its class', () => {
  const secrets = secretsOf({ TOKEN });
  const inner = new TypeError(`inner ${TOKEN}`);
  const error = new HoldfastError('step-failed', `outer ${TOKEN}`, { at: [TOKEN] }, { cause: inner });
  const redacted = secrets.redactError(error);
  assert.ok(isFailure(redacted, 'step-failed'));
  assert.ok(redacted.cause instanceof TypeError);
  assert.equal(redacted.message, 'outer «secret TOKEN»');
  for (const form of formsOf(TOKEN)) assert.ok(!inspect(redacted, { depth: 9, showHidden: true }).includes(form));
  const failure = secrets.redactError(ApplicationFailure.create({ message: TOKEN, type: 'x', details: [TOKEN] }));
  assert.ok(failure instanceof ApplicationFailure);
  assert.deepEqual([failure.message, failure.type, failure.details], ['«secret TOKEN»', 'x', ['«secret TOKEN»']]);
  const clean = new Error('nothing');
  assert.equal(secrets.redactError(clean), clean);
});

test('what a bound has cut off of a secret is redacted, too', () => {
  const secrets = secretsOf({ TOKEN: 'abcdefghijklmnop' });
  assert.equal(secrets.redact('{"token":"abcdefgh… and more'), '{"token":"«secret TOKEN»… and more');
  assert.equal(secrets.redact(`${'x'.repeat(390)} abcdefghijk`), `${'x'.repeat(390)} «secret TOKEN»`);
  assert.equal(secrets.redact('short abcdefgh'), 'short abcdefgh');
  const url = secretsOf({ MAIN_URL: 'postgres://app:S3cret%2Fpw9@db:5432/main' }, { main: '${{ env.MAIN_URL }}' });
  const long = `${'x'.repeat(500)} connected to postgres://`;
  assert.equal(url.redact(long), long);
  assert.equal(url.redact('at postgres://app:S3cret%2F…'), 'at «secret MAIN_URL»…');
});

test('property: a stream is refused wherever it is cut, and a redacted one has no form of the secret', async () => {
  const secrets = secretsOf({ TOKEN });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...formsOf(TOKEN)),
      fc.array(fc.nat({ max: 60 }), { maxLength: 6 }),
      async (form, cuts) => {
        const text = `${'.'.repeat(25)}${form}${'.'.repeat(25)}`;
        const places = [0, ...cuts.map((cut) => cut % text.length).sort((a, b) => a - b), text.length];
        const chunks = places.slice(1).map((end, index) => text.slice(places[index], end));
        const read = async (): Promise<void> => {
          for await (const chunk of secrets.refusing(
            (async function* () {
              for (const chunk of chunks) yield await Promise.resolve(chunk);
            })(),
            'the file x',
          ))
            void chunk;
        };
        const error = await read().then(
          () => undefined,
          (reason: unknown) => reason,
        );
        assert.ok(isFailure(error, 'secret-in-output'), String(error));
        const stream = secrets.redactingStream();
        const shown = `${chunks.map((chunk) => stream.push(chunk)).join('')}${stream.end()}`;
        assert.equal(shown, `${'.'.repeat(25)}«secret TOKEN»${'.'.repeat(25)}`);
      },
    ),
  );
});

test('a declared value is given; one missing, empty or too short is named with the worker, and never shown', () => {
  const secrets = secretsOf({ TOKEN, SHORT: 'abc1234', EMPTY: '' });
  assert.equal(secrets.value('TOKEN', about), TOKEN);
  const refused = (name: string): HoldfastError => {
    try {
      secrets.value(name, about);
    } catch (error) {
      assert.ok(error instanceof HoldfastError);
      assert.ok(!inspect(error).includes('abc1234'));
      return error;
    }
    return assert.fail(name);
  };
  for (const name of ['UNSET', 'EMPTY']) {
    assert.equal(refused(name).type, 'missing-secret');
    assert.match(
      refused(name).message,
      new RegExp(
        `Step send needs the secret ${name}\\. The environment of the worker 7@host has no variable ` +
          `${name}, or an empty one`,
      ),
    );
  }
  assert.match(refused('SHORT').message, /a variable SHORT of 7 characters; one that is shorter than 8/);
  assert.equal(refused('OTHER').type, 'undeclared-secret');
  assert.match(refused('OTHER').message, /it declares TOKEN, SHORT, EMPTY, UNSET/);
  assert.equal(refused('toString').type, 'undeclared-secret');
});

test('a database’s password counts by itself; a short or plain one only within its URL', () => {
  const strong = secretsOf({ MAIN_URL: 'postgres://app:S3cret%2Fpw9@db:5432/main' }, { main: '${{ env.MAIN_URL }}' });
  for (const text of ['S3cret/pw9', 'S3cret%2Fpw9', Buffer.from('xS3cret/pw9').toString('base64')])
    assert.equal(strong.whichIn(text), 'MAIN_URL', text);
  assert.equal(strong.redact('at postgres://app:S3cret%2Fpw9@db:5432/main'), 'at «secret MAIN_URL»');
  const plain = secretsOf({ MAIN_URL: 'postgres://holdfast:holdfast@db/holdfast' }, { main: '${{ env.MAIN_URL }}' });
  assert.equal(plain.whichIn('holdfast is a word, postgres too'), undefined);
  assert.equal(plain.redact('no: holdfast:holdfast@db'), 'no: holdfast:«secret MAIN_URL»@db');
  assert.equal(secretsOf({ MAIN_URL: 'sqlite:app.db' }, { main: '${{ env.MAIN_URL }}' }).isEmpty, true);
  assert.equal(secretsOf({}, { main: 'sqlite:app.db' }).isEmpty, true);
});

test('a secret of several lines is found line by line', () => {
  const key = '-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\nshort\n-----END KEY-----\n';
  const secrets = secretsOf({ KEY: key });
  assert.equal(secrets.redact('x MIIEvQIBADANBgkqhkiG9w0BAQ y'), 'x «secret KEY» y');
  assert.equal(secrets.whichIn('-----BEGIN KEY-----'), undefined);
});

// ---- in plans ------------------------------------------------------------------------------------------------

test('in a step’s input a reference stays one, and says where it belongs', () => {
  const { input, secrets } = resolveInput(
    {
      headers: { Authorization: 'Bearer ${{ secrets.TOKEN }}' },
      list: ['${{ secrets.TOKEN }}'],
      path: '${{ input.path }}',
    },
    { input: { path: 'a' } },
  );
  assert.deepEqual(input, {
    headers: { Authorization: 'Bearer ${{ secrets.TOKEN }}' },
    list: ['${{ secrets.TOKEN }}'],
    path: 'a',
  });
  assert.deepEqual(secrets, [
    { at: ['headers', 'Authorization'], parts: ['Bearer ', { secret: 'TOKEN' }] },
    { at: ['list', 0], parts: [{ secret: 'TOKEN' }] },
  ]);
  assert.deepEqual(
    resolveSecrets(input, secrets, () => 'VALUE'),
    { headers: { Authorization: 'Bearer VALUE' }, list: ['VALUE'], path: 'a' },
  );
});

test('property: data can name no secret, alone, beside one or as the name of a member', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(
        '${{ secrets.OTHER }}',
        '$',
        '$${{ secrets.OTHER }}',
        '${{ secrets.TOKEN }}',
        '{"secret":"OTHER"}',
      ),
      anyText,
      (evil, more) => {
        const data = `${more}${evil}`;
        const { input, secrets } = resolveInput(
          {
            alone: '${{ input.data }}',
            beside: '${{ input.data }}${{ secrets.TOKEN }}${{ input.data }}',
            whole: '${{ input.object }}',
          },
          { input: { data, object: { secret: 'OTHER' } } },
        );
        const asked: string[] = [];
        const resolved = resolveSecrets(input, secrets, (name) => {
          asked.push(name);
          return 'VALUE';
        });
        assert.deepEqual(asked, ['TOKEN']);
        assert.deepEqual(resolved, {
          alone: data,
          beside: `${data}VALUE${data}`,
          whole: { secret: 'OTHER' },
        } satisfies Json);
      },
    ),
  );
});

const plan = (more: object): unknown => ({ schemaVersion: 1, name: 'p', workspace: 'w', ...more });
const problemsOf = (more: object): string => {
  const checked = validatePlan(plan(more));
  return checked.ok
    ? 'none'
    : checked.problems.map(({ path, message, hint }) => `${path}: ${message} (${hint ?? ''})`).join('\n');
};

test('a plan declares the secrets that it uses', () => {
  const steps = [{ id: 'send', use: 'mine', with: { token: '${{ secrets.API_TOKEN }}' } }];
  assert.equal(problemsOf({ secrets: ['API_TOKEN'], steps }), 'none');
  assert.match(
    problemsOf({ steps }),
    /steps\[0\]\.with\.token: unknown secret "API_TOKEN" \(declare it: secrets: \[API_TOKEN\]\)/,
  );
  assert.match(problemsOf({ secrets: ['API_TOKEM'], steps }), /did you mean "API_TOKEM"\?/);
  assert.match(problemsOf({ secrets: ['not a name'], steps }), /secrets\[0\]: is not written as expected/);
});

test('a plan can use a secret in a step’s input only, and not where what is done is recorded byte for byte', () => {
  const step = { id: 'a', use: 'mine' };
  const secrets = ['API_TOKEN'];
  const used = '${{ secrets.API_TOKEN }}';
  for (const more of [
    { workspace: `w/${used}` },
    { watch: [{ file: used }] },
    { state: { a: { initial: used } } },
    { steps: [{ ...step, state: { a: used } }], state: { a: {} } },
    { steps: [{ ...step, writes: [`file:${used}`] }] },
  ]) {
    assert.match(problemsOf({ secrets, steps: [step], ...more }), /cannot be used here|secrets can be used in with/);
  }
  for (const [use, input] of [
    ['file.write', { path: 'a', content: used }],
    ['db.query', { database: 'main', sql: 'select $1', params: [used] }],
    ['wait', { until: used }],
  ] as const) {
    assert.match(
      problemsOf({ secrets, databases: { main: { url: 'sqlite:a.db' } }, steps: [{ id: 'a', use, with: input }] }),
      new RegExp(`a secret cannot be given to ${use}`),
    );
  }
  assert.match(
    problemsOf({ secrets, steps: [{ ...step, with: { a: '${{ secrets.API_TOKEN.part }}' } }] }),
    /goes into a variable, which is text/,
  );
  assert.match(problemsOf({ secrets, steps: [{ ...step, with: { a: '${{ secrets }}' } }] }), /names no secret/);
  const ofItems = { ...step, forEach: { items: [1] }, with: { a: used } };
  assert.match(
    problemsOf({ secrets, steps: [ofItems] }),
    /cannot be given to the items of a forEach within an activity/,
  );
  const apart = { ...ofItems, forEach: { items: [1], within: 'workflow' } };
  assert.equal(problemsOf({ secrets, steps: [apart] }), 'none');
});

test('property: many byte strings are found at once, wherever they are', () => {
  const few = fc.uint8Array({ minLength: 2, maxLength: 12 }).map((bytes) => Buffer.from(bytes.map((byte) => byte % 3)));
  fc.assert(
    fc.property(
      fc.array(few, { minLength: 1, maxLength: 8 }),
      fc.uint8Array({ maxLength: 200 }).map((bytes) => bytes.map((byte) => byte % 3)),
      (patterns, content) => {
        const found = new ByteSearch(patterns).find(content);
        const isThere = patterns.map((pattern) => Buffer.from(content).includes(pattern));
        assert.equal(found !== undefined, isThere.includes(true));
        if (found !== undefined) assert.ok(isThere[found]);
      },
    ),
    { numRuns: 2_000 },
  );
});

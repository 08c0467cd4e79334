import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isFailure } from '../../src/model/failure.ts';
import { formatResource, parseResource, type Resource } from '../../src/model/record/resource.ts';

const name = fc.string({ minLength: 1, maxLength: 12 });
const identifier = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,10}$/);
const key = fc.dictionary(name, fc.oneof(fc.integer(), name, fc.boolean()), { minKeys: 1, maxKeys: 3 });
const resource: fc.Arbitrary<Resource> = fc.oneof(
  fc.record({ kind: fc.constant('file' as const), path: name }),
  fc.record({ kind: fc.constant('files' as const), pattern: name }),
  fc.record({ kind: fc.constant('row' as const), database: identifier, table: name, key }),
  fc.record({ kind: fc.constant('schema' as const), database: identifier, table: name }),
  fc.record({ kind: fc.constant('token' as const), database: identifier, token: fc.stringMatching(/^[0-9a-f]{64}$/) }),
  fc.record({ kind: fc.constant('database' as const), database: identifier }),
  fc.record({ kind: fc.constant('query' as const), name: identifier }),
  fc.record({ kind: fc.constant('endpoint' as const), name: identifier }),
  fc.record({ kind: fc.constant('perform' as const), stepId: name, name }),
  fc.record({ kind: fc.constant('code' as const), step: identifier }),
  fc.constantFrom<Resource>({ kind: 'plan' }, { kind: 'ledger' }, { kind: 'workspace' }),
);

test('a resource reads back from its URI', () => {
  fc.assert(
    fc.property(resource, (given) => {
      assert.deepEqual(plain(parseResource(formatResource(given))), plain(given));
    }),
  );
});

/** Dictionaries of the generator have no prototype. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value)) as unknown;
}

test('two resources have one URI only if they are the same', () => {
  fc.assert(
    fc.property(resource, resource, (a, b) => {
      if (formatResource(a) === formatResource(b))
        assert.deepEqual(plain(parseResource(formatResource(a))), plain(parseResource(formatResource(b))));
    }),
  );
});

test("a row's key is written the same, whatever the order of its columns", () => {
  const row = (columns: Record<string, number>): string =>
    formatResource({ kind: 'row', database: 'main', table: 'a/b', key: columns });
  assert.equal(row({ y: 2, x: 1 }), 'row:main/a%2Fb/{"x":1,"y":2}');
  assert.equal(row({ x: 1, y: 2 }), row({ y: 2, x: 1 }));
});

test('refuses what is no resource and says what one looks like', () => {
  for (const uri of ['', 'file', 'row:main/note', 'schema:main', 'token:main', 'query:other/x', 'http://x']) {
    assert.throws(
      () => parseResource(uri),
      (error) => isFailure(error, 'bad-input') && error.message.includes('file:report.md'),
      uri,
    );
  }
});

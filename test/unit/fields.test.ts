/**
 * Every field of a built-in step is tried from the plan on: what production never sends is a promise that nobody keeps.
 * A new field needs an entry, and a test of the suite on a real server that the entry names.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { BUILT_IN_STEPS } from '../../src/model/step/built-in/steps.ts';
import { fieldsOf } from '../support/schema-fields.ts';

const FILES = ['test/integration/plan-steps.test.ts', 'test/integration/plan-fields.test.ts'];
const F = 'file steps of a plan: content, mode, encoding, hard links, copy, removal';
const D = 'database steps of a plan: values, what undoes them, columns of the record, a bound of rows';
const U = 'a column that a plan leaves out of the record may change; a statement is undone by the plan’s own';
const H = 'a request of a plan: headers from the environment, body, accepted status, file';
const L = 'a request of a plan ends at its limits of size and silence';
const A = 'a request of a plan that may be made again is, without a question';
const C = 'a command of a plan: folder, environment, exit codes, what it is given and what others may change';
const E = 'a command of a plan ends at its limits of time and output';
const R = 'what a command of a plan says that it reads makes its step stale';
const P = 'a command of a plan in place that is in doubt is repeated where the plan says so, else asked about';
const W = 'the state of a plan begins with what it says, and a wait ends at its moment';

const TRIED_BY: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'file.write': {
    path: F,
    content: F,
    mode: F,
    encoding: F,
    hardLinks: F,
  },
  'file.copy': {
    from: F,
    to: F,
    hardLinks: F,
  },
  'file.remove': {
    path: F,
  },
  'db.sql': {
    database: D,
    sql: D,
    params: D,
    writes: D,
    undo: U,
    'undo.sql': U,
    'undo.params': U,
  },
  'db.upsert': {
    database: D,
    table: D,
    rows: D,
    columns: U,
  },
  'db.query': {
    database: D,
    sql: D,
    params: D,
    maxRows: D,
  },
  http: {
    url: H,
    method: H,
    headers: H,
    'headers.env': H,
    'headers.prefix': H,
    json: H,
    body: H,
    saveTo: H,
    maxBytes: L,
    acceptStatus: H,
    idempotent: A,
    readOnly: A,
    timeoutMs: L,
  },
  command: {
    run: C,
    shell: C,
    cwd: C,
    paths: C,
    reads: R,
    othersChange: C,
    env: C,
    envFrom: C,
    okExitCodes: C,
    timeoutMs: E,
    killGraceMs: E,
    maxOutputBytes: E,
    inPlace: C,
    inDoubt: P,
  },
  wait: {
    seconds: R,
    until: W,
  },
};

test('every field of a built-in step has a test that starts at a plan', () => {
  const source = FILES.map((file) => readFileSync(path.join(import.meta.dirname, '../..', file), 'utf8')).join('\n');
  for (const { name, input } of BUILT_IN_STEPS) {
    const tried = TRIED_BY[name] ?? {};
    assert.deepEqual(Object.keys(tried).sort(), fieldsOf(input), name);
    for (const [field, title] of Object.entries(tried)) {
      const begin = source.indexOf(`'${title}'`);
      assert.ok(begin >= 0, `${name}.${field} names a test that is not in ${FILES.join(' or ')}`);
      const last = field.split('.').at(-1)!;
      const body = source.slice(begin, source.indexOf('\ntest(', begin) + 1 || undefined);
      assert.ok(new RegExp(`\\b${last}\\b`).test(body), `${name}.${field}: its test has none`);
    }
  }
});

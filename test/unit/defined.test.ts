import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defined } from '../../src/model/defined.ts';
import { invariant } from '../../src/model/invariant.ts';

test('fields that are undefined are left out; null, false, zero and the empty text stay', () => {
  const fields: {
    readonly a: undefined;
    readonly b: null;
    readonly c: boolean;
    readonly d: number;
    readonly e: string;
  } = {
    a: undefined,
    b: null,
    c: false,
    d: 0,
    e: '',
  };
  assert.deepEqual(Object.entries(defined(fields)), [
    ['b', null],
    ['c', false],
    ['d', 0],
    ['e', ''],
  ]);
});

test('a broken invariant is a defect that names what was broken', () => {
  invariant(true, 'never said');
  assert.throws(() => invariant(1 + 1 === 3, 'two and two are four'), {
    name: 'HoldfastError',
    type: 'defect',
    message: /Invariant broken: two and two are four\./,
  });
});

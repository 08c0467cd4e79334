import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { StepHistory } from '../../src/protocol/compare/step-history.ts';
import type { Change, ChainRecord } from '../../src/model/record/record.ts';
import { ABSENT } from '../../src/model/record/world.ts';

const ZERO = '0'.repeat(64);

interface StepDraft {
  readonly id: string;
  readonly uses?: readonly string[] | null;
  readonly reads?: readonly string[];
  readonly writes?: readonly string[];
}

function history(...drafts: readonly (StepDraft | { readonly reruns: readonly string[] })[]): StepHistory {
  return new StepHistory(
    drafts.map((draft, index): ChainRecord => {
      const common = { schemaVersion: 1 as const, jobId: 'j', seq: index + 1, at: '', runId: 'r' };
      if ('reruns' in draft) {
        return {
          ...common,
          kind: 'decision',
          question: ZERO,
          questionKind: 'discrepancy',
          answers: {},
          by: 'b',
          reason: 'r',
          reruns: draft.reruns.map((stepId) => ({ stepId, generation: 1 })),
          adopts: [],
          changes: [],
          kept: {},
          notes: [],
        };
      }
      const change =
        (role: Change['role']) =>
        (resource: string): Change => ({ resource, role, state: ABSENT });
      return {
        ...common,
        kind: 'step',
        stepId: draft.id,
        step: 's',
        version: '1',
        generation: 0,
        token: ZERO,
        args: ZERO,
        intent: ZERO,
        output: null,
        uses: draft.uses === undefined ? [] : draft.uses === null ? null : [...draft.uses],
        effects: [],
        changes: [...(draft.reads ?? []).map(change('read')), ...(draft.writes ?? []).map(change('written'))],
        logs: [],
      };
    }),
  );
}

test('a changed input makes its readers stale, and those that used their output or read what they wrote', () => {
  const steps = history(
    { id: 'a', reads: ['in'], writes: ['x'] },
    { id: 'b', uses: ['a'] },
    { id: 'c', reads: ['x'] },
    { id: 'd', uses: ['b'] },
    { id: 'other', reads: ['y'] },
  );
  assert.deepEqual(steps.usersOf('in', 1), ['a', 'b', 'c', 'd']);
  assert.deepEqual(steps.usersOf('x', 1), ['c']);
  assert.deepEqual(steps.usersOf('nothing', 0), []);
});

test('a step that reads a resource and then rewrites it is not stale', () => {
  assert.deepEqual(history({ id: 'a', reads: ['x'], writes: ['x'] }).usersOf('x', 1), []);
});

test('only drift from the latest record counts: who read an earlier content is not stale', () => {
  const steps = history({ id: 'early', reads: ['x'] }, { id: 'writer', writes: ['x'] }, { id: 'late', reads: ['x'] });
  assert.deepEqual(steps.usersOf('x', 2), ['late']);
});

test('a step that declares nothing used everything before it', () => {
  const steps = history({ id: 'before', uses: [] }, { id: 'a', reads: ['in'] }, { id: 'b', uses: null });
  assert.deepEqual(steps.usersOf('in', 2), ['a', 'b']);
  assert.deepEqual(steps.withDependents(['b']), ['b']);
});

test('a step that a decision made void is not in force until it has run again', () => {
  const voided = history({ id: 'a', reads: ['in'] }, { reruns: ['a'] });
  assert.equal(voided.isVoid('a'), true);
  assert.deepEqual(voided.usersOf('in', 1), []);
  const again = history({ id: 'a', reads: ['in'] }, { reruns: ['a'] }, { id: 'a', reads: ['in'] });
  assert.equal(again.isVoid('a'), false);
  assert.deepEqual(again.usersOf('in', 1), ['a']);
});

test('dependents are closed, in chain order, and contain what they were asked for', () => {
  const drafts = fc.array(
    fc.record({
      uses: fc.uniqueArray(fc.nat(9), { maxLength: 3 }),
      reads: fc.uniqueArray(fc.nat(5), { maxLength: 2 }),
      writes: fc.uniqueArray(fc.nat(5), { maxLength: 2 }),
    }),
    { minLength: 1, maxLength: 10 },
  );
  fc.assert(
    fc.property(drafts, fc.nat(9), (given, start) => {
      const steps = history(
        ...given.map((draft, index) => ({
          id: `s${index}`,
          uses: draft.uses.filter((used) => used < index).map((used) => `s${used}`),
          reads: draft.reads.map(String),
          writes: draft.writes.map(String),
        })),
      );
      const first = `s${start % given.length}`;
      const stale = steps.withDependents([first]);
      assert.ok(stale.includes(first));
      assert.deepEqual(steps.withDependents(stale), stale, 'closed');
      const places = stale.map((id) => Number(id.slice(1)));
      assert.deepEqual(
        places,
        [...places].sort((a, b) => a - b),
      );
      assert.ok(
        places.every((place) => place >= start % given.length),
        'nothing before it depends on it',
      );
      for (const [index, draft] of given.entries()) {
        if (draft.uses.some((used) => used < index && stale.includes(`s${used}`)))
          assert.ok(stale.includes(`s${index}`));
      }
    }),
  );
});

test('a statement without an undo cannot be taken back', () => {
  const withSql = (undo: object): StepHistory => {
    const effect = { kind: 'sql' as const, database: 'm', text: 'x', params: [], writes: ['t'], ...undo };
    const [record] = history({ id: 'a' }).latest;
    return new StepHistory([{ ...record!, effects: [{ effect, after: ABSENT, outcome: 'applied' }] }]);
  };
  assert.equal(withSql({}).canBeUndone('a'), false);
  assert.equal(withSql({ undo: { text: 'y', params: [] } }).canBeUndone('a'), true);
  assert.equal(history({ id: 'a' }).canBeUndone('a'), true);
});

test('who used each of thousands of changed files is found in one pass over the record', () => {
  const steps = Array.from({ length: 2_000 }, (_, index) => ({
    id: `s${index}`,
    reads: Array.from({ length: 10 }, (__, file) => `file:${index % 50}/${file}`),
    writes: Array.from({ length: 10 }, (__, file) => `file:out${index}/${file}`),
  }));
  const made = history(...steps);
  const startedMs = performance.now();
  let users = 0;
  for (let index = 0; index < 5_000; index++) {
    users += made.usersOf(`file:out${index % 2_000}/${index % 10}`, 0).length;
    users += made.usersOf(`file:${index % 50}/${index % 10}`, 0).length;
  }
  const tookMs = performance.now() - startedMs;
  assert.equal(users, 5_000 * 40);
  assert.ok(tookMs < 1_500, `${Math.round(tookMs)} ms`);
});

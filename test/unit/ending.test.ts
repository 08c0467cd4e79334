/**
 * How a person ends a job: the state machine gives what its four facts say, in whatever order people and the undoing
 * act.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApplicationFailure } from '@temporalio/common';
import * as fc from 'fast-check';
import { Ending, type Undoing } from '../../src/workflows/state/ending.ts';

const EVENTS = ['abort-by-signal', 'undo-by-signal', 'abort-by-answer', 'undo-by-answer', 'undo-begins'] as const;
type Event = (typeof EVENTS)[number];

/** The expected state, computed from the facts alone. */
class Facts {
  aborted: ApplicationFailure | undefined;
  undoing: Undoing | undefined;
  begun = false;
  stopped: ApplicationFailure | undefined;

  /** False: the event is refused, or impossible. */
  takes(event: Event): boolean {
    if (event === 'undo-by-signal') return this.aborted === undefined;
    if (event === 'undo-by-answer') return !this.begun || this.undoing !== undefined;
    return true;
  }

  note(event: Event, failure: ApplicationFailure, undoing: Undoing): void {
    if (event === 'undo-begins') this.begun = true;
    if (event === 'undo-by-signal' || event === 'undo-by-answer') this.undoing = undoing;
    if (event === 'undo-by-signal') this.aborted ??= failure;
    if (event === 'abort-by-signal' && this.undoing === undefined) this.aborted ??= failure;
    if (event === 'abort-by-signal' && this.undoing !== undefined) this.stopped ??= failure;
    if (event === 'abort-by-answer' || event === 'undo-by-answer') {
      if (this.begun) this.stopped = failure;
      else this.aborted = failure;
    }
  }
}

function send(ending: Ending, event: Event, failure: ApplicationFailure, undoing: Undoing): void {
  if (event === 'abort-by-signal') ending.abortBySignal(failure);
  if (event === 'undo-by-signal') ending.undoBySignal(failure, undoing);
  if (event === 'abort-by-answer') ending.abortByAnswer(failure);
  if (event === 'undo-by-answer') ending.undoByAnswer(failure, undoing);
  if (event === 'undo-begins') ending.beginUndo();
}

function failureNamed(name: string): ApplicationFailure {
  return ApplicationFailure.create({ message: name, type: 'aborted' });
}

function undoingBy(by: string): Undoing {
  return { by, reason: 'test', question: null, notes: [] };
}

test('property: the machine and its facts never differ, and what the facts refuse has no transition', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...EVENTS), { maxLength: 8 }), (events) => {
      const ending = new Ending();
      const facts = new Facts();
      for (const [index, event] of events.entries()) {
        const failure = failureNamed(`${index}`);
        const undoing = undoingBy(`${index}`);
        const isUsable = facts.takes(event);
        if (event === 'undo-by-signal') assert.equal(ending.whyNoUndo() === undefined, isUsable);
        if (!isUsable) {
          assert.throws(() => send(ending, event, failure, undoing), /Invariant broken/);
          continue;
        }
        facts.note(event, failure, undoing);
        send(ending, event, failure, undoing);
        assert.equal(ending.aborted, facts.aborted);
        assert.equal(ending.undoing, facts.undoing);
        assert.equal(ending.stopped, facts.stopped);
        assert.equal(ending.isUndoing, facts.begun);
        seen.add(ending.state);
      }
    }),
    { numRuns: 2_000 },
  );
  assert.deepEqual([...seen].sort(), [
    'aborted',
    'carried',
    'carried-aborted',
    'carried-both',
    'carried-stopped',
    'undo-requested',
    'undo-revoked',
    'undoing',
    'undoing-stopped',
  ]);
});

test('an abort with compensate is refused with the reason once a person has aborted the job', () => {
  const aborted = new Ending();
  aborted.abortBySignal(failureNamed('a'));
  assert.equal(aborted.whyNoUndo(), 'the job was aborted already');
  const undone = new Ending();
  undone.undoBySignal(failureNamed('a'), undoingBy('a'));
  assert.match(undone.whyNoUndo() ?? '', /is being undone already/);
});

test('the end changes no state, and may be noted twice', () => {
  const ending = new Ending();
  ending.end();
  ending.end();
  assert.equal(ending.state, 'running');
  assert.ok(ending.hasEnded);
});

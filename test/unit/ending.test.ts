/**
 * How a job ends: its machine is the table that its comment shows, gives what a few facts say in whatever order people,
 * Temporal and the undoing act, and leads to an end from everywhere.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ApplicationFailure } from '@temporalio/common';
import * as fc from 'fast-check';
import {
  ENDING_EVENTS,
  ENDING_STATES,
  endingTarget,
  nextEnding,
  whyRefused,
  whyUndecidable,
  type EndingEvent,
  type EndingState,
} from '../../src/model/job/ending.ts';
import { Ending, type Undoing } from '../../src/workflows/state/ending.ts';

/** The expected state, computed from the facts alone. */
class Facts {
  aborted: ApplicationFailure | undefined;
  undoing: Undoing | undefined;
  stopped: ApplicationFailure | undefined;
  begun = false;
  ended = false;

  takes(event: EndingEvent): 'yes' | 'refused' | 'impossible' {
    if (event === 'abort') return this.ended ? 'refused' : 'yes';
    if (event === 'undo') return this.aborted !== undefined || this.ended ? 'refused' : 'yes';
    if (event === 'undo-begins') return this.undoing === undefined || this.ended ? 'impossible' : 'yes';
    // A job whose undoing was asked for ends only once that has begun, and said what is left.
    return event === 'end' && this.undoing !== undefined && !this.begun ? 'impossible' : 'yes';
  }

  note(event: EndingEvent, failure: ApplicationFailure, undoing: Undoing): void {
    if (event === 'undo-begins') this.begun = true;
    if (event === 'end') this.ended = true;
    if (event === 'undo') this.undoing = undoing;
    if (event === 'undo') this.aborted = failure;
    if (event !== 'abort') return;
    if (this.undoing === undefined) this.aborted ??= failure;
    else this.stopped ??= failure;
  }
}

function send(ending: Ending, event: EndingEvent, failure: ApplicationFailure, undoing: Undoing): void {
  if (event === 'abort') ending.abort(failure);
  if (event === 'undo') ending.undo(failure, undoing);
  if (event === 'cancel') ending.cancel();
  if (event === 'undo-begins') ending.beginUndo();
  if (event === 'end') ending.end();
}

function failureNamed(name: string): ApplicationFailure {
  return ApplicationFailure.create({ message: name, type: 'aborted' });
}

function undoingBy(by: string): Undoing {
  return { by, reason: 'test', question: null, notes: [] };
}

function newEnding(isCarried = false): Ending {
  const carried = isCarried ? { undoing: undoingBy('before'), failure: failureNamed('before') } : undefined;
  return new Ending({ isPrompt: () => true, carried });
}

/** What both the machine and its facts are after the events; fails where they differ. */
function play(ending: Ending, facts: Facts, events: readonly EndingEvent[]): void {
  for (const [index, event] of events.entries()) {
    const failure = failureNamed(`${index}`);
    const undoing = undoingBy(`${index}`);
    const takes = facts.takes(event);
    if (event === 'abort' || event === 'undo')
      assert.equal(ending.whyRefused(event) === undefined, takes === 'yes', `${ending.state} ${event}`);
    if (takes !== 'yes') {
      assert.throws(() => send(ending, event, failure, undoing), /Invariant broken/, `${ending.state} ${event}`);
      continue;
    }
    facts.note(event, failure, undoing);
    send(ending, event, failure, undoing);
    assert.equal(ending.aborted, facts.aborted);
    assert.equal(ending.undoing, facts.undoing);
    assert.equal(ending.stopped, facts.stopped);
    assert.equal(ending.isUndoing, facts.begun);
    assert.equal(ending.hasEnded, facts.ended);
  }
}

test('the machine is the table that its comment shows', () => {
  const source = readFileSync(new URL('../../src/model/job/ending.ts', import.meta.url), 'utf8');
  const rows = [...source.matchAll(/^ \* \| (.*) \|$/gm)].map(([, row]) => row!.split('|').map((cell) => cell.trim()));
  assert.deepEqual(rows[0], ['state', ...ENDING_EVENTS]);
  assert.deepEqual(
    rows.slice(1),
    ENDING_STATES.map((state) => [state, ...ENDING_EVENTS.map((event) => endingTarget(state, event))]),
  );
});

test('property: the machine and its facts never differ, whoever acts in whatever order', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.boolean(), fc.array(fc.constantFrom(...ENDING_EVENTS), { maxLength: 8 }), (isCarried, events) => {
      const ending = newEnding(isCarried);
      const facts = new Facts();
      facts.aborted = ending.aborted;
      facts.undoing = ending.undoing;
      facts.begun = isCarried;
      play(ending, facts, events);
      seen.add(ending.state);
    }),
    { numRuns: 3_000 },
  );
  assert.deepEqual([...seen].sort(), [...ENDING_STATES].sort());
});

test('from every state a job comes to its end, and no event leads out of it', () => {
  for (const start of ENDING_STATES) {
    let state: EndingState = start;
    for (const event of ['undo-begins', 'end'] as const)
      if (endingTarget(state, event) !== 'impossible') state = nextEnding(state, event);
    assert.equal(state, 'ending', start);
  }
  for (const event of ENDING_EVENTS) assert.ok(['.', 'refused', 'impossible'].includes(endingTarget('ending', event)));
});

test('questions are answered while a job runs and while it is undone, and never between or after', () => {
  const decidable = ENDING_STATES.filter((state) => whyUndecidable(state) === undefined);
  assert.deepEqual(decidable, ['running', 'undoing']);
});

test('what a person asks for and does not get says why', () => {
  for (const state of ENDING_STATES)
    for (const event of ['abort', 'undo'] as const)
      assert.equal(endingTarget(state, event) === 'refused', whyRefused(state, event) !== undefined);
  assert.match(whyRefused('undoing', 'undo') ?? '', /is being undone already; abort without compensate ends that/);
  assert.equal(whyRefused('aborted', 'undo'), 'the job was aborted already');
  assert.equal(whyRefused('ending', 'abort'), 'the job is ending already');
});

test('whether an abort ends all at once is found out when one comes, and once', () => {
  let asked = 0;
  const ending = new Ending({ isPrompt: () => (asked += 1) > 1 });
  assert.equal(asked, 0);
  assert.deepEqual([ending.isPrompt, ending.isPrompt, asked], [false, false, 1]);
});

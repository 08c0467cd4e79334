/**
 * What a question advises is carried out by a test, as it is worded: following an advice must never do harm. Advice
 * that only explains an answer is carried out by the test of that answer.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { halfAppliedFinding, stuckFinding } from '../../src/protocol/question/stuck.ts';
import { undoingStuckFinding } from '../../src/protocol/question/undo.ts';
import { ALL } from '../support/finding-samples.ts';

interface CarriedOut {
  /** How the advice begins. */
  readonly advice: RegExp;
  readonly file: string;
  /** A part of the test's name. */
  readonly name: string;
}

const away = 'test/integration/record-away.test.ts';
const carried = 'test/integration/advice.test.ts';
const cells = 'test/integration/decisions.cases.ts';

/** By kind of finding. */
const TESTS: Readonly<Record<string, CarriedOut>> = {
  appeared: { advice: /^It matches a watched/, file: 'test/integration/drift-watch.test.ts', name: 'accept' },
  'token-missing': {
    advice: /^The database main has lost its note/,
    file: 'test/integration/unrepeatable.test.ts',
    name: 'a database that lost its note of a step',
  },
  'token-unknown': {
    advice: /^The ledger is older than the database\. Put the newer/,
    file: 'test/integration/drift.test.ts',
    name: 'an older ledger raises no term: once the newer one is back nothing differs',
  },
  'database-restored': {
    advice: /^The database was put back/,
    file: 'test/integration/decisions-repair.test.ts',
    name: 'a database restored from a backup is taken as it is, or its rows are put back',
  },
  'ledger-damaged': { advice: /^Put a sound copy back: mv \.holdfast/, file: away, name: 'a damaged record is let go' },
  'ledger-missing': { advice: /^Put the workspace's own \.holdfast/, file: away, name: 'a .holdfast folder that is' },
  'ledger-behind': {
    advice: /^The ledger is not the one .* Put the newer one back: mv/,
    file: away,
    name: 'a ledger that is replaced while the worker has it open',
  },
  'workspace-missing': { advice: /^Put the folder there as it was \(mv/, file: away, name: 'that was moved away' },
  'bound-to-another-job': { advice: /^accept finishes what it had half/, file: cells, name: 'foreign/accept' },
  unreadable: {
    advice: /^Give the worker access/,
    file: 'test/integration/drift-unreadable.test.ts',
    name: 'that may not be read is named, and nothing goes on until it can be',
  },
  unreachable: {
    advice: /^Make it reachable/,
    file: 'test/integration/database-gone.test.ts',
    name: 'nothing goes on until it is back',
  },
  'outcome-unknown': { advice: /^Find out on the other side/, file: cells, name: 'in-doubt/happened' },
  'performed-otherwise': {
    advice: /^happened: the step goes on/,
    file: 'test/integration/perform-doubt.test.ts',
    name: 'a decision holds for the call as it was shown',
  },
  'step-cannot-go-on': { advice: /^Correct what the message names/, file: cells, name: 'stuck/rerun' },
  'changed-since': { advice: /^Somebody has changed it since\. overwrite/, file: cells, name: 'undo/overwrite' },
  'target-neither-before-nor-after': {
    advice: /^Step a was half applied when this was changed/,
    file: cells,
    name: 'conflict/overwrite',
  },
  'performed-and-not-asked-for': {
    advice: /^happened: it stays in the record, and the step ends without it\.$/,
    file: 'test/integration/perform.test.ts',
    name: 'a call that was made and is not requested any more is asked about',
  },
  'blob-damaged': {
    advice: /Put that blob back from a copy of the \.holdfast folder, then answer recheck\.$/,
    file: 'test/integration/compensate-changed.test.ts',
    name: 'a content that is put back from a copy of the .holdfast folder is undone after a recheck',
  },
  'undone-after-reset': {
    advice: /abort with compensate undoes the rest; start a new job then\.$/,
    file: 'test/integration/compensate.test.ts',
    name: 'a Workflow reset to before the abort is told',
  },
  'token-changed': {
    advice: /accept only where what the step did is there\.$/,
    file: carried,
    name: 'a note of a step that somebody edited is accepted where what the step did is there',
  },
  'database-replaced': {
    advice: /Point the worker's URL back to that one and answer recheck; accept goes on in this one\.$/,
    file: carried,
    name: 'a job that was led to another database goes on',
  },
  'decision-not-carried-out': {
    advice: /^Grant the worker access\. Then answer recheck: the decision is carried out first\.$/,
    file: carried,
    name: 'a decision that could not be carried out is carried out first after recheck, once it can be',
  },
  'inputs-keep-changing': {
    advice: /^Let nobody change what the step reads while it runs, then decide `rerun`\.$/,
    file: carried,
    name: 'a step whose inputs kept changing runs again once nobody changes them',
  },
  'checkpoint-damaged': {
    advice: /^older: the job goes on from checkpoint \d+ of .*\. anew: another job begins, from nothing/,
    file: 'test/integration/resume-from.test.ts',
    name: 'one that can’t be read is asked about; the older one is gone on from, and who said so is told',
  },
  'cannot-resume': {
    advice: /^Abort, and resume the job in another workspace/,
    file: 'test/integration/resume-refused.test.ts',
    name: 'another job’s workspace, or a record beyond the checkpoint, is asked about, not touched',
  },
  'compensation-failed': { advice: /rerun tries again; skip/, file: cells, name: 'undo/rerun' },
};

const root = path.join(import.meta.dirname, '../..');
const advised = [...ALL].filter(({ advice }) => advice !== undefined);

test('each advice of a question is carried out by a test', () => {
  const untested = advised.map(({ kind }) => kind).filter((kind) => TESTS[kind] === undefined);
  assert.deepEqual([...new Set(untested)], []);
  const kinds = new Set<string>(advised.map(({ kind }) => kind));
  assert.deepEqual(
    Object.keys(TESTS).filter((kind) => !kinds.has(kind)),
    [],
    'these advise nothing',
  );
});

test('the tests that carry advice out are there, and the advice is worded as they follow it', () => {
  for (const [kind, { advice, file, name }] of Object.entries(TESTS)) {
    assert.ok(readFileSync(path.join(root, file), 'utf8').includes(name), `${file} has no test "${name}"`);
    const texts = advised.filter((finding) => finding.kind === kind).map((finding) => finding.advice!);
    assert.ok(
      texts.some((text) => advice.test(text)),
      `${kind} advises ${JSON.stringify(texts)}`,
    );
  }
});

test('what has changed under a step is asked about here: no advice sends a person to another question', () => {
  const cause = { type: 'stale-world', message: 'file:a has changed' };
  const changing = 'inputs-keep-changing';
  assert.deepEqual(
    [
      stuckFinding('a', cause, changing),
      undoingStuckFinding('a', cause, changing),
      halfAppliedFinding(stuckFinding('a', cause), false),
    ].map(({ advice }) => advice),
    [
      'Let nobody change what the step reads while it runs, then decide `rerun`.',
      'Let nobody change what the step reads while it runs. rerun tries again; skip leaves the whole step as it is.',
      'Put right what the message names, then decide `recheck`. It is half applied: recheck goes on where ' +
        'it stopped, and does nothing twice.',
    ],
  );
});

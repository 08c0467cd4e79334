/**
 * What a question advises is carried out by a test, as it is worded: following an advice must never do harm. Advice
 * that only explains an answer is carried out by the test of that answer.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ALL } from '../support/finding-samples.ts';

interface CarriedOut {
  /** How the advice begins. */
  readonly advice: RegExp;
  readonly file: string;
  /** A part of the test's name. */
  readonly name: string;
}

const away = 'test/integration/record-away.test.ts';
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
  'compensation-failed': { advice: /rerun tries again; skip/, file: cells, name: 'undo/rerun' },
};

/** Kinds whose advice no test carries out yet. The list may only become shorter. */
const NOT_CARRIED_OUT: readonly string[] = [
  'blob-damaged',
  'database-replaced',
  'decision-not-carried-out',
  'inputs-keep-changing',
  'performed-and-not-asked-for',
  'target-neither-before-nor-after',
  'token-changed',
  'undone-after-reset',
];

const root = path.join(import.meta.dirname, '../..');
const advised = [...ALL].filter(({ advice }) => advice !== undefined);

test('each advice of a question is carried out by a test', () => {
  const untested = advised.map(({ kind }) => kind).filter((kind) => TESTS[kind] === undefined);
  const open = [...new Set(untested)].filter((kind) => !NOT_CARRIED_OUT.includes(kind));
  assert.deepEqual(open, []);
  const superfluous = NOT_CARRIED_OUT.filter(
    (kind) => TESTS[kind] !== undefined || !new Set<string>(untested).has(kind),
  );
  assert.deepEqual(superfluous, [], 'these are carried out, or advise nothing');
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

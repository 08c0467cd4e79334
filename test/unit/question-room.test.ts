/** All that a person can be asked is made in one room: each kind of finding by a function there, and by nobody else. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { HoldfastError } from '../../src/model/failure.ts';
import { FindingKindSchema, FindingSchema, findingsIdentity, type Finding } from '../../src/model/question/finding.ts';
import type { StepRecord, UndoingRecord } from '../../src/model/record/record.ts';
import { ABSENT, type ResourceState } from '../../src/model/record/world.ts';
import { approvalFinding } from '../../src/protocol/question/approval.ts';
import { conflictFinding, type IntentOwner } from '../../src/protocol/question/conflict.ts';
import { restoredDatabaseFinding, unknownTokenFinding } from '../../src/protocol/question/database.ts';
import { appearedFinding, discrepancyFinding, withoutRerun } from '../../src/protocol/question/discrepancy.ts';
import { doubtFinding, type DoubtKind } from '../../src/protocol/question/doubt.ts';
import { foreignFinding } from '../../src/protocol/question/foreign.ts';
import {
  damagedLedgerFinding,
  ledgerBehindFinding,
  missingLedgerFinding,
  notCarriedOutFinding,
} from '../../src/protocol/question/ledger.ts';
import { aheadFinding, undoneAfterResetFinding } from '../../src/protocol/question/reset.ts';
import { stuckFinding } from '../../src/protocol/question/stuck.ts';
import {
  changedSinceFinding,
  compensationFailedFinding,
  lostContentFinding,
  undoingStuckFinding,
  undoneCallFinding,
} from '../../src/protocol/question/undo.ts';
import { unreachableFinding, unseenFinding } from '../../src/protocol/question/unseen.ts';
import { unusableWorkspaceFinding } from '../../src/protocol/question/workspace.ts';
import type { PerformRow } from '../../src/store/ledger/perform-row.ts';

const root = path.join(import.meta.dirname, '../..');
const ROOM = 'src/protocol/question';

const DIGEST = 'd'.repeat(64);
const OTHER_DIGEST = 'e'.repeat(64);
const KNOWN = { seq: 3, head: DIGEST };
const FILE: ResourceState & { kind: 'file' } = { kind: 'file', sizeBytes: 1, mode: 0o644, content: DIGEST };
const ROW: ResourceState = { kind: 'row', columns: { id: 1 } };
const SCHEMA: ResourceState = { kind: 'schema', columns: [], primaryKey: [], indexes: [], constraints: [] };
const TOKEN: ResourceState = { kind: 'token', intent: DIGEST, rows: '1' };
const VALUE: ResourceState = { kind: 'value', value: DIGEST, summary: 'v1' };
const IDENTITY: ResourceState = { kind: 'identity', system: 's', timeline: '1', name: 'main' };
const COMMON = { schemaVersion: 1 as const, jobId: 'job', seq: 4, at: 'then', runId: 'run' };

const RECORD: StepRecord = {
  ...COMMON,
  kind: 'step',
  stepId: 'a',
  step: 's',
  version: '1',
  generation: 0,
  token: DIGEST,
  args: DIGEST,
  intent: DIGEST,
  output: null,
  effects: [],
  changes: [],
  uses: [],
  logs: [],
};
const UNDOING: UndoingRecord = { ...COMMON, kind: 'undoing', by: 'ada', reason: 'wrong', changes: [] };

const CALL: PerformRow = {
  token: DIGEST,
  name: 'charge',
  jobId: 'job',
  stepId: 'a',
  generation: 0,
  state: 'about',
  key: DIGEST,
  round: 0,
  inDoubt: 'ask',
  request: { digest: DIGEST, text: '{}' },
  answers: null,
  answer: null,
  known: null,
  calledIn: 0,
  nonce: 'n',
  note: null,
  at: 'then',
  wanted: null,
};

function differs(resource: string, expected: ResourceState, found: ResourceState): Finding {
  return discrepancyFinding({
    resource,
    expected,
    found,
    recorded: undefined,
    staleSteps: ['b'],
    rerunSteps: ['b'],
    difference: '',
    isRestorable: true,
  });
}

const DISCREPANCIES: readonly Finding[] = [
  differs('file:a', FILE, { ...FILE, content: OTHER_DIGEST }),
  differs('file:a', FILE, ABSENT),
  differs('file:a', ABSENT, FILE),
  differs('file:a', FILE, { kind: 'directory', mode: 0o755 }),
  differs('file:a', FILE, { ...FILE, mode: 0o600 }),
  appearedFinding('file:b', FILE, ''),
  differs('row:main/t/{"id":1}', ROW, { kind: 'row', columns: { id: 2 } }),
  differs('row:main/t/{"id":1}', ROW, ABSENT),
  differs('row:main/t/{"id":1}', ABSENT, ROW),
  differs('schema:main/t', SCHEMA, { ...SCHEMA, primaryKey: ['id'] }),
  differs('schema:main/t', SCHEMA, ABSENT),
  differs(`token:main/${DIGEST}`, TOKEN, ABSENT),
  differs(`token:main/${DIGEST}`, TOKEN, { ...TOKEN, rows: '2' }),
  differs('database:main', IDENTITY, { ...IDENTITY, timeline: '2' }),
  differs('query:watch/q', VALUE, { ...VALUE, value: OTHER_DIGEST }),
  differs('code:s', VALUE, { ...VALUE, value: OTHER_DIGEST }),
  differs('plan:', VALUE, ABSENT),
  unknownTokenFinding('main', DIGEST),
  restoredDatabaseFinding('main', { expected: 2, found: 1 }),
];

const LEDGERS: readonly Finding[] = [
  damagedLedgerFinding(['record 2 is not sealed']),
  missingLedgerFinding('/work', { known: KNOWN, jobId: 'job' }),
  ledgerBehindFinding(KNOWN, { lastSeq: 1, head: undefined }),
  notCarriedOutFinding(new HoldfastError('permission-denied', 'no')),
  aheadFinding(RECORD),
  undoneAfterResetFinding({ record: UNDOING, undone: [] }),
  foreignFinding({ jobId: 'job-2', isOpen: false, halfApplied: [], openCalls: [], keptBoundBecause: [] }),
];

const CAUSE = { type: 'bad-input', message: 'wrong' };
const STEPS: readonly Finding[] = [
  unseenFinding('file:a', { outcome: 'unreadable', reason: 'EACCES' }, undefined),
  unreachableFinding('database:main', new HoldfastError('storage-unreachable', 'gone')),
  conflictOf('step'),
  approvalFinding({ stepId: 'a', effects: [] }, DIGEST, []),
  ...(['outcome-unknown', 'performed-otherwise', 'performed-and-not-asked-for'] satisfies DoubtKind[]).map((kind) =>
    doubtFinding({ row: CALL, wanted: null, kind, why: 'killed' }),
  ),
  stuckFinding('a', CAUSE),
  stuckFinding('a', CAUSE, 'inputs-keep-changing'),
];

const UNDOINGS: readonly Finding[] = [
  changedSinceFinding(RECORD, { resource: 'file:a', before: ABSENT, after: FILE, found: ABSENT, difference: '' }),
  lostContentFinding(RECORD, { resource: 'file:a', before: FILE, found: ABSENT }),
  compensationFailedFinding('a', CAUSE),
  undoingStuckFinding('a', CAUSE, 'step-cannot-go-on'),
  undoneCallFinding(CALL),
];

/** As version 0.1 has them. */
const EARLIEST: readonly Finding[] = [...DISCREPANCIES, ...LEDGERS, ...STEPS, ...UNDOINGS];
const ALL: readonly Finding[] = [
  ...EARLIEST,
  unusableWorkspaceFinding(new HoldfastError('workspace-unusable', 'a file stands there')),
];

function conflictOf(owner: IntentOwner): Finding {
  const target = { stepId: 'a', before: ABSENT, after: FILE };
  return conflictFinding({ resource: 'file:a', target, found: ABSENT, difference: '', owner });
}

test('every kind of finding is made by a function of the question room', () => {
  const made = new Set<string>(ALL.map(({ kind }) => kind));
  assert.deepEqual(
    FindingKindSchema.options.filter((kind) => !made.has(kind)),
    [],
  );
});

/** Ledgers identify questions by this digest: another digest would ask each open question anew after an upgrade. */
const IDENTITY_OF_EARLIEST = 'a6b7e1b7b98d97f9e842fe87a2d8113356c2087f43c25ff2959c87b4180ffdb0';

test('the sides that identify a question are as they were when it was asked', () => {
  assert.equal(findingsIdentity(EARLIEST), IDENTITY_OF_EARLIEST);
});

test('the page about questions names each kind that is made, and no other', () => {
  const page = readFileSync(path.join(root, 'docs/questions.md'), 'utf8');
  const unnamed = FindingKindSchema.options.filter((kind) => !page.includes(`\`${kind}\``));
  assert.deepEqual(unnamed, []);
});

test('every finding is as the schema of questions has it, and can be answered', () => {
  for (const one of ALL) {
    assert.deepEqual(FindingSchema.parse(one), one);
    assert.ok(one.answers.includes('recheck') && one.answers.includes('abort'), one.kind);
  }
});

test('rerun is offered where a step can run again, restore where the record is at hand', () => {
  const resource = 'file:a';
  const common = { resource, expected: FILE, found: ABSENT, recorded: undefined, staleSteps: [], difference: '' };
  assert.deepEqual(discrepancyFinding({ ...common, rerunSteps: [], isRestorable: true }).answers, [
    'accept',
    'restore',
    'recheck',
    'abort',
  ]);
  const rerunnable = discrepancyFinding({ ...common, rerunSteps: ['a'], isRestorable: false });
  assert.deepEqual(rerunnable.answers, ['accept', 'rerun', 'recheck', 'abort']);
  assert.deepEqual(withoutRerun(conflictOf('step')).answers, ['skip', 'overwrite', 'recheck', 'abort']);
  const whileUndoing = withoutRerun(rerunnable);
  assert.deepEqual([whileUndoing.answers, whileUndoing.rerunSteps], [['accept', 'recheck', 'abort'], []]);
});

test("undo is offered for a conflict of this job's steps alone", () => {
  assert.deepEqual(conflictOf('step').answers, ['skip', 'overwrite', 'undo', 'recheck', 'abort']);
  for (const owner of ['undoing', 'another job'] satisfies IntentOwner[])
    assert.deepEqual(conflictOf(owner).answers, ['skip', 'overwrite', 'recheck', 'abort'], owner);
  assert.deepEqual(conflictOf('undoing').rerunSteps, []);
});

test('no file outside the room makes a finding', () => {
  const outside = globSync('src/**/*.ts', { cwd: root })
    .map((file) => file.replaceAll(path.sep, '/'))
    .filter((file) => !file.startsWith(`${ROOM}/`));
  assert.ok(outside.length > 300, `${outside.length} files are read`);
  const making = outside.filter((file) => {
    const source = readFileSync(path.join(root, file), 'utf8');
    const importsMaker = [...source.matchAll(/from '([^']+)'/g)].some(
      ([, specifier]) => path.posix.join(path.posix.dirname(file), specifier!) === `${ROOM}/finding.ts`,
    );
    const choosesAnswers = !file.startsWith('src/model/') && /\bofferedAnswers\b/.test(source);
    return importsMaker || choosesAnswers;
  });
  assert.deepEqual(making, []);
});

/** One finding of each kind, as the room of questions makes it. */
import { HoldfastError } from '../../src/model/failure.ts';
import type { Finding } from '../../src/model/question/finding.ts';
import type { StepRecord, UndoingRecord } from '../../src/model/record/record.ts';
import { ABSENT, type ResourceState } from '../../src/model/record/world.ts';
import { approvalFinding } from '../../src/protocol/question/approval.ts';
import { notResumableFinding, unreadableCheckpointFinding } from '../../src/protocol/question/checkpoint.ts';
import { conflictFinding, type IntentOwner } from '../../src/protocol/question/conflict.ts';
import { restoredDatabaseFinding, unknownTokenFinding } from '../../src/protocol/question/database.ts';
import { appearedFinding, discrepancyFinding } from '../../src/protocol/question/discrepancy.ts';
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

const DIGEST = 'd'.repeat(64);
const OTHER_DIGEST = 'e'.repeat(64);
const KNOWN = { seq: 3, head: DIGEST };
export const FILE: ResourceState & { kind: 'file' } = { kind: 'file', sizeBytes: 1, mode: 0o644, content: DIGEST };
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
export const EARLIEST: readonly Finding[] = [...DISCREPANCIES, ...LEDGERS, ...STEPS, ...UNDOINGS];
export const ALL: readonly Finding[] = [
  ...EARLIEST,
  unusableWorkspaceFinding(new HoldfastError('workspace-unusable', 'a file stands there')),
  unreadableCheckpointFinding({
    jobId: 'job',
    unreadable: [{ generation: 7, failure: { message: 'cut short' } }],
    older: { seq: 5, head: DIGEST, at: '2026-11-28T00:00:00.000Z', next: ['a'] },
    whyNotAnew: undefined,
  }),
  notResumableFinding({
    expected: 'this chain',
    found: 'another',
    advice: 'Abort, and resume the job in another workspace.',
  }),
];

export function conflictOf(owner: IntentOwner): Finding {
  const target = { stepId: 'a', before: ABSENT, after: FILE };
  return conflictFinding({ resource: 'file:a', target, found: ABSENT, difference: '', owner });
}

/** G6 in long chains: what a comparison remembers is believed only where nothing speaks against it. */
import type { Mutation } from './mutation.ts';

const UNIT = ['test/unit/checked-heads.test.ts'];
const LONG = ['test/integration/long-chain.test.ts'];

export const CHECKED: readonly Mutation[] = [
  {
    guarantee: 'G6',
    breaks: 'a head is believed that another Run has remembered, although this one may have forgotten what was before',
    file: 'src/store/ledger/checked.ts',
    find: '(foundFor !== runId && at.seq > base.seq)',
    replace: "(foundFor === '' && at.seq > base.seq)",
    tests: [...UNIT, ...LONG],
  },
  {
    guarantee: 'G6',
    breaks: 'a head is believed of which the Workflow has not heard',
    file: 'src/store/ledger/checked.ts',
    find: 'if (at.seq > known.seq ||',
    replace: 'if (at.seq < 0 ||',
    tests: UNIT,
  },
  {
    guarantee: 'G6',
    breaks: 'a head is believed that was remembered before the host started anew',
    file: 'src/store/ledger/checked.ts',
    find: 'AND boot_id = ?',
    replace: 'AND length(boot_id) > length(?) - 99',
    tests: UNIT,
  },
  {
    guarantee: 'G6',
    breaks: 'a head is believed that the chain does not have',
    file: 'src/store/ledger/integrity.ts',
    find: 'if (tables.records.headAt(jobId, head.at.seq) !== head.at.head) return undefined;',
    replace: 'if (tables.records.headAt(jobId, head.at.seq) === "") return undefined;',
    tests: UNIT,
  },
  {
    guarantee: 'G6',
    breaks: 'an entry of the manifest that was changed behind the head is not noticed',
    file: 'src/store/ledger/fold-check.ts',
    find: 'return before === cell!.text ? [] : [differs(resource)];',
    replace: 'return [];',
    tests: UNIT,
  },
  {
    guarantee: 'G6',
    breaks: 'an entry of the manifest that is lost behind the head is not noticed',
    file: 'src/store/ledger/fold-check.ts',
    find: 'if (left.size > 0) problems.push(',
    replace: 'if (left.size < 0) problems.push(',
    tests: UNIT,
  },
  {
    guarantee: 'G6',
    breaks: 'a manifest that was changed while nothing was recorded is not noticed',
    file: 'src/store/ledger/fold-check.ts',
    find: 'const isSame = whole.digest() === before.manifest;',
    replace: "const isSame = whole.digest() !== '';",
    tests: UNIT,
  },
  {
    guarantee: 'G6',
    breaks: 'a step is answered from a record that was changed',
    file: 'src/store/ledger/records.ts',
    find: "if (headOf(previous, COLUMNS.text(row, 'body')) !== COLUMNS.text(row, 'head')) throw changed(seq);",
    replace: "if (headOf(previous, COLUMNS.text(row, 'body')) === '') throw changed(seq);",
    tests: LONG,
  },
  {
    guarantee: 'G6',
    breaks: 'records are handed on that were changed',
    file: 'src/store/ledger/records.ts',
    find: 'if (one.computed !== one.head) throw',
    replace: "if (one.computed === '') throw",
    tests: UNIT,
  },
  {
    guarantee: 'G6',
    breaks: 'a head is remembered of which the Workflow has not heard',
    file: 'src/protocol/verify/chain-reading.ts',
    find: 'if (!isHeld || check.problems.length > 0) return;',
    replace: 'if (check === undefined || check.problems.length > 0) return;',
    tests: LONG,
  },
  {
    guarantee: 'G6',
    breaks: 'damage behind the head that a step has met is never asked about',
    file: 'src/protocol/step/record-trouble.ts',
    find: 'const wasAllRead = mark === undefined ||',
    replace: "const wasAllRead = mark !== undefined || error === '' ||",
    tests: LONG,
  },
  {
    guarantee: 'G6',
    breaks: 'a comparison for damage that somebody has met does not read everything',
    file: 'src/protocol/verify/chain-reading.ts',
    find: 'if (READS_ALL.has(reason)) forget(ledger, jobId);',
    replace: "if (READS_ALL.has(reason) && jobId === '') forget(ledger, jobId);",
    tests: LONG,
  },
];

import type { Mutation } from './mutation.ts';

const TESTS = ['test/integration/resume-from.test.ts'];

export const RESUMES: readonly Mutation[] = [
  {
    guarantee: 'G1',
    breaks: 'a call of which the record is lost is made again without a word',
    file: 'src/protocol/attempt/calls/unrecorded-call.ts',
    find: 'if (!claim.read((ledger) => mayHaveLostCalls(ledger, claim.row.jobId))) return undefined;',
    replace: 'if (claim.row.generation === 0) return undefined;',
    tests: TESTS,
    name: 'its record lost, is not made again',
  },
  {
    guarantee: 'G1',
    breaks: 'calls that later checkpoints tell of are forgotten where an earlier one is gone on from',
    file: 'src/protocol/verify/resumed-record.ts',
    find: 'if (ledger.perform(call.token, call.name) === undefined) ledger.putPerform',
    replace: 'if (ledger.perform(call.token, call.name) !== undefined) ledger.putPerform',
    tests: TESTS,
    name: 'a call is answered from the later one',
  },
  {
    guarantee: 'G6',
    breaks: 'an older checkpoint is taken where the newest cannot be read',
    file: 'src/protocol/verify/resume.ts',
    find: 'if (!isDecided) return unreadable(resuming, choice);',
    replace: 'if (older === undefined) return unreadable(resuming, choice);',
    tests: TESTS,
    name: 'the older one is gone on from',
  },
  {
    guarantee: 'G6',
    breaks: 'the record in the workspace is passed over for the store',
    file: 'src/protocol/verify/resume.ts',
    find: 'if (latest !== undefined && ledger.headAt(jobId, latest.seq) !== latest.head)',
    replace: 'if (latest !== undefined)',
    tests: TESTS,
    name: 'it goes on from that',
  },
  {
    guarantee: 'G4',
    breaks: 'the files of a job are not brought back into a new workspace',
    file: 'src/protocol/verify/resumed-record.ts',
    find: 'if (half.bringsBack) await',
    replace: 'if (!half.bringsBack) await',
    tests: TESTS,
    name: 'its files are there',
  },
  {
    guarantee: 'G4',
    breaks: 'files are brought back unasked into a folder that somebody has something in',
    file: 'src/protocol/workspace/workspaces.ts',
    find: 'name === HOLDFAST_DIRECTORY && isBare(join(path, name))',
    replace: 'name.length > 0',
    tests: ['test/integration/resume-refused.test.ts'],
    name: 'is asked about, not touched',
  },
  {
    guarantee: 'G6',
    breaks: 'a Run refuses the record that it has gone on from',
    file: 'src/protocol/verify/resume.ts',
    find: 'const finding = isOwn ? undefined :',
    replace: 'const finding = !isOwn ? undefined :',
    tests: ['test/integration/resume-refused.test.ts'],
    name: 'is asked about, not touched',
  },
];

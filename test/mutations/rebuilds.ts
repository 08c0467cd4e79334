import type { Mutation } from './mutation.ts';

const LEDGER = ['test/integration/rebuild-ledger.test.ts'];
const REBUILT = ['test/integration/rebuild.test.ts'];

export const REBUILDS: readonly Mutation[] = [
  {
    guarantee: 'G6',
    breaks: 'the log of a lost ledger becomes that of the one made in its place',
    file: 'src/store/ledger/make-ledger.ts',
    find: '  setStrayLogsAside(directory);\n',
    replace: '',
    tests: LEDGER,
    name: 'a ledger that is there is never replaced',
  },
  {
    guarantee: 'G6',
    breaks: 'a content of a checkpoint is taken for what its name says',
    file: 'src/protocol/checkpoint/rebuild-ledger.ts',
    find: 'if (await workspace.blobs.hasIntact(digest)) continue;',
    replace: 'continue;',
    tests: LEDGER,
    name: 'a content that is not what its name says',
  },
  {
    guarantee: 'G3',
    breaks: 'a record is made anew of something else than what was shown',
    file: 'src/protocol/rebuild/rebuild.ts',
    find: '  if (findingsIdentity([shown]) !== findingsIdentity([asked])) return moved(request);\n',
    replace: '  void shown;\n',
    tests: REBUILT,
    name: 'a record that was put back meanwhile',
  },
  {
    guarantee: 'G1',
    breaks: 'steps that the history says are done run again once the record is made anew',
    file: 'src/protocol/rebuild/make-record.ts',
    find: '  for (const one of plan.adopted) adopt(tables, plan, one, by);\n',
    replace: '',
    tests: REBUILT,
    name: 'without a store: what the Workflow has heard',
  },
  {
    guarantee: 'G1',
    breaks: 'calls whose record is lost are made again in silence',
    file: 'src/protocol/attempt/calls/lost-call.ts',
    find: '  if (generation === undefined || generation >= wanted) return undefined;\n',
    replace: '  if (generation === undefined || generation < wanted) return undefined;\n',
    tests: REBUILT,
    name: 'a step that may have begun runs anew',
  },
  {
    guarantee: 'G1',
    breaks: 'what a database has committed for a step without a record is repeated unnamed',
    file: 'src/protocol/question/rebuild.ts',
    find: 'repeats: repeats.length === 0 ? undefined : repeats',
    replace: 'repeats: repeats.length >= 0 ? undefined : repeats',
    tests: REBUILT,
    name: 'what a database has committed',
  },
  {
    guarantee: 'G1',
    breaks: 'a step whose changes no record tells runs again unnamed',
    file: 'src/protocol/question/what-stays.ts',
    find: 'if (recorded?.rebuilt === true) return [NOT_TOLD];',
    replace: '',
    tests: REBUILT,
    name: 'of a step that counts as done by the history alone',
  },
  {
    guarantee: 'T',
    breaks: 'an undoing passes over a step whose changes no record tells',
    file: 'src/protocol/undo/plan/plan.ts',
    find: 'open.size > 0 || compensates || isRebuilt',
    replace: 'open.size > 0 || compensates',
    tests: REBUILT,
    name: 'of a step that counts as done by the history alone',
  },
];

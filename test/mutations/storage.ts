/** What is done about trouble with disks and files. */
import type { Mutation } from './mutation.ts';

const HANDLES = ['test/integration/storage-handles.test.ts'];
const UNUSABLE = ['test/integration/workspace-unusable.test.ts'];

export const STORAGE: readonly Mutation[] = [
  {
    guarantee: 'G1',
    breaks: 'a step goes on trying while its database is damaged',
    file: 'src/model/failures.ts',
    find: "'database-damaged': {\n    retryable: false",
    replace: "'database-damaged': {\n    retryable: true",
    tests: ['test/integration/database-damaged.test.ts'],
  },
  {
    guarantee: 'G1',
    breaks: 'a damaged database is waited for like one that is away',
    file: 'src/protocol/look/sighting.ts',
    find: "if (error.type === 'database-damaged') return",
    replace: "if (error.type === 'busy') return",
    tests: ['test/integration/database-damaged.test.ts'],
  },
  {
    guarantee: 'G1',
    breaks: 'a lock that can only be read is taken for exclusive',
    file: 'src/store/life/locked-file.ts',
    find: `mustBeWritable(path);
        store = new SqliteStore(path, { timeout: 0, pragmas: 'PRAGMA journal_mode = MEMORY' });
        store.exec(PROOF_OF_WRITING);`,
    replace: "store = new SqliteStore(path, { timeout: 0, pragmas: 'PRAGMA journal_mode = MEMORY' });",
    tests: HANDLES,
    name: 'lock\\.sqlite',
  },
  {
    guarantee: 'T',
    breaks: 'a ledger whose handle failed is used again',
    file: 'src/store/ledger/file.ts',
    find: '    if (this.#isSuspect) return false;\n',
    replace: '',
    tests: ['test/unit/ledger.test.ts'],
    name: 'damage that is met',
  },
  {
    guarantee: 'T',
    breaks: 'what stands in the way of a workspace is not looked at',
    file: 'src/protocol/workspace/obstacle.ts',
    find: "  if (!isOf('folder', path, 'the workspace')) return;",
    replace: "  if (path !== '') return;",
    tests: UNUSABLE,
  },
  {
    guarantee: 'T',
    breaks: 'a workspace that cannot be used ends the job',
    file: 'src/protocol/question/workspace.ts',
    find: 'return isFailure(error) && !error.retryable && !NOT_ASKED.has(error.type);',
    replace: "return isFailure(error, 'ledger-damaged');",
    tests: UNUSABLE,
  },
  {
    guarantee: 'T',
    breaks: 'a lost moment while a ledger is made counts as damage',
    file: 'src/store/ledger/file.ts',
    find: "storageError('open', path, error, OF_RECORD);",
    replace: "new HoldfastError('ledger-damaged', path, {}, { cause: error });",
    tests: UNUSABLE,
    name: 'new ledger',
  },
  {
    guarantee: 'T',
    breaks: 'a disk that fails for a moment counts as a denial',
    file: 'src/protocol/workspace/unreadable.ts',
    find: "return code === undefined ? 'permission-denied' : systemFailureType(code);",
    replace: "return code === '' ? systemFailureType(code) : 'permission-denied';",
    tests: ['test/unit/storage-error.test.ts'],
  },
  {
    guarantee: 'T',
    breaks: 'a person is asked about an outage of a moment',
    file: 'src/protocol/verify/verification.ts',
    find: '  if (mayWait) refuseOutage(findings);\n',
    replace: '  if (mayWait && findings.length > 1_000) refuseOutage(findings);\n',
    tests: ['test/integration/outage.test.ts'],
  },
  {
    guarantee: 'G4',
    breaks: 'a damaged content is offered to be restored',
    file: 'src/protocol/compare/differences.ts',
    find: "if (found !== 'damaged') return",
    replace: "if (found !== 'missing') return",
    tests: ['test/integration/damaged-content.test.ts'],
  },
  {
    guarantee: 'Secrets',
    breaks: 'everybody on the machine may read the ledger',
    file: 'src/store/durable-file.ts',
    find: 'constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)',
    replace: 'constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o644)',
    tests: HANDLES,
    name: 'for its owner alone',
  },
  {
    guarantee: 'T',
    breaks: 'a folder that was made again is taken for the one that was removed',
    file: 'src/protocol/workspace/open-workspaces.ts',
    find: '    if (this.#entries.get(root)?.identity !== identity) this.#retireEntry(root);\n',
    replace: "    if (identity === '') this.#retireEntry(root);\n",
    tests: ['test/unit/open-workspaces.test.ts'],
  },
];

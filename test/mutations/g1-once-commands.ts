/** G1 for commands: all changes of a command are applied or none, and no process outlives it. */
import type { Mutation } from './mutation.ts';

export const COMMANDS_ONCE: readonly Mutation[] = [
  {
    guarantee: 'G1',
    breaks: 'a change whose size and modification time were put back is not seen',
    file: 'src/effects/files/tree.ts',
    find: 'a.ctimeNs === b.ctimeNs',
    replace: 'a.ctimeNs === a.ctimeNs',
    tests: ['test/integration/command.test.ts'],
    name: 'modification time back',
  },
  {
    guarantee: 'G1',
    breaks: 'what a command removed stays',
    file: 'src/effects/files/tree.ts',
    find: '  return [...changed, ...[...before.keys()].filter((path) => !after.has(path))];',
    replace: '  return changed;',
    tests: ['test/integration/command.test.ts'],
    name: 'what a command changes is applied',
  },
  {
    guarantee: 'G1',
    breaks: 'a command outlives its worker',
    file: 'src/effects/processes/watcher.ts',
    find: `const WATCHER = 'read nothing; kill -KILL "-$1"';`,
    replace: `const WATCHER = 'read nothing';`,
    tests: ['test/integration/command-kills.test.ts'],
    name: 'half-way',
  },
  {
    guarantee: 'G1',
    breaks: 'what a dead worker’s command left running goes on',
    file: 'src/effects/processes/command-folder.ts',
    find: 'await killLeftoverProcesses({ marker: id, leader: undefined, folder: folder.path });',
    replace: '',
    tests: ['test/integration/command-kills.test.ts'],
    name: 'session of its own',
  },
  {
    guarantee: 'G1',
    breaks: 'processes that a command leaves behind are not looked for',
    file: 'src/effects/processes/run.ts',
    find: 'if (leftBehind.length > 0) await killLeftoverProcesses',
    replace: 'leftBehind.splice(0);\n    if (leftBehind.length > 0) await killLeftoverProcesses',
    tests: ['test/integration/command-run.test.ts'],
    name: 'leaves a process behind',
  },
  {
    guarantee: 'G1',
    breaks: 'a failing command is applied',
    file: 'src/protocol/attempt/commands/on-copy.ts',
    find: 'if (failure !== undefined) throw failure;',
    replace: '',
    tests: ['test/integration/command-run.test.ts'],
    name: 'exit code',
  },
  {
    guarantee: 'G1',
    breaks: 'marks of a batch are set before its files are committed',
    file: 'src/protocol/commit/apply-files.ts',
    find: 'const batchSize = effects.length > MAX_FILES_ONE_BY_ONE ? FILES_A_BATCH : 1;',
    replace: `const batchSize = effects.length > MAX_FILES_ONE_BY_ONE ? FILES_A_BATCH : 1;
      if (batchSize > 1)
        marks.add(effects.slice(1).map(([index, { after }]) => [index, { outcome: 'applied', after }]));`,
    tests: ['test/fault/command-points.test.ts'],
    name: 'batches',
  },
];

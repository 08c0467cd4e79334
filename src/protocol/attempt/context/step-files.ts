/** `ctx.files`: a step reads its own staged files first, then the workspace's, as the record has them. */
import type { Attempt } from '../attempt.ts';
import { listFolder } from './list-folder.ts';
import { refuseUnknownOptions } from '../../../model/options.ts';
import { currentState, readFile, streamFile } from './read-file.ts';
import { stageWrite } from './stage-write.ts';
import { textOf } from './text.ts';
import type { StepFiles } from '../../../model/step/step-files.ts';

export function stepFiles(attempt: Attempt): StepFiles {
  const { workspace, stage } = attempt;
  return {
    read: (path) => readFile(attempt, path),
    readText: async (path, options = {}) => {
      refuseUnknownOptions('ctx.files.readText', options, { encoding: true });
      const { encoding = 'utf-8' } = options;
      return textOf(await readFile(attempt, path), encoding, path);
    },
    stream: (path) => streamFile(attempt, path),
    exists: async (given) => (await currentState(attempt, workspace.files.normalise(given))).kind !== 'absent',
    write: (path, content, options = {}) => stageWrite(attempt, path, content, options),
    remove: async (given) => {
      const path = workspace.files.normalise(given);
      await Promise.resolve();
      stage.files.set(path, { kind: 'remove', path });
    },
    list: async (folder = '', options = {}) => {
      refuseUnknownOptions('ctx.files.list', options, { recursive: true });
      return await listFolder(attempt, folder, options.recursive === true);
    },
  };
}

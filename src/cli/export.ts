/** `holdfast export`: a job as a git repository, from its record alone. */
import path from 'node:path';
import { Option } from 'commander';
import { exportGit } from '../changes/git-export.ts';
import { HoldfastError } from '../model/failure.ts';
import { shellWord } from '../model/shell-word.ts';
import { EXIT, type CommandSpec, WORKSPACE_ARGUMENT } from './command.ts';
import { JOB_RECORD_OPTIONS, withJobRecord, type JobRecordChoice } from './job-record.ts';
import { counted } from '../model/counted.ts';
import { whileSlow } from './terminal.ts';

interface Options extends JobRecordChoice {
  readonly git?: string;
}

export const exportCommand: CommandSpec<Options> = {
  name: 'export',
  arguments: [WORKSPACE_ARGUMENT],
  description:
    'One commit a step, with the step as author and what it did as message; what people decided about files is ' +
    'committed in their name. The first commit has the files as the job found them.',
  options: [
    new Option('--git <folder>', 'an empty folder, or one to be made, for the repository'),
    ...JOB_RECORD_OPTIONS,
  ],
  examples: [['holdfast export jobs/paris --git paris-history', 'then: git -C paris-history log --stat']],
  async run(context, [target]) {
    const { terminal, options } = context;
    if (options.git === undefined)
      throw new HoldfastError('bad-input', 'Where to? Expected --git FOLDER, an empty folder or one to be made.', {
        nextStep: `holdfast export ${shellWord(target!)} --git FOLDER`,
      });
    const to = path.resolve(terminal.cwd, options.git);
    return await withJobRecord(context, target!, async (inspection, job) => {
      const made = await whileSlow(terminal, `Exporting ${job.workflowId}`, exportGit(inspection, job, to));
      for (const { path: file, seq, why } of made.leftOut)
        terminal.err(`Left out: ${file} of record ${seq}: ${why}.\n`);
      return {
        code: EXIT.ok,
        data: { job, ...made },
        text:
          `${counted(made.commits, 'commit')} of ${job.workflowId} in ${made.folder}. ` +
          `See: git -C ${shellWord(made.folder)} log --stat`,
      };
    });
  },
};

/** `holdfast checkpoints`: the checkpoints of a job, newest first; with `--inspect`, how sound a file of a store is. */
import { Option } from 'commander';
import { HoldfastError } from '../model/failure.ts';
import { EXIT, type CommandSpec, type Outcome, WORKSPACE_ARGUMENT } from './command.ts';
import { inspectFile } from './inspect-checkpoint.ts';
import { JOB_RECORD_OPTIONS } from './job-record.ts';
import { listCheckpoints, type ListOptions } from './list-checkpoints.ts';
import type { Terminal } from './terminal.ts';

interface Options extends ListOptions {
  readonly inspect?: string;
}

export const checkpointsCommand: CommandSpec<Options> = {
  name: 'checkpoints',
  arguments: [['[workspace-or-job]', WORKSPACE_ARGUMENT[1]]],
  description:
    'A checkpoint is the state of the job at the end of a super-step, the steps that run at once; step 0 is the ' +
    'input. The list is read from the record alone. --inspect tells of any file of a store how much of it is sound ' +
    'and where the damage begins: it needs no server, no worker and no store, loads nothing and changes nothing; ' +
    'exit code 1 when the file is not sound.',
  options: [
    new Option('--last <count>', 'so many of the latest checkpoints (default: 50)'),
    new Option('--inspect <file>', 'how much of a file is sound, and where the damage begins'),
    ...JOB_RECORD_OPTIONS,
  ],
  examples: [
    ['holdfast checkpoints jobs/paris', ''],
    ["holdfast checkpoints jobs/paris --json | jq '.checkpoints[] | {seq, next}'", ''],
    ['holdfast state jobs/paris --at 7', 'one of them'],
    ['holdfast diff jobs/paris 3 7', 'what changed from one to another'],
    ['holdfast checkpoints --inspect /srv/checkpoints/reports/0000000012.sealed', ''],
  ],
  async run(context, [target]) {
    const { inspect } = context.options;
    if (inspect !== undefined && target === undefined) return inspected(context.terminal, inspect);
    if (inspect === undefined && target !== undefined) return await listCheckpoints(context, target);
    const both = target === undefined ? 'Whose checkpoints' : '--inspect looks at a file alone: which of the two';
    throw new HoldfastError('bad-input', `${both}? Expected a workspace or a job, or --inspect FILE.`, {
      nextStep: 'holdfast checkpoints WORKSPACE, or holdfast checkpoints --inspect FILE',
    });
  },
};

function inspected(terminal: Terminal, file: string): Outcome {
  const { data, text } = inspectFile(terminal.cwd, file);
  return { code: data.isSound ? EXIT.ok : EXIT.failed, data, text };
}

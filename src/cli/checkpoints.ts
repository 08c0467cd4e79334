/** `holdfast checkpoints`: what is kept of a job's states, outside of Temporal. */
import { Option } from 'commander';
import { HoldfastError } from '../model/failure.ts';
import { EXIT, type CommandSpec } from './command.ts';
import { inspectFile } from './inspect-checkpoint.ts';

interface Options {
  readonly inspect?: string;
}

export const checkpointsCommand: CommandSpec<Options> = {
  name: 'checkpoints',
  description:
    '--inspect tells of any file how much of it is sound and where the damage begins. It needs no server, no worker ' +
    'and no store, loads nothing and changes nothing. Exit code 1 when the file is not sound.',
  options: [new Option('--inspect <file>', 'how much of a file is sound, and where the damage begins')],
  examples: [
    ['holdfast checkpoints --inspect /srv/checkpoints/reports/0000000012.sealed', ''],
    ['holdfast checkpoints --inspect 0000000012.sealed --json', 'the same as data'],
  ],
  async run({ terminal, options }) {
    if (options.inspect === undefined)
      throw new HoldfastError('bad-input', 'Which file? Expected --inspect FILE.', {
        nextStep: 'holdfast checkpoints --inspect FILE',
      });
    const { data, text } = inspectFile(terminal.cwd, options.inspect);
    return { code: data.isSound ? EXIT.ok : EXIT.failed, data, text };
  },
};

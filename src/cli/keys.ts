/** `holdfast keys new`: a fresh encryption key. The only command that prints one. */
import { randomBytes } from 'node:crypto';
import { Option } from 'commander';
import { KEY_FILE_VARIABLE, newKeyLine } from '../codec/keys.ts';
import { HoldfastError } from '../model/failure.ts';
import { EXIT, type CommandSpec } from './command.ts';

interface Options {
  readonly id?: string;
}

export const keysCommand: CommandSpec<Options> = {
  name: 'keys',
  arguments: [['<action>', 'new: prints a fresh key as a line of a key file']],
  description: 'The line is secret. docs/encryption.md says where it goes, and how keys are rotated.',
  options: [
    new Option('--id <id>', "the key's name, which is not secret; default: today's date and four random digits"),
  ],
  examples: [
    ['holdfast keys new', 'one line: ID:KEY'],
    ['(umask 077; holdfast keys new >> holdfast.keys)', 'a file that only you may read'],
    [`export ${KEY_FILE_VARIABLE}=$PWD/holdfast.keys`, 'then worker, dev and all other commands encrypt'],
  ],
  async run(context, [action]) {
    if (action !== 'new')
      throw new HoldfastError('bad-input', `${JSON.stringify(action)} is nothing to do with keys. Expected new.`, {
        nextStep: 'Make a key: holdfast keys new',
      });
    const id = context.options.id ?? `${new Date().toISOString().slice(0, 10)}-${randomBytes(2).toString('hex')}`;
    const line = newKeyLine(id);
    return await Promise.resolve({ code: EXIT.ok, data: { id, line }, text: line });
  },
};

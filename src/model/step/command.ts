/**
 * `ctx.command`: its arguments, checked and completed. Pure.
 *
 * Invariant: everything that decides what runs is in the request, so that a record of it says what ran; of the worker's
 * environment only names are in it.
 */
import * as z from 'zod';
import { HoldfastError } from '../failure.ts';
import { quotedWord } from '../shell-word.ts';
import { commandFields, ArgvSchema } from './command-fields.ts';

/** Of standard output, and of standard error, so much reaches the step: half from the start, half from the end. */
export const MAX_COMMAND_TEXT_BYTES = 128 * 1024;
/** Of both together so much is stored as a blob: half from the start, half from the end. */
export const MAX_COMMAND_LOG_BYTES = 2 * 1024 * 1024;

/** A command that changes more files than this is refused: an intent is sealed, applied and recorded as a whole. */
export const MAX_COMMAND_CHANGES = 50_000;

export const CommandOptionsSchema = z.strictObject({
  ...commandFields,
  name: z.string().min(1).max(100).optional(),
  inDoubt: z.enum(['ask', 'repeat']).optional(),
});

/** A command as it is carried out. */
export type CommandRequest = Omit<z.output<typeof CommandOptionsSchema>, 'name' | 'inDoubt'> & {
  readonly argv: readonly string[];
};

/** @throws HoldfastError `bad-input` */
export function parseCommand(
  run: unknown,
  options: unknown,
): {
  readonly request: CommandRequest;
  readonly name: string | undefined;
  readonly inDoubt: 'ask' | 'repeat' | undefined;
} {
  const argv = ArgvSchema.safeParse(run);
  const parsed = CommandOptionsSchema.safeParse(options ?? {});
  const issues = [
    ...(argv.success ? [] : argv.error.issues.map(({ message }) => `the command: ${message}`)),
    ...(parsed.success ? [] : parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)),
  ];
  if (!argv.success || !parsed.success)
    throw new HoldfastError('bad-input', `ctx.command was given what it does not take: ${issues.join('; ')}.`);
  const { name, inDoubt, ...rest } = parsed.data;
  const isText = typeof argv.data === 'string';
  if (isText !== rest.shell) {
    const found = JSON.stringify(argv.data.slice(0, 100));
    throw new HoldfastError(
      'bad-input',
      rest.shell
        ? 'ctx.command with shell: true takes one string, and was given a list.'
        : `ctx.command was given the string ${found}. Expected a list of words, or shell: true.`,
    );
  }
  if (!isText && argv.data[0] === '')
    throw new HoldfastError('bad-input', 'ctx.command was given an empty program name.');
  if (inDoubt !== undefined && !rest.inPlace)
    throw new HoldfastError(
      'bad-input',
      'inDoubt says what happens to a command in place; this one runs on a copy and is never in doubt.',
    );
  if (rest.inPlace && (rest.paths !== undefined || rest.reads.length > 0 || rest.othersChange.length > 0))
    throw new HoldfastError(
      'bad-input',
      'paths, reads and othersChange say what a copy holds and rests on; a command in place works in the ' +
        'workspace as it is.',
    );
  return {
    request: { ...rest, argv: isText ? ['/bin/sh', '-c', argv.data as string] : (argv.data as string[]) },
    name,
    inDoubt,
  };
}

/** `npm pack`, as a person would type it. */
export function commandText({ argv, shell }: Pick<CommandRequest, 'argv' | 'shell'>): string {
  const words = shell
    ? argv[2]!
    : argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : quotedWord(word))).join(' ');
  return words.length <= 200 ? words : `${words.slice(0, 200)}…`;
}

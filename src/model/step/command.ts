/**
 * Commands: what a step may ask of `ctx.command`, and what it is told. Pure.
 *
 * Invariant: everything that decides what runs is in the request, so that a record of it says what ran; of the worker's
 * environment only names are in it.
 */
import * as z from 'zod';
import { DigestSchema } from '../digest.ts';
import { HoldfastError } from '../failure.ts';
import { ObservationSchema } from '../record/observation.ts';
import { workspacePath } from './declared-path.ts';
import { expressionOfPattern, isFilePattern } from './file-pattern.ts';

export const DEFAULT_KILL_GRACE_MS = 5_000;
/** Of standard output, and of standard error, so much reaches the step: half from the start, half from the end. */
export const MAX_COMMAND_TEXT_BYTES = 128 * 1024;
/** Of both together so much is kept as a blob: half from the start, half from the end. */
export const MAX_COMMAND_LOG_BYTES = 2 * 1024 * 1024;
export const MAX_COMMAND_TIMEOUT_MS = 2_592_000_000;
/** A command that changes more files than this is refused: an intent is sealed, applied and recorded as a whole. */
export const MAX_COMMAND_CHANGES = 50_000;

const VARIABLE = /^[A-Za-z_]\w*$/;
const VariableSchema = z.string().regex(VARIABLE, 'the name of an environment variable');
const TextSchema = z.string().refine((text) => !text.includes('\0'), 'text without NUL');

/** A file, a folder with all in it, or a pattern; normal. */
const PatternSchema = z
  .string()
  .min(1)
  .transform((text, context) => {
    const checked = text === '.' || text === '../' ? { ok: true as const, value: '**' } : workspacePath(text);
    if (checked.ok) return checked.value;
    context.addIssue({ code: 'custom', message: checked.problem });
    return z.NEVER;
  });

const FolderSchema = z.string().transform((text, context) => {
  if (text === '' || text === '.' || text === '../') return '';
  const checked = workspacePath(text);
  if (checked.ok) return checked.value;
  context.addIssue({ code: 'custom', message: checked.problem });
  return z.NEVER;
});

/** The fields that `ctx.command` and the built-in step `command` share. */
export const commandFields = {
  shell: z
    .boolean()
    .default(false)
    .describe('Run one string by /bin/sh -c. Default: false; the words go to the program as they are.'),
  cwd: FolderSchema.default('').describe('Where it runs, a folder of the workspace. Default: the workspace.'),
  paths: z
    .array(PatternSchema)
    .min(1)
    .optional()
    .describe(
      'What of the workspace it is given: files, folders with all in them, patterns (*, **, ?). Default: all of it.',
    ),
  reads: z
    .array(PatternSchema)
    .default([])
    .describe(
      'Files that its result depends on, recorded as read: a later change of one makes the step stale. Default: none.',
    ),
  othersChange: z
    .array(PatternSchema)
    .default([])
    .describe(
      'Files of the workspace that others may change while it runs. Default: none; any change there is refused.',
    ),
  env: z
    .record(VariableSchema, TextSchema)
    .default({})
    .describe('Its environment: NAME → value. Kept in history; a secret only by ${{ secrets.NAME }}. Default: none.'),
  envFrom: z
    .array(VariableSchema)
    .default(['PATH'])
    .describe("Variables that it is given from the worker's environment. Default: PATH."),
  okExitCodes: z
    .array(z.int().min(0).max(255))
    .min(1)
    .default([0])
    .describe('Exit codes that are no failure. Default: 0.'),
  timeoutMs: z
    .int()
    .min(1)
    .max(MAX_COMMAND_TIMEOUT_MS)
    .optional()
    .describe("How long it may take, in milliseconds; then it is killed. Default: the step's own timeout."),
  killGraceMs: z
    .int()
    .min(0)
    .max(600_000)
    .default(DEFAULT_KILL_GRACE_MS)
    .describe('Between SIGTERM and SIGKILL, in milliseconds. Default: 5000.'),
  maxOutputBytes: z
    .int()
    .min(1)
    .optional()
    .describe('More output than this is a failure; it is killed. Default: no bound; what is kept of it is bounded.'),
  inPlace: z
    .boolean()
    .default(false)
    .describe(
      'Run in the workspace itself: once, written ahead, and in doubt when nobody can know how it ended. Default: false, on a copy.',
    ),
} as const;

export const CommandOptionsSchema = z.strictObject({
  ...commandFields,
  name: z.string().min(1).max(100).optional(),
  inDoubt: z.enum(['ask', 'repeat']).optional(),
});

export const ArgvSchema = z.union([z.string().min(1), z.array(TextSchema).min(1)]);

/** A command as it is carried out. */
export type CommandRequest = Omit<z.output<typeof CommandOptionsSchema>, 'name' | 'inDoubt'> & {
  readonly argv: readonly string[];
};

export const CommandResultSchema = z.strictObject({
  exitCode: z.int().min(0),
  stdout: z.string(),
  stderr: z.string(),
  /** Bytes of each that `stdout` and `stderr` leave out. */
  droppedBytes: z.int().min(0),
  /** Standard output and error as they came: a blob, with what it leaves out. */
  log: z.strictObject({ content: DigestSchema, sizeBytes: z.int().min(0), droppedBytes: z.int().min(0) }),
  /** How much it changed in its copy (`inPlace`: in the workspace). */
  changed: z.strictObject({
    written: z.int().min(0),
    removed: z.int().min(0),
    folders: z.int().min(0),
    links: z.int().min(0),
  }),
});
export type CommandResult = z.infer<typeof CommandResultSchema>;

/** What is recorded of a command in place: its result, and what the workspace held afterwards where it had changed. */
export const InPlaceAnswerSchema = z.strictObject({
  inPlace: z.literal(true),
  result: CommandResultSchema,
  found: z.array(ObservationSchema),
});
export type InPlaceAnswer = z.infer<typeof InPlaceAnswerSchema>;

/** What a person says of a command in place that is known to have happened: `{ "exitCode": 0 }`, or null for that. */
export const ToldExitSchema = z.object({ exitCode: z.int().min(0) }).nullable();

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
    throw new HoldfastError(
      'bad-input',
      rest.shell
        ? 'ctx.command with shell: true takes one string, and was given a list.'
        : `ctx.command was given the string ${JSON.stringify((argv.data as string).slice(0, 100))}. Expected a list of words, or shell: true.`,
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
      'paths, reads and othersChange say what a copy holds and rests on; a command in place works in the workspace as it is.',
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
    : argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ');
  return words.length <= 200 ? words : `${words.slice(0, 200)}…`;
}

/** Which paths a list of files, folders and patterns selects. */
export class PathSelection {
  readonly #tests: readonly ((path: string) => boolean)[] | undefined;

  /** Left out: everything. */
  constructor(patterns?: readonly string[]) {
    this.#tests = patterns?.map(testOf);
  }

  has(path: string): boolean {
    return this.#tests === undefined || this.#tests.some((test) => test(path));
  }
}

function testOf(pattern: string): (path: string) => boolean {
  if (!isFilePattern(pattern)) return (path) => path === pattern || path.startsWith(`${pattern}/`);
  const expression = expressionOfPattern(pattern);
  return (path) => expression.test(path);
}

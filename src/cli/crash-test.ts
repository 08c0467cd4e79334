/** `holdfast crash-test`: a job is killed at every point that it passes, and must come to the same each time. */
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Option } from 'commander';
import * as z from 'zod';
import type { CrashAnswer, CrashTestOptions, RecordedAnswer } from '../crash-test/options.ts';
import type { CrashReport } from '../crash-test/report.ts';
import type { Json } from '../model/canonical-json.ts';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
import { issuesText } from '../model/issues-text.ts';
import { AnswerSchema } from '../model/question/answer.ts';
import { shellWord } from '../model/shell-word.ts';
import { collect, CONFIG_OPTIONS, EXIT, type CommandSpec, type Context, type Outcome } from './command.ts';
import type { ExitCode } from './exit-code.ts';
import { wholeNumber } from './numbers.ts';
import { badPlan, checkPlanFile, readInput, readTextFile } from './plan-file.ts';
import { showCrashReport } from './show-crash-report.ts';

interface Options {
  readonly input?: readonly string[];
  readonly setUp?: string;
  readonly world?: string;
  readonly answers?: string;
  readonly http?: string;
  readonly workflows?: string;
  readonly points?: readonly string[];
  readonly every?: boolean;
  readonly seed?: string;
  readonly atOnce?: string;
  readonly limit?: string;
  readonly pairs?: string;
  readonly freeze?: boolean;
  readonly junit?: string;
  readonly syscalls?: boolean;
  readonly ioErrors?: boolean;
  readonly address?: string;
  readonly namespace?: string;
}

const MAX_SEED = 2_147_483_647;
const MAX_AT_ONCE = 64;
const MAX_PAIRS = 100_000;
const MAX_LIMIT_S = 86_400;

export const crashTestCommand: CommandSpec<Options> = {
  name: 'crash-test',
  arguments: [
    ['<plan-or-workflow>', 'a plan in YAML or JSON, or the name of a Workflow of yours'],
    ['[input...]', "the job's input as name=value"],
  ],
  description:
    'Runs the job once undisturbed, then again and again: each time in a fresh workspace and with fresh databases, ' +
    'its worker is killed by SIGKILL at one point, another goes on, and what the job left is compared: files, rows, ' +
    'result, how often each effect was made. A Temporal server is started for it. ' +
    'Exit code 4: something differs; 3: a person is asked.',
  options: [
    new Option(
      '-i, --input <json>',
      'input as JSON, @file, - (standard input) or name=value; may be repeated',
    ).argParser(collect),
    new Option(
      '--set-up <file>',
      'a module that makes what each run needs; default: PLAN.crash-test.ts (or .js, .mjs) beside the plan',
    ),
    new Option('--world <folder>', "what each run's workspace starts as; default: the plan's workspace as it is now"),
    new Option('--answers <file>', 'how questions are answered: JSON'),
    new Option('--http <file>', 'what services answer that are not on this machine: JSON'),
    new Option('--workflows <file>', "a module with your own Workflows; default: the configuration's"),
    new Option('--points <step/point:hit>', 'only at these; * for any; may be repeated').argParser(collect),
    new Option(
      '--every',
      'each time that a point is passed; default: each of a step once, at a seeded hit; fsync, rename, … once a job',
    ),
    new Option('--pairs <number>', 'besides, so many runs that are killed twice, at seeded points'),
    new Option('--freeze', 'besides, stop the worker at each point while another takes over, then wake it'),
    new Option('--syscalls', 'besides, kill the worker at system calls, by strace (Linux)'),
    new Option('--io-errors', 'besides, let such calls fail once: EIO, ENOSPC, EACCES, … (Linux, strace)'),
    new Option('--junit <file>', 'write a test case for each case, for CI'),
    new Option('--seed <number>', 'chooses the seeded points; default: a new one'),
    new Option('--at-once <number>', 'how many runs at once; default: two more than cores'),
    new Option('--limit <seconds>', 'how long one run may take; default: 20 times the undisturbed one, at least 180'),
    new Option('--address <host:port>', 'a Temporal server; default: one is started'),
    new Option('-n, --namespace <name>', 'of that server; default: default'),
    ...CONFIG_OPTIONS,
  ],
  examples: [
    ['holdfast crash-test plan.yaml city=Paris', ''],
    ["holdfast crash-test plan.yaml --points 'charge/*'", 'only in step charge'],
    ['holdfast crash-test plan.yaml --points charge/seal.after:1', 'one case again'],
    ['holdfast crash-test summariseAll --input \'{"folder":"{folder}/mails"}\' --world mails', 'a Workflow of yours'],
  ],
  async run(context, [target], given) {
    const { terminal, options } = context;
    const interrupt = terminal.onInterrupt();
    interrupt.addEventListener('abort', () => terminal.err('\nEnding what is under way. Ctrl-C again: at once.\n'));
    const test = { ...(await subjectOf(context, target!, given)), ...(await chosen(context)) };
    const { crashTest } = await import('../crash-test/crash-test.ts');
    terminal.err('Running the job undisturbed, twice …\n');
    const report = await crashTest({
      ...test,
      signal: interrupt,
      onProgress: ({ done, total, text }) => terminal.err(progressLine(terminal.isTty, done, total, text)),
    }).catch((error: unknown) => {
      if (error !== interrupt.reason) throw error;
    });
    if (report === undefined)
      return { code: EXIT.interrupted, data: undefined, text: 'Ended before any case: nothing was tested.' };
    if (terminal.isTty) terminal.err('\r\u001B[K');
    if (options.junit !== undefined) {
      const { junitOf } = await import('../crash-test/junit.ts');
      writeFileSync(path.resolve(terminal.cwd, options.junit), junitOf(report));
    }
    const outcome = outcomeOf(context, report, commandOf(target!, given, options));
    return interrupt.aborted ? { ...outcome, code: EXIT.interrupted } : outcome;
  },
};

function progressLine(isTty: boolean, done: number, total: number, text: string): string {
  const line = `${String(done).padStart(String(total).length)}/${total}  ${text}`;
  return isTty ? `\r\u001B[K${line}` : `${line}\n`;
}

async function subjectOf(
  context: Context<Options>,
  target: string,
  given: readonly string[],
): Promise<Pick<CrashTestOptions, 'plan' | 'workflow' | 'input' | 'setUp'>> {
  const { terminal, options } = context;
  const texts = [...(options.input ?? []), ...given];
  const isPlan = /\.(ya?ml|json)$/.test(target) || existsSync(path.resolve(terminal.cwd, target));
  if (!isPlan) {
    const own = defined({ setUp: options.setUp });
    if (texts.length === 0) return { workflow: target, ...own };
    const input = await readInput(terminal, { steps: [] } as never, texts);
    return { workflow: target, input, ...own };
  }
  const checked = await checkPlanFile(terminal, target, undefined);
  if (!checked.ok) throw badPlan(checked.problems, target);
  const setUp = options.setUp ?? setUpBeside(terminal.cwd, target);
  const input = texts.length === 0 ? undefined : await readInput(terminal, checked.plan, texts);
  return { plan: checked.plan, ...defined({ setUp, input }) };
}

/** `demo/plan.yaml` → `demo/plan.crash-test.ts`, if there is one. */
function setUpBeside(cwd: string, plan: string): string | undefined {
  const stem = plan.replace(/\.\w+$/, '');
  return ['ts', 'js', 'mjs']
    .map((ending) => `${stem}.crash-test.${ending}`)
    .find((file) => existsSync(path.resolve(cwd, file)));
}

async function chosen({ terminal, options }: Context<Options>): Promise<CrashTestOptions> {
  const { seed, pairs, atOnce, limit, answers, http } = options;
  const number = (text: string | undefined, option: string, highest: number): number | undefined =>
    text === undefined ? undefined : wholeNumber(text, option, 1, highest);
  const limitS = number(limit, '--limit', MAX_LIMIT_S);
  return {
    cwd: terminal.cwd,
    env: terminal.env,
    everyHit: options.every === true,
    freeze: options.freeze === true,
    syscalls: options.syscalls === true,
    ioErrors: options.ioErrors === true,
    ...defined({
      config: options.config,
      steps: options.steps,
      world: options.world,
      workflowsPath: options.workflows,
      points: options.points,
      address: options.address,
      namespace: options.namespace,
      seed: number(seed, '--seed', MAX_SEED),
      pairs: number(pairs, '--pairs', MAX_PAIRS),
      atOnce: number(atOnce, '--at-once', MAX_AT_ONCE),
      limitMs: limitS === undefined ? undefined : limitS * 1_000,
      answers: answers === undefined ? undefined : await readList<CrashAnswer>(terminal, answers, AnswersSchema),
      http: http === undefined ? undefined : await readList<RecordedAnswer>(terminal, http, HttpSchema),
    }),
  };
}

const JsonSchema = z.custom<Json>((value) => value !== undefined);
const AnswersSchema = z.array(
  z.strictObject({
    step: z.string().optional(),
    kind: z.string().optional(),
    answer: z.union([AnswerSchema, z.literal('as-counted')]),
    result: JsonSchema.optional(),
  }),
);
const HttpSchema = z.array(
  z.strictObject({
    method: z.string().optional(),
    url: z.string(),
    status: z.int().min(100).max(599).optional(),
    headers: z.record(z.string(), z.string()).optional(),
    body: JsonSchema.optional(),
  }),
);

/** @throws HoldfastError `bad-input` naming the file and what is wrong in it */
async function readList<T>(terminal: Context['terminal'], file: string, schema: z.ZodType): Promise<readonly T[]> {
  const text = await readTextFile(terminal, file, 'file');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new HoldfastError('bad-input', `${file} is not JSON: ${(cause as Error).message}.`, { file }, { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data as readonly T[];
  throw new HoldfastError('bad-input', `${file}: ${issuesText(parsed.error.issues)}.`, { file });
}

function outcomeOf({ terminal }: Context<Options>, report: CrashReport, command: string): Outcome {
  const repeated = (id: string): string => `${command} --points ${shellWord(id)}`;
  const data = {
    ...report,
    faults: report.faults.map((fault) => ({ ...fault, repeat: repeated(fault.cases[0]!) })),
    cases: report.cases.map((one) => (one.outcome === 'same' ? one : { ...one, repeat: repeated(one.id) })),
  };
  return { code: exitOf(report), data, text: showCrashReport(terminal, report, repeated) };
}

function exitOf({ counts }: CrashReport): ExitCode {
  if (counts.differs > 0) return EXIT.differs;
  if (counts.stuck > 0) return EXIT.failed;
  return counts.asks > 0 ? EXIT.waiting : EXIT.ok;
}

/** As it was typed, without what chooses the cases. */
function commandOf(target: string, given: readonly string[], options: Options & Context['options']): string {
  const kept: readonly (readonly [string, string | undefined])[] = [
    ['--set-up', options.setUp],
    ['--world', options.world],
    ['--answers', options.answers],
    ['--http', options.http],
    ['--workflows', options.workflows],
    ['--config', options.config],
    ['--limit', options.limit],
    ['--address', options.address],
    ['--namespace', options.namespace],
    ...(options.steps ?? []).map((file) => ['--steps', file] as const),
    ...(options.input ?? []).map((input) => ['--input', input] as const),
  ];
  const words = kept.flatMap(([name, value]) => (value === undefined ? [] : [name, shellWord(value)]));
  return ['holdfast crash-test', ...[target, ...given].map(shellWord), ...words].join(' ');
}

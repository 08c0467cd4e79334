/**
 * `holdfast decide`: a person's answer to a question. With an answer on the command line it is given at once; without
 * one the difference is shown and the person is asked.
 *
 * Invariant: what is decided is bound to what was shown: the digest of the question on the screen is what is sent.
 */
import { Option } from 'commander';
import type { Decided, HoldfastClient } from '../client.ts';
import { AnswerSchema, type Answer } from '../model/question/answer.ts';
import type { Json } from '../model/canonical-json.ts';
import type { Decision } from '../model/question/decision.ts';
import { isDigest, shortDigest } from '../model/digest.ts';
import { HoldfastError } from '../model/failure.ts';
import { needsResult } from '../model/question/finding.ts';
import { nameOfShown } from '../model/question/shown-names.ts';
import type { Question } from '../model/question/question.ts';
import { nearestName } from '../model/nearest-name.ts';
import {
  collect,
  CONFIG_OPTIONS,
  CONNECTION_OPTIONS,
  EXIT,
  type CommandSpec,
  type Context,
  type Outcome,
} from './command.ts';
import { decideInteractively } from './decide-interactively.ts';
import type { DecideOptions } from './decide-options.ts';
import { missingReason } from './missing.ts';
import { personOptions, whoDecides } from './person.ts';
import { QUESTION_OPTION } from './question.ts';
import { showPreview } from './show-preview.ts';
import { whileSlow } from './terminal.ts';
import { withUndoes } from './undo-preview.ts';
import { warnWithoutWorker } from './without-worker.ts';
import { defined } from '../model/defined.ts';
import { shellWord } from '../model/shell-word.ts';

export const decideCommand: CommandSpec<DecideOptions> = {
  name: 'decide',
  arguments: [
    ['<job>', "the job's Workflow id"],
    ['[answer]', `${AnswerSchema.options.join(', ')}: what the question offers`],
  ],
  description:
    'A decision holds for exactly what was shown: ' +
    'if the world has moved since, nothing is done and there is a new question.',
  options: [
    new Option('--item <resource=answer>', 'another answer for one finding; may be repeated').argParser(collect),
    new Option(
      '--result <json>',
      'for happened: what the call answered, as JSON (null: nothing); of several calls RESOURCE=JSON, repeated',
    ).argParser(collect),
    new Option('--compensate', 'with abort: undo what the job did, newest first, where the world still shows it'),
    QUESTION_OPTION,
    ...personOptions('decides'),
    new Option('--dry-run', 'show what it would do to intent, manifest, ledger and Workflow; change nothing'),
    new Option('--signal', 'send a Signal instead of an Update: needs no worker now, and does not answer'),
    ...CONFIG_OPTIONS,
    ...CONNECTION_OPTIONS,
  ],
  examples: [
    ['holdfast decide city-weather-1a2b3c4d', 'shows the difference and asks'],
    ['holdfast decide city-weather-1a2b3c4d restore --reason "edited by mistake"', ''],
    [
      "holdfast decide city-weather-1a2b3c4d accept --item file:report.md=restore --reason 'keep the table'",
      'another answer for one finding',
    ],
    [
      `holdfast decide city-weather-1a2b3c4d happened --result '{"id":"ch_17"}' --reason 'it is in their log'`,
      'a call that was in doubt',
    ],
    ['holdfast decide city-weather-1a2b3c4d rerun --dry-run', 'what would it do?'],
    ['holdfast decide city-weather-1a2b3c4d abort --compensate --dry-run', 'what would be undone?'],
  ],
  async run(context, [job, given]) {
    const { options, terminal } = context;
    const answer = given === undefined ? undefined : answerOf(given, 'ANSWER');
    const items = itemsOf(options.item ?? []);
    const results = resultsOf(options.result ?? []);
    const isOpen = answer === undefined && items === undefined;
    if (options.dryRun === true && !isOpen) return await preview(context, job!, answer, items, results);
    if (isOpen && terminal.isInteractive) return await decideInteractively(context, job!);
    const missing = [...(isOpen ? ['ANSWER or --item RESOURCE=ANSWER'] : []), ...missingReason(context)];
    if (missing.length > 0) throw await nothingToAsk(context, job!, missing);
    const reason = options.reason ?? (await terminal.ask('Why? '));
    const { client, question } = await shown(context, job!);
    const decision = {
      digest: question,
      by: whoDecides(terminal, options.by),
      reason,
      ...defined({ answer, items }),
      ...(options.compensate === true ? { compensate: true } : {}),
      ...results,
    };
    const via = options.signal === true ? 'signal' : 'update';
    await warnWithoutWorker(context, job!, 'the decision is carried out');
    const decided = await whileSlow(terminal, 'Carrying it out', client.decide(job!, decision, { via }));
    const what = [
      decided.decision.compensate === true ? 'abort, and what the job did is undone' : decided.decision.answer,
      ...Object.entries(decided.decision.items ?? {}).map(([resource, one]) => `${resource}: ${one}`),
    ]
      .filter((part) => part !== undefined)
      .join(', ');
    return {
      code: decided.used === null ? EXIT.badInput : EXIT.ok,
      data: decided,
      text: [outcomeText(job!, decided, what), ...decided.done.map((line) => `  ${line}`)].join('\n'),
    };
  },
};

function outcomeText(job: string, { via, used, decision }: Decided, what: string): string {
  const question = `question ${shortDigest(decision.digest)}`;
  if (via === 'signal')
    return `Sent for ${question}: ${what}. A Signal does not answer; see: holdfast status ${shellWord(job)}`;
  if (used !== null) return `Decided for ${question}: ${what}.`;
  // `done` says why.
  const next = `holdfast question ${shellWord(job)}`;
  return `Not used: this decision for ${question} did nothing. See what is asked now: ${next}`;
}

async function preview(
  context: Context<DecideOptions>,
  job: string,
  answer: Answer | undefined,
  items: Record<string, Answer> | undefined,
  results: Pick<Decision, 'result' | 'results'>,
): Promise<Outcome> {
  const { options, terminal } = context;
  const client = await context.client();
  const seen = await whileSlow(
    terminal,
    'Asking the worker',
    client.preview(job, {
      ...defined({ digest: options.question }),
      by: whoDecides(terminal, options.by),
      reason: options.reason ?? 'dry run',
      ...defined({ answer, items }),
      ...(options.compensate === true ? { compensate: true } : {}),
      ...results,
    }),
  );
  const { question, ...told } = seen;
  const data = await withUndoes(context, job, told);
  return {
    code: seen.usable ? EXIT.ok : EXIT.badInput,
    data: { ...data, question: question.digest },
    text: showPreview(terminal, question, data),
  };
}

export function answerOf(text: string, where: string): Answer {
  const parsed = AnswerSchema.safeParse(text);
  if (parsed.success) return parsed.data;
  const near = nearestName(text, AnswerSchema.options);
  const hint = near === undefined ? '' : ` Did you mean ${near}?`;
  throw new HoldfastError(
    'bad-input',
    `${where} is "${text}". Expected one of ${AnswerSchema.options.join(', ')}.${hint}`,
    { nextStep: 'See what is offered: holdfast question JOB' },
  );
}

/** A resource may hold `=`, an answer can't: the last one counts. */
export function itemsOf(given: readonly string[]): Record<string, Answer> | undefined {
  if (given.length === 0) return undefined;
  return Object.fromEntries(
    given.map((one) => {
      const at = one.lastIndexOf('=');
      if (at < 1)
        throw new HoldfastError(
          'bad-input',
          `--item is "${one}". Expected RESOURCE=ANSWER, for example file:report.md=restore.`,
        );
      return [nameOfShown(one.slice(0, at)), answerOf(one.slice(at + 1), `--item ${one.slice(0, at)}`)];
    }),
  );
}

/** What a call answered: of the one call, or by its resource. */
export function resultsOf(given: readonly string[]): Pick<Decision, 'result' | 'results'> {
  const results: Record<string, Json> = {};
  let result: { readonly result: Json } | undefined;
  for (const one of given) {
    const named = /^(perform:[^=]*)=(.*)$/s.exec(one);
    const value = jsonOf(named?.[2] ?? one, named === null ? '--result' : `--result ${named[1]!}`);
    if (named !== null) results[nameOfShown(named[1]!)] = value;
    else if (result !== undefined)
      throw new HoldfastError(
        'bad-input',
        '--result is given more than once. Expected RESOURCE=JSON for each of several calls.',
      );
    else result = { result: value };
  }
  return { ...result, ...(Object.keys(results).length === 0 ? {} : { results }) };
}

function jsonOf(text: string, where: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new HoldfastError(
      'bad-input',
      `${where} is ${text.slice(0, 200)}. Expected JSON, for example '{"id":"ch_17"}', '"a text"' or null: ` +
        `${(error as Error).message}.`,
      {},
      { cause: error },
    );
  }
}

/** Nobody can be asked here, so what is missing is said, with what is offered. */
async function nothingToAsk(
  context: Context<DecideOptions>,
  job: string,
  missing: readonly string[],
): Promise<HoldfastError> {
  const client = await context.client();
  const open: readonly Question[] = await client.questions(job);
  // Says that there is none.
  if (open.length === 0) await client.openQuestion(job);
  const offered = open.map(offeredText).join('; ');
  const first = open[0]!.findings[0];
  const answer = first?.answers[0] ?? 'ANSWER';
  const result = first !== undefined && answer === 'happened' && needsResult(first) ? ' --result JSON' : '';
  const lacking = `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing`;
  const question = shortDigest(open[0]!.digest);
  return new HoldfastError(
    'bad-input',
    `Nobody can be asked here (no terminal, or --json), and ${lacking}; ${offered}.`,
    {
      missing,
      nextStep: `For example: holdfast decide ${shellWord(job)} ${answer}${result} --question ${question} --reason WHY`,
    },
  );
}

function offeredText({ digest, findings }: Question): string {
  const answers = new Set(findings.flatMap((finding) => finding.answers));
  return `question ${shortDigest(digest)} offers ${[...answers].join(', ')}`;
}

/** The client, and the whole digest of the question that is meant. */
async function shown(
  context: Context<DecideOptions>,
  job: string,
): Promise<{ readonly client: HoldfastClient; readonly question: string }> {
  const client = await context.client();
  const { question, signal } = context.options;
  // A Signal with the whole digest needs no worker to be asked.
  if (signal === true && isDigest(question)) return { client, question };
  return {
    client,
    question: (await whileSlow(context.terminal, 'Asking the worker', client.openQuestion(job, question))).digest,
  };
}

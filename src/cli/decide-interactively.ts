/** Shows each open question, asks for an answer and the reason, shows what it would do, and gives it when confirmed. */
import type { Decided, DecisionInput, HoldfastClient } from '../client.ts';
import type { Answer } from '../model/question/answer.ts';
import type { Json } from '../model/canonical-json.ts';
import { shortDigest } from '../model/digest.ts';
import { needsResult, type Finding, type FindingKind } from '../model/question/finding.ts';
import { warnWithoutWorker } from './without-worker.ts';
import { wholeAnswers, type Question } from '../model/question/question.ts';
import { EXIT, type Context, type Outcome } from './command.ts';
import { shownQuestion } from '../model/question/shown-names.ts';
import type { DecideOptions } from './decide-options.ts';
import { whoDecides } from './person.ts';
import { showPreview } from './show-preview.ts';
import { askingJob } from './question.ts';
import { showQuestion } from './show-question.ts';
import { whileSlow, type Terminal } from './terminal.ts';
import { withUndoes } from './undo-preview.ts';

const EACH = 'each';
/** The ledger is gone, damaged or another, or there is none yet. */
const LOST_RECORD: readonly string[] = [
  'ledger-missing',
  'ledger-damaged',
  'ledger-behind',
  'checkpoint-damaged',
] satisfies FindingKind[];

export async function decideInteractively(context: Context<DecideOptions>, job: string): Promise<Outcome> {
  const { terminal, options } = context;
  const client = await context.client();
  const questions = await whileSlow(
    terminal,
    'Asking the worker',
    options.question === undefined
      ? client.questions(job)
      : client.openQuestion(job, options.question).then((question) => [question]),
  );
  // Says that there is none.
  if (questions.length === 0) await client.openQuestion(job);
  const about = await askingJob(client, job);
  let isUndecided = false;
  for (const question of questions) {
    terminal.out(`${showQuestion(terminal, job, question, about)}\n\n`);
    isUndecided = !(await decideOne(context, client, job, question)) || isUndecided;
  }
  return { code: isUndecided ? EXIT.waiting : EXIT.ok, data: undefined, text: '' };
}

/** False: the person left it open. */
async function decideOne(
  context: Context<DecideOptions>,
  client: HoldfastClient,
  job: string,
  question: Question,
): Promise<boolean> {
  const { terminal, options } = context;
  for (;;) {
    const answers = await askAnswers(terminal, question);
    if (answers === undefined) return leftOpen(terminal, question);
    const results = await askResults(terminal, question, answers);
    const compensate =
      answers.answer === 'abort' &&
      question.kind !== 'undo' &&
      (options.compensate === true || (await askUndo(terminal, question)));
    const reason = options.reason ?? (await askText(terminal, 'Why? (kept in the record) '));
    const decision: DecisionInput & { readonly digest: string } = {
      ...answers,
      ...results,
      ...(compensate ? { compensate } : {}),
      digest: question.digest,
      by: whoDecides(terminal, options.by),
      reason,
    };
    const { previewDecision, undoesOf } = await import('../client.ts');
    const told = previewDecision(question, decision);
    const preview =
      told.usable && compensate
        ? await withUndoes(context, job, { ...told, undoes: undoesOf(await client.status(job)) })
        : told;
    terminal.out(`\n${showPreview(terminal, question, preview)}\n\n`);
    if (!preview.usable) continue;
    if (options.dryRun === true) return true;
    const reply = (
      await terminal.ask(`Decide this as ${decision.by}? [y]es, [n]o (answer anew), [l]eave it open: `)
    ).toLowerCase();
    if (reply.startsWith('l')) return leftOpen(terminal, question);
    if (!reply.startsWith('y')) continue;
    await warnWithoutWorker(context, job, 'the decision is carried out');
    const decided = await whileSlow(
      terminal,
      'Carrying it out',
      client.decide(job, decision, { via: options.signal === true ? 'signal' : 'update' }),
    );
    terminal.out(`${[outcomeText(terminal, decided), ...decided.done.map((line) => `  ${line}`)].join('\n')}\n`);
    return decided.used !== null;
  }
}

/** Without its record nobody knows what the job did: nothing of it can be undone, so that is not asked. */
async function askUndo(terminal: Terminal, question: Question): Promise<boolean> {
  if (question.findings.some(({ kind }) => LOST_RECORD.includes(kind))) {
    terminal.out("What the job did stays as it is: without the job's record nothing can be undone.\n");
    return false;
  }
  return await askYes(terminal, 'Undo what the job did, newest first, where the world still shows it? [y]es, [n]o: ');
}

function outcomeText(terminal: Terminal, { via, used }: Decided): string {
  if (via === 'signal') return terminal.style('green', 'Sent.');
  if (used !== null) return terminal.style('green', 'Decided.');
  // `done` says why.
  return terminal.style('yellow', 'Not used: this decision did nothing.');
}

function leftOpen(terminal: Terminal, question: Question): false {
  terminal.out(`Question ${shortDigest(question.digest)} is left open; the job goes on waiting.\n`);
  return false;
}

async function askAnswers(
  terminal: Terminal,
  question: Question,
): Promise<{ readonly answer?: Answer; readonly items?: Record<string, Answer> } | undefined> {
  const whole = wholeAnswers(question);
  const several = question.findings.length > 1;
  const choice = await choose(terminal, several ? 'Answer for all of it' : 'Answer', [
    ...whole,
    ...(several ? [EACH] : []),
  ]);
  if (choice === undefined) return undefined;
  if (choice !== EACH) return { answer: choice as Answer };
  const items: Record<string, Answer> = {};
  const shown = shownQuestion(question);
  for (const [place, finding] of question.findings.entries()) {
    const answer = await choose(terminal, `  ${shown.findings[place]!.resource}`, itemAnswers(finding));
    if (answer === undefined) return undefined;
    items[finding.resource] = answer as Answer;
  }
  return { items };
}

/** What each call answered that happened and whose answer nobody has. */
async function askResults(
  terminal: Terminal,
  question: Question,
  { answer, items }: Pick<DecisionInput, 'answer' | 'items'>,
): Promise<Pick<DecisionInput, 'results'>> {
  const results: Record<string, Json> = {};
  for (const finding of question.findings) {
    if ((items?.[finding.resource] ?? answer) === 'happened' && needsResult(finding))
      results[finding.resource] = await askJson(
        terminal,
        `What did ${finding.resource} answer? (JSON; null: nothing) `,
      );
  }
  return Object.keys(results).length === 0 ? {} : { results };
}

async function askJson(terminal: Terminal, question: string): Promise<Json> {
  for (;;) {
    const text = await askText(terminal, question);
    try {
      return JSON.parse(text) as Json;
    } catch (error) {
      terminal.out(`That is not JSON (${(error as Error).message}). A text goes in double quotes.\n`);
    }
  }
}

function itemAnswers(finding: Finding): readonly string[] {
  return finding.answers.filter((answer) => answer !== 'abort');
}

/** A name, its beginning, or its number; an empty line leaves it. */
async function choose(terminal: Terminal, what: string, choices: readonly string[]): Promise<string | undefined> {
  const listed = choices.map((choice, index) => `${index + 1} ${choice}`).join(', ');
  for (;;) {
    const text = (await terminal.ask(`${what} (${listed}; empty: leave it open): `)).toLowerCase();
    if (text === '') return undefined;
    const matching = /^\d+$/.test(text)
      ? choices.filter((_, index) => String(index + 1) === text)
      : choices.filter((choice) => choice === text || choice.startsWith(text));
    const exact = matching.find((choice) => choice === text) ?? (matching.length === 1 ? matching[0] : undefined);
    if (exact !== undefined) return exact;
    terminal.out(`"${text}" is ${matching.length === 0 ? 'not offered' : `${matching.join(' or ')}`}.\n`);
  }
}

async function askYes(terminal: Terminal, question: string): Promise<boolean> {
  return (await terminal.ask(question)).toLowerCase().startsWith('y');
}

async function askText(terminal: Terminal, question: string): Promise<string> {
  for (;;) {
    const text = await terminal.ask(question);
    if (text !== '') return text;
  }
}

/**
 * The demo: `npm run demo`. A job loses its worker between an effect and its record, finds that people changed its
 * files and its database meanwhile, asks, is answered by a plain Signal, and ends; then what watched from outside is
 * counted.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Context } from '../src/cli/command.ts';
import { decideInteractively } from '../src/cli/decide-interactively.ts';
import type { DecideOptions } from '../src/cli/decide-options.ts';
import { showDifference } from '../src/cli/show-finding.ts';
import { Interrupted, processTerminal } from '../src/cli/terminal.ts';
import type { Decision, JobStatus, Question } from '../src/client.ts';
import { ANSWERS, type Answer, isFailure, readPlan, signalCommand } from '../src/index.ts';
import { HELP, readOptions, type DemoOptions } from './options.ts';
import { peopleAtWork } from './people.ts';
import { tellChanges } from './changes.ts';
import { atTheKill, prove, type Proof } from './proof.ts';
import { setUp, type Stage } from './stage.ts';
import { steps } from './steps.ts';
import { seconds, Story } from './story.ts';

const POLL_MS = 60;
const ACT_LIMIT_MS = 60_000;
const UNLISTED_AFTER_MS = 3_000;
const DIFFERENCE_LINES = 12;
/** In use when nobody else decides. */
const ANSWERED: Readonly<Record<string, Answer>> = {
  'file:rain.md': 'accept',
  'file:wind.md': 'restore',
  'schema:office/weather': 'accept',
};

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  let options: DemoOptions;
  try {
    options = readOptions(args);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${HELP}`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const story = new Story(processTerminal(), options.json);
  const interrupt = story.terminal.onInterrupt();
  try {
    return await perform(story, options, interrupt);
  } catch (error) {
    if (interrupt.aborted || error instanceof Interrupted) return 130;
    story.line();
    story.failed(isFailure(error) ? error.message : ((error as Error).stack ?? String(error)));
    return 1;
  }
}

async function perform(story: Story, options: DemoOptions, interrupt: AbortSignal): Promise<number> {
  const startedMs = performance.now();
  story.line(
    story.bold('Holdfast: a report on four years of real weather, through a kill and three changes of its world'),
  );
  await using stage = await setUp(options);
  story.aside(`${stage.temporal}${stage.uiUrl === undefined ? '' : `, UI ${stage.uiUrl}`}`);
  story.aside(`job's folder: ${stage.workspace}`);
  story.aside(
    `office's database: ${stage.office.dialect}, ${stage.office.label}; a trigger on each table counts what is written`,
  );
  story.aside(`set up in ${seconds(performance.now() - startedMs)}`);

  const workflowId = `seattle-weather-${stage.id}`;
  const before = await firstWorker(story, stage, workflowId, interrupt);
  story.act('Meanwhile, people work');
  const adasNotes = await peopleAtWork(story, stage);

  story.act('A new worker: the world is compared before any step runs');
  const spawnedMs = performance.now();
  await stage.startWorker();
  const polledMs = performance.now();
  const question = await nextQuestion(stage, workflowId, interrupt);
  if (question === undefined) throw new Error('The job ended without a question, although its world had changed.');
  story.tell(
    `The job stops and asks, ${seconds(performance.now() - polledMs)} after the worker began to poll (it took ` +
      `${seconds(polledMs - spawnedMs)} to start).`,
  );
  // Whoever decides is shown it by the same code as `holdfast decide` has.
  if (!options.interactive) showAsked(story, question);

  const end = await decideUntilEnded(story, stage, options, workflowId, question, interrupt);
  if (end === 'left open' || end === 'aborted') return 0;
  const isRerun = end === 'ended after a rerun';

  story.act('Proof, from outside');
  const proofs = await prove(stage, before, adasNotes);
  for (const proof of proofs) tellProof(story, proof, isRerun);
  story.endAct();
  const ok = isRerun || proofs.every(({ holds }) => holds);
  if (isRerun) story.tell('You had steps run again, so the counts are shown and not judged.');

  story.act('What the job changed in all, from its record: holdfast diff');
  await tellChanges(story, stage.workspace);
  story.endAct();
  const durationMs = Math.round(performance.now() - startedMs);
  epilogue(story, stage, options, workflowId, ok, durationMs);
  if (options.json) {
    const { workspace, address, namespace, uiUrl, office, csv } = stage;
    const database = { dialect: office.dialect, ...(office.dialect === 'SQLite' ? { file: office.label } : {}) };
    const server = { workflowId, address, namespace, uiUrl: uiUrl ?? null };
    const told = { schemaVersion: 1, ok, durationMs, acts: story.actsMs, ...server, workspace, csv, database, proofs };
    story.terminal.out(`${JSON.stringify(told, null, 2)}\n`);
  }
  if (options.keep && !interrupt.aborted)
    await new Promise<void>((resolve) => interrupt.addEventListener('abort', () => resolve(), { once: true }));
  return ok ? 0 : 1;
}

/** Act one and two: until the worker is gone. */
async function firstWorker(
  story: Story,
  stage: Stage,
  workflowId: string,
  interrupt: AbortSignal,
): Promise<Awaited<ReturnType<typeof atTheKill>>> {
  story.act('A job starts');
  const worker = await stage.startWorker('chart.svg');
  const plan = readPlan(readFileSync(new URL('./plan.yaml', import.meta.url), 'utf8'), 'demo/plan.yaml', {
    knownSteps: steps.map(({ contract }) => contract),
  });
  await stage.client.start(plan, { workflowId, input: { csv: stage.csv.name, scaleUrl: stage.service.url } });
  const told = new Set<string>();
  const lost = worker.ended.then((how) => ({ how }));
  // Nobody answers a Query that waits for a dead worker.
  const asking = new AbortController();
  void lost.then(() => asking.abort());
  for (const endMs = performance.now() + ACT_LIMIT_MS; ;) {
    interrupt.throwIfAborted();
    if (performance.now() > endMs) throw new Error(`The worker was not lost within ${seconds(ACT_LIMIT_MS)}.`);
    const status = stage.client.temporal.connection
      .withAbortSignal(asking.signal, () => stage.client.status(workflowId))
      .catch(() => undefined);
    const seen = await Promise.race([lost, status]);
    if (seen !== undefined && 'how' in seen) {
      await status;
      if (seen.how !== 'SIGKILL')
        throw new Error(`The worker ended by ${seen.how}, not by SIGKILL. It printed:\n${worker.lastLines()}`);
      // It was too fast for the last look: what is in the folder tells.
      for (const step of ['rain', 'wind']) if (!told.has(step)) tellStep(story, stage, step, '2 files');
      break;
    }
    if (seen !== undefined && seen.questions.length > 0)
      throw new Error(`The job asks too early: ${JSON.stringify(seen.questions[0]!.findings, null, 1)}`);
    for (const step of seen?.steps ?? []) {
      if (step.state !== 'done' || told.has(step.id)) continue;
      told.add(step.id);
      tellStep(story, stage, step.id, step.effects);
    }
    await Promise.race([lost, delay(POLL_MS)]);
  }
  story.act('Its worker is killed, between an effect and its record');
  story.failed(
    `worker ${worker.pid}: SIGKILL. ${story.bold('chart.svg')} and its row in the database are there; no record ` +
      'says so.',
  );
  const { state } = await stage.client.describe(workflowId);
  story.aside(`Temporal says: ${state}. Nobody looks at the world now.`);
  return await atTheKill(stage);
}

function tellStep(story: Story, { service }: Stage, id: string, effects: string): void {
  const note =
    id === 'wind' && service.refused > 0 ? '  its service answered 503 the first time; the step was tried again' : '';
  story.done(`${id.padEnd(7)} ${story.dim(`${effects}${note}`)}`);
}

/** The open question, other than the one that was answered; undefined when the job has ended. */
async function nextQuestion(
  { client }: Stage,
  workflowId: string,
  interrupt: AbortSignal,
  answered?: string,
): Promise<Question | undefined> {
  for (const sinceMs = performance.now(), endMs = sinceMs + ACT_LIMIT_MS; ;) {
    interrupt.throwIfAborted();
    const { state } = await client.describe(workflowId);
    if (state !== 'running' && state !== 'waiting') return undefined;
    // Where the server has no search attributes, the worker alone knows. A Query may still go to the one that was lost.
    const isWorthAsking = state === 'waiting' || performance.now() - sinceMs > UNLISTED_AFTER_MS;
    const status: JobStatus | undefined = isWorthAsking
      ? await client.status(workflowId).catch(() => undefined)
      : undefined;
    const refusal = status?.refusals.at(-1);
    if (refusal !== undefined) throw new Error(`The decision was refused: ${refusal.problems.join('; ')}`);
    const open = status?.questions.find(({ digest }) => digest !== answered);
    if (open !== undefined) return open;
    if (performance.now() > endMs)
      throw new Error(`Nothing happened within ${seconds(ACT_LIMIT_MS)}: ${JSON.stringify(status)}`);
    await delay(POLL_MS);
  }
}

function showAsked(story: Story, question: Question): void {
  for (const finding of question.findings) {
    story.line();
    const { recordedBy } = finding;
    const by = recordedBy === undefined ? '' : story.dim(`  recorded by step ${recordedBy.stepId}`);
    story.tell(`${story.terminal.style('yellow', '?')} ${story.bold(finding.resource)}  ${finding.kind}${by}`);
    if (finding.difference === '')
      story.tell(`    expected ${finding.expected.text}\n    found    ${finding.found.text}`);
    else tellDifference(story, finding.difference.trimEnd());
    if (finding.staleSteps.length > 0) story.aside(`    used by ${finding.staleSteps.join(', ')}`);
    story.aside(`    answers ${finding.answers.join(', ')}`);
  }
}

function tellDifference(story: Story, difference: string): void {
  const lines = showDifference(story.terminal, difference);
  story.tell(
    lines
      .slice(0, DIFFERENCE_LINES)
      .map((line) => `    ${line}`)
      .join('\n'),
  );
  if (lines.length > DIFFERENCE_LINES) story.aside('    … (`holdfast question` shows more)');
}

/** All but `ended` are for a person to choose. */
type End = 'ended' | 'ended after a rerun' | 'left open' | 'aborted';

async function decideUntilEnded(
  story: Story,
  stage: Stage,
  options: DemoOptions,
  workflowId: string,
  first: Question,
  interrupt: AbortSignal,
): Promise<End> {
  story.act(options.interactive ? 'You decide' : 'A person decides, by a plain Signal');
  for (let question: Question | undefined = first; question !== undefined;) {
    const isLeft = options.interactive
      ? await letDecide(story, stage, workflowId, interrupt)
      : await decide(story, stage, workflowId, question);
    if (isLeft) {
      story.tell('You left it open. The job would wait as long as it takes; the demo ends here.');
      return 'left open';
    }
    question = await nextQuestion(stage, workflowId, interrupt, question.digest);
    if (question !== undefined && !options.interactive)
      throw new Error(
        `There is another question, which the demo has no answer for: ${JSON.stringify(question.findings, null, 1)}`,
      );
  }
  const result = await stage.client.result(workflowId, { wait: true });
  if (result.outcome === 'aborted' && options.interactive) {
    story.tell('The job has ended as you decided; what it did stays as it is.');
    return 'aborted';
  }
  if (result.outcome !== 'completed')
    throw new Error(
      `The job has not completed: ${result.outcome}${'failure' in result ? `, ${result.failure.message}` : ''}`,
    );
  const { steps: ended } = await stage.client.status(workflowId);
  for (const id of ['chart', 'report'])
    story.done(`${id.padEnd(7)} ${story.dim(ended.find((step) => step.id === id)?.effects ?? '')}`);
  story.done(`the job has ended: ${story.bold('report.md')}`);
  return ended.some(({ generation }) => generation > 0) ? 'ended after a rerun' : 'ended';
}

async function letDecide(
  story: Story,
  { address, namespace }: Stage,
  workflowId: string,
  interrupt: AbortSignal,
): Promise<boolean> {
  const context = new Context<DecideOptions>(story.terminal, { address, namespace, signal: true });
  try {
    const { code } = await decideInteractively(context, workflowId);
    interrupt.throwIfAborted();
    return code !== 0;
  } finally {
    await context.close();
  }
}

/** Sends what a person would type; with the `temporal` program itself where one is at hand. */
async function decide(
  story: Story,
  { address, namespace, program, client }: Stage,
  workflowId: string,
  question: Question,
): Promise<false> {
  const items: Record<string, Answer> = Object.fromEntries(
    question.findings.map(({ resource }) => [resource, ANSWERED[resource] ?? 'accept']),
  );
  const decision: Decision = {
    digest: question.digest,
    items,
    by: 'ada@example.com',
    reason: 'my sentence stays; the file must be back; the new name is right',
  };
  for (const { resource, class: kind } of question.findings)
    story.tell(
      `${resource.padEnd(22)} ${story.bold(items[resource]!.padEnd(8))} ` +
        `${story.dim(ANSWERS[kind][items[resource]!]?.does ?? '')}`,
    );
  story.line();
  const [, command = ''] = /^(.*--input ).*$/s.exec(signalCommand(workflowId, question)) ?? [];
  story.tell(
    `$ ${command}'${JSON.stringify(decision)}' --address ` +
      `${address}${namespace === 'default' ? '' : ` --namespace ${namespace}`}`,
  );
  const given = [
    'workflow',
    'signal',
    '--workflow-id',
    workflowId,
    '--name',
    'decide',
    '--input',
    JSON.stringify(decision),
    '--address',
    address,
    '--namespace',
    namespace,
  ];
  if (program === undefined) await client.temporal.client.workflow.getHandle(workflowId).signal('decide', decision);
  else await promisify(execFile)(program, given);
  story.line();
  return false;
}

function tellProof(story: Story, { claim, holds, found, by }: Proof, isRerun: boolean): void {
  const text = `${claim} ${story.dim(`(${by}: ${found})`)}`;
  if (holds) story.done(text);
  else if (isRerun) story.tell(`· ${text}`);
  else story.failed(text);
}

function epilogue(
  story: Story,
  { workspace, uiUrl, namespace, address, office }: Stage,
  options: DemoOptions,
  workflowId: string,
  ok: boolean,
  durationMs: number,
): void {
  story.line();
  story.line(
    story.terminal.style(
      ok ? ['bold', 'green'] : ['bold', 'red'],
      `${ok ? 'Never twice, never silently.' : 'Something does not hold, see above.'} ${seconds(durationMs)} in all.`,
    ),
  );
  story.line();
  if (options.keep) {
    const page = `/namespaces/${namespace}/workflows/${workflowId}`;
    story.line(`  the job in Temporal's UI   ${uiUrl === undefined ? `of your server: ${page}` : `${uiUrl}${page}`}`);
    story.line(`  report, chart              ${path.join(workspace, 'report.md')}`);
    story.line(`  what each record did       node src/cli.ts log ${workspace}`);
    story.line(`  the job's status           node src/cli.ts status ${workflowId} --address ${address}`);
    story.line(`  the office's database      ${office.label}`);
    story.line('  Ctrl-C ends server and worker; the folder stays.');
    return;
  }
  story.line(
    `  npm run demo -- --keep          look at the job in Temporal's UI and at what it ` +
      `made${uiUrl === undefined ? '' : ` (the UI was at ${uiUrl})`}`,
  );
  story.line('  npm run demo -- --interactive   decide yourself: restore, rerun, abort …');
  story.line('  npm run demo -- --database postgres://user@host/postgres');
  story.line('  demo/plan.yaml, demo/steps.ts   the plan and the steps: change one, run it again');
}

/** `holdfast doctor`: is everything here that a job needs? For each thing that isn't, the remedy. */
import { hostname } from 'node:os';
import path from 'node:path';
import { Option } from 'commander';
import { hasLedger } from '../protocol/inspect/ledger-copy.ts';
import { WorkspaceInspection } from '../protocol/inspect/inspection.ts';
import type { DatabaseInspection } from '../protocol/inspect/database-inspection.ts';
import type { QueuePoller, QueuePollers } from '../client.ts';
import { shortDigest } from '../model/digest.ts';
import { HoldfastError } from '../model/failure.ts';
import {
  CONFIG_OPTIONS,
  CONNECTION_OPTIONS,
  EXIT,
  TASK_QUEUE_OPTION,
  type CommandSpec,
  type Context,
  type Outcome,
} from './command.ts';
import type { ExitCode } from './exit-code.ts';
import { counted } from './table.ts';
import { whileSlow, type Terminal } from './terminal.ts';

interface Options {
  readonly fix?: boolean;
  readonly workerHere?: boolean;
}

export interface Check {
  readonly name: string;
  readonly state: 'ok' | 'warning' | 'problem' | 'not-checked';
  readonly detail: string;
  readonly remedy?: string;
}

export const doctorCommand: CommandSpec<Options> = {
  name: 'doctor',
  arguments: [['[workspace]', "a job's workspace on this machine; default: this folder, where it is one"]],
  summary: 'check server, namespace, search attributes, worker, workspace, record and databases',
  description:
    'Changes nothing. Exit code 0 without problems (warnings are none), 5 when the server does not answer, else 1.',
  options: [
    new Option('--fix', 'register the search attributes that are missing; nothing else is changed'),
    new Option(
      '--worker-here',
      'a worker of this very host must be running: without one it is a problem (for health checks)',
    ),
    TASK_QUEUE_OPTION,
    ...CONFIG_OPTIONS,
    ...CONNECTION_OPTIONS,
  ],
  examples: [
    ['holdfast doctor', ''],
    ['holdfast doctor jobs/paris', 'also the record and databases of this workspace'],
    ['holdfast doctor --fix', 'register the search attributes'],
  ],
  async run(context, [workspace]) {
    const { terminal } = context;
    const encryption = encryptionCheck(context);
    const checks = [
      await configurationCheck(context),
      encryption,
      ...(encryption.state === 'problem'
        ? notChecked('keys that cannot be used')
        : await whileSlow(terminal, 'Asking the server', serverChecks(context))),
      ...(await whileSlow(terminal, 'Reading the record', workspaceChecks(terminal, workspace))),
    ];
    return conclude(terminal, checks);
  },
};

async function configurationCheck(context: Context<Options>): Promise<Check> {
  try {
    const { files, steps } = await context.config();
    if (files.length === 0)
      return { name: 'configuration', state: 'ok', detail: 'none here; the built-in steps need none' };
    return {
      name: 'configuration',
      state: 'ok',
      detail: `${files.map((file) => path.relative(context.terminal.cwd, file)).join(', ')}: ${steps.map(({ contract }) => contract.name).join(', ') || 'no steps'}`,
    };
  } catch (error) {
    return failed('configuration', error, 'Correct the file.');
  }
}

function encryptionCheck(context: Context<Options>): Check {
  try {
    const { first, ids, source } = context.encryptionKeys();
    if (first === undefined)
      return {
        name: 'encryption',
        state: 'ok',
        detail: 'off: Temporal stores what jobs take and give as it is (docs/encryption.md)',
      };
    const others = ids.length === 1 ? '' : `; only decrypting: ${ids.slice(1).join(', ')}`;
    return { name: 'encryption', state: 'ok', detail: `on, under the key ${first.id}${others} (from ${source})` };
  } catch (error) {
    return failed('encryption', error);
  }
}

function notChecked(why: string): readonly Check[] {
  return ['server', 'namespace', 'search attributes', 'worker'].map((name): Check => ({
    name,
    state: 'not-checked',
    detail: why,
  }));
}

async function serverChecks(context: Context<Options>): Promise<readonly Check[]> {
  let client: Awaited<ReturnType<typeof context.client>>;
  try {
    client = await context.client();
  } catch (error) {
    return [failed('server', error), ...notChecked('no server').slice(1)];
  }
  const { checkServer, registerSearchAttributes } = await import('../client.ts');
  const { connection, namespace, address } = client.temporal;
  const found = await checkServer(connection, namespace);
  const server: Check = {
    name: 'server',
    state: 'ok',
    detail: `${address}, Temporal ${found.serverVersion || 'of unknown version'}, ${found.roundTripMs} ms away`,
  };
  if (!found.namespaceExists) {
    const remedy = `temporal operator namespace create --namespace ${namespace}, or choose another: --namespace, TEMPORAL_NAMESPACE`;
    return [
      server,
      { name: 'namespace', state: 'problem', detail: `there is no ${namespace}`, remedy },
      ...notChecked('no namespace').slice(2),
    ];
  }
  const checks: Check[] = [server, { name: 'namespace', state: 'ok', detail: namespace }];
  const missing = found.missingSearchAttributes;
  if (missing === undefined)
    checks.push({
      name: 'search attributes',
      state: 'warning',
      detail: 'this server does not say which it has',
      remedy: 'Register HoldfastState (Keyword) and HoldfastDiscrepancies (Int) in its own console.',
    });
  else if (missing.length === 0)
    checks.push({ name: 'search attributes', state: 'ok', detail: 'HoldfastState, HoldfastDiscrepancies' });
  else if (context.options.fix === true)
    checks.push(await fixed(() => registerSearchAttributes(connection, namespace)));
  else
    checks.push({
      name: 'search attributes',
      state: 'warning',
      detail: `${missing.join(', ')} not registered: jobs run, but cannot be listed by state`,
      remedy: 'holdfast doctor --fix',
    });
  const pollers = await client.workers();
  if (context.options.workerHere === true) return [...checks, workerHereCheck(pollers)];
  checks.push(
    pollers.isPolled
      ? {
          name: 'worker',
          state: 'ok',
          detail: `Task Queue ${pollers.taskQueue}: ${pollers.activity.map(({ identity }) => identity).join(', ')}`,
        }
      : {
          name: 'worker',
          state: 'warning',
          detail: `no worker is running on Task Queue ${pollers.taskQueue}`,
          remedy: `holdfast worker${pollers.taskQueue === 'holdfast' ? '' : ` --task-queue ${pollers.taskQueue}`}`,
        },
  );
  return checks;
}

/** Its identity names its host. A worker that asks for both kinds of Tasks runs Workflows and steps. */
function workerHereCheck({ taskQueue, workflow, activity }: QueuePollers): Check {
  const isHere = ({ identity }: QueuePoller): boolean =>
    identity.slice(identity.indexOf('@') + 1).startsWith(`${hostname()}:`);
  const here = activity.filter(isHere);
  if (here.length > 0 && workflow.some(isHere))
    return {
      name: 'worker',
      state: 'ok',
      detail: `Task Queue ${taskQueue}: ${here.map(({ identity }) => identity).join(', ')}`,
    };
  return {
    name: 'worker',
    state: 'problem',
    detail: `no worker of this host (${hostname()}) is running on Task Queue ${taskQueue}`,
    remedy: 'Start one here, or look at what the one that is here says.',
  };
}

async function fixed(register: () => Promise<readonly string[]>): Promise<Check> {
  try {
    return { name: 'search attributes', state: 'ok', detail: `${(await register()).join(', ')}: registered now` };
  } catch (error) {
    const remedy =
      'temporal operator search-attribute create --name HoldfastState --type Keyword --name HoldfastDiscrepancies --type Int, by somebody who may';
    return {
      name: 'search attributes',
      state: 'warning',
      detail: `could not be registered: ${(error as Error).message}`,
      remedy,
    };
  }
}

async function workspaceChecks(terminal: Terminal, given: string | undefined): Promise<readonly Check[]> {
  const folder = path.resolve(terminal.cwd, given ?? '.');
  if (given === undefined && !hasLedger(folder))
    return [
      { name: 'workspace', state: 'not-checked', detail: 'this folder is none; name one: holdfast doctor FOLDER' },
    ];
  try {
    await using inspection = await WorkspaceInspection.open(folder, terminal.env);
    const jobs = inspection.jobs();
    const bound = jobs.find(({ isBound }) => isBound);
    const job = inspection.job();
    const checks: Check[] = [
      {
        name: 'workspace',
        state: 'ok',
        detail: `${inspection.root}: ${counted(jobs.length, 'job')} on record; ${bound === undefined ? 'free for the next' : `belongs to ${bound.workflowId} (job ${bound.jobId})`}`,
      },
    ];
    const damage = jobs.flatMap(({ jobId, workflowId }) =>
      inspection.integrityProblems(jobId).map((problem) => `${workflowId}: ${problem}`),
    );
    checks.push(
      damage.length === 0
        ? {
            name: 'record',
            state: 'ok',
            detail: `${counted(job.records, 'record')} of ${job.workflowId}, chain and manifest recomputed, term ${job.term}`,
          }
        : {
            name: 'record',
            state: 'problem',
            detail: damage.join('; '),
            remedy: 'Put a sound copy of .holdfast/ledger.sqlite back. The job stops and asks until then.',
          },
    );
    if (damage.length > 0) return checks;
    for (const question of inspection.openQuestions(job.jobId)) {
      checks.push({
        name: 'question',
        state: 'warning',
        detail: `${shortDigest(question.digest)} (${question.kind}, ${counted(question.findingsTotal, 'finding')}) waits for an answer`,
        remedy: `holdfast decide ${job.workflowId}`,
      });
    }
    return [...checks, ...(await inspection.databases(job.jobId)).map((database) => databaseCheck(database))];
  } catch (error) {
    return [failed('workspace', error)];
  }
}

function databaseCheck({ name, reachable, problem, identity, dialect, fenceTerm }: DatabaseInspection): Check {
  const title = `database ${name}`;
  if (!reachable)
    return {
      name: title,
      state: 'problem',
      detail: problem ?? 'cannot be reached',
      remedy: 'Make it reachable, and set the environment variable that the plan names for it here as for the worker.',
    };
  const detail = `${dialect ?? ''} ${identity ?? ''}, fence row at term ${fenceTerm ?? 'none'}`.trim();
  return problem === undefined
    ? { name: title, state: 'ok', detail }
    : {
        name: title,
        state: 'problem',
        detail: problem,
        remedy: 'Put the right database back, or let the job ask: its next verification reports this.',
      };
}

function failed(name: string, error: unknown, remedy?: string): Check {
  if (!(error instanceof HoldfastError)) throw error;
  const own = error.details['nextStep'];
  return {
    name,
    state: 'problem',
    detail: error.message,
    remedy: remedy ?? (typeof own === 'string' ? own : error.nextStep),
  };
}

const MARKS: Readonly<Record<Check['state'], string>> = { ok: '✔', warning: '!', problem: '✖', 'not-checked': '-' };
const STYLES = { ok: 'green', warning: 'yellow', problem: 'red', 'not-checked': 'dim' } as const;

function conclude(terminal: Terminal, checks: readonly Check[]): Outcome {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, state, detail, remedy }) => [
    `${terminal.style(STYLES[state], MARKS[state])} ${name.padEnd(width)}  ${detail}`,
    ...(remedy === undefined ? [] : [`  ${' '.repeat(width)}  ${terminal.style('bold', 'Remedy:')} ${remedy}`]),
  ]);
  const problems = checks.filter(({ state }) => state === 'problem');
  lines.push(
    '',
    problems.length === 0
      ? 'No problems.'
      : `${counted(problems.length, 'problem')}: ${problems.map(({ name }) => name).join(', ')}.`,
  );
  return { code: codeOf(problems), data: { ok: problems.length === 0, checks }, text: lines.join('\n') };
}

function codeOf(problems: readonly Check[]): ExitCode {
  if (problems.length === 0) return EXIT.ok;
  return problems.some(({ name }) => name === 'server') ? EXIT.unreachable : EXIT.failed;
}

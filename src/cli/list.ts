/** `holdfast list`: the jobs of a namespace, the newest first. */
import { Option } from 'commander';
import type { JobListing, ListedJob, ListFilter } from '../client.ts';
import { CONNECTION_OPTIONS, EXIT, type CommandSpec } from './command.ts';
import { ago, table } from './table.ts';
import { whileSlow } from './terminal.ts';
import { wholeNumber } from './numbers.ts';
import { versionText } from '../model/job/version.ts';
import { defined } from '../model/defined.ts';
import { workerRemedy } from './worker-remedy.ts';

const STATES = [
  'running',
  'waiting',
  'completed',
  'failed',
  'aborted',
  'cancelled',
  'terminated',
  'timed-out',
  'no-worker',
] as const satisfies readonly ListFilter[];

/** Of Task Queues without a worker. */
const MAX_COMMANDS_SHOWN = 5;

interface Options {
  readonly state?: ListFilter;
  readonly limit: string;
}

export const listCommand: CommandSpec<Options> = {
  name: 'list',
  options: [
    new Option('--state <state>', 'only jobs in this state; no-worker: whose work no worker takes').choices(STATES),
    new Option('--limit <count>', 'at most so many').default('20'),
    ...CONNECTION_OPTIONS,
  ],
  examples: [
    ['holdfast list', ''],
    ['holdfast list --state waiting', 'jobs that wait for a person'],
    ['holdfast list --state no-worker', 'open jobs that no worker has'],
    ["holdfast list --json | jq -r '.jobs[].workflowId'", ''],
  ],
  async run(context) {
    const { state } = context.options;
    const limit = wholeNumber(context.options.limit, '--limit', 1, 10_000);
    const client = await context.client();
    const listing = await whileSlow(context.terminal, 'Listing', client.list({ limit, ...defined({ state }) }));
    const nowMs = Date.now();
    // A column of its own only where workers run with Worker Versioning.
    const hasVersions = listing.jobs.some(({ version }) => version !== undefined);
    const rows = listing.jobs.map((job) => [
      job.workflowId,
      job.state,
      job.discrepancies === undefined || job.discrepancies === 0 ? '' : String(job.discrepancies),
      job.type,
      ago(job.startedAt, nowMs),
      ...(hasVersions ? [job.version === undefined ? '' : versionText(job.version)] : []),
      waitsFor(job, nowMs),
    ]);
    const lines = [
      rows.length === 0 ? noneText(state, client.namespace) : table(columnsOf(listing), rows),
      ...remedies(listing),
    ];
    if (listing.isCut) lines.push(`… more; see them with --limit ${limit * 5}`);
    if (!listing.knowsWaiting)
      lines.push(
        '',
        'Search attribute HoldfastState is not registered, so jobs that wait are listed as running. ' +
          'Register it with: holdfast doctor --fix',
      );
    return { code: EXIT.ok, data: listing, text: lines.join('\n') };
  },
};

function noneText(state: ListFilter | undefined, namespace: string): string {
  if (state === 'no-worker') return `No job in namespace ${namespace} lacks a worker.`;
  const kind = state === undefined ? '' : `${state} `;
  return `No ${kind}jobs in namespace ${namespace}. Start one with: holdfast start plan.yaml`;
}

/** The last columns are there only where they have something to say. */
function columnsOf({ jobs }: JobListing): readonly string[] {
  const versions = jobs.some(({ version }) => version !== undefined) ? ['VERSION'] : [];
  const columns = ['JOB', 'STATE', 'FINDINGS', 'TYPE', 'STARTED', ...versions];
  return jobs.some((job) => waitsFor(job, 0) !== '') ? [...columns, 'WAITS FOR'] : columns;
}

/** `a worker, since 3 h ago`; `a person, asked by job book.one.0123456789ab` */
function waitsFor({ waitsForWorker: wait, askingWithin }: ListedJob, nowMs: number): string {
  if (wait === undefined) return askingWithin === undefined ? '' : `a person, asked by job ${askingWithin.join(', ')}`;
  const whom = wait.kind === 'no-worker' ? 'a worker' : 'a free slot';
  return wait.since === undefined ? whom : `${whom}, since ${ago(wait.since, nowMs)}`;
}

function remedies({ jobs }: JobListing): readonly string[] {
  const without = jobs.filter(({ waitsForWorker }) => waitsForWorker?.kind === 'no-worker');
  const isIdle = ({ waitsForWorker }: ListedJob): boolean => waitsForWorker?.idleVersion !== undefined;
  return [
    ...remedy(
      'No worker takes the work of jobs above. Start one where their workspaces are; `holdfast status JOB` tells more:',
      without.filter((job) => !isIdle(job)),
    ),
    ...remedy(
      'Workers are there for jobs above, of a version that gets none as it is not current. To make it current:',
      without.filter(isIdle),
    ),
  ];
}

function remedy(what: string, jobs: readonly ListedJob[]): readonly string[] {
  const commands = [...new Set(jobs.map(workerRemedy))];
  if (commands.length === 0) return [];
  const more = commands.length - MAX_COMMANDS_SHOWN;
  const shown = commands.slice(0, MAX_COMMANDS_SHOWN).map((command) => `  ${command}`);
  return ['', what, ...shown, ...(more > 0 ? [`  … and ${more} more Task Queues`] : [])];
}

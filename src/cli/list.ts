/** `holdfast list`: the jobs of a namespace, the newest first. */
import { Option } from 'commander';
import type { ListedState } from '../client.ts';
import { CONNECTION_OPTIONS, EXIT, type CommandSpec } from './command.ts';
import { ago, table } from './table.ts';
import { whileSlow } from './terminal.ts';
import { wholeNumber } from './numbers.ts';
import { versionText } from '../model/job/version.ts';
import { defined } from '../model/defined.ts';

const STATES = [
  'running',
  'waiting',
  'completed',
  'failed',
  'aborted',
  'cancelled',
  'terminated',
  'timed-out',
] as const satisfies readonly ListedState[];

interface Options {
  readonly state?: ListedState;
  readonly limit: string;
}

export const listCommand: CommandSpec<Options> = {
  name: 'list',
  options: [
    new Option('--state <state>', 'only jobs in this state').choices(STATES),
    new Option('--limit <count>', 'at most so many').default('20'),
    ...CONNECTION_OPTIONS,
  ],
  examples: [
    ['holdfast list', ''],
    ['holdfast list --state waiting', 'jobs that wait for a person'],
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
    ]);
    const kind = state === undefined ? '' : `${state} `;
    const lines = [
      rows.length === 0
        ? `No ${kind}jobs in namespace ${client.namespace}. Start one with: holdfast start plan.yaml`
        : table(['JOB', 'STATE', 'FINDINGS', 'TYPE', 'STARTED', ...(hasVersions ? ['VERSION'] : [])], rows),
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

/** `holdfast gc`: removes what nobody needs any more below a folder of workspaces. */
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { Option } from 'commander';
import { counted } from '../model/counted.ts';
import { HoldfastError } from '../model/failure.ts';
import { collectBelow, type GcReport } from '../protocol/retention/gc.ts';
import { EXIT, type CommandSpec } from './command.ts';
import { onceASecond, type Terminal } from './terminal.ts';

interface Options {
  readonly store?: string;
  readonly dryRun?: boolean;
}

export const gcCommand: CommandSpec<Options> = {
  name: 'gc',
  arguments: [['[folder]', 'where the workspaces are; default: this folder']],
  description:
    'Records of jobs that have ended go as the `retention` of their plan says, into an archive first where it names ' +
    'one; then contents that no record names, and old checkpoints beyond `checkpoint.keep`. Files of the jobs stay. ' +
    'It can run beside workers; a workspace that a job has now is left alone. Three checkpoints of each job stay.',
  options: [
    new Option('--store <location>', 'a store of checkpoints besides those that the jobs name: a folder, postgres://…'),
    new Option('--dry-run', 'show what would be removed; change nothing'),
  ],
  examples: [
    ['holdfast gc /srv/work --dry-run', 'what would go'],
    ['holdfast gc /srv/work', 'from cron, for example'],
    ['holdfast log /srv/archive/report-1a2b3c4d-0f1e2d3c4b5a.tar', 'an archive is read like a workspace'],
  ],
  async run({ options, terminal }, [given = '.']) {
    const folder = path.resolve(terminal.cwd, given);
    if (!existsSync(folder) || !statSync(folder).isDirectory())
      throw new HoldfastError('not-found', `There is no folder ${folder}.`, {
        folder,
        nextStep: 'Give the folder that the workspaces are in: the workspaceRoot of the worker.',
      });
    const { store, dryRun = false } = options;
    const report = await collectBelow(folder, {
      env: terminal.env,
      dryRun,
      onProgress: onceASecond(terminal, (text: string) => `  ${text}`),
      ...(store !== undefined && { store: located(terminal, store) }),
    });
    const isWhole = report.problems.length === 0;
    return {
      code: isWhole ? EXIT.ok : EXIT.failed,
      data: { folder, dryRun, ...report },
      text: reportText(folder, report, dryRun),
    };
  },
};

/** A path is as it was typed: from the folder that the command was called in. */
function located(terminal: Terminal, store: string): string {
  return /^(postgres(ql)?|file):/.test(store) ? store : path.resolve(terminal.cwd, store);
}

function reportText(folder: string, report: GcReport, dryRun: boolean): string {
  const { workspaces, kept, retired, contents, sizeBytes, passedOver, stores, problems } = report;
  const removed = dryRun ? 'would be removed' : 'removed';
  return [
    `${folder}: ${counted(workspaces, 'workspace')}${dryRun ? '; nothing has been changed' : ''}.`,
    `Records ${removed}: ${retired.length}; of jobs that have ended ${kept} stay.`,
    ...retired.map(
      ({ workflowId, outcome, endedAt, archive }) =>
        `  ${workflowId} (${outcome} ${endedAt})${archive === undefined ? '' : ` → ${archive}`}`,
    ),
    `Contents ${removed}: ${contents} (${sizeBytes} bytes).`,
    ...passedOver.map(({ workspace, why }) => `  left alone: ${workspace}: ${why}`),
    ...stores.flatMap((one) => [
      `Store ${one.location}, ${removed}: ${counted(one.checkpoints, 'checkpoint')}, ` +
        `${counted(one.contents, 'content')} (${one.sizeBytes} bytes).`,
      ...one.hindrances.map((hindrance) => `  ${hindrance}`),
    ]),
    ...problems.map(({ where, what, next }) => `Not done: ${where}: ${what} ${next}`),
  ].join('\n');
}

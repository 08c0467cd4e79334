/** `holdfast log`: what each record of a workspace's chain did. Reads the record alone. */
import { Option } from 'commander';
import { HoldfastError } from '../model/failure.ts';
import type { StepRecord, UndoneRecord } from '../model/record/record.ts';
import { nearestName } from '../model/nearest-name.ts';
import { shellWord } from '../model/shell-word.ts';
import { namedSteps } from '../model/named-steps.ts';
import { isOfSteps } from '../model/sub-step-id.ts';
import type { ChainEntry, InspectedJob, WorkspaceInspection } from '../protocol/inspect/inspection.ts';
import { collect, EXIT, type CommandSpec, type Outcome, WORKSPACE_ARGUMENT } from './command.ts';
import { JOB_RECORD_OPTIONS, withJobRecord, type JobRecordChoice } from './job-record.ts';
import { logParts } from './log-parts.ts';
import { LogText, tellAll } from './log-text.ts';
import { wholeNumber } from './numbers.ts';
import { counted } from '../model/counted.ts';
import type { Terminal } from './terminal.ts';

interface Options extends JobRecordChoice {
  readonly full?: boolean;
  readonly step?: readonly string[];
  readonly last?: string;
  readonly all?: boolean;
}

/** A chain may have tens of thousands of records: nobody reads them all at once. */
const SHOWN_RECORDS = 500;
const MAX_SHOWN_RECORDS = 1_000_000;

export const logCommand: CommandSpec<Options> = {
  name: 'log',
  arguments: [WORKSPACE_ARGUMENT],
  description:
    'Sub-steps (`ctx.step`, and `forEach` within an Activity) are below the step in whose code they ran; many of one ' +
    `step are counted. --json has every record on its own, in the order of the chain. Of a long chain the latest ` +
    `${SHOWN_RECORDS} are shown.`,
  options: [
    new Option('--full', 'each sub-step, however many a step has'),
    new Option('--step <id>', 'only the records of this step, each of its sub-steps among them; may be repeated') //
      .argParser(collect),
    new Option('--last <count>', `so many of the latest records (default: ${SHOWN_RECORDS})`),
    new Option('--all', 'every record, as it is read; at the end whether all of the chain is sound').conflicts('last'),
    ...JOB_RECORD_OPTIONS,
  ],
  examples: [
    ['holdfast log jobs/paris', ''],
    ['holdfast log jobs/paris --step convert', 'a step with each of its sub-steps'],
    ['holdfast log jobs/paris --step convert:17', 'one of them'],
    [
      "holdfast log jobs/paris --step 'convert#17'",
      'an item of a list that is a step of its own; convert: all of them',
    ],
    ['holdfast log jobs/paris --job city-weather-1a2b3c4d', 'an earlier job of this workspace'],
    ['holdfast log jobs/paris --all --json | jq \'.records[] | select(.kind == "decision")\'', ''],
  ],
  run: (context, [target]) =>
    withJobRecord(context, target!, (inspection, job) => {
      const { full, step: steps, last, all } = context.options;
      const count = wholeNumber(last ?? String(SHOWN_RECORDS), '--last', 1, MAX_SHOWN_RECORDS);
      // Records of a step may be anywhere in the chain.
      const most = all === true || steps !== undefined ? undefined : count;
      const shown = { inspection, job, target: target!, steps, full: full === true, most };
      const { terminal } = context;
      // One document is made as a whole; lines needn't wait for the last of them.
      if (most !== undefined || steps !== undefined || context.options.json === true) return showLog(terminal, shown);
      return tellAll(terminal, { ...shown, isFull: shown.full });
    }),
};

interface Shown {
  readonly inspection: WorkspaceInspection;
  readonly job: InspectedJob;
  readonly target: string;
  readonly steps: readonly string[] | undefined;
  readonly full: boolean;
  /** Undefined: all. */
  readonly most: number | undefined;
}

function showLog(terminal: Terminal, { inspection, job, target, steps, full, most }: Shown): Outcome {
  // Records that can't be trusted are not told as if they could.
  const { entries: all, damage } = inspection.latest(job, most);
  const earlier = damage.length > 0 || steps !== undefined ? 0 : job.records - all.length;
  const chain = steps === undefined || damage.length > 0 ? all : recordsOf(all, steps, job);
  const data = {
    workspace: inspection.root,
    job,
    damage,
    records: chain.map(({ record, head }) => ({ ...record, head })),
    ...(earlier > 0 && { earlier }),
  };
  const text = new LogText(terminal, { inspection, job, target, isFull: full || steps !== undefined });
  const lines = [
    ...text.opening(),
    ...(damage.length > 0 ? text.damaged(damage) : []),
    ...(earlier > 0 ? ['', `${counted(earlier, 'earlier record')}: holdfast log ${shellWord(target)} --all`] : []),
    ...[...logParts(chain, new Set(steps))].flatMap((part) => text.part(part)),
    ...text.closing(),
  ];
  return { code: damage.length > 0 ? EXIT.failed : EXIT.ok, data, text: lines.join('\n') };
}

/** @throws HoldfastError `not-found`: one of them has none */
function recordsOf(
  chain: readonly ChainEntry[],
  wanted: readonly string[],
  { workflowId }: InspectedJob,
): readonly ChainEntry[] {
  const ofSteps = chain.filter(({ record }) => record.kind === 'step' || record.kind === 'undone');
  const known = new Set(ofSteps.map(({ record }) => (record as StepRecord | UndoneRecord).stepId));
  const steps = new Set(wanted.flatMap((step) => [...meantBy(step, known, workflowId)]));
  return ofSteps.filter(({ record }) => isOfSteps((record as StepRecord | UndoneRecord).stepId, steps));
}

function meantBy(step: string, known: ReadonlySet<string>, workflowId: string): ReadonlySet<string> {
  const meant = namedSteps(step, known);
  if (meant.size > 0) return meant;
  const near = nearestName(step, [...known]);
  const hint = near === undefined ? '' : ` Did you mean ${near}?`;
  throw new HoldfastError('not-found', `Job ${workflowId} has no record of a step ${step}.${hint}`, {
    nextStep: 'See which steps it has: holdfast log WORKSPACE',
  });
}

/** `holdfast state`: what a job was at one of its checkpoints. Reads the record alone. */
import { Option } from 'commander';
import { jobStateAt, type JobState } from '../changes/job-state.ts';
import { counted } from '../model/counted.ts';
import type { ManifestEntry } from '../model/record/manifest.ts';
import { shellWord } from '../model/shell-word.ts';
import { askState } from './asked-checkpoints.ts';
import { EXIT, type CommandSpec, WORKSPACE_ARGUMENT } from './command.ts';
import { JOB_RECORD_OPTIONS, orAsked, withJobRecord, type JobRecordChoice } from './job-record.ts';
import { wholeNumber } from './numbers.ts';
import { checkpointData, checkpointTitle, nextText, ranText } from './show-checkpoint.ts';
import { valueLines } from './show-values.ts';
import type { Terminal } from './terminal.ts';

interface Options extends JobRecordChoice {
  readonly at?: string;
  readonly manifest?: boolean;
}

export const stateCommand: CommandSpec<Options> = {
  name: 'state',
  arguments: [WORKSPACE_ARGUMENT],
  description:
    'The values of the state at a checkpoint, what ran before it and what came next, and what the world was to look ' +
    'like then. It reads the record alone, so that it works after the job has ended; of a job whose workspace is on ' +
    'another host it asks the Workflow, which knows the latest 100 of its present Run.',
  options: [
    new Option('--at <number>', 'the number of a checkpoint (`holdfast checkpoints`); default: the latest'),
    new Option('--manifest', 'each file, row and schema that the record knew then'),
    ...JOB_RECORD_OPTIONS,
  ],
  examples: [
    ['holdfast state jobs/paris', 'where the job is now'],
    ['holdfast state jobs/paris --at 7', 'where it was at checkpoint 7'],
    ['holdfast state jobs/paris --at 7 --json | jq .values', ''],
  ],
  async run(context, [target]) {
    const { at, manifest } = context.options;
    const seq = at === undefined ? undefined : wholeNumber(at, '--at', 1, Number.MAX_SAFE_INTEGER);
    const recorded = withJobRecord(context, target!, (inspection, job) => {
      const state = jobStateAt(inspection, job, seq);
      const text = showState(context.terminal, state, { target: target!, isWhole: manifest === true });
      return { code: EXIT.ok, data: dataOf(state), text };
    });
    return await orAsked(recorded, () => askState(context, target!, seq));
  },
};

function dataOf({ workspace, job, checkpoint, values, manifest }: JobState): unknown {
  return { workspace, job, ...checkpointData(checkpoint), values, manifest };
}

interface How {
  readonly target: string;
  readonly isWhole: boolean;
}

function showState(terminal: Terminal, state: JobState, { target, isWhole }: How): string {
  const { job, workspace, checkpoint, values, manifest } = state;
  const failed = checkpoint.tasks.filter(({ error }) => error !== undefined);
  const named = terminal.style('bold', job.workflowId);
  const entries = Object.entries(values);
  return [
    `${named} in ${workspace}: checkpoint ${checkpoint.seq}, ${checkpointTitle(checkpoint)}, ${checkpoint.at}`,
    `  ran      ${ranText(checkpoint)}`,
    ...failed.map(({ id, error }) => `           ${id}: ${error!.message}`),
    `  next     ${nextText(checkpoint)}`,
    `  world    ${worldText(manifest)}`,
    ...(isWhole ? manifest.map((entry) => `           ${entryText(entry)}`) : []),
    '',
    entries.length === 0 ? 'The plan declares no state.' : 'State:',
    ...entries.flatMap(([name, value]) => valueLines(name, value)),
    '',
    `All checkpoints: holdfast checkpoints ${shellWord(target)}`,
  ].join('\n');
}

const KINDS = ['file', 'row', 'schema'] as const;

function worldText(manifest: readonly ManifestEntry[]): string {
  const kinds = KINDS.map((kind) =>
    counted(manifest.filter(({ resource }) => resource.startsWith(`${kind}:`)).length, kind),
  );
  const known = kinds.filter((text) => !text.startsWith('0 '));
  return known.length === 0 ? 'nothing recorded' : known.join(', ');
}

function entryText({ resource, role, stepId, seq }: ManifestEntry): string {
  return `${resource}  ${role}${stepId === undefined ? '' : ` by ${stepId}`}, record ${seq}`;
}

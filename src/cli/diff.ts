/** `holdfast diff`: what a job changed, from its record alone. */
import { Option } from 'commander';
import { changesOf, type JobChanges } from '../changes/job-changes.ts';
import { jobPatch, type JobPatch } from '../changes/job-patch.ts';
import { contentsOf } from '../changes/recorded-content.ts';
import { listedChanges, shownChanges, type ShownChange } from '../changes/shown-change.ts';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
import { collect, EXIT, type CommandSpec, type Outcome, WORKSPACE_ARGUMENT } from './command.ts';
import { JOB_RECORD_OPTIONS, withJobRecord, type JobRecordChoice } from './job-record.ts';
import { showChanges } from './show-changes.ts';
import { counted } from '../model/counted.ts';
import type { Terminal } from './terminal.ts';

interface Options extends JobRecordChoice {
  readonly step?: readonly string[];
  readonly from?: string;
  readonly to?: string;
  readonly stat?: boolean;
  readonly nameOnly?: boolean;
  readonly patch?: boolean;
}

export const diffCommand: CommandSpec<Options> = {
  name: 'diff',
  arguments: [
    WORKSPACE_ARGUMENT,
    ['[from]', 'a checkpoint or another record, or a step: what came after it; also --from'],
    ['[to]', 'the same: what came up to it; also --to'],
  ],
  description:
    'What the job changed in all: files, rows, schemas, its state, and what it called or stated. It reads the record ' +
    'alone, so that it works after the job has ended, and says nothing of what others changed since (`holdfast ' +
    'verify` does).',
  options: [
    new Option('--step <id>', 'only what this step changed; may be repeated').argParser(collect),
    new Option('--from <place>', 'a record number (`holdfast log`), or a step: what came after it'),
    new Option('--to <place>', 'a record number, or a step: what came up to it'),
    new Option('--stat', 'a line a change, without the differences'),
    new Option('--name-only', 'the names alone'),
    new Option('--patch', 'the files as a patch that `git apply` takes'),
    ...JOB_RECORD_OPTIONS,
  ],
  examples: [
    ['holdfast diff jobs/paris', 'everything that the job changed'],
    ['holdfast diff jobs/paris --stat', ''],
    ['holdfast diff jobs/paris 3 7', 'from checkpoint 3 to checkpoint 7 (`holdfast checkpoints`)'],
    ['holdfast diff jobs/paris --step draft', 'what the step draft changed'],
    ['holdfast diff jobs/paris --from draft --patch > after-draft.patch', 'the files, for `git apply`'],
  ],
  async run(context, [target, ...range]) {
    const { terminal, options } = context;
    assertOneForm(options);
    const from = placeOf('--from', range[0], options.from);
    const to = placeOf('--to', range[1], options.to);
    return await withJobRecord(context, target!, async (inspection, job) => {
      const { step: steps } = options;
      const changes = changesOf(inspection, job, defined({ from, to, steps }));
      const contentOf = contentsOf(inspection);
      if (options.patch === true) return patched(terminal, changes, await jobPatch(changes, contentOf));
      const listed = options.nameOnly === true ? listedChanges(changes) : await shownChanges(changes, contentOf);
      const { workspace, state, acts } = changes;
      const data = { workspace, job, from: changes.from, to: changes.to, changes: listed, state, acts };
      const text =
        options.nameOnly === true
          ? listed.map(({ resource }) => resource).join('\n')
          : showChanges(terminal, changes, listed as readonly ShownChange[], options.stat === true);
      return { code: EXIT.ok, data, text };
    });
  },
};

/** @throws HoldfastError `bad-input`: it is given twice */
function placeOf(option: string, argument: string | undefined, value: string | undefined): string | undefined {
  if (argument === undefined || value === undefined) return argument ?? value;
  throw new HoldfastError('bad-input', `The place is given twice: ${argument}, and ${option} ${value}.`, {
    nextStep: 'Give one of them.',
  });
}

function assertOneForm({ stat, nameOnly, patch }: Options): void {
  if ([stat, nameOnly, patch].filter((form) => form === true).length <= 1) return;
  throw new HoldfastError('bad-input', '--stat, --name-only and --patch exclude each other.', {
    nextStep: 'Give one of them.',
  });
}

/** The patch on standard output, and nothing else; what it can't carry on standard error. */
function patched(terminal: Terminal, { rows, schemas, acts }: JobChanges, made: JobPatch): Outcome {
  for (const { path, why } of made.leftOut) terminal.err(`Not in the patch: ${path}: ${why}.\n`);
  const others = rows.length + schemas.length + acts.length;
  if (others > 0) terminal.err(`Not in the patch: ${counted(others, 'change')} of databases, calls and commands.\n`);
  return { code: EXIT.ok, data: made, text: made.patch.replace(/\n$/, '') };
}

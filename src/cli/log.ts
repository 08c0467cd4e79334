/** `holdfast log`: what each record of a workspace's chain did. Reads the record alone. */
import type { ChainEntry, InspectedJob, WorkspaceInspection } from '../protocol/inspect/inspection.ts';
import type { Json } from '../model/canonical-json.ts';
import { shortDigest } from '../model/digest.ts';
import { describeEffect } from '../model/record/effect-text.ts';
import type { ChainRecord, StepRecord } from '../model/record/record.ts';
import { EXIT, type CommandSpec, type Outcome, WORKSPACE_ARGUMENT } from './command.ts';
import { JOB_RECORD_OPTIONS, withJobRecord, type JobRecordChoice } from './job-record.ts';
import { counted } from './table.ts';
import type { Terminal } from './terminal.ts';
import { stepText } from './step-text.ts';
import { shellWord } from '../model/shell-word.ts';

export const logCommand: CommandSpec<JobRecordChoice> = {
  name: 'log',
  arguments: [WORKSPACE_ARGUMENT],
  options: JOB_RECORD_OPTIONS,
  examples: [
    ['holdfast log jobs/paris', ''],
    ['holdfast log jobs/paris --job city-weather-1a2b3c4d', 'an earlier job of this workspace'],
    ['holdfast log jobs/paris --json | jq \'.records[] | select(.kind == "decision")\'', ''],
  ],
  run: (context, [target]) =>
    withJobRecord(context, target!, (inspection, job) => showLog(context.terminal, inspection, job, target!)),
};

function showLog(terminal: Terminal, inspection: WorkspaceInspection, job: InspectedJob, target: string): Outcome {
  const damage = inspection.integrityProblems(job.jobId);
  // Records that can't be trusted are not told as if they could.
  const chain = damage.length > 0 ? [] : inspection.chain(job.jobId);
  const data = {
    workspace: inspection.root,
    job,
    damage,
    records: chain.map(({ record, head }) => ({ ...record, head })),
  };
  const others = inspection.jobs().filter(({ jobId }) => jobId !== job.jobId);
  const named = terminal.style('bold', job.workflowId);
  const hold = job.isBound ? 'has the workspace' : 'has given the workspace back';
  const lines = [
    `${named} in ${inspection.root}: ${counted(job.records, 'record')}, term ${job.term}, ${hold}`,
    ...(damage.length > 0
      ? [
          '',
          terminal.style(
            'red',
            `The record is damaged: ${damage.join('; ')}. See: holdfast doctor ${shellWord(target)}`,
          ),
        ]
      : []),
    ...chain.flatMap((entry) => ['', ...showRecord(terminal, entry)]),
    ...(others.length > 0
      ? ['', `Other jobs of this workspace: ${others.map(({ workflowId }) => workflowId).join(', ')} (--job)`]
      : []),
  ];
  return { code: damage.length > 0 ? EXIT.failed : EXIT.ok, data, text: lines.join('\n') };
}

export function showRecord(terminal: Terminal, { record, head }: ChainEntry): readonly string[] {
  const title = `${String(record.seq).padStart(3)}  ${titleOf(record)}`;
  return [
    `${terminal.style('bold', title)}${terminal.style('dim', `  ${record.at} · ${shortDigest(head)}`)}`,
    ...linesOf(record).map((line) => `       ${line}`),
  ];
}

function titleOf(record: ChainRecord): string {
  switch (record.kind) {
    case 'opened':
      return `opened by ${record.workflowId}`;
    case 'step':
      return `step ${stepText(record.stepId, record.generation, record.step)}`;
    case 'decision':
      return `decision of ${record.by}: ${[...new Set(Object.values(record.answers))].join(', ')}`;
    case 'undoing':
      return `from here on the job is undone, by ${record.by}`;
    case 'undone':
      return `undone: step ${stepText(record.stepId, record.generation)} (${undoneText(record.undoes)})`;
    case 'withdrawn':
      return `question ${shortDigest(record.question)} withdrawn`;
    case 'released':
      return `released: ${record.outcome}`;
    case 'watched':
      return 'seen for the first time, and watched from here on';
  }
}

function linesOf(record: ChainRecord): readonly string[] {
  switch (record.kind) {
    case 'opened':
      return [];
    case 'step':
      return stepLines(record);
    case 'decision':
      return [
        `because: ${record.reason}`,
        `question ${shortDigest(record.question)} (${record.questionKind})`,
        ...Object.entries(record.answers).map(([resource, answer]) => `${answer} ${resource}`),
        ...Object.entries(record.results ?? {}).map(([resource, result]) => `${resource} answered ${textOf(result)}`),
        ...(record.again ?? []).map((resource) => `repeat ${resource}`),
        ...(record.compensates === true ? ['with compensate: what the job did is undone'] : []),
        ...record.reruns.map(({ stepId, generation }) => `run again ${stepText(stepId, generation)}`),
        ...(record.adopts.length === 0 ? [] : [`adopted records ${record.adopts.join(', ')}`]),
        ...Object.entries(record.kept).map(
          ([resource, blob]) => `kept what was found at ${resource}: blob ${shortDigest(blob)}`,
        ),
        ...record.notes,
      ];
    case 'undoing':
      return [`because: ${record.reason}`];
    case 'undone':
      return [
        ...record.effects.map(
          ({ effect, outcome }) => `${outcome === 'applied' ? '' : `${outcome}: `}${describeEffect(effect)}`,
        ),
        ...record.left.map(({ what, why }) => `not undone: ${what}: ${why}`),
        ...record.notes,
        ...record.logs.map(({ message }) => `log: ${message}`),
      ];
    case 'withdrawn':
      return [record.reason];
    case 'released':
      return record.notes;
    case 'watched':
      return record.changes.map(({ resource }) => watchedText(resource));
  }
}

function stepLines(record: StepRecord): readonly string[] {
  const read = record.changes.filter(({ role }) => role === 'read').map(({ resource }) => resource);
  const output = JSON.stringify(record.output);
  return [
    ...record.effects.map(
      ({ effect, outcome }) => `${outcome === 'applied' ? '' : `${outcome}: `}${describeEffect(effect)}`,
    ),
    ...(read.length === 0
      ? []
      : [`read ${read.slice(0, 5).join(', ')}${read.length > 5 ? ` and ${read.length - 5} more` : ''}`]),
    ...(output === '{}' || output === 'null' ? [] : [`output ${textOf(record.output)}`]),
    ...record.logs.map(({ message }) => `log: ${message}`),
  ];
}

function textOf(value: Json): string {
  const text = JSON.stringify(value);
  return text.length <= 200 ? text : `${text.slice(0, 200)}…`;
}

/** `plan:` and `code:draft` are names for the record. */
function watchedText(resource: string): string {
  if (resource === 'plan:') return 'the plan';
  return resource.startsWith('code:') ? `the code of ${resource.slice('code:'.length)}` : resource;
}

function undoneText(seq: number | null): string {
  return seq === null ? 'not finished' : `record ${seq}`;
}

/** The checkpoints of a job, newest first. Reads the record alone. */
import { shellWord } from '../model/shell-word.ts';
import { assertSound } from '../changes/job-changes.ts';
import { askCheckpoints } from './asked-checkpoints.ts';
import { EXIT, type Context, type Outcome } from './command.ts';
import { orAsked, withJobRecord, type JobRecordChoice } from './job-record.ts';
import { wholeNumber } from './numbers.ts';
import { checkpointData, checkpointTitle, nextText, ranText, writtenText } from './show-checkpoint.ts';
import { ago, table } from './table.ts';

export interface ListOptions extends JobRecordChoice {
  readonly last?: string;
}

const SHOWN = 50;

export async function listCheckpoints(context: Context<ListOptions>, target: string): Promise<Outcome> {
  const most = wholeNumber(context.options.last ?? String(SHOWN), '--last', 1, 1_000_000);
  const recorded = withJobRecord(context, target, (inspection, job) => {
    assertSound(inspection, job);
    const all = inspection.checkpoints(job.jobId).toReversed();
    const shown = all.slice(0, most);
    const earlier = all.length - shown.length;
    const nowMs = Date.now();
    const data = {
      workspace: inspection.root,
      job,
      checkpoints: shown.map(checkpointData),
      ...(earlier > 0 && { earlier }),
    };
    const rows = shown.map((one) => [
      String(one.seq),
      one.source === 'input' ? '0' : String(one.step + 1),
      checkpointTitle(one),
      ranText(one),
      writtenText(one),
      nextText(one),
      ago(one.at, nowMs),
    ]);
    const named = context.terminal.style('bold', job.workflowId);
    const text =
      rows.length === 0
        ? `${named} in ${inspection.root} has no checkpoint: a job has its first one with its first step.`
        : [
            `${named} in ${inspection.root}:`,
            table(['number', 'step', 'what', 'ran', 'state', 'next', 'when'], rows),
            ...(earlier > 0 ? [`and ${earlier} earlier: --last ${all.length}`] : []),
            '',
            `One of them: holdfast state ${shellWord(target)} --at ${shown[0]!.seq}`,
          ].join('\n');
    return { code: EXIT.ok, data, text };
  });
  return await orAsked(recorded, () => askCheckpoints(context, target, most));
}

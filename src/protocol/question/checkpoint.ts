/** What stands in the way of starting a job from its store: what can't be read there, or what the workspace has. */
import type { Digest } from '../../model/digest.ts';
import { defined } from '../../model/defined.ts';
import type { Answer } from '../../model/question/answer.ts';
import type { Finding } from '../../model/question/finding.ts';
import { clipped, finding, textSide } from './finding.ts';

export const CHECKPOINT = 'checkpoint:';

/** What can be said of an older checkpoint in place of one that can't be read. */
export interface OlderCheckpoint {
  readonly seq: number;
  readonly head: Digest;
  readonly at: string;
  /** What came next at it: it ran after it, and runs again. */
  readonly next: readonly string[];
}

export interface UnreadableCheckpoint {
  readonly jobId: string;
  /** The wanted one first. */
  readonly unreadable: readonly { readonly generation: number; readonly failure: { readonly message: string } }[];
  readonly older: OlderCheckpoint | undefined;
  /** Why nothing can be begun in this workspace; undefined: it can. */
  readonly whyNotAnew: string | undefined;
}

/** The person's choice: which older one, nothing at all, or the end. */
export function unreadableCheckpointFinding(about: UnreadableCheckpoint): Finding {
  const { jobId, unreadable, older, whyNotAnew } = about;
  const [wanted] = unreadable;
  const impossible: Answer[] = [
    ...(older === undefined ? (['older'] as const) : []),
    ...(whyNotAnew === undefined ? [] : (['anew'] as const)),
  ];
  return finding({
    resource: `${CHECKPOINT}${wanted!.generation}`,
    class: 'checkpoint',
    kind: 'checkpoint-damaged',
    expected: textSide(`checkpoint ${wanted!.generation} of ${jobId}, whole`),
    found: {
      digest: older?.head ?? null,
      text: older === undefined ? 'none that can be read' : `the newest before it that is whole is ${older.seq}`,
    },
    difference: [...unreadable.map(({ failure }) => failure.message), ...lossText(about)].join('\n'),
    impossible,
    advice: [
      ...(older === undefined ? [] : [`older: the job goes on from checkpoint ${older.seq} of ${older.at}.`]),
      ...(whyNotAnew === undefined
        ? ['anew: another job begins, from nothing, in this workspace; what this one did stays.']
        : [`anew is not offered: ${whyNotAnew}.`]),
      'recheck: once a sound copy is in its place. Nothing was changed.',
    ].join(' '),
  });
}

function lossText({ unreadable, older }: UnreadableCheckpoint): readonly string[] {
  if (older === undefined) return ['lost: all that the job has recorded'];
  const steps = older.next.length === 0 ? 'what came after it' : `${older.next.join(', ')}, and what came after`;
  return [
    `lost with older: records ${older.seq + 1} to ${unreadable[0]!.generation}, which tell of ${steps}`,
    'These steps run again. Files and rows that they left are compared with the older record and asked about; a call ' +
      'of theirs is not made before somebody has said whether it happened; what was approved is asked anew.',
  ];
}

/** The worker's store, or the workspace, is not what the job can go on with. */
export function notResumableFinding(why: {
  readonly expected: string;
  readonly found: string;
  readonly advice: string;
}): Finding {
  return finding({
    resource: CHECKPOINT,
    class: 'unverifiable',
    kind: 'cannot-resume',
    expected: textSide(clipped(why.expected)),
    found: textSide(clipped(why.found)),
    ...defined({ advice: why.advice }),
  });
}

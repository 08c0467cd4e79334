/** What a person is told of a lost record that can be made anew: from what, up to where, and what can't be known. */
import { digestOf, type Digest } from '../../model/digest.ts';
import { offeredAnswers } from '../../model/question/question.ts';
import { statementsOf } from '../../model/question/unrepeatable.ts';
import type { Finding } from '../../model/question/finding.ts';
import { defined } from '../../model/defined.ts';
import type { ResourceState } from '../../model/record/world.ts';
import { clipped, sideOf } from './finding.ts';

const MAX_LISTED = 20;
const MAX_TOLD_CHARACTERS = 8_000;

/** Of a plan to make a record anew, what a person has to know. */
export interface RebuildTold {
  readonly digest: Digest;
  /** The checkpoint of the store, and where it lies; undefined: there is none. */
  readonly checkpoint?: { readonly seq: number; readonly location: string } | undefined;
  /** Where the job's plan keeps its checkpoints, and none of it is. */
  readonly emptyStore?: string | undefined;
  /** Newer ones that can't be read. */
  readonly unreadable: readonly { readonly seq: number; readonly why: string }[];
  /** What the Workflow has of the record: how many. */
  readonly known: number;
  /** Steps whose results are taken from the history. */
  readonly adopted: readonly string[];
  /** Files of theirs: what is there now. */
  readonly files: readonly { readonly resource: string; readonly state: ResourceState }[];
  /** Transactions of databases that no record tells. */
  readonly committed: readonly string[];
  readonly anew: readonly { readonly stepId: string; readonly committedIn: readonly string[] }[];
}

/** A finding about a record that can't be used, which offers to make it anew. */
export function rebuildableFinding(finding: Finding, told: RebuildTold): Finding {
  const { anew, digest } = told;
  const repeats = anew
    .filter(({ committedIn }) => committedIn.length > 0)
    .map(({ stepId, committedIn }) => ({
      name: statementsOf(stepId),
      text: `database ${committedIn.join(', ')} has committed what it did, or may have`,
    }));
  return {
    ...finding,
    found: {
      digest: digestOf({ found: finding.found.digest ?? finding.found.text, plan: digest }),
      text: clipped(`${finding.found.text}. ${sourceText(told)}`),
    },
    difference: toldText(told).slice(0, MAX_TOLD_CHARACTERS),
    rerunSteps: anew.map(({ stepId }) => stepId),
    answers: offeredAnswers('damaged'),
    ...defined({ repeats: repeats.length === 0 ? undefined : repeats, advice: adviceText(finding) }),
  };
}

/** One that can't be made anew: with the reason. */
export function lostForGoodFinding(finding: Finding, why: string): Finding {
  return { ...finding, difference: clipped(`It can't be made anew: ${why.replace(/\.$/, '')}.`) };
}

function adviceText({ advice }: Finding): string {
  const now = (advice ?? '').replace(/ (?:Without one|Files and rows are as they were;).*$/s, '');
  return `${now} Or answer rebuild: the record is made anew from what is named above, and the world compared with it.`;
}

function sourceText({ checkpoint, adopted }: RebuildTold): string {
  const steps = `${adopted.length} ${adopted.length === 1 ? 'step' : 'steps'}`;
  if (checkpoint === undefined) return `Only Temporal's history has the job: the results of ${steps}`;
  const since = adopted.length === 0 ? '' : `, and Temporal's history the results of ${steps} since`;
  return `Checkpoint ${checkpoint.seq} in ${checkpoint.location} has its first ${checkpoint.seq} records${since}`;
}

function toldText(told: RebuildTold): string {
  const { checkpoint, emptyStore, unreadable, adopted, files, committed, anew } = told;
  const lines = [
    ...(emptyStore === undefined
      ? []
      : [`its store ${emptyStore} has no checkpoint of it: where that was moved, put it back, then answer recheck`]),
    checkpoint === undefined
      ? "rebuilt from: Temporal's history alone"
      : `rebuilt from: checkpoint ${checkpoint.seq} in ${checkpoint.location} (records 1 to ${checkpoint.seq})`,
    ...unreadable.map(({ seq, why }) => `not used: checkpoint ${seq} can't be read, and is set aside (${why})`),
  ];
  if (adopted.length > 0)
    lines.push(
      `count as done, with the results of the history: ${listed(adopted)}`,
      'not known of them: what they changed, called and read; it is not compared, and not undone later',
    );
  if (files.length > 0)
    lines.push(
      'taken as they are now:',
      ...files.slice(0, MAX_LISTED).map(({ resource, state }) => `  ${resource}: ${sideOf(state).text}`),
    );
  if (files.length > MAX_LISTED) lines.push(`  and ${files.length - MAX_LISTED} more`);
  if (committed.length > 0) lines.push(`committed, as their databases prove: ${listed(committed)}`);
  if (anew.length > 0)
    lines.push(
      `may have begun, and run anew from their beginning: ${listed(anew.map(({ stepId }) => stepId))}`,
      'not known of them: what they have left in files; look first. Each of their calls is asked about',
    );
  lines.push('lost: questions that were open, what attempts had fixed, how often they failed, other jobs’ records');
  return lines.join('\n');
}

function listed(names: readonly string[]): string {
  const more = names.length - MAX_LISTED;
  const shown = names.slice(0, MAX_LISTED).join(', ');
  return more > 0 ? `${shown} and ${more} more` : shown;
}

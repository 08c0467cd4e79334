/** A workspace that another job has. */
import type { Finding } from '../../model/question/finding.ts';
import { defined } from '../../model/defined.ts';
import { shellWord } from '../../model/shell-word.ts';
import { finding, textSide } from './finding.ts';

const MAX_TRIED_CHARACTERS = 1_000;

export interface ForeignBinding {
  readonly jobId: string;
  /** Is the other job's Workflow still open? */
  readonly isOpen: boolean;
  /** Steps of it that are half applied. */
  readonly halfApplied: readonly string[];
  /** Its calls of which nobody knows whether they happened, or that no record names; a note each. */
  readonly openCalls: readonly string[];
  /** Why an earlier `accept` did not get the workspace; none: there was none. */
  readonly keptBoundBecause: readonly string[];
}

export function foreignFinding(binding: ForeignBinding): Finding {
  const { jobId, isOpen, halfApplied, openCalls } = binding;
  const standing = isOpen ? 'is still running' : 'has ended without giving it back';
  const steps = halfApplied.length === 0 ? '' : `; half applied: ${halfApplied.join(', ')}`;
  return finding({
    resource: 'workspace:',
    class: 'foreign',
    kind: 'bound-to-another-job',
    impossible: isOpen ? ['accept'] : [],
    expected: textSide('a workspace that no other job has'),
    found: textSide(`it belongs to job ${jobId}, which ${standing}${steps}`),
    advice: isOpen ? waitAdvice(jobId) : acceptAdvice(binding),
    ...defined({
      difference: openCalls.length === 0 ? undefined : `calls that it leaves open:\n${openCalls.join('\n')}`,
    }),
  });
}

/** A job's id begins with its Workflow's. */
function waitAdvice(jobId: string): string {
  const other = jobId.split('@')[0]!;
  return (
    `Nothing is to be answered: once job ${other} has ended, this one goes on by itself, at most ten minutes later. ` +
    `To end that one: holdfast cancel ${shellWord(other)}. Or abort this one, and start it in another workspace.`
  );
}

function acceptAdvice({ openCalls, keptBoundBecause }: ForeignBinding): string {
  // Before this job may call the same under a key of its own.
  const calls =
    openCalls.length === 0 ? '' : ' Find out about its calls first: this job may make them, too, under other keys.';
  const tried =
    keptBoundBecause.length === 0
      ? ''
      : ` Tried, and not done: ${keptBoundBecause.join('; ')}`.slice(0, MAX_TRIED_CHARACTERS);
  return `accept finishes what it had half applied, keeps its record and takes the workspace.${calls}${tried}`;
}

/**
 * Steps that can't simply run again: they have run statements that nothing undoes, or a sub-plan whose job has ended.
 * `rerun` and `undo` are used only where the decision's `items` names each such step's statements,
 * `{"statements:STEP": "repeat"}`, or its plan, `{"sub-plan:STEP": "repeat"}`.
 */
import { quotedWord } from '../shell-word.ts';
import type { Answer } from './answer.ts';
import type { Finding } from './finding.ts';

export type UnrepeatableStep = NonNullable<Finding['repeats']>[number];

/** How a decision names the statements of a step. */
export function statementsOf(stepId: string): string {
  return `statements:${stepId}`;
}

/** How a decision names the job that a step has run a plan in. */
export function subPlanOf(stepId: string): string {
  return `sub-plan:${stepId}`;
}

/** How a person has statements run again that are not undone. */
export function wayToName(name: string): string {
  const option = `--item ${quotedWord(`${name}=repeat`)}`;
  return `where that is wanted, name it: ${option}, in a Signal "items": {${JSON.stringify(name)}: "repeat"}`;
}

/** Does the answer make steps run again? */
export function runsAgain(answer: Answer | undefined): boolean {
  return answer === 'rerun' || answer === 'undo' || answer === 'rebuild';
}

/** What the answers run a second time without naming it. */
export function unnamedRepeats(
  findings: readonly Finding[],
  answers: Readonly<Record<string, Answer>>,
  named: readonly string[],
): readonly string[] {
  return findings
    .filter(({ resource, repeats }) => repeats !== undefined && runsAgain(answers[resource]))
    .flatMap(({ resource, repeats }) =>
      repeats!
        .filter(({ name }) => !named.includes(name))
        .map(
          ({ name, text }) =>
            `${answers[resource]} for ${resource} runs again what nothing undoes (${text}); ${wayToName(name)}`,
        ),
    );
}

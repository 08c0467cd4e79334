/** The jobs of sub-plans that run, as lines: which asks, and the command that shows what. */
import { counted } from '../model/counted.ts';
import type { SubPlanStatus } from '../model/job/status.ts';
import { shellWord } from '../model/shell-word.ts';
import type { Terminal } from './terminal.ts';

const MAX_SHOWN = 20;

export function showSubPlans(terminal: Terminal, subPlans: readonly SubPlanStatus[]): readonly string[] {
  if (subPlans.length === 0) return [];
  const first = subPlans.toSorted((a, b) => Number(b.questions ?? 0) - Number(a.questions ?? 0)).slice(0, MAX_SHOWN);
  const more = subPlans.length - first.length;
  return [
    '',
    'Sub-plans, each a job of its own:',
    ...first.flatMap((one) => lines(terminal, one)),
    ...(more === 0 ? [] : [`  … and ${more} more`]),
  ];
}

function lines(terminal: Terminal, { stepId, job, plan, state, questions }: SubPlanStatus): readonly string[] {
  const what = `  ${stepId}: job ${job} (${plan})${state === undefined ? '' : `, ${state}`}`;
  if (questions === undefined) return [what];
  return [
    terminal.style('yellow', `${what}: it asks ${counted(questions, 'question')}`),
    `    look:    holdfast question ${shellWord(job)}`,
    `    decide:  holdfast decide ${shellWord(job)}`,
  ];
}

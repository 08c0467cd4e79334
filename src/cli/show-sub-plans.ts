/** The jobs of sub-plans that run, as lines: which asks, and the command that shows what. */
import type { SubPlanStatus } from '../model/job/status.ts';
import { counted } from '../model/counted.ts';
import { showOpen } from './show-open.ts';
import type { Terminal } from './terminal.ts';

const MAX_SHOWN = 20;

export function showSubPlans(terminal: Terminal, subPlans: readonly SubPlanStatus[]): readonly string[] {
  if (subPlans.length === 0) return [];
  const first = subPlans
    .toSorted((a, b) => Number(b.questions !== undefined) - Number(a.questions !== undefined))
    .slice(0, MAX_SHOWN);
  const more = subPlans.length - first.length;
  return [
    '',
    'Sub-plans, each a job of its own:',
    ...first.flatMap((one) => lines(terminal, one)),
    ...(more === 0 ? [] : [`  … and ${more} more`]),
  ];
}

/** With the questions that it has, which are answered there. */
function lines(terminal: Terminal, { stepId, job, plan, state, questions }: SubPlanStatus): readonly string[] {
  const what = `  ${stepId}: job ${job} (${plan})${state === undefined ? '' : `, ${state}`}`;
  if (questions === undefined) return [what];
  return [
    terminal.style('yellow', `${what}: it asks ${counted(questions.length, 'question')}`),
    ...showOpen(terminal, job, questions).flatMap((line) => (line === '' ? [] : [`    ${line}`])),
  ];
}

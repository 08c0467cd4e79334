/** What Temporal's UI shows of a job from its start on, whoever looks and whether or not a worker runs. */
import type { JsonObject } from '../model/canonical-json.ts';
import type { Fork } from '../model/job/fork.ts';
import type { Plan, PlanStep } from '../model/plan/plan.ts';

/** Temporal's limits are about 200 bytes and 20 kB. */
const MAX_SUMMARY = 180;
const MAX_DETAILS = 8_000;
const MAX_STEPS_SHOWN = 60;

export function jobDetails(
  plan: Plan,
  input: JsonObject,
  workspace: string,
): { readonly staticSummary: string; readonly staticDetails: string } {
  const given = Object.keys(input).length === 0 ? '' : ` ${JSON.stringify(input)}`;
  const lines = [
    `**${plan.name}**: a Holdfast job`,
    ...(plan.description === undefined ? [] : ['', plan.description]),
    '',
    `- workspace: \`${workspace}\``,
    ...(Object.keys(plan.databases).length === 0 ? [] : [`- databases: ${Object.keys(plan.databases).join(', ')}`]),
    ...(given === '' ? [] : [`- input: \`${given.trim().slice(0, 1_000)}\``]),
    '',
    'Steps:',
    '',
    ...plan.steps.slice(0, MAX_STEPS_SHOWN).map((step) => `1. ${stepLine(step)}`),
    ...(plan.steps.length > MAX_STEPS_SHOWN ? [`… and ${plan.steps.length - MAX_STEPS_SHOWN} more`] : []),
    '',
    'It stops and asks when the world differs from its record; ' +
      'the current details then show the question and the command that answers it.',
  ];
  return {
    staticSummary: shortened(`${plan.name}${given}`, MAX_SUMMARY),
    staticDetails: shortened(lines.join('\n'), MAX_DETAILS),
  };
}

/** Of a fork. @param summary of the job that it was made of */
export function forkDetails(
  { workspace, from }: Fork,
  summary: string | undefined,
): { readonly staticSummary: string; readonly staticDetails: string } {
  const origin = `a fork of ${from.workflowId} at its checkpoint ${from.seq}`;
  return {
    staticSummary: shortened(summary === undefined ? origin : `${summary}, ${origin}`, MAX_SUMMARY),
    staticDetails: shortened(
      [`A Holdfast job: ${origin}`, '', `- workspace: \`${workspace}\``, '', `The other job is as it was.`].join('\n'),
      MAX_DETAILS,
    ),
  };
}

/** `draft (write-draft), in at most 5 rounds, after an approval` */
function stepLine({ id, use, when, until, maxRounds, approval }: PlanStep): string {
  return [
    `${id}${use === id ? '' : ` (${use})`}`,
    ...(when === undefined ? [] : ['where its condition holds']),
    ...(until === undefined ? [] : [`in at most ${maxRounds} rounds`]),
    ...(approval === undefined ? [] : ['after an approval']),
  ].join(', ');
}

function shortened(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
